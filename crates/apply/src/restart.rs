//! One ordered pass over units that run replaced code or that packages wanted restarted; each at most once (P16).

use crate::asked::Asked;
use crate::program::{Call, Program};
use overlock_host::processes::{Limits, survey};
use overlock_rootfs::Root;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Restarting these takes the host, its users or what it runs for others down; they run new code after a reboot.
const REBOOT: [&str; 18] = [
    "dbus-broker.service",
    "dbus.service",
    "display-manager.service",
    // Ends every container unless it was told otherwise.
    "docker.service",
    "gdm.service",
    "gdm3.service",
    "greetd.service",
    "init.scope",
    "lightdm.service",
    // Its file systems vanish from under running containers.
    "lxcfs.service",
    "lxdm.service",
    "networking.service",
    "nodm.service",
    "sddm.service",
    "slim.service",
    "systemd-logind.service",
    "wpa_supplicant.service",
    "xdm.service",
];

/// Restarted after all others, in this order: who looks after a broken host comes in through these.
const LAST: [&str; 4] = [
    "ssh.service",
    "sshd.service",
    "overlock-helper.service",
    "overlock-agent.service",
];

/// What became of each unit.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Pass {
    /// Restarted or started.
    pub restarted: Vec<String>,
    /// Run old code until a reboot, or a new login.
    pub left: Vec<String>,
    /// Would not come up, with systemd's words.
    pub failed: Vec<String>,
}

/// What is to be restarted, and what cannot be.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Order {
    /// In this order.
    pub units: Vec<String>,
    /// Not without a reboot or a new login.
    pub left: Vec<String>,
}

/// Puts units in order: named by the plan first, then the rest by name, then [`LAST`].
#[must_use]
pub fn order(named: &[String], needing: &BTreeSet<String>) -> Order {
    let mut order = Order::default();
    let named = named.iter().filter(|unit| needing.contains(*unit));
    let rest: Vec<&String> = named.chain(needing).collect();
    for unit in rest {
        let is_service = unit.ends_with(".service") || unit.ends_with(".socket");
        let of_user = unit.starts_with("user@") || unit.contains("getty@");
        if !is_service || of_user || REBOOT.contains(&unit.as_str()) {
            if !order.left.contains(unit) {
                order.left.push(unit.clone());
            }
        } else if !order.units.contains(unit) {
            order.units.push(unit.clone());
        }
    }
    let last = |unit: &String| LAST.iter().position(|last| last == unit);
    // Stable, so that the plan's order stays within.
    order
        .units
        .sort_by_key(|unit| last(unit).map_or(0, |at| at + 1));
    order
}

/// Units whose processes still map files that were replaced or deleted.
///
/// # Errors
/// When processes cannot be listed.
pub fn stale_units() -> Result<BTreeSet<String>, String> {
    let root = Root::open("/").map_err(|error| error.to_string())?;
    let effective =
        survey(&root, Path::new("/proc"), Limits::default()).map_err(|error| error.to_string())?;
    Ok(effective
        .stale
        .into_iter()
        .map(|process| {
            process
                .unit
                .unwrap_or_else(|| format!("process {} {}", process.pid, process.name))
        })
        .collect())
}

/// Whether units can be asked at all.
#[must_use]
pub fn is_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Restarts what needs it.
///
/// # Errors
/// When processes cannot be listed.
pub fn pass(named: &[String], asked: &[Asked]) -> Result<Pass, String> {
    let mut needing = stale_units()?;
    if !is_systemd() {
        return Ok(Pass {
            left: needing.into_iter().collect(),
            ..Pass::default()
        });
    }
    for one in asked {
        let wanted = is("is-active", &one.unit) || one.start && is("is-enabled", &one.unit);
        if wanted {
            needing.insert(one.unit.clone());
        }
    }
    let order = order(named, &needing);
    let mut pass = Pass {
        left: order.left,
        ..Pass::default()
    };
    for unit in order.units {
        let call = Call::new(Program::Systemctl, ["restart", "--", &unit]);
        match call.limit(Duration::from_secs(180)).output() {
            Ok(_) => pass.restarted.push(unit),
            Err(error) => pass.failed.push(format!("{unit}: {error}")),
        }
    }
    Ok(pass)
}

fn is(question: &str, unit: &str) -> bool {
    Call::new(Program::Systemctl, [question, "--quiet", "--", unit])
        .run()
        .is_ok_and(|ran| ran.is_success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(units: &[&str]) -> BTreeSet<String> {
        units.iter().map(|&unit| unit.to_owned()).collect()
    }

    /// REQ-17: sshd and our own agent come last.
    #[test]
    fn ways_in_are_restarted_last_and_each_unit_once() {
        let needing = set(&[
            "ssh.service",
            "cron.service",
            "overlock-agent.service",
            "nginx.service",
        ]);
        let named = ["nginx.service", "absent.service"].map(str::to_owned);
        let order = order(&named, &needing);
        assert_eq!(
            order.units,
            [
                "nginx.service",
                "cron.service",
                "ssh.service",
                "overlock-agent.service"
            ]
        );
    }

    #[test]
    fn what_takes_the_host_down_waits_for_a_reboot() {
        let needing = set(&[
            "dbus.service",
            "init.scope",
            "session-1.scope",
            "user@0.service",
            "process 7 top",
        ]);
        let order = order(&[], &needing);
        assert!(order.units.is_empty());
        assert_eq!(order.left.len(), 5);
    }
}
