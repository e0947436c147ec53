//! Units that a step may restart.

use super::{Fault, NAME_BYTES_MAX, of};
use crate::refusal::TextFault;

/// Types of units that run programs of packages. `systemctl restart` of any other type mounts, unmounts, stops or
/// reboots: `restart poweroff.target` is a way to switch a host off.
const UNIT_TYPES: [&str; 4] = [".service", ".socket", ".timer", ".path"];
/// Services whose start ends the running system or opens it; none of them has anything of a package to renew.
const UNITS_REFUSED: [&str; 17] = [
    "debug-shell.service",
    "emergency.service",
    "rescue.service",
    "halt-local.service",
    "systemd-exit.service",
    "systemd-factory-reset.service",
    "systemd-factory-reset-complete.service",
    "systemd-factory-reset-request.service",
    "systemd-halt.service",
    "systemd-hibernate.service",
    "systemd-hybrid-sleep.service",
    "systemd-kexec.service",
    "systemd-poweroff.service",
    "systemd-reboot.service",
    "systemd-soft-reboot.service",
    "systemd-suspend.service",
    "systemd-suspend-then-hibernate.service",
];
/// The same for whole families: they switch the root or hand the host to another installation.
const UNIT_PREFIXES_REFUSED: [&str; 1] = ["initrd-"];

/// A unit that a step may restart: a valid name (`systemd.unit(5)`, "Description"), of a type that runs programs.
pub(crate) fn unit(unit: &str) -> Fault {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    of(unit, NAME_BYTES_MAX, first, |byte| {
        byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte)
    })?;
    let stem = UNIT_TYPES
        .iter()
        .find_map(|suffix| unit.strip_suffix(suffix));
    // `name@.service` is a template: there is nothing of it to restart.
    if stem.is_none_or(|stem| stem.is_empty() || stem.ends_with('@')) {
        return Err(TextFault::NoUnit);
    }
    let refused = UNITS_REFUSED.contains(&unit)
        || UNIT_PREFIXES_REFUSED
            .iter()
            .any(|prefix| unit.starts_with(prefix));
    if refused {
        return Err(TextFault::UnitRefused);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// REQ-3: there is no verb that stops a host, and none hidden in the name of a unit.
    #[test]
    fn unit_that_would_stop_the_host_is_refused() {
        for unit_name in [
            "ssh.service",
            "cron.timer",
            "dbus.socket",
            "getty@tty1.service",
            "foo\\x2dbar.service",
        ] {
            assert_eq!(unit(unit_name), Ok(()), "{unit_name}");
        }
        for unit_name in [
            "poweroff.target",
            "reboot.target",
            "ctrl-alt-del.target",
            "-.mount",
            "-.slice",
            "home.mount",
            "user-1000.slice",
            "dev-sda1.device",
            "swap.swap",
            "session-1.scope",
        ] {
            assert!(unit(unit_name).is_err(), "{unit_name}");
        }
        for unit_name in [
            "systemd-reboot.service",
            "emergency.service",
            "initrd-switch-root.service",
            "debug-shell.service",
        ] {
            assert_eq!(unit(unit_name), Err(TextFault::UnitRefused), "{unit_name}");
        }
        for unit_name in [
            "getty@.service",
            ".service",
            "ssh",
            "/etc/systemd/system/x.service",
            "*.service",
            "a b.service",
        ] {
            assert!(unit(unit_name).is_err(), "{unit_name}");
        }
    }
}
