//! Brings the feeds up to date: four downloads at a time, while one thread checks what has arrived.
//!
//! ```text
//! this thread   fetch ┐ fetch ┐ fetch ┐ fetch ┐      (one runtime, four at a time)
//!                     └───────┴───────┴───────┴─► channel
//! checker       ◄─────────────────────────────── parse, compare, replace, one at a time
//! ```
//!
//! One file is parsed at a time because parsing is what needs memory. A feed that fails costs nobody else anything.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::mpsc;

use jiff::Timestamp;
use overlock_model::feed::FeedId;

use crate::check::Checker;
use crate::download::{Downloader, Fetched, Settings};
use crate::error::{Cause, FeedError, Kind};
use crate::intake::Shrink;
use crate::mirror::Mirror;
use crate::progress::Progress;
use crate::publishers::Publisher;
use crate::store::{Locked, Store, StoreError};

mod job;

use job::Job;

/// How to sync.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Read from here instead of the publishers.
    pub mirror: Option<Mirror>,
    /// What to do with a feed that shrinks to less than a quarter.
    pub shrink: Shrink,
    /// Bounds of the downloads.
    pub settings: Settings,
}

/// What became of each feed, in the order asked.
#[derive(Debug)]
pub struct SyncReport {
    /// One line per feed.
    pub feeds: Vec<FeedOutcome>,
}

/// What became of one feed.
#[derive(Debug)]
pub struct FeedOutcome {
    /// Which feed.
    pub id: FeedId,
    /// What became of it.
    pub outcome: Outcome,
    /// Oddities that are no error: dates in the future, a damaged state that was replaced.
    pub notes: Vec<String>,
}

/// What became of a feed.
#[derive(Debug)]
pub enum Outcome {
    /// A new copy is in place.
    Updated {
        /// Records that can be used.
        records: u64,
        /// Records kept out.
        quarantined: u64,
        /// The first problems in words.
        problems: Vec<String>,
    },
    /// What we had is current.
    Unchanged,
    /// Not taken: the copy we have is newer than the archive's. Only an import says this.
    KeptNewer,
    /// The publisher rightly has no such file.
    NotOffered,
    /// Not taken in.
    Failed {
        /// Why.
        error: FeedError,
        /// Whether an older good copy stays in use.
        kept: bool,
    },
}

impl SyncReport {
    /// Feeds that failed, with whether an older copy stays in use.
    pub fn failures(&self) -> impl Iterator<Item = (&FeedError, bool)> {
        self.feeds.iter().filter_map(|feed| match &feed.outcome {
            Outcome::Failed { error, kept } => Some((error, *kept)),
            Outcome::Updated { .. }
            | Outcome::Unchanged
            | Outcome::KeptNewer
            | Outcome::NotOffered => None,
        })
    }

    /// 0 if every feed is up to date; else 3 where the environment failed, 2 where only input was bad.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.failures()
            .map(|(error, _)| error.kind())
            .max()
            .map_or(0, Kind::exit_code)
    }
}

/// Brings `publishers`, whose ids must differ, up to date. Blocks; `now` is written as the time of fetching.
///
/// # Errors
/// Only what concerns all feeds: the lock is held by another process, the folder cannot be written. What concerns one
/// feed is in the report.
pub fn sync(
    store: &Store,
    publishers: &[Publisher],
    options: &Options,
    checker: &dyn Checker,
    now: Timestamp,
    progress: &dyn Progress,
) -> Result<SyncReport, StoreError> {
    let locked = store.lock()?;
    let jobs: Vec<Job<'_>> = publishers
        .iter()
        .map(|publisher| Job::new(store, publisher))
        .collect();
    let (sender, arrivals) = mpsc::channel::<(usize, Result<Fetched, Cause>)>();
    let mut outcomes = std::thread::scope(|scope| {
        let (jobs, locked) = (&jobs, &locked);
        let taking = scope.spawn(move || {
            let mut outcomes: HashMap<usize, FeedOutcome> = HashMap::new();
            for (index, fetched) in arrivals {
                if let Some(job) = jobs.get(index) {
                    let outcome = job.settle(locked, fetched, checker, options, now, progress);
                    outcomes.insert(index, outcome);
                }
            }
            outcomes
        });
        fetch_all(locked, jobs, options, progress, &sender);
        drop(sender);
        match taking.join() {
            Ok(outcomes) => outcomes,
            // A bug, which the program reports as one; the store is whole at any instant.
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    let feeds = jobs.iter().enumerate().map(|(index, job)| {
        outcomes
            .remove(&index)
            .unwrap_or_else(|| job.failed(Cause::Interrupted, options.mirror.as_ref()))
    });
    Ok(SyncReport {
        feeds: feeds.collect(),
    })
}

fn fetch_all(
    locked: &Locked<'_>,
    jobs: &[Job<'_>],
    options: &Options,
    progress: &dyn Progress,
    sender: &mpsc::Sender<(usize, Result<Fetched, Cause>)>,
) {
    let send = |index, result| {
        // The receiver ends only with its thread, whose panic is raised after this.
        let _ = sender.send((index, result));
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let kind = error.kind();
            for index in 0..jobs.len() {
                let source = std::io::Error::from(kind);
                send(
                    index,
                    Err(Cause::Disk {
                        path: "epoll".into(),
                        source,
                    }),
                );
            }
            return;
        }
    };
    runtime.block_on(async {
        let queue = RefCell::new(jobs.iter().enumerate());
        let client = RefCell::new(None);
        let worker = || async {
            loop {
                let next = queue.borrow_mut().next();
                let Some((index, job)) = next else { return };
                progress.started(&job.publisher.id);
                let result = match downloader(&client, &options.settings) {
                    Ok(downloader) => job.fetch(locked, &downloader, options, progress).await,
                    Err(cause) => Err(cause),
                };
                send(index, result);
            }
        };
        // Four hide the latency of small files; more would only split one line's bandwidth.
        tokio::join!(worker(), worker(), worker(), worker());
    });
}

/// The client is made at the first need, so that its failure is each feed's own error.
fn downloader(
    made: &RefCell<Option<std::rc::Rc<Downloader>>>,
    settings: &Settings,
) -> Result<std::rc::Rc<Downloader>, Cause> {
    if let Some(downloader) = &*made.borrow() {
        return Ok(std::rc::Rc::clone(downloader));
    }
    let downloader = std::rc::Rc::new(Downloader::new(settings)?);
    *made.borrow_mut() = Some(std::rc::Rc::clone(&downloader));
    Ok(downloader)
}
