//! Many trials, side by side, and their tally.

use crate::points;
use crate::scene::in_own_mounts;
use crate::template::{Set, Template};
use crate::trial::{Ending, Fault, Recovery, Reference, Trial, trial};
use anyhow::Result;
use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};

/// At which events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Points {
    /// Each one.
    Every,
    /// So many, spread over processes, calls and paths.
    Sample(usize),
    /// This one.
    At(u64),
}

/// What is to be tried.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Which packages.
    pub set: Set,
    /// What happens.
    pub fault: Fault,
    /// When.
    pub points: Points,
    /// Chooses a sample.
    pub seed: u64,
    /// What is done afterwards.
    pub recovery: Recovery,
    /// Trials at the same time.
    pub jobs: usize,
    /// The program to try.
    pub overlock: PathBuf,
    /// A folder for mounts; nothing in it stays.
    pub folder: PathBuf,
}

/// Told on the way.
pub enum News<'a> {
    /// The run that nobody cut.
    Reference(&'a Template, &'a Reference),
    /// One trial.
    Trial(u64, &'a Trial),
}

/// How many ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Trials.
    pub points: u64,
    /// Those whose event came.
    pub fired: u64,
    /// Ended in the target.
    pub target: u64,
    /// Ended as before.
    pub prior: u64,
    /// Ended in one of the two after a named repair state.
    pub repair: u64,
    /// Ended anywhere else.
    pub unexplained: u64,
}

impl Tally {
    /// Every event came and every end is explained.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.points > 0 && self.fired == self.points && self.unexplained == 0
    }

    fn count(&mut self, trial: &Trial) {
        self.points += 1;
        self.fired += u64::from(trial.event.is_some());
        *match trial.ending {
            Ending::Target => &mut self.target,
            Ending::Prior => &mut self.prior,
            Ending::Repair => &mut self.repair,
            Ending::Unexplained(_) => &mut self.unexplained,
        } += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            points,
            fired,
            target,
            prior,
            repair,
            unexplained,
        } = self;
        write!(
            f,
            "points={points} fired={fired} target={target} prior={prior} repair={repair} unexplained={unexplained}"
        )
    }
}

impl Campaign {
    /// Makes a template, runs the reference, then every trial.
    ///
    /// # Errors
    /// When the harness fails; how hosts end is in the tally.
    pub fn run(&self, tell: &mut (dyn FnMut(News<'_>) + Send)) -> Result<Tally> {
        in_own_mounts(&self.folder, || {
            let template = Template::new(self.set, &self.folder, &self.overlock)?;
            let template = match self.fault {
                Fault::PowerCut => template.with_image(&self.folder)?,
                Fault::Kill | Fault::FullDisk => template,
            };
            let reference = Reference::of(&template, self.fault, &self.folder.join("reference"))?;
            tell(News::Reference(&template, &reference));
            let points = match self.points {
                Points::Every => (1..=reference.events.len() as u64).collect(),
                Points::Sample(count) => points::sample(&reference.events, count, self.seed),
                Points::At(at) => vec![at],
            };
            self.trials(&template, &reference, points, tell)
        })
    }

    fn trials(
        &self,
        template: &Template,
        reference: &Reference,
        points: Vec<u64>,
        tell: &mut (dyn FnMut(News<'_>) + Send),
    ) -> Result<Tally> {
        let queue = Mutex::new(VecDeque::from(points));
        let next = || {
            queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front()
        };
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            for job in 0..self.jobs.max(1) {
                let sender = sender.clone();
                let folder = self.folder.join(format!("job-{job}"));
                let next = &next;
                scope.spawn(move || {
                    while let Some(at) = next() {
                        let done = self.one(template, reference, &folder, at);
                        if sender.send((at, done)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let mut tally = Tally::default();
            for (at, done) in receiver {
                let trial = done?;
                tally.count(&trial);
                tell(News::Trial(at, &trial));
            }
            Ok(tally)
        })
    }

    fn one(
        &self,
        template: &Template,
        reference: &Reference,
        folder: &Path,
        at: u64,
    ) -> Result<Trial> {
        // Mounts of each trial are its own as well: a job that ends early leaves none to the others.
        in_own_mounts(folder, || {
            let tried = || trial(template, reference, folder, self.fault, at, self.recovery);
            // A run is some events longer or shorter than the next, so one of the last may not come the first time.
            let first = tried()?;
            match first.event {
                Some(_) => Ok(first),
                None => tried(),
            }
        })
    }
}
