//! Measures instead of packages: the same phases of a run, about what is in `mitigate`.

use super::{LocalHost, chain};
use crate::durable;
use crate::mitigate::{Measures, MitigateError};
use crate::probe::Probe;
use crate::verify;
use overlock_engine::Report;
use overlock_model::mitigation::{Measure, Mitigation};
use overlock_model::plan::Step;
use overlock_model::run::{Outcome, RunId, Standing};
use std::fs;
use std::io;
use std::path::Path;

/// The file of a run with what the host had.
const BEFORE: &str = "before";

/// What a plan says of measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mitigates {
    /// The measures.
    pub measures: Vec<Mitigation>,
    /// Whether they are taken away.
    pub undo: bool,
}

impl Mitigates {
    /// As these steps say; `None` for a plan that has nothing to do with measures.
    #[must_use]
    pub fn of(steps: &[Step]) -> Option<Self> {
        steps.iter().find_map(|step| match step {
            Step::Mitigate { measures, undo } => Some(Self {
                measures: measures.clone(),
                undo: *undo,
            }),
            _ => None,
        })
    }
}

impl LocalHost<'_> {
    fn measures<'b>(&self, of: &'b Mitigates, data: &'b std::path::Path) -> Measures<'b> {
        Measures {
            run: self.run,
            measures: &of.measures,
            data,
            program: self.settings.program.clone(),
        }
    }

    /// The run whose measures a plan takes away; a plan that does not say is about all of this host's.
    fn only(&self) -> Option<RunId> {
        self.settings.reverts
    }

    pub(super) fn mitigate_preflight(&mut self, of: &Mitigates) -> Report {
        let is_hold = |one: &Mitigation| matches!(one.measure, Measure::HoldPackage { .. });
        if of.measures.iter().any(is_hold)
            && let Some(why) = self.others()
        {
            return Report::ended(Outcome::Deferred { why }, Vec::new());
        }
        if of.undo {
            return Report::done();
        }
        let data = self.data.clone();
        match self.measures(of, &data).check() {
            Ok(notes) => Report::done_with(notes),
            Err(error @ MitigateError::Unfit { .. }) => {
                let why = chain(&error);
                Report::ended(Outcome::Refused { why }, Vec::new())
            }
            Err(error) => Report::failed(chain(&error)),
        }
    }

    pub(super) fn mitigate(&mut self, of: &Mitigates, attempt: u32) -> Report {
        // Nothing was changed yet: not begun, or cut off before the first change.
        let is_untouched =
            attempt == 1 || matches!(self.mitigate_look(of), Ok((Standing::Prior, _)));
        if is_untouched && let Err(error) = keep(&self.folder.join(BEFORE)) {
            return Report::failed(format!("what the host has cannot be written down: {error}"));
        }
        self.change(of, of.undo)
    }

    pub(super) fn mitigate_back(&mut self, of: &Mitigates) -> Report {
        self.observer.tell("putting things back as they were");
        self.change(of, !of.undo)
    }

    fn change(&self, of: &Mitigates, away: bool) -> Report {
        let data = self.data.clone();
        let measures = self.measures(of, &data);
        // What this run put in place it takes away itself when it goes back.
        let only = if of.undo { self.only() } else { Some(self.run) };
        match if away {
            measures.take(only)
        } else {
            measures.put()
        } {
            Ok(notes) => Report::done_with(notes),
            Err(error) => Report::failed(chain(&error)),
        }
    }

    pub(super) fn mitigate_look(&self, of: &Mitigates) -> Result<(Standing, Vec<String>), String> {
        let data = self.data.clone();
        let measures = self.measures(of, &data);
        let found = match of.undo {
            // Back is where they are in force, by the record of their own run or, put back, of this one.
            true => measures
                .standing_away(self.only())
                .and_then(|found| match found.0 {
                    Standing::Target => match measures.standing()? {
                        (Standing::Target, notes) => Ok((Standing::Prior, notes)),
                        (Standing::Prior, _) => Ok(found),
                        _ => Ok((Standing::Mixed, found.1)),
                    },
                    _ => Ok(found),
                }),
            false => measures.standing(),
        };
        found.map_err(|error| chain(&error))
    }

    pub(super) fn mitigate_verify(&mut self, of: &Mitigates) -> Report {
        let mut notes = Vec::new();
        match self.mitigate_look(of) {
            Ok((Standing::Target, _)) => notes.push(match of.undo {
                false => format!("in force: {} of {0} measures", of.measures.len()),
                true => format!("gone: {} of {0} measures", of.measures.len()),
            }),
            Ok((standing, more)) => {
                let why = format!("measures are {}: {}", standing.word(), more.join("; "));
                return Report::ended(Outcome::Failed { why }, notes);
            }
            Err(why) => return Report::failed(why),
        }
        let data = self.data.clone();
        let measures = self.measures(of, &data);
        let closed = match measures.closed_ports() {
            Ok(ports) => ports,
            Err(error) => return Report::failed(chain(&error)),
        };
        let closed: Vec<String> = closed
            .iter()
            .map(|port| format!("lost: listening tcp {port}"))
            .collect();
        notes.extend(closed.iter().map(|line| format!("as wanted, {line}")));
        match measures.after_boot() {
            Ok(more) => notes.extend(more),
            Err(error) => return Report::failed(chain(&error)),
        }
        let before = match kept(&self.folder.join(BEFORE)) {
            Ok(before) => before,
            Err(error) => {
                let why = format!("what the host had before is not known: {error}");
                return Report::ended(Outcome::Failed { why }, notes);
            }
        };
        let harm = verify::harm(&before, &|line| {
            closed.iter().any(|one| one == line) || (of.undo && fails_again(&of.measures, line))
        });
        if !harm.is_empty() {
            let why = harm.join("; ");
            notes.extend(harm);
            return Report::ended(Outcome::Failed { why }, notes);
        }
        notes.push("nothing else that the host had is missing, no unit failed".to_owned());
        for check in &self.settings.checks {
            match check.run() {
                Ok(()) => notes.push(format!("check `{}` passed", check.name)),
                Err(why) => return Report::ended(Outcome::Failed { why }, notes),
            }
        }
        Report::done_with(notes)
    }
}

