//! The hands: one run on the running host.

mod fetch;
mod mitigate;
mod reboot;
mod roots;
mod steps;
mod transaction;

pub use mitigate::Mitigates;
pub use roots::{Roots, does_not_undo};

use crate::artifacts::Artifacts;
use crate::checks::Check;
use crate::preflight::Preflight;
use crate::probe::Probe;
use crate::reboot::Boots;
use crate::underway::{self, Direction, Underway};
use crate::{
    PackageManager, asked, complaints, configuration, manager, settings, transient, verify,
};
use jiff::Timestamp;
use overlock_engine::{Hands, Report};
use overlock_model::plan::{Artifact, Change, Closure, Ends, Step};
use overlock_model::run::{RunId, Standing};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the host had before a run changed it, in the run's folder; the last thing that is written before the change.
const BEFORE: &str = "before";

/// What the operator and the host's own configuration chose for this run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long to wait for other package managers.
    pub patience: Duration,
    /// Until when versions that are taken back stay away.
    pub away_until: Timestamp,
    /// The run whose changes this one takes back.
    pub reverts: Option<RunId>,
    /// The host's own health checks.
    pub checks: Vec<Check>,
    /// A fresh connection to one of these confirms a run that waits for it.
    pub confirm_by: Vec<String>,
    /// Our own program, for the timer that stands behind a run that waits and the unit that goes on after a boot.
    pub program: PathBuf,
    /// Whether the plan has the host boot anew.
    pub boots: Boots,
    /// What the plan says of measures.
    pub mitigates: Option<Mitigates>,
    /// What the plan says of the root file system.
    pub roots: Roots,
}

/// Told what happens, and asked what only the caller can know.
pub trait Observer {
    /// One line about what is going on now.
    fn tell(&mut self, line: &str);
    /// Whether these exposures have ended on the host as it is now; lines for people.
    ///
    /// # Errors
    /// Which have not, or why it cannot be known.
    fn ended(&mut self, ends: &[Ends]) -> Result<Vec<String>, String>;
    /// What time it is.
    fn now(&self) -> Timestamp;
}

/// Where the package manager's own output of a run is; `data` is the state directory.
#[must_use]
pub fn log(data: &Path, run: RunId) -> PathBuf {
    data.join("runs").join(run.to_string()).join("packages.log")
}

/// One run on this host.
pub struct LocalHost<'a> {
    run: RunId,
    closure: &'a Closure,
    manager: &'a dyn PackageManager,
    artifacts: Artifacts,
    data: PathBuf,
    folder: PathBuf,
    settings: Settings,
    observer: &'a mut dyn Observer,
    /// What was seen of configuration before packages go back.
    going_back: Option<settings::GoingBack>,
}

impl<'a> LocalHost<'a> {
    /// The hands for a run; `data` is the state directory.
    pub fn new(
        run: RunId,
        closure: &'a Closure,
        manager: &'a dyn PackageManager,
        data: &Path,
        settings: Settings,
        observer: &'a mut dyn Observer,
    ) -> Self {
        Self {
            run,
            closure,
            manager,
            artifacts: Artifacts::new(data.join("artifacts")),
            data: data.to_owned(),
            folder: data.join("runs").join(run.to_string()),
            settings,
            observer,
            going_back: None,
        }
    }

    fn log(&self) -> PathBuf {
        log(&self.data, self.run)
    }

    fn run_folder(&self, run: Option<RunId>) -> PathBuf {
        match run {
            Some(run) => self.data.join("runs").join(run.to_string()),
            None => self.folder.clone(),
        }
    }

    fn unit(&self, phase: &str, attempt: u32) -> String {
        format!("overlock-run-{}-{phase}-{attempt}", self.run)
    }

    fn file(&self, artifact: &Artifact) -> PathBuf {
        self.artifacts.path(artifact, self.manager.word())
    }

    /// A transaction that was cut off or failed: what it did to `/etc` is written down before somebody edits it, and once
    /// packages are whole all of it is synced.
    fn settle_underway(&mut self, standing: Standing) {
        if underway::read(&self.folder) == Underway::No {
            return;
        }
        let goes_back = settings::GoingBack::seen(&self.folder, self.run).is_some();
        if !goes_back && let Err(error) = settings::settle(&self.folder) {
            self.observer.tell(&format!(
                "changes of configuration cannot be written down: {error}"
            ));
        }
        if standing != Standing::Broken {
            underway::end(&self.folder);
        }
    }

