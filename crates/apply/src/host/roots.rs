//! Snapshots of the root, and putting one back: the state revert of a run that failed, and of a plan that is for it.
//!
//! The act that puts back ends in a boot, so nobody hears its report: after the boot the hands *look*, and where the root
//! that runs is the restored one, packages are judged by what the run whose snapshot it is had changed.

use super::{LocalHost, chain};
use crate::mitigate;
use crate::reboot;
use crate::snapshot::{self, Back, PutBack, SnapshotError, Snapshots};
use overlock_engine::Report;
use overlock_model::mitigation::Force;
use overlock_model::plan::{Closure, HostEntry, OnFailure, Step};
use overlock_model::run::{Outcome, RunId, Standing};
use std::fs;
use std::path::{Path, PathBuf};

/// What a plan says of the root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Nothing.
    Left,
    /// It is kept before the change.
    Kept {
        /// Whether it is put back when the run fails.
        on_failure: bool,
    },
    /// The plan puts one back: a state revert.
    PutBack {
        /// The run whose snapshot it is.
        run: RunId,
        /// What that run changed.
        closure: Closure,
    },
}

impl Roots {
    /// As an entry says; `closure` is asked what a run changed.
    ///
    /// # Errors
    /// When that is not known.
    pub fn of<E>(
        entry: &HostEntry,
        closure: impl Fn(RunId) -> Result<Closure, E>,
    ) -> Result<Self, E> {
        for step in &entry.steps {
            match step {
                Step::Snapshot {} => {
                    let on_failure = entry.on_failure == OnFailure::StateRevert;
                    return Ok(Self::Kept { on_failure });
                }
                Step::Revert { run } => {
                    let run = RunId(*run);
                    let closure = closure(run)?;
                    return Ok(Self::PutBack { run, closure });
                }
                _ => {}
            }
        }
        Ok(Self::Left)
    }
}

/// Why a root that is put back would not undo what a run changed; `None` where it does.
#[must_use]
pub fn does_not_undo(roots: &dyn Snapshots, closure: &Closure) -> Option<&'static str> {
    let boot = Path::new("/boot");
    let running = overlock_host::kernel::uname().release;
    (boot.is_dir() && !roots.holds(boot) && reboot::kernel_of(closure, &running).is_some()).then_some(
        "`/boot` is no part of the root: a kernel in it would stay, and its modules would go back",
    )
}