/// Writes down what the host has, unless that was done.
fn keep(path: &Path) -> io::Result<()> {
    match path.try_exists()? {
        true => Ok(()),
        false => durable::write(path, &Probe::now().to_text()),
    }
}

/// What was written down. Every host has something, so nothing is no data, and no data is not a pass (R6).
fn kept(path: &Path) -> io::Result<Probe> {
    let text = fs::read_to_string(path)?;
    match text.trim().is_empty() {
        true => Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty")),
        false => Ok(Probe::from_text(&text)),
    }
}

/// Whether a line is about a unit of these measures that fails now that it may start again: that was told when it was
/// taken away, and is no harm of that.
fn fails_again(measures: &[Mitigation], line: &str) -> bool {
    let failed = line.strip_prefix("failed unit ");
    failed.is_some_and(|failed| {
        measures
            .iter()
            .any(|one| matches!(&one.measure, Measure::DisableUnit { unit } if unit == failed))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_had_is_written_once_and_missing_or_empty_is_no_pass() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join(BEFORE);
        assert!(kept(&path).is_err());
        keep(&path).unwrap();
        fs::write(&path, "address 192.0.2.1\n").unwrap();
        keep(&path).unwrap();
        assert!(kept(&path).unwrap().has("address 192.0.2.1"));
        fs::write(&path, "\n").unwrap();
        assert!(kept(&path).is_err());
    }

    #[test]
    fn only_a_unit_of_the_measures_may_fail_again() {
        let measures = [Mitigation {
            measure: Measure::DisableUnit {
                unit: "porter.service".to_owned(),
            },
            against: Vec::new(),
            owner: "ada".to_owned(),
            reason: "not needed".to_owned(),
            expires: "2026-12-01T00:00:00Z".parse().unwrap(),
        }];
        assert!(fails_again(&measures, "failed unit porter.service"));
        assert!(!fails_again(&measures, "failed unit guest.service"));
        assert!(!fails_again(&measures, "lost: listening tcp 8631"));
    }
}