    /// What is looked at before a change, and who is told.
    fn preflight_of(&mut self, files: Option<Vec<PathBuf>>) -> (Preflight<'_>, &mut dyn Observer) {
        let preflight = Preflight {
            manager: self.manager,
            closure: self.closure,
            files,
            patience: self.settings.patience,
            data: &self.folder,
            boots: &self.settings.boots,
        };
        (preflight, &mut *self.observer)
    }

    /// Waits for others who change packages; who is in the way still.
    fn others(&mut self) -> Option<String> {
        let (preflight, observer) = self.preflight_of(None);
        preflight.others(&mut |line| observer.tell(line))
    }

    /// Packages that are back, though whoever began that was cut off before the rest was: files under `/etc`, keeping the
    /// versions away, restarts. `Mixed` where only another try of the way back can do what is left.
    fn finish_going_back(&mut self, standing: Standing) -> Standing {
        let run = match (standing, self.settings.reverts) {
            (Standing::Target, Some(run)) => run,
            (Standing::Prior, None) => self.run,
            _ => return standing,
        };
        let folder = self.run_folder(Some(run));
        let Some(seen) = settings::GoingBack::seen(&folder, self.run) else {
            return standing;
        };
        let finished = seen.finish().and_then(|notes| {
            notes.iter().for_each(|note| self.observer.tell(note));
            self.keep_away(run)
        });
        match finished {
            Ok(note) => self.observer.tell(&note),
            // What could not be done is tried again with the way back itself.
            Err(error) => {
                self.observer
                    .tell(&format!("the way back cannot be finished: {error}"));
                return Standing::Mixed;
            }
        }
        if standing == Standing::Prior {
            if self.has_booted_forward() {
                return Standing::Mixed;
            }
            for note in self.restart(&[]).notes {
                self.observer.tell(&note);
            }
        }
        settings::GoingBack::forget(&folder, self.run);
        standing
    }

    /// Files of these artifacts, each hashed anew.
    fn checked<'b>(
        &self,
        artifacts: impl Iterator<Item = (&'b Change, &'b Artifact)>,
    ) -> Result<Vec<PathBuf>, String> {
        artifacts
            .map(
                |(change, artifact)| match self.artifacts.has(artifact, self.manager.word()) {
                    Ok(true) => Ok(self.file(artifact)),
                    Ok(false) => Err(format!("the artifact of {} is not at hand", change.spec())),
                    Err(error) => Err(chain(&error)),
                },
            )
            .collect()
    }
}

