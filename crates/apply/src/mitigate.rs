//! Measures against what has no patch: put in place, seen to hold, taken away so that all is as it was.
//!
//! The hands (`host/mitigate.rs`) call it for a run. What a thing was before is written into the record of the run and
//! synced before the thing is changed, and the record goes last, after everything is back: while there is a record,
//! something of its run is in force or half way, and any act on it may be called again.
//!
//! ```text
//! put:   check ─► record (former state) ─► timer for the end ─► measures
//! take:  measures ─► timer ─► record
//! ```

mod act;
mod hold;
mod module;
mod parameter;
mod record;
mod unit;

pub use record::{Former, Kept, Record, Records};

use crate::host::chain;
use crate::program::ProgramError;
use crate::timer::{NameError, Timer, TimerError, quoted};
use jiff::Timestamp;
use overlock_model::mitigation::{Force, Measure, Mitigation, Placed};
use overlock_model::run::{RunId, Standing};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// A measure cannot be put in place, taken away or looked at.
#[derive(Debug, thiserror::Error)]
pub enum MitigateError {
    /// A file of ours.
    #[error("cannot {what} `{path}`")]
    File {
        /// What was to be done.
        what: &'static str,
        /// Which.
        path: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A record that says nothing that can be used.
    #[error("the record `{path}` cannot be used: {why}")]
    Record {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// A program failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The timer for the end.
    #[error(transparent)]
    Timer(#[from] TimerError),
    /// Some of them; the others are away.
    #[error("not everything could be taken away: {}", .0.join("; "))]
    Stays(Vec<String>),
    /// This host cannot take it.
    #[error("{measure}: {why}")]
    Unfit {
        /// Which.
        measure: String,
        /// Why.
        why: String,
    },
}

impl MitigateError {
    fn file(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File {
            what,
            path: path.display().to_string(),
            source,
        }
    }

    fn unfit(measure: &Measure, why: impl Into<String>) -> Self {
        Self::Unfit {
            measure: measure.to_string(),
            why: why.into(),
        }
    }
}

type Notes = Result<Vec<String>, MitigateError>;

/// Measures of one run, on the running host.
#[derive(Debug)]
pub struct Measures<'a> {
    /// The run that puts or takes.
    pub run: RunId,
    /// What it is about.
    pub measures: &'a [Mitigation],
    /// The state directory.
    pub data: &'a Path,
    /// Our own program, for the timer.
    pub program: PathBuf,
}

impl Measures<'_> {
    fn records(&self) -> Records {
        Records::new(self.data)
    }

    /// Whether this host can take the measures; what is worth knowing before. Changes nothing.
    ///
    /// # Errors
    /// When one is in force already by another run, or cannot be.
    pub fn check(&self) -> Notes {
        let mut notes = Vec::new();
        let others = self.records().all()?;
        for one in self.measures {
            let measure = &one.measure;
            let other = others.iter().find(|record| {
                let mut subjects = record
                    .kept
                    .iter()
                    .map(|kept| kept.mitigation.measure.subject());
                record.run != self.run && subjects.any(|subject| subject == measure.subject())
            });
            if let Some(other) = other {
                let why = format!(
                    "run {0} has a measure on it in force; `overlock revert {0}` comes first",
                    other.run
                );
                return Err(MitigateError::unfit(measure, why));
            }
            notes.extend(act::check(measure, self.measures, self.run)?);
        }
        Ok(notes)
    }

    /// Puts all of them in place. Again after a cut, it goes on with what was written down then.
    ///
    /// # Errors
    /// At the first that does not work; those before it are in force.
    pub fn put(&self) -> Notes {
        let record = match self.records().of(self.run)? {
            Some(record) => record,
            None => {
                let kept = self.measures.iter().map(|one| {
                    Ok(Kept {
                        mitigation: one.clone(),
                        former: act::former(&one.measure)?,
                    })
                });
                let kept = kept.collect::<Result<Vec<_>, MitigateError>>()?;
                let record = Record::new(self.run, kept);
                self.records().write(&record)?;
                record
            }
        };
        let mut notes = Vec::new();
        if !self.timer(&record)? {
            notes.push("no systemd: the measures go when `overlock mitigate --expire` is run after their end".to_owned());
        }
        for kept in &record.kept {
            notes.extend(act::put(kept, self.run)?);
        }
        Ok(notes)
    }

    /// Takes these measures away from wherever runs put them; of `only` that run, where it is given.
    ///
    /// # Errors
    /// When some cannot be: all others are away then, and the records have what stays.
    pub fn take(&self, only: Option<RunId>) -> Notes {
        let mut taken = Taken::default();
        for mut record in self.of(only)? {
            let run = record.run;
            // Units may need one another: each can be started before the first one is.
            for kept in record.kept.iter().filter(|kept| self.has(kept)) {
                // What does not work is told in its turn.
                drop(unit::free(&kept.former, run));
            }
            taken.each(&mut record, |kept| {
                self.has(kept).then(|| act::take(kept, run))
            });
            if let Err(error) = self.keep(&record) {
                taken.stays.push(format!("run {run}: {}", chain(&error)));
            }
        }
        match taken.stays.is_empty() {
            true => Ok(taken.notes),
            false => Err(MitigateError::Stays(taken.stays)),
        }
    }

    /// The record of what a run still has in force, and its timer; neither, when that is nothing.
    fn keep(&self, record: &Record) -> Result<(), MitigateError> {
        if record.kept.is_empty() {
            name(record.run).take()?;
            return self.records().remove(record.run);
        }
        self.timer(record)?;
        self.records().write(record)
    }

    /// Where the measures are, seen as those of a plan that puts them in place.
    ///
    /// # Errors
    /// When something cannot be looked at.
    pub fn standing(&self) -> Result<(Standing, Vec<String>), MitigateError> {
        let Some(record) = self.records().of(self.run)? else {
            return Ok((Standing::Prior, Vec::new()));
        };
        let mut notes = Vec::new();
        for kept in &record.kept {
            if let Force::Lost { why } = act::force(kept, record.run)? {
                notes.push(format!("{}: {why}", kept.mitigation.measure));
            }
        }
        let all = notes.is_empty() && record.kept.len() == self.measures.len();
        Ok((
            if all {
                Standing::Target
            } else {
                Standing::Mixed
            },
            notes,
        ))
    }

    /// Where the measures are, seen as those of a plan that takes them away.
    ///
    /// # Errors
    /// When something cannot be looked at.
    pub fn standing_away(
        &self,
        only: Option<RunId>,
    ) -> Result<(Standing, Vec<String>), MitigateError> {
        let mut notes = Vec::new();
        let mut count = 0;
        for record in self.of(only)? {
            for kept in record.kept.iter().filter(|kept| self.has(kept)) {
                count += 1;
                if let Force::Lost { why } = act::force(kept, record.run)? {
                    notes.push(format!("{}: {why}", kept.mitigation.measure));
                }
            }
        }
        let standing = match (count, notes.is_empty()) {
            (0, _) => Standing::Target,
            (count, true) if count == self.measures.len() => Standing::Prior,
            _ => Standing::Mixed,
        };
        Ok((standing, notes))
    }

    /// Ports that nobody listens on any more once the units of the measures are stopped.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn closed_ports(&self) -> Result<BTreeSet<u16>, MitigateError> {
        let record = self.records().of(self.run)?;
        let kept = record.into_iter().flat_map(|record| record.kept);
        Ok(kept
            .filter_map(|kept| match kept.former {
                Former::Unit { ports, .. } => Some(ports),
                _ => None,
            })
            .flatten()
            .collect())
    }

