//! The hands: one run on the running host.

use crate::apt::{self, Quiet};
use crate::artifacts::Artifacts;
use crate::checks::Check;
use crate::confirm::{Confirmation, Waited};
use crate::preflight::Preflight;
use crate::probe::Probe;
use crate::{PackageManager, complaints, configuration, evidence, pins, restart, settings, verify};
use jiff::Timestamp;
use overlock_engine::{Hands, Report};
use overlock_model::plan::{Action, Artifact, Change, Closure, Ends, Step};
use overlock_model::run::{Outcome, RunId, Standing};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// Our own program, for the timer that stands behind a run that waits.
    pub program: PathBuf,
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

    /// The package manager's own output of this run.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("packages.log")
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

    fn fetch(&mut self) -> Report {
        let mut missing: Vec<(&Change, &str, &Artifact)> = Vec::new();
        for change in &self.closure.changes {
            let new = change.to().zip(change.artifact());
            let old = change.from().zip(change.back());
            for (version, artifact) in new.into_iter().chain(old) {
                match self.artifacts.has(artifact, self.manager.word()) {
                    Ok(true) => {}
                    Ok(false) => missing.push((change, version, artifact)),
                    Err(error) => return Report::failed(chain(&error)),
                }
            }
        }
        if missing.is_empty() {
            return Report::done_with(vec!["every artifact is at hand".to_owned()]);
        }
        let bytes: u64 = missing.iter().map(|(.., artifact)| artifact.size).sum();
        self.observer.tell(&format!(
            "fetching {} artifacts, {:.1} MiB",
            missing.len(),
            bytes as f64 / f64::from(1 << 20)
        ));
        let folder = self.folder.join("fetch");
        let made = fs::remove_dir_all(&folder)
            .or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
            .and_then(|()| fs::create_dir_all(&folder));
        if let Err(error) = made {
            return Report::failed(format!("cannot make `{}`: {error}", folder.display()));
        }
        let result = self.fetch_into(&missing, &folder);
        drop(fs::remove_dir_all(&folder));
        match result {
            Ok(()) => Report::done_with(vec![format!(
                "fetched {} artifacts, each with the hash of the plan",
                missing.len()
            )]),
            Err(why) => Report::failed(why),
        }
    }

    fn fetch_into(
        &self,
        missing: &[(&Change, &str, &Artifact)],
        folder: &Path,
    ) -> Result<(), String> {
        // What apt itself has kept; the hash decides whether it is the one.
        let wanted: Vec<(&str, &str, &str)> = missing
            .iter()
            .filter(|(change, version, artifact)| {
                let kept = Path::new("/var/cache/apt/archives").join(deb_name(change, version));
                let copy = folder.join("kept");
                !(fs::copy(kept, &copy).is_ok()
                    && self
                        .artifacts
                        .take(&copy, artifact, self.manager.word())
                        .is_ok())
            })
            .map(|(change, version, _)| (change.name.as_str(), change.arch.as_str(), *version))
            .collect();
        self.manager
            .download(&wanted, folder)
            .map_err(|error| chain(&error))?;
        for (change, version, artifact) in missing {
            if self
                .artifacts
                .has(artifact, self.manager.word())
                .map_err(|error| chain(&error))?
            {
                continue;
            }
            let file = folder.join(deb_name(change, version));
            self.artifacts
                .take(&file, artifact, self.manager.word())
                .map_err(|error| chain(&error))?;
        }
        Ok(())
    }

    fn install(&mut self, attempt: u32) -> Report {
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
        if attempt == 1
            && let Err(error) = self.keep_probe()
        {
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
            // Before the revert counts as done, so that no timer can come in between (F39a).
            Some(run) if report.outcome == Outcome::Done => {
                let gone = self.closure.changes.iter();
                let gone = gone.filter_map(|change| Some((change.name.as_str(), change.from()?)));
                self.keep_away(run, gone.collect(), report)
            }
            _ => report,
        }
    }

    fn keep_away(&self, run: RunId, versions: Vec<(&str, &str)>, report: Report) -> Report {
        let until = self.settings.away_until;
        match pins::keep_away(run, &versions, until) {
            Err(error) => Report::failed(format!("the versions cannot be kept away: {error}")),
            Ok(path) => {
                let mut notes = report.notes;
                notes.push(format!(
                    "kept away until {} by {}",
                    until.strftime("%Y-%m-%d"),
                    path.display()
                ));
                Report { notes, ..report }
            }
        }
    }

    fn evidence(&mut self) -> Report {
        let folder = self.folder.join("evidence");
        if folder.join("MANIFEST").is_file() {
            return Report::done_with(vec!["evidence was taken before".to_owned()]);
        }
        self.observer
            .tell("taking evidence before anything is changed");
        match evidence::take(&folder) {
            Err(error) => Report::failed(format!("evidence cannot be written down: {error}")),
            Ok((digest, missing)) => {
                let mut notes = vec![format!("evidence {digest} in {}", folder.display())];
                notes.extend(missing.iter().map(|what| format!("not to be had: {what}")));
                Report::done_with(notes)
            }
        }
    }

    fn commit(&mut self, within: Option<u64>) -> Report {
        let Some(seconds) = within else {
            return Report::done();
        };
        let within = Duration::from_secs(seconds);
        let confirmation = Confirmation::new(self.run, &self.folder);
        let deadline = match confirmation.begin(self.observer.now(), within) {
            Ok(deadline) => deadline,
            Err(error) => {
                return Report::failed(format!("the wait cannot be written down: {error}"));
            }
        };
        let mut notes = Vec::new();
        match confirmation.arm(&self.settings.program, &self.data, within) {
            Ok(true) => {}
            Ok(false) => notes.push("no systemd: no timer stands behind this run".to_owned()),
            // A second try finds the first one's timer still there.
            Err(error) => notes.push(format!("timer: {}", chain(&error))),
        }
        self.observer.tell(&format!(
            "waiting until {} for `overlock confirm {}` over a new login",
            deadline.strftime("%H:%M:%S UTC"),
            self.run
        ));
        let observer = &self.observer;
        let waited = confirmation.wait(deadline, &self.settings.confirm_by, &|| observer.now());
        confirmation.disarm();
        match waited {
            Waited::Confirmed(by) => {
                notes.push(format!("confirmed by {}", by.trim()));
                Report::done_with(notes)
            }
            Waited::TimeUp => Report {
                outcome: Outcome::Failed {
                    why: "nobody confirmed in time that the host can still be reached".to_owned(),
                },
                notes,
            },
        }
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
        let begin_back =
            |run| settings::GoingBack::begin(&self.data.join("runs").join(RunId::to_string(&run)));
        let going_back = self
            .going_back
            .take()
            .or_else(|| taken_back.map(begin_back));
        let quiet = match Quiet::begin() {
            Ok(quiet) => quiet,
            Err(error) => {
                return Report::failed(format!("packages' restarts cannot be held off: {error}"));
            }
        };
        if !quiet.is_ours() {
            notes.push("the host's own policy-rc.d decides on restarts".to_owned());
        }
        let (log, unit) = (self.log(), self.unit(phase, attempt));
        self.observer.tell(&format!(
            "{phase}: {} packages",
            files.len() + removals.len()
        ));
        let begin = fs::metadata(&log).map_or(0, |of| of.len());
        let result = self.manager.install(files, removals, &log, &unit);
        drop(quiet);
        // dpkg syncs its own files; what scripts and apt wrote must not be lost after the journal says that it was done.
        rustix::fs::sync();
        let kept = configuration::kept(&log, begin);
        if let Some(going_back) = going_back {
            notes.extend(configuration::drop_new(&kept, &self.run_folder(taken_back)));
            match going_back.finish() {
                Ok(restored) => notes.extend(restored),
                Err(error) => notes.push(format!("configuration cannot be put back: {error}")),
            }
        } else {
            notes.extend(configuration::differences(&kept));
            // Whatever state the packages are in now, what they did to files is what would have to be taken back.
            if let Err(error) = settings::settle(&self.folder) {
                notes.push(format!(
                    "changes of configuration cannot be written down: {error}"
                ));
            }
        }
        match result {
            Ok(()) => Report::done_with(notes),
            Err(error) => Report {
                outcome: Outcome::Failed {
                    why: complaints::told(&log, begin).unwrap_or_else(|| chain(&error)),
                },
                notes,
            },
        }
    }

    fn keep_probe(&self) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        configuration::remember(&self.folder)?;
        settings::remember(&self.folder)?;
        fs::write(self.folder.join("before"), Probe::now().to_text())
    }

    fn restart(&mut self, units: &[String]) -> Report {
        match restart::pass(units, &apt::asked_for()) {
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
                Report {
                    outcome: Outcome::Failed {
                        why: pass.failed.join("; "),
                    },
                    notes,
                }
            }
        }
    }
}

