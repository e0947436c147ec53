//! Measures instead of packages: the same phases of a run, about what is in `mitigate`.

use super::{LocalHost, chain};
use crate::mitigate::{Measures, MitigateError};
use crate::probe::Probe;
use crate::verify;
use overlock_engine::Report;
use overlock_model::mitigation::{Measure, Mitigation};
use overlock_model::plan::Step;
use overlock_model::run::{Outcome, RunId, Standing};
use std::fs;

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
        let before = self.folder.join("before");
        if attempt == 1
            && let Err(error) = fs::write(&before, Probe::now().to_text())
        {
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
        let before = fs::read_to_string(self.folder.join("before")).ok();
        let before = before.as_deref().map(Probe::from_text);
        if let Some(before) = &before {
            let harm = verify::harm(before, &|line| closed.iter().any(|one| one == line));
            if !harm.is_empty() {
                let why = harm.join("; ");
                notes.extend(harm);
                return Report::ended(Outcome::Failed { why }, notes);
            }
            notes.push("nothing else that the host had is missing, no unit failed".to_owned());
        }
        for check in &self.settings.checks {
            match check.run() {
                Ok(()) => notes.push(format!("check `{}` passed", check.name)),
                Err(why) => return Report::ended(Outcome::Failed { why }, notes),
            }
        }
        Report::done_with(notes)
    }
}