impl LocalHost<'_> {
    /// Whether the root can be kept, or put back; before the ordinary preflight of a plan that keeps it.
    pub(super) fn roots_preflight(&mut self) -> Option<Report> {
        match self.settings.roots.clone() {
            Roots::Left => None,
            Roots::Kept { on_failure } => {
                let why = self.cannot_keep(on_failure)?;
                Some(Report::ended(Outcome::Refused { why }, Vec::new()))
            }
            Roots::PutBack { run, closure } => Some(self.put_back_preflight(run, &closure)),
        }
    }

    fn cannot_keep(&self, on_failure: bool) -> Option<String> {
        let roots = match snapshot::of_root() {
            Ok(roots) => roots,
            Err(error) => return Some(format!("no snapshot can be taken: {}", chain(&error))),
        };
        if on_failure
            && let Some(why) = does_not_undo(&*roots, self.closure).or_else(reboot::lacking)
        {
            return Some(format!("a state revert would not do: {why}"));
        }
        let artifacts = self.closure.artifacts();
        match roots.lacking(artifacts.map(|(_, artifact)| artifact.size).sum()) {
            Ok(lacking) if lacking.is_empty() => None,
            Ok(lacking) => Some(format!(
                "there is too little room for a snapshot: {}",
                lacking.join("; ")
            )),
            Err(error) => Some(format!(
                "room for a snapshot is not known: {}",
                chain(&error)
            )),
        }
    }

    /// Packages may be in any state: this is the way out of them all.
    fn put_back_preflight(&mut self, run: RunId, closure: &Closure) -> Report {
        let refused = |why: String| Report::ended(Outcome::Refused { why }, Vec::new());
        if let Some(why) = self.others() {
            return Report::ended(Outcome::Deferred { why }, Vec::new());
        }
        if let Some(outcome) = self.preflight_of(None).0.no_boot() {
            return Report::ended(outcome, Vec::new());
        }
        let roots = match snapshot::of_root() {
            Ok(roots) => roots,
            Err(error) => return refused(chain(&error)),
        };
        if let Some(why) = does_not_undo(&*roots, closure) {
            return refused(why.to_owned());
        }
        match roots.has(run) {
            Ok(true) => Report::done_with(vec![format!("{} is there", roots.name(run))]),
            Ok(false) => refused(chain(&SnapshotError::Missing(roots.name(run)))),
            Err(error) => Report::failed(chain(&error)),
        }
    }

    pub(super) fn keep_root(&mut self) -> Report {
        self.observer.tell("keeping the root file system as it is");
        let keep = || -> Result<Vec<String>, SnapshotError> {
            let roots = snapshot::of_root()?;
            let is_new = roots.take(self.run)?;
            let name = roots.name(self.run);
            let mut notes = vec![match is_new {
                true => format!("snapshot {name} ({})", roots.word()),
                false => format!("snapshot {name} was taken before"),
            }];
            let excluded = roots.excluded()?;
            notes.extend(excluded.iter().map(|what| format!("not in it: {what}")));
            notes.extend(roots.prune(self.run)?);
            Ok(notes)
        };
        match keep() {
            Ok(notes) => Report::done_with(notes),
            Err(error) => Report::failed(chain(&error)),
        }
    }

    /// Puts the snapshot of a run back and asks for the boot into it; `closure` is what that run changed.
    pub(super) fn put_root_back(&mut self, run: RunId, closure: &Closure, attempt: u32) -> Report {
        if attempt > reboot::ASKS_MAX {
            let times = attempt - 1;
            return Report::failed(format!(
                "asked {times} times, the host did not boot into it"
            ));
        }
        self.observer.tell(&format!(
            "state revert: putting the root back as it was before run {run}"
        ));
        match self.switch(run, closure) {
            Ok(PutBack::Runs) => Report::done(),
            Ok(PutBack::AwaitsBoot(notes)) => {
                for note in &notes {
                    self.observer.tell(note);
                }
                match reboot::ask() {
                    Ok(()) => Report::reboots(),
                    Err(error) => Report::failed(chain(&error)),
                }
            }
            Err(why) => Report::failed(why),
        }
    }

    fn switch(&mut self, run: RunId, closure: &Closure) -> Result<PutBack, String> {
        let roots = snapshot::of_root().map_err(|error| chain(&error))?;
        reboot::arm(&self.settings.program, &self.data).map_err(|error| chain(&error))?;
        self.await_leave();
        // In force in the restored root from its first moment on: no timer of its boot installs them again (F39a).
        let gone = closure.changes.iter();
        let gone: Vec<_> = gone
            .filter_map(|change| Some((change.name.as_str(), change.arch.as_str(), change.to()?)))
            .collect();
        let pin = self.manager.keep_away(run, &gone, self.settings.away_until);
        let pin = pin.map_err(|error| format!("the versions cannot be kept away: {error}"))?;
        let mut carried = vec![self.data.clone(), pin.clone()];
        carried.extend(reboot::FILES.map(PathBuf::from));
        let back = Back {
            snapshot: run,
            by: self.run,
            folder: &self.folder,
            carried: &carried,
            needed: &reboot::lasting(&self.settings.program),
        };
        roots.put_back(&back).map_err(|error| {
            // This root goes on, and with it what it has.
            let _ = fs::remove_file(&pin);
            chain(&error)
        })
    }

    /// Where the host is after a state revert by this run; `None` where this run's root was not put back, or not yet.
    pub(super) fn look_at_restored(&mut self) -> Result<Option<(Standing, Vec<String>)>, String> {
        let (run, closure, aim) = match self.settings.roots.clone() {
            Roots::Left | Roots::Kept { on_failure: false } => return Ok(None),
            Roots::Kept { on_failure: true } => (self.run, self.closure.clone(), Standing::Prior),
            Roots::PutBack { run, closure } => (run, closure, Standing::Target),
        };
        let roots = match snapshot::of_root() {
            Ok(roots) if roots.is_back(&self.folder) => roots,
            Ok(_) | Err(_) if aim == Standing::Prior => return Ok(None),
            Ok(_) => return Ok(Some((Standing::Prior, Vec::new()))),
            Err(error) => return Err(chain(&error)),
        };
        if let PutBack::AwaitsBoot(notes) = self.switch(run, &closure)? {
            // A cut came between the roots and the data in them: programs began without it.
            reboot::ask().map_err(|error| chain(&error))?;
            return Err(format!("once more a boot is needed: {}", notes.join("; ")));
        }
        reboot::await_settled();
        let (standing, mut notes) = self
            .manager
            .standing(&closure)
            .map_err(|error| chain(&error))?;
        notes.insert(
            0,
            format!(
                "state revert: the root is {} again; the one it replaced is {}",
                roots.name(run),
                roots.replaced(self.run)
            ),
        );
        // Measures of the time between went with it; their records did not, and say so.
        let placed = mitigate::placed(&self.data, self.observer.now());
        for one in placed.iter().flatten() {
            if let Force::Lost { why } = &one.force {
                let (measure, of) = (&one.mitigation.measure, one.run);
                notes.push(format!(
                    "{measure} of run {of} does not hold any more: {why}"
                ));
            }
        }
        let standing = match standing {
            Standing::Prior => aim,
            // A run that changed no package is at both.
            Standing::Target if closure.changes.is_empty() => aim,
            Standing::Broken => Standing::Broken,
            Standing::Mixed | Standing::Target => Standing::Mixed,
        };
        Ok(Some((standing, notes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::plan::{Digest, HostId};

    #[test]
    fn entry_says_whether_the_root_is_kept_or_put_back() {
        let of = |steps: &[Step], on_failure| {
            let entry = HostEntry {
                host: HostId::from_random([7; 16]),
                name: String::new(),
                os: "debian:12".to_owned(),
                closure: Digest::of(b""),
                steps: steps.to_vec(),
                on_failure,
            };
            Roots::of(&entry, |run| match run {
                RunId(3) => Ok(Closure::default()),
                RunId(_) => Err("no such run"),
            })
        };
        let (install, keep) = (Step::Install {}, Step::Snapshot {});
        assert_eq!(
            of(std::slice::from_ref(&install), OnFailure::Revert),
            Ok(Roots::Left)
        );
        for (wish, on_failure) in [(OnFailure::Revert, false), (OnFailure::StateRevert, true)] {
            let kept = of(&[keep.clone(), install.clone()], wish);
            assert_eq!(kept, Ok(Roots::Kept { on_failure }));
        }
        let put_back = of(&[Step::Revert { run: 3 }], OnFailure::Stop);
        let (run, closure) = (RunId(3), Closure::default());
        assert_eq!(put_back, Ok(Roots::PutBack { run, closure }));
        let unknown = of(&[Step::Revert { run: 4 }], OnFailure::Stop);
        assert_eq!(unknown, Err("no such run"));
    }
}
