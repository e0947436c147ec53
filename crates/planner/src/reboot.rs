//! Which updates are not in force before a reboot.

use overlock_model::package::{Package, PackageType};

/// Why an update of this package needs a reboot; `None` when restarting its users is enough.
pub(crate) fn reason(package: &Package) -> Option<&'static str> {
    let name = package.name.as_str();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let kernel = match package.kind {
        PackageType::Deb => starts(&["linux-image-"]),
        PackageType::Rpm => {
            matches!(
                name,
                "kernel"
                    | "kernel-core"
                    | "kernel-default"
                    | "kernel-rt"
                    | "kernel-rt-core"
                    | "kernel-uek"
            ) || starts(&["kernel-uek-core", "kernel6."])
        }
        PackageType::Apk | PackageType::Alpm => {
            matches!(
                name,
                "linux" | "linux-lts" | "linux-virt" | "linux-zen" | "linux-hardened"
            )
        }
        _ => false,
    };
    if kernel {
        return Some("a new kernel runs only after a reboot");
    }
    if matches!(
        name,
        "intel-microcode" | "amd64-microcode" | "microcode_ctl" | "intel-ucode" | "amd-ucode"
    ) {
        return Some("processor microcode is loaded at boot");
    }
    if matches!(name, "libc6" | "glibc" | "musl") {
        return Some("every process has the C library mapped");
    }
    if matches!(
        name,
        "dbus" | "dbus-daemon" | "dbus-broker" | "systemd" | "systemd-sysv"
    ) {
        return Some("it cannot be restarted under the processes that depend on it");
    }
    None
}
