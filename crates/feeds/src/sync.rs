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
use reqwest::Url;

use crate::check::Checker;
use crate::download::{Downloader, Fetched, Meter, Received, Settings, Wanted};
use crate::error::{Cause, FeedError, Kind, in_one_line};
use crate::format::FeedFormat;
use crate::intake::{Candidate, Shrink, Taken, record_failure, take_in};
use crate::mirror::{Mirror, Source, redacted_text};
use crate::progress::Progress;
use crate::publishers::{Presence, Publisher};
use crate::repomd::{self, REPOMD_BYTES_MAX};
use crate::store::{Good, Locked, Store, StoreError, Validators};

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

/// Brings `publishers` up to date. Blocks; `now` is written as the time of fetching.
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

/// One feed of one sync.
struct Job<'a> {
    publisher: &'a Publisher,
    kept: Option<Good>,
    /// Why the kept state must not be touched: a newer version wrote it, or it cannot be read.
    untouchable: Option<String>,
    notes: Vec<String>,
}

impl<'a> Job<'a> {
    fn new(store: &Store, publisher: &'a Publisher) -> Self {
        let mut job = Self {
            publisher,
            kept: None,
            untouchable: None,
            notes: Vec::new(),
        };
        match store.good(&publisher.id) {
            Ok(kept) => job.kept = kept,
            Err(error @ StoreError::Damaged { .. }) => {
                job.notes
                    .push(format!("{}; fetched anew", in_one_line(&error)));
            }
            Err(error) => job.untouchable = Some(in_one_line(&error)),
        }
        job
    }

    async fn fetch(
        &self,
        locked: &Locked<'_>,
        downloader: &Downloader,
        options: &Options,
        progress: &dyn Progress,
    ) -> Result<Fetched, Cause> {
        if let Some(why) = &self.untouchable {
            return Err(Cause::State { why: why.clone() });
        }
        let url = Url::parse(&self.publisher.url).map_err(|_| Cause::Address)?;
        let known = self
            .kept
            .as_ref()
            .and_then(|kept| kept.state.validators.as_ref());
        let meter = FeedMeter {
            feed: &self.publisher.id,
            progress,
        };
        let receiving = || locked.receiving(&self.publisher.id);
        let mirror = options.mirror.as_ref();
        let limit = self.publisher.max_bytes;
        let fetch = async |url: &Url, limit, known| {
            let source = Source::of(url, mirror).ok_or(Cause::Address)?;
            let wanted = Wanted {
                source: &source,
                limit,
                known,
                receiving: &receiving,
                meter: &meter,
            };
            downloader.fetch(&wanted).await
        };
        if self.publisher.format != FeedFormat::Updateinfo {
            return fetch(&url, limit, known).await;
        }
        // Two steps: the repository's metadata names the file and its checksum.
        let Fetched::File(repomd) = fetch(&url, REPOMD_BYTES_MAX, None).await? else {
            return Err(Cause::Repomd {
                why: "the server answered `unchanged` unasked".to_owned(),
            });
        };
        let text = std::fs::read_to_string(repomd.file.path()).map_err(|error| Cause::Repomd {
            why: error.to_string(),
        })?;
        let entry = repomd::updateinfo(&text)?.ok_or(Cause::Absent)?;
        let etag = entry.checksum.as_ref().map(repomd::Checksum::as_etag);
        if etag.is_some() && known.is_some_and(|known| known.etag == etag) {
            return Ok(Fetched::NotModified);
        }
        let file_url = repomd::address(&url, &entry.href).ok_or(Cause::Address)?;
        let Fetched::File(received) = fetch(&file_url, limit, None).await? else {
            return Err(Cause::Repomd {
                why: "the server answered `unchanged` unasked".to_owned(),
            });
        };
        announced_holds(&entry, &received)?;
        let source = received.validators.source.clone();
        let validators = Validators {
            source,
            etag,
            last_modified: None,
        };
        Ok(Fetched::File(Received {
            validators,
            ..received
        }))
    }