    /// What holds only after a boot, in words.
    ///
    /// # Errors
    /// When something cannot be looked at.
    pub fn after_boot(&self) -> Notes {
        let mut notes = Vec::new();
        for kept in self
            .records()
            .of(self.run)?
            .iter()
            .flat_map(|record| &record.kept)
        {
            if let Force::AfterBoot { why } = act::force(kept, self.run)? {
                let measure = &kept.mitigation.measure;
                notes.push(format!("{measure}: in force after a reboot: {why}"));
            }
        }
        Ok(notes)
    }

    fn of(&self, only: Option<RunId>) -> Result<Vec<Record>, MitigateError> {
        let mut records = self.records().all()?;
        records.retain(|record| {
            only.is_none_or(|run| run == record.run)
                && record.kept.iter().any(|kept| self.has(kept))
        });
        Ok(records)
    }

    fn has(&self, kept: &Kept) -> bool {
        self.measures
            .iter()
            .any(|one| one.measure == kept.mitigation.measure)
    }

    /// The timer that ends the measures of a record; `false` where there is no systemd.
    fn timer(&self, record: &Record) -> Result<bool, MitigateError> {
        let [service, timer] = self.units(record).map_err(TimerError::from)?;
        Ok(name(record.run).put(&service, &timer)?)
    }

    /// Service and timer. Exit code 3 is a journal that another run holds, for as long as that takes: tried again each
    /// minute. What else keeps a measure may need a person; the timer asks again each hour, and after a boot.
    /// (`Type=oneshot` may not be restarted before systemd 244.)
    fn units(&self, record: &Record) -> Result<[String; 2], NameError> {
        let service = format!(
            "[Unit]\nDescription=Take away measures of overlock run {0} that have expired\nStartLimitIntervalSec=0\n\n\
             [Service]\nType=simple\nExecStart={1} --data {2} mitigate --expire\n\
             Restart=on-failure\nRestartSec=60\nRestartPreventExitStatus=2 4 5 6 70\n",
            record.run,
            quoted(&self.program)?,
            quoted(self.data)?,
        );
        let ends: BTreeSet<Timestamp> = record
            .kept
            .iter()
            .map(|kept| kept.mitigation.expires)
            .collect();
        let ends: String = ends
            .iter()
            .map(|end| format!("OnCalendar={}\n", end.strftime("%Y-%m-%d %H:%M:%S UTC")))
            .collect();
        let timer = format!(
            "[Unit]\nDescription=End of measures of overlock run {}\n\n\
             [Timer]\n{ends}OnCalendar=hourly\nAccuracySec=1s\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n",
            record.run
        );
        Ok([service, timer])
    }
}

