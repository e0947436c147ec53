//! Changing packages: forward by the plan, back by the former artifacts; restarts once, afterwards.

use super::{BEFORE, LocalHost, chain};
use crate::manager::{self, Named};
use crate::probe::Probe;
use crate::underway::Direction;
use crate::{asked, complaints, configuration, durable, reboot, restart, settings, underway};
use overlock_engine::Report;
use overlock_model::plan::{Action, Change};
use overlock_model::run::{Outcome, RunId, Standing};
use std::fs;
use std::path::PathBuf;

impl LocalHost<'_> {
    pub(super) fn install(&mut self, attempt: u32) -> Report {
        if matches!(
            self.manager.standing(self.closure),
            Ok((Standing::Target, _))
        ) {
            return Report::done_with(vec!["installed already".to_owned()]);
        }
        let files = match self.checked(self.closure.artifacts()) {
            Ok(files) => files,
            Err(why) => return Report::failed(why),
        };
        if let Err(error) = self.keep_before() {
            return Report::failed(format!("what the host has cannot be written down: {error}"));
        }
        let removals: Vec<&Change> = self
            .closure
            .changes
            .iter()
            .filter(|change| change.to().is_none())
            .collect();
        let report = self.transact(&files, &removals, "install", attempt);
        match self.settings.reverts {
            Some(run) if report.outcome == Outcome::Done => self.is_back(run, report),
            _ => report,
        }
    }

    /// Packages went back: the versions that a run brought are kept away before that counts as done, so that no timer can
    /// come in between (F39a).
    fn is_back(&self, run: RunId, report: Report) -> Report {
        match self.keep_away(run) {
            Err(error) => Report::failed(format!("the versions cannot be kept away: {error}")),
            Ok(note) => {
                settings::GoingBack::forget(&self.run_folder(Some(run)), self.run);
                let notes = report.notes.into_iter().chain([note]).collect();
                Report { notes, ..report }
            }
        }
    }

    /// Keeps the versions away that a run brought, this one or the one that it takes back; a line for people.
    pub(super) fn keep_away(&self, run: RunId) -> std::io::Result<String> {
        let brought = |change| match self.settings.reverts {
            Some(_) => named(change, change.from()),
            None => named(change, change.to()),
        };
        let versions: Vec<Named<'_>> = self.closure.changes.iter().filter_map(brought).collect();
        let until = self.settings.away_until;
        let path = self.manager.keep_away(run, &versions, until)?;
        let day = until.strftime("%Y-%m-%d");
        Ok(format!("kept away until {day} by {}", path.display()))
    }

    fn transact(
        &mut self,
        files: &[PathBuf],
        removals: &[&Change],
        phase: &str,
        attempt: u32,
    ) -> Report {
        let mut notes = Vec::new();
        let taken_back = match phase {
            "revert" => Some(self.run),
            _ => self.settings.reverts,
        };
        let going_back = match (self.going_back.take(), taken_back) {
            (None, Some(run)) => {
                let folder = self.run_folder(Some(run));
                Some(settings::GoingBack::begin(&folder, self.run))
            }
            (begun, _) => begun,
        };
        let quiet = match self.manager.hold_off() {
            Ok(quiet) => quiet,
            Err(error) => {
                return Report::failed(format!("packages' restarts cannot be held off: {error}"));
            }
        };
        if quiet.as_ref().is_some_and(|quiet| !quiet.is_ours()) {
            notes.push("the host's own policy-rc.d decides on restarts".to_owned());
        }
        let (log, unit) = (self.log(), self.unit(phase, attempt));
        self.observer.tell(&format!(
            "{phase}: {} packages",
            files.len() + removals.len()
        ));
        let direction = match phase {
            "revert" => Direction::Back,
            _ => Direction::Forward,
        };
        if let Err(error) = self.begin_underway(direction) {
            return Report::failed(format!("the installation cannot be written down: {error}"));
        }
        let begin = fs::metadata(&log).map_or(0, |of| of.len());
        let result = self.manager.install(files, removals, &log, &unit);
        drop(quiet);
        let edited = configuration::edited(&log, begin, self.manager);
        if let Some(going_back) = going_back {
            // One that failed may have changed nothing; whoever looks next finishes it if packages are back after all.
            if result.is_ok() {
                notes.extend(configuration::drop_new(
                    &edited,
                    &self.run_folder(taken_back),
                ));
                match going_back.finish() {
                    Ok(restored) => notes.extend(restored),
                    Err(error) => notes.push(format!("configuration cannot be put back: {error}")),
                }
            }
        } else {
            notes.extend(configuration::differences(&edited));
            // One that failed goes on, by mending or by going back, and changes more; till then all copies are kept.
            if result.is_ok()
                && let Err(error) = settings::settle(&self.folder)
            {
                notes.push(format!(
                    "changes of configuration cannot be written down: {error}"
                ));
            }
        }
        // Of one that failed it is told once it has been mended or taken back, by whoever looks then.
        if result.is_ok() {
            underway::end(&self.folder);
        }
        match result {
            Ok(()) => Report::done_with(notes),
            Err(error) => {
                let told = complaints::told(&log, begin, self.manager);
                let why = told.unwrap_or_else(|| chain(&error));
                Report::ended(Outcome::Failed { why }, notes)
            }
        }
    }

    /// What the host has is written down once, before anything changes; the probe last, so that it says that all is there.
    fn keep_before(&self) -> std::io::Result<()> {
        let before = self.folder.join(BEFORE);
        if before.exists() {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        configuration::remember(&self.folder, self.manager)?;
        settings::remember(&self.folder)?;
        underway::sync();
        durable::write(&before, &Probe::now().to_text())
    }

    /// From here on until the end of the transaction a loss of power is noticed, and the run goes on by itself after it.
    fn begin_underway(&mut self, direction: Direction) -> std::io::Result<()> {
        match reboot::arm(&self.settings.program, &self.data) {
            // Without systemd, whoever boots the host calls `overlock repair`.
            Ok(()) | Err(reboot::ArmError::Host(_)) => {}
            Err(error) => self.observer.tell(&chain(&error)),
        }
        underway::begin(&self.folder, direction)
    }

    /// Puts everything of the closure in place again after the host went down in the midst of it, on the side that it was
    /// on its way to.
    pub(super) fn again(&mut self, direction: Direction) -> Report {
        self.observer.tell(
            "the host went down in the midst of the installation: putting all of it in place again",
        );
        let mut notes = settings::salvage(&self.folder, self.manager).unwrap_or_else(|error| {
            vec![format!("empty files of /etc cannot be put right: {error}")]
        });
        let side = |change| match direction {
            Direction::Forward => Some((change, Change::artifact(change)?)),
            Direction::Back => Some((change, Change::back(change)?)),
        };
        let files = match self.checked(self.closure.changes.iter().filter_map(side)) {
            Ok(files) => files,
            Err(why) => return Report::failed(why),
        };
        let quiet = self.manager.hold_off();
        // From now on it is this boot's matter, whatever comes of it.
        if let Err(error) = underway::begin(&self.folder, direction) {
            return Report::failed(format!("the installation cannot be written down: {error}"));
        }
        let put = self
            .manager
            .put_over(&files, &self.log(), manager::MEND_UNIT);
        drop(quiet);
        match put {
            Ok(()) => {
                notes.push(format!("{} packages put in place again", files.len()));
                Report::done_with(notes)
            }
            Err(error) => Report::ended(Outcome::Failed { why: chain(&error) }, notes),
        }
    }

    pub(super) fn restart(&mut self, units: &[String]) -> Report {
        match restart::pass(units, &asked::asked_for()) {
            Err(why) => Report::failed(why),
            Ok(pass) => {
                let mut notes: Vec<String> = pass
                    .restarted
                    .iter()
                    .map(|unit| format!("restarted {unit}"))
                    .collect();
                notes.extend(
                    pass.left
                        .iter()
                        .map(|unit| format!("not restarted: {unit}")),
                );
                if pass.failed.is_empty() {
                    return Report::done_with(notes);
                }
                let why = pass.failed.join("; ");
                Report::ended(Outcome::Failed { why }, notes)
            }
        }
    }

    pub(super) fn take_back(&mut self, attempt: u32) -> Report {
        self.observer.tell("putting the former packages back");
        self.going_back = Some(settings::GoingBack::begin(&self.folder, self.run));
        let back = self
            .closure
            .changes
            .iter()
            .filter_map(|change| Some((change, change.back()?)));
        let files = match self.checked(back) {
            Ok(files) => files,
            Err(why) => return Report::failed(why),
        };
        let installed: Vec<&Change> = self
            .closure
            .changes
            .iter()
            .filter(|change| matches!(change.action, Action::Install { .. }))
            .collect();
        // The ordinary way does nothing while packages are not whole, and finishing the new ones may be what cannot be
        // done; the former ones are put over them.
        if matches!(
            self.manager.standing(self.closure),
            Ok((Standing::Broken, _))
        ) {
            let quiet = self.manager.hold_off();
            let unit = self.unit("overlay", attempt);
            let put = self.manager.put_over(&files, &self.log(), &unit);
            drop(quiet);
            if let Err(error) = put {
                self.observer.tell(&chain(&error));
            }
        }
        let report = self.transact(&files, &installed, "revert", attempt);
        if report.outcome != Outcome::Done {
            return report;
        }
        let report = self.is_back(self.run, report);
        if report.outcome != Outcome::Done {
            return report;
        }
        if self.has_booted_forward() {
            return self.boot_back(report.notes);
        }
        let restarted = self.restart(&[]);
        let notes = report.notes.into_iter().chain(restarted.notes).collect();
        Report::ended(restarted.outcome, notes)
    }
}

fn named<'b>(change: &'b Change, version: Option<&'b str>) -> Option<Named<'b>> {
    Some((&change.name, &change.arch, version?))
}