impl Hands for LocalHost<'_> {
    fn preflight(&mut self) -> Report {
        // Former files of `/etc` and evidence will lie there.
        let owner_only = || fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o700));
        if let Err(error) = fs::create_dir_all(&self.folder)
            .and_then(|()| owner_only())
            .and_then(|()| self.manager.disarm())
            .and_then(|()| asked::forget())
        {
            return Report::failed(format!("cannot write `{}`: {error}", self.folder.display()));
        }
        if let Some(of) = self.settings.mitigates.clone() {
            return self.mitigate_preflight(&of);
        }
        if let Some(report) = self.roots_preflight() {
            return report;
        }
        let files = self.checked(self.closure.artifacts()).ok();
        let (preflight, observer) = self.preflight_of(files);
        preflight.run(&mut |line| observer.tell(line))
    }

    fn step(&mut self, step: &Step, attempt: u32) -> Report {
        match (step, self.settings.mitigates.clone()) {
            (Step::Mitigate { .. }, Some(of)) => return self.mitigate(&of, attempt),
            (Step::Verify { .. }, Some(of)) => return self.mitigate_verify(&of),
            (Step::Verify { .. }, None) => match self.look_at_restored() {
                Ok(None | Some((Standing::Target, _))) => {}
                Ok(Some((standing, _))) => {
                    return Report::failed(format!("packages are {}", standing.word()));
                }
                Err(why) => return Report::failed(why),
            },
            _ => {}
        }
        match step {
            Step::Fetch {} => self.fetch(),
            Step::Install {} => self.install(attempt),
            Step::Restart { units } => self.restart(units),
            Step::Verify { ends } => {
                let before = fs::read_to_string(self.folder.join(BEFORE)).ok();
                let before = before.as_deref().map(Probe::from_text);
                let observer = &mut self.observer;
                let promised = verify::Promised {
                    manager: self.manager,
                    closure: self.closure,
                    before: before.as_ref(),
                    checks: &self.settings.checks,
                    boots: &self.settings.boots,
                };
                verify::verify(&promised, &mut || observer.ended(ends))
            }
            Step::Commit { confirm_within } => self.commit(*confirm_within),
            Step::Evidence { .. } => self.evidence(),
            Step::Reboot { kernel } => self.reboot(kernel.as_deref(), attempt),
            Step::Snapshot {} => self.keep_root(),
            Step::Revert { .. } => match self.settings.roots.clone() {
                Roots::PutBack { run, closure } => self.put_root_back(run, &closure, attempt),
                Roots::Left | Roots::Kept { .. } => Report::failed("the plan puts no root back"),
            },
            Step::Mitigate { .. } => Report::failed("the plan has no measures"),
        }
    }

    fn look(&mut self) -> Result<(Standing, Vec<String>), String> {
        if let Some(of) = self.settings.mitigates.clone() {
            return self.mitigate_look(&of);
        }
        if let Some(found) = self.look_at_restored()? {
            return Ok(found);
        }
        // A transaction that outlived us is waited for; nobody looks at half of one.
        for phase in ["install", "overlay", "revert"] {
            for attempt in 1..=overlock_engine::CHANGES_MAX {
                let unit = format!("{}.service", self.unit(phase, attempt));
                transient::adopt(&unit).map_err(|error| chain(&error))?;
            }
        }
        transient::adopt(&format!("{}.service", manager::MEND_UNIT))
            .map_err(|error| chain(&error))?;
        // Nothing is being installed now: packages may start what they want again.
        self.manager
            .disarm()
            .map_err(|error| format!("what held restarts off cannot be removed: {error}"))?;
        self.manager
            .settle(&self.log())
            .map_err(|error| chain(&error))?;
        let found = self
            .manager
            .standing(self.closure)
            .map_err(|error| chain(&error))?;
        let found = match (underway::read(&self.folder), found) {
            (Underway::No, found) => found,
            // No package was touched, whatever was lost.
            (Underway::Interrupted(Direction::Forward), found @ (Standing::Prior, _)) => found,
            (Underway::Interrupted(_), (_, mut notes)) => {
                notes.push(
                    "the host went down in the midst of it: what was not on the disk is lost"
                        .to_owned(),
                );
                return Ok((Standing::Broken, notes));
            }
            (Underway::ThisBoot, found) => found,
        };
        self.settle_underway(found.0);
        let found = (self.finish_going_back(found.0), found.1);
        match found.0 {
            Standing::Broken => self.observer.tell("packages are not whole"),
            // However they came back: what was laid beside edited files on the way goes too.
            Standing::Prior => {
                let edited = configuration::edited(&self.log(), 0, self.manager);
                configuration::drop_new(&edited, &self.folder);
            }
            Standing::Target | Standing::Mixed => {}
        }
        Ok(found)
    }

    fn mend(&mut self, attempt: u32) -> Report {
        // At boot, when a run is taken up again, they wake up too.
        if let Some(why) = self.others() {
            return Report::failed(why);
        }
        if let Underway::Interrupted(direction) = underway::read(&self.folder) {
            return self.again(direction);
        }
        self.observer.tell("mending the package manager's state");
        let quiet = self.manager.hold_off();
        let log = self.log();
        let begin = fs::metadata(&log).map_or(0, |of| of.len());
        let result = self
            .manager
            .mend(attempt, self.closure, &self.artifacts, &log);
        drop(quiet);
        match result {
            Ok(notes) => Report::done_with(notes),
            Err(error) => {
                let told = complaints::told(&log, begin, self.manager);
                Report::failed(told.unwrap_or_else(|| chain(&error)))
            }
        }
    }

    fn revert(&mut self, attempt: u32) -> Report {
        if let Some(of) = self.settings.mitigates.clone() {
            return self.mitigate_back(&of);
        }
        if self.settings.roots == (Roots::Kept { on_failure: true }) {
            return self.put_root_back(self.run, self.closure, attempt);
        }
        self.take_back(attempt)
    }

    fn has_rebooted(&mut self) -> bool {
        crate::reboot::has_rebooted(&self.folder)
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
