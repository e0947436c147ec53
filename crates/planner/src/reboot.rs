//! Which updates are not in force before a reboot.

use crate::kernel;
use overlock_model::package::Package;

/// Why an update of this package needs a reboot; `None` when restarting its users is enough.
pub(crate) fn reason(package: &Package) -> Option<&'static str> {
    if kernel::is_kernel(package) {
        return Some("a new kernel runs only after a reboot");
    }
    match package.name.as_str() {
        "intel-microcode" | "amd64-microcode" | "microcode_ctl" | "intel-ucode" | "amd-ucode" => {
            Some("processor microcode is loaded at boot")
        }
        "libc6" | "glibc" | "musl" => Some("every process has the C library mapped"),
        "dbus" | "dbus-daemon" | "dbus-broker" | "systemd" | "systemd-sysv" => {
            Some("it cannot be restarted under the processes that depend on it")
        }
        _ => None,
    }
}