/// What came of taking measures away.
#[derive(Debug, Default)]
struct Taken {
    notes: Vec<String>,
    /// What could not be, and why.
    stays: Vec<String>,
}

impl Taken {
    /// Takes each measure of a record, the last one first, and leaves in the record what stays. `take` answers `None` for
    /// one that is not asked for.
    fn each(&mut self, record: &mut Record, take: impl Fn(&Kept) -> Option<Notes>) {
        let mut left = Vec::new();
        for kept in record.kept.drain(..).rev() {
            match take(&kept) {
                Some(Ok(notes)) => {
                    self.notes.extend(notes);
                    continue;
                }
                Some(Err(error)) => {
                    self.stays
                        .push(format!("{}: {}", kept.mitigation.measure, chain(&error)))
                }
                None => {}
            }
            left.push(kept);
        }
        left.reverse();
        record.kept = left;
    }
}

/// Everything that runs put in place on this host and nobody took away, with whether it holds.
///
/// # Errors
/// When a record cannot be read.
pub fn placed(data: &Path, now: Timestamp) -> Result<Vec<Placed>, MitigateError> {
    let mut placed = Vec::new();
    for record in Records::new(data).all()? {
        for kept in &record.kept {
            placed.push(Placed {
                run: record.run,
                mitigation: kept.mitigation.clone(),
                expired: kept.mitigation.expires <= now,
                // What cannot be seen to hold counts as not holding (R6).
                force: act::force(kept, record.run).unwrap_or_else(|error| Force::Lost {
                    why: error.to_string(),
                }),
            });
        }
    }
    Ok(placed)
}

/// Whether taking a measure away again leaves something until the next boot, in words.
#[must_use]
pub fn one_way(measure: &Measure) -> Option<&'static str> {
    match measure {
        Measure::Sysctl { key, value } if parameter::is_one_way(key, *value) => {
            Some("the kernel does not take this value back before a reboot")
        }
        _ => None,
    }
}

fn name(run: RunId) -> Timer {
    Timer::named(&format!("overlock-mitigation-{run}"))
}

fn lost(why: impl Into<String>) -> Force {
    Force::Lost { why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(modules: [&str; 3]) -> Record {
        let kept = modules.map(|module| Kept {
            mitigation: Mitigation {
                measure: Measure::BlockModule {
                    module: module.to_owned(),
                },
                against: Vec::new(),
                owner: "ada".to_owned(),
                reason: "not needed".to_owned(),
                expires: "2026-12-01T00:00:00Z".parse().unwrap(),
            },
            former: Former::Module { loaded: false },
        });
        Record::new(RunId(1), kept.to_vec())
    }

    #[test]
    fn what_cannot_be_taken_away_stays_alone() {
        let mut all = record(["dccp", "sctp", "tipc"]);
        let mut taken = Taken::default();
        taken.each(&mut all, |kept| {
            let measure = &kept.mitigation.measure;
            match measure.subject().1 {
                "dccp" => None,
                "sctp" => Some(Err(MitigateError::unfit(measure, "it is stuck"))),
                _ => Some(Ok(vec!["tipc is back".to_owned()])),
            }
        });
        let mut left = record(["dccp", "sctp", "tipc"]);
        left.kept.pop();
        assert_eq!(all, left);
        assert_eq!(taken.notes, ["tipc is back"]);
        assert_eq!(taken.stays.len(), 1);
        assert!(taken.stays.concat().contains("it is stuck"));
    }

    #[test]
    fn end_is_tried_again_while_another_run_is_under_way() {
        let of = |data: &'static str| Measures {
            run: RunId(1),
            measures: &[],
            data: Path::new(data),
            program: "/usr/bin/overlock".into(),
        };
        let all = record(["dccp", "sctp", "tipc"]);
        let [service, timer] = of("/var/lib/overlock").units(&all).unwrap();
        for line in [
            "StartLimitIntervalSec=0",
            "Type=simple",
            "Restart=on-failure",
            "RestartPreventExitStatus=2 4 5 6 70",
        ] {
            assert!(service.lines().any(|one| one == line), "{service}");
        }
        let ends: Vec<&str> = timer
            .lines()
            .filter_map(|line| line.strip_prefix("OnCalendar="))
            .collect();
        assert_eq!(ends, ["2026-12-01 00:00:00 UTC", "hourly"]);
        assert!(of("state").units(&all).is_err());
    }
}