    /// On the checker's thread: from what arrived to what is kept.
    fn settle(
        &self,
        locked: &Locked<'_>,
        fetched: Result<Fetched, Cause>,
        checker: &dyn Checker,
        options: &Options,
        now: Timestamp,
        progress: &dyn Progress,
    ) -> FeedOutcome {
        let feed = &self.publisher.id;
        let taken =
            fetched.and_then(|fetched| self.take(locked, fetched, checker, options, now, progress));
        match taken {
            Ok(outcome) => {
                progress.finished(feed);
                outcome
            }
            Err(Cause::Absent)
                if self.publisher.presence == Presence::Optional && self.kept.is_none() =>
            {
                progress.finished(feed);
                self.outcome(Outcome::NotOffered, Vec::new())
            }
            Err(cause) => {
                let outcome = self.failed(cause, options.mirror.as_ref());
                if let Outcome::Failed { error, .. } = &outcome.outcome {
                    let why = in_one_line(error);
                    progress.failed(feed, &why);
                    if self.untouchable.is_none() {
                        // A disk too full even for this leaves the old state, which is still true.
                        let _ = record_failure(locked, self.publisher, self.kept.as_ref(), why);
                    }
                }
                outcome
            }
        }
    }

    fn take(
        &self,
        locked: &Locked<'_>,
        fetched: Fetched,
        checker: &dyn Checker,
        options: &Options,
        now: Timestamp,
        progress: &dyn Progress,
    ) -> Result<FeedOutcome, Cause> {
        let received = match (fetched, &self.kept) {
            (Fetched::File(received), _) => received,
            (Fetched::NotModified, Some(kept)) => {
                let mut state = kept.state.clone();
                state.status.fetched = Some(now);
                state.status.last_error = None;
                locked.record(&state)?;
                return Ok(self.outcome(Outcome::Unchanged, Vec::new()));
            }
            (Fetched::NotModified, None) => return Err(Cause::Status { status: 304 }),
        };
        progress.checking(&self.publisher.id);
        let candidate = Candidate {
            dated: received
                .validators
                .last_modified
                .as_deref()
                .and_then(http_date),
            file: received.file,
            size_bytes: received.size_bytes,
            sha256: received.sha256,
            validators: Some(received.validators),
            fetched: now,
        };
        let kept = self.kept.as_ref();
        Ok(
            match take_in(
                locked,
                self.publisher,
                candidate,
                kept,
                checker,
                options.shrink,
            )? {
                Taken::Same => self.outcome(Outcome::Unchanged, Vec::new()),
                Taken::New {
                    records,
                    quarantined,
                    problems,
                    notes,
                } => self.outcome(
                    Outcome::Updated {
                        records,
                        quarantined,
                        problems,
                    },
                    notes,
                ),
            },
        )
    }

    fn outcome(&self, outcome: Outcome, more: Vec<String>) -> FeedOutcome {
        let mut notes = self.notes.clone();
        notes.extend(more);
        FeedOutcome {
            id: self.publisher.id.clone(),
            outcome,
            notes,
        }
    }

    fn failed(&self, cause: Cause, mirror: Option<&Mirror>) -> FeedOutcome {
        let url = Url::parse(&self.publisher.url)
            .ok()
            .and_then(|url| Source::of(&url, mirror))
            .map_or_else(
                || redacted_text(&self.publisher.url),
                |source| source.redacted(),
            );
        let error = FeedError {
            feed: self.publisher.id.clone(),
            url,
            cause,
        };
        self.outcome(
            Outcome::Failed {
                error,
                kept: self.kept.is_some(),
            },
            Vec::new(),
        )
    }
}

/// Size and checksum as the repository announced them.
fn announced_holds(entry: &repomd::Updateinfo, received: &Received) -> Result<(), Cause> {
    if let Some(announced) = entry.size_bytes.filter(|size| *size != received.size_bytes) {
        return Err(Cause::Length {
            received: received.size_bytes,
            announced,
        });
    }
    if let Some(checksum) = &entry.checksum {
        let path = received.file.path();
        let holds = checksum.holds(path).map_err(|source| Cause::Disk {
            path: path.to_owned(),
            source,
        })?;
        if !holds {
            return Err(Cause::Checksum {
                algorithm: checksum.algorithm.name(),
            });
        }
    }
    Ok(())
}

/// `Last-Modified` (RFC 9110 section 5.6.7, the form that is still sent) as a time.
fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
}

struct FeedMeter<'a> {
    feed: &'a str,
    progress: &'a dyn Progress,
}

impl Meter for FeedMeter<'_> {
    fn announced(&self, bytes: u64) {
        self.progress.announced(self.feed, bytes);
    }

    fn advanced(&self, bytes: u64) {
        self.progress.advanced(self.feed, bytes);
    }
}
