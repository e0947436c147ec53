//! Which measures a plan may ask for: those that take away from what the host does, and never ones that add to it.

use crate::refusal::{Shown, TextFault};
use crate::text::{self, Manager};
use crate::{Limits, Refusal};
use jiff::Timestamp;
use overlock_model::mitigation::{Measure, Mitigation};
use overlock_model::plan::Step;

/// Kernel parameters that close doors, each with the values that do (`Documentation/admin-guide/sysctl` and
/// `Documentation/networking/ip-sysctl` of Linux 6.12; the last values of `perf_event_paranoid` and `unprivileged_userns_clone`
/// are Debian's and Ubuntu's). Values that open are refused whatever the host has now. So are other parameters: some name
/// a program that the kernel starts as root (`kernel.core_pattern`, `kernel.modprobe`), a verb for any command (R2).
const PARAMETERS: [(&str, &[i64]); 24] = [
    ("dev.tty.ldisc_autoload", &[0]),
    ("fs.protected_fifos", &[1, 2]),
    ("fs.protected_hardlinks", &[1]),
    ("fs.protected_regular", &[1, 2]),
    ("fs.protected_symlinks", &[1]),
    ("fs.suid_dumpable", &[0]),
    ("kernel.dmesg_restrict", &[1]),
    ("kernel.io_uring_disabled", &[1, 2]),
    ("kernel.kexec_load_disabled", &[1]),
    ("kernel.kptr_restrict", &[1, 2]),
    ("kernel.perf_event_paranoid", &[2, 3, 4]),
    ("kernel.unprivileged_bpf_disabled", &[1, 2]),
    ("kernel.unprivileged_userns_clone", &[0]),
    ("kernel.yama.ptrace_scope", &[1, 2, 3]),
    ("net.core.bpf_jit_enable", &[0]),
    ("net.core.bpf_jit_harden", &[1, 2]),
    ("net.ipv4.conf.all.accept_redirects", &[0]),
    ("net.ipv4.conf.all.accept_source_route", &[0]),
    ("net.ipv4.tcp_sack", &[0]),
    ("net.ipv4.tcp_timestamps", &[0]),
    ("net.ipv6.conf.all.accept_ra", &[0]),
    ("net.ipv6.conf.all.accept_redirects", &[0]),
    ("user.max_user_namespaces", &[0]),
    ("vm.unprivileged_userfaultfd", &[0]),
];
/// Units without which a host does not run, or has lost its guard. A unit that lets people in may be disabled: that can
/// be the very thing to do, and a plan that wants it says so in its signed bytes.
const PROTECTED_UNITS: [&str; 4] = ["dbus", "systemd-", "overlock", "init"];
/// Bytes of a module's name; the kernel's own bound is 56 (`MODULE_NAME_LEN`).
const MODULE_BYTES_MAX: usize = 55;

/// Judges one measure of a plan that puts it in place or, `undo`, takes it away.
pub(crate) fn judge(
    place: &str,
    of: &Mitigation,
    undo: bool,
    limits: &Limits,
) -> Result<(), Refusal> {
    let refused = |what: &str, text: &str, why: TextFault| Refusal::Text {
        place: format!("{place}: {what}"),
        text: Shown::new(text),
        why,
    };
    let not_allowed = |what: String, why: &'static str| Refusal::Measure {
        place: place.to_owned(),
        what: Shown::new(&what),
        why,
    };
    text::prose(&of.owner, limits.text_bytes_max)
        .map_err(|why| refused("the owner", &of.owner, why))?;
    text::prose(&of.reason, limits.text_bytes_max)
        .map_err(|why| refused("the reason", &of.reason, why))?;
    let (count, max) = (of.against.len(), limits.names_max);
    if count > max {
        let place = place.to_owned();
        return Err(Refusal::TooManyNames { place, count, max });
    }
    for id in &of.against {
        text::vulnerability(id).map_err(|why| refused("a vulnerability", id, why))?;
    }
    match &of.measure {
        Measure::DisableUnit { unit } => {
            text::unit(unit).map_err(|why| refused("the unit", unit, why))?;
            if is_protected(unit) {
                return Err(not_allowed(
                    unit.clone(),
                    "the host does not run without it",
                ));
            }
            Ok(())
        }
        Measure::Sysctl { key, value } => {
            let known = PARAMETERS.iter().find(|(name, _)| name == key);
            let Some((_, closing)) = known else {
                let why = "it is none of the parameters that plans may set";
                return Err(not_allowed(key.clone(), why));
            };
            // What is taken away is the one that was recorded, and never set again.
            if !undo && !closing.contains(value) {
                let why = "this value closes nothing";
                return Err(not_allowed(of.measure.to_string(), why));
            }
            Ok(())
        }
        Measure::BlockModule { module } => {
            text::module(module, MODULE_BYTES_MAX).map_err(|why| refused("the module", module, why))
        }
        Measure::HoldPackage { package } => Manager::Rpm
            .package_name(package)
            .map_err(|why| refused("the package", package, why)),
    }
}

/// Whether a unit must not be disabled. To be asked again with the name that systemd knows it by: an alias is another one.
#[must_use]
pub fn is_protected(unit: &str) -> bool {
    PROTECTED_UNITS.iter().any(|start| unit.starts_with(start))
}

/// Measures that begin now must not be over already, and must end within what this host allows. Asked when something is
/// about to begin: a plan that is only read, or that goes on after a cut, may well have outlived its measures.
pub(crate) fn time(steps: &[Step], now: Timestamp, limits: &Limits) -> Result<(), Refusal> {
    for (at, step) in steps.iter().enumerate() {
        let Step::Mitigate {
            measures,
            undo: false,
        } = step
        else {
            continue;
        };
        for one in measures {
            let (expires, max) = (one.expires, limits.mitigation_max);
            let place = format!("step {at} (mitigate)");
            let measure = Shown::new(&one.measure.to_string());
            if expires <= now {
                return Err(Refusal::MeasureExpired {
                    place,
                    measure,
                    expires,
                    now,
                });
            }
            if expires.duration_since(now) > max {
                return Err(Refusal::MeasureTooLong {
                    place,
                    measure,
                    expires,
                    max,
                });
            }
        }
    }
    Ok(())
}

/// Whether all that the steps do is to take away measures that have expired here.
pub(crate) fn only_ends(steps: &[Step], expired: &[Mitigation]) -> bool {
    let mut takes = false;
    for step in steps {
        match step {
            Step::Mitigate {
                measures,
                undo: true,
            } if measures.iter().all(|one| expired.contains(one)) => takes = true,
            Step::Verify { .. } => {}
            Step::Commit {
                confirm_within: None,
            } => {}
            _ => return false,
        }
    }
    takes
}
