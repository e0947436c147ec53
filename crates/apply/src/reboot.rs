//! The boot in the midst of a run: which boot this is, that the run is taken up again after the next one, and asking for it.
//!
//! The hands call it for the step that reboots. A run that is cut short by a boot, wanted or not, goes on in
//! [`resume`]'s unit, so [`arm`] is also for whoever fears a loss of power.
//!
//! ```text
//! boot written down ──► unit armed ──► `systemctl reboot` ──► down … up ──► unit: `overlock repair --resume`
//!                                                                            │ the same step again: the boot is
//!                                                                            ▼ another one, so it is done
//! ```

mod kernel;
mod logged_in;
mod resume;

pub use kernel::{NoKernel, kernel_of, kernel_without};
pub use logged_in::{Inhibitor, inhibitors, logged_in};
pub use resume::{ArmError, arm, disarm};
pub(crate) use resume::{FILES, lasting};

use crate::durable;
use crate::program::{Call, Program, ProgramError};
use crate::restart::is_systemd;
use overlock_model::plan::Step;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How often one run asks for its boot; a host that goes down and comes back the same has something else wrong.
pub(crate) const ASKS_MAX: u32 = 3;
/// How long a boot may take until all its units are started or failed.
const SETTLED_MAX: Duration = Duration::from_secs(300);
/// Where the boot is written down that was there before, below a run's folder.
const BOOT: &str = "boot";

/// What the steps of a plan say of a boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boots {
    /// The host stays up.
    No,
    /// It boots anew.
    Yes {
        /// Release of the kernel that must run then, where the plan changes it.
        kernel: Option<String>,
    },
}

impl Boots {
    /// As these steps say.
    #[must_use]
    pub fn of(steps: &[Step]) -> Self {
        let boots = steps.iter().find_map(|step| match step {
            Step::Reboot { kernel } => Some(Self::Yes {
                kernel: kernel.clone(),
            }),
            // A state revert boots into whatever the snapshot has.
            Step::Revert { .. } => Some(Self::Yes { kernel: None }),
            _ => None,
        });
        boots.unwrap_or(Self::No)
    }
}

/// One boot of this host, told from any other.
///
/// In a container the kernel's own id is that of the outer machine and stays the same over a boot; the time at which the
/// first process began does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot(String);

impl Boot {
    /// The boot that we are in.
    ///
    /// # Errors
    /// When `/proc` does not tell.
    pub fn now() -> io::Result<Self> {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        let stat = fs::read_to_string("/proc/1/stat")?;
        let began = began(&stat).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "`/proc/1/stat` has no time")
        })?;
        Ok(Self(format!("{} {began}", id.trim())))
    }

    /// The one that a run wrote down before it asked for another; `None` where it has not asked yet.
    #[must_use]
    pub fn kept(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(folder.join(BOOT)).ok()?;
        Some(Self(text.trim().to_owned()))
    }

    /// Writes it down in a run's folder, so that it outlives what comes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, folder: &Path) -> io::Result<()> {
        durable::write(&folder.join(BOOT), &format!("{self}\n"))
    }
}

impl std::fmt::Display for Boot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Field 22 of `proc(5)`, counted behind the name, which may hold anything.
fn began(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

/// Whether the host booted since a run wrote its boot down.
#[must_use]
pub fn has_rebooted(folder: &Path) -> bool {
    match (Boot::kept(folder), Boot::now()) {
        (Some(before), Ok(now)) => before != now,
        _ => false,
    }
}

/// Why this host cannot be asked for a boot; `None` where it can.
#[must_use]
pub fn lacking() -> Option<&'static str> {
    (!is_systemd()).then_some("a reboot needs systemd, which takes the run up again afterwards")
}

/// Asks for the boot and comes back; the host goes down while we finish.
///
/// What inhibits it was waited for before (see [`inhibitors`]), so it is not asked again: a run whose packages are
/// installed must not end because of somebody's terminal.
///
/// # Errors
/// When systemd refuses.
pub fn ask() -> Result<(), ProgramError> {
    let arguments = ["reboot", "--check-inhibitors=no", "--no-wall"];
    Call::new(Program::Systemctl, arguments).output().map(drop)
}

/// Waits until the boot is over: every unit is started, or has failed.
pub(crate) fn await_settled() {
    if is_systemd() {
        // Its answer is for verify to judge; here it is only that there is one.
        let call = Call::new(Program::Systemctl, ["is-system-running", "--wait"]);
        drop(call.limit(SETTLED_MAX).run());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_is_another_one_once_its_first_process_is() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_rebooted(folder.path()), "nothing was written down");
        Boot::now().unwrap().keep(folder.path()).unwrap();
        assert!(!has_rebooted(folder.path()));
        let before = Boot::now().unwrap();
        Boot(format!("{}0", before.0)).keep(folder.path()).unwrap();
        assert!(has_rebooted(folder.path()));
    }

    #[test]
    fn name_of_the_first_process_does_not_shift_the_fields() {
        let fields = "S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9";
        assert_eq!(began(&format!("1 (init) {fields}")), Some(4711));
        assert_eq!(began(&format!("1 (a) b (c) {fields}")), Some(4711));
        assert_eq!(began("1 (init) S"), None);
    }

    #[test]
    fn steps_say_whether_the_host_boots() {
        assert_eq!(Boots::of(&[Step::Fetch {}, Step::Install {}]), Boots::No);
        let kernel = Some("6.1.0-40-amd64".to_owned());
        let step = Step::Reboot {
            kernel: kernel.clone(),
        };
        assert_eq!(Boots::of(&[step]), Boots::Yes { kernel });
        assert_eq!(
            Boots::of(&[Step::Revert { run: 1 }]),
            Boots::Yes { kernel: None }
        );
    }
}