impl Hands for LocalHost<'_> {
    fn preflight(&mut self) -> Report {
        if let Err(error) = fs::create_dir_all(&self.folder)
            .and_then(|()| apt::disarm())
            .and_then(|()| apt::forget())
        {
            return Report::failed(format!("cannot write `{}`: {error}", self.folder.display()));
        }
        let preflight = Preflight {
            manager: self.manager,
            closure: self.closure,
            files: self.checked(self.closure.artifacts()).ok(),
            locks: &apt::LOCKS,
            patience: self.settings.patience,
            data: &self.folder,
        };
        preflight.run(&mut |line| self.observer.tell(line))
    }

    fn step(&mut self, step: &Step, attempt: u32) -> Report {
        match step {
            Step::Fetch {} => self.fetch(),
            Step::Install {} => self.install(attempt),
            Step::Restart { units } => self.restart(units),
            Step::Verify { ends } => {
                let before = fs::read_to_string(self.folder.join("before")).ok();
                let before = before.as_deref().map(Probe::from_text);
                let observer = &mut self.observer;
                let promised = verify::Promised {
                    manager: self.manager,
                    closure: self.closure,
                    before: before.as_ref(),
                    checks: &self.settings.checks,
                };
                verify::verify(&promised, &mut || observer.ended(ends))
            }
            Step::Commit { confirm_within } => self.commit(*confirm_within),
            Step::Evidence { .. } => self.evidence(),
        }
    }

    fn look(&mut self) -> Result<(Standing, Vec<String>), String> {
        // A transaction that outlived us is waited for; nobody looks at half of one.
        for phase in ["install", "revert"] {
            for attempt in 1..=overlock_engine::INSTALLS_MAX {
                let unit = format!("{}.service", self.unit(phase, attempt));
                apt::adopt(&unit).map_err(|error| chain(&error))?;
            }
        }
        apt::adopt(&format!("{}.service", apt::MEND_UNIT)).map_err(|error| chain(&error))?;
        // Nothing is being installed now: packages may start what they want again.
        apt::disarm().map_err(|error| format!("`policy-rc.d` cannot be removed: {error}"))?;
        let found = self
            .manager
            .standing(self.closure)
            .map_err(|error| chain(&error))?;
        if found.0 == Standing::Broken {
            self.observer.tell("packages are not whole");
        }
        Ok(found)
    }

    fn mend(&mut self, attempt: u32) -> Report {
        self.observer.tell("mending the package manager's state");
        let quiet = Quiet::begin();
        let log = self.log();
        let begin = fs::metadata(&log).map_or(0, |of| of.len());
        let result = self
            .manager
            .mend(attempt, self.closure, &self.artifacts, &log);
        drop(quiet);
        match result {
            Ok(notes) => Report::done_with(notes),
            Err(error) => {
                Report::failed(complaints::told(&log, begin).unwrap_or_else(|| chain(&error)))
            }
        }
    }

    fn revert(&mut self, attempt: u32) -> Report {
        self.observer.tell("putting the former packages back");
        self.going_back = Some(settings::GoingBack::begin(&self.folder));
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
        // apt does nothing while packages are not whole, and finishing the new ones may be what cannot be done; dpkg puts
        // the former ones over them.
        if matches!(
            self.manager.standing(self.closure),
            Ok((Standing::Broken, _))
        ) {
            let quiet = Quiet::begin();
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
        let gone = self.closure.changes.iter();
        let gone = gone.filter_map(|change| Some((change.name.as_str(), change.to()?)));
        let report = self.keep_away(self.run, gone.collect(), report);
        let restarted = self.restart(&[]);
        Report {
            notes: report.notes.into_iter().chain(restarted.notes).collect(),
            outcome: match report.outcome {
                Outcome::Done => restarted.outcome,
                other => other,
            },
        }
    }
}

/// How apt names a downloaded file: `NAME_VERSION_ARCH.deb`, the epoch's colon escaped.
fn deb_name(change: &Change, version: &str) -> String {
    let version = version.replace(':', "%3a");
    format!("{}_{version}_{}.deb", change.name, change.arch)
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
