//! A store in a fresh folder, one feed of plain lines, and a clock that is an argument.

use std::path::{Path, PathBuf};
use std::time::Duration;

use overlock_feeds::check::{Checked, Checker, Subject};
use overlock_feeds::progress::Silent;
use overlock_feeds::publishers::{Presence, Publisher};
use overlock_feeds::store::{Store, StoreError};
use overlock_feeds::sync::{FeedOutcome, Options, Outcome, SyncReport, sync};
use overlock_feeds::{Cause, FeedError, FeedFormat, Proxies, Settings};
use overlock_model::Timestamp;

/// Each line is a record; one that begins with `!` cannot be read; a file that is no text is not in the format.
pub struct Lines;

impl Checker for Lines {
    fn check(
        &self,
        subject: &Subject<'_>,
    ) -> Result<Checked, Box<dyn std::error::Error + Send + Sync>> {
        let text = std::fs::read_to_string(subject.path)?;
        if text.contains('<') {
            return Err("it looks like a web page".into());
        }
        let mut checked = Checked::default();
        for line in text.lines() {
            if line.starts_with('!') {
                checked.quarantined += 1;
                checked.problems.push(line.to_owned());
            } else if let Some(date) = line.strip_prefix("date ") {
                checked.dated = Some(date.parse().map_err(|_| "no date")?);
            } else {
                checked.records += 1;
            }
        }
        Ok(checked)
    }
}

pub struct World {
    pub folder: tempfile::TempDir,
    pub store: Store,
    pub options: Options,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        Self {
            folder,
            store,
            options: options(),
        }
    }

    pub fn try_sync(&self, feeds: &[Publisher], now: &str) -> Result<SyncReport, StoreError> {
        sync(&self.store, feeds, &self.options, &Lines, at(now), &Silent)
    }

    /// Syncs at one fixed time.
    pub fn sync(&self, feed: &Publisher) -> FeedOutcome {
        self.sync_at(feed, "2026-01-02T03:04:05Z")
    }

    pub fn sync_at(&self, feed: &Publisher, now: &str) -> FeedOutcome {
        let mut report = self.try_sync(std::slice::from_ref(feed), now).unwrap();
        assert_eq!(report.feeds.len(), 1);
        report.feeds.remove(0)
    }

    /// What is kept of the feed `list`.
    pub fn kept(&self) -> Option<String> {
        self.store
            .good("list")
            .unwrap()
            .map(|good| std::fs::read_to_string(good.path).unwrap())
    }

    pub fn last_error(&self) -> Option<String> {
        self.store.state("list").unwrap()?.status.last_error
    }

    /// Names in a feed's folder, sorted.
    pub fn names(&self, feed: &str) -> Vec<String> {
        names(&self.store.folder().join(feed))
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }
}

pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// No pauses, few attempts, and a total that ends a hanging test.
pub fn options() -> Options {
    Options {
        settings: Settings {
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(20),
            attempts: 2,
            first_pause: Duration::ZERO,
            proxies: Proxies::Ignored,
        },
        ..Options::default()
    }
}

/// The feed `list` at this address, at most 1000 bytes.
pub fn feed(url: &str) -> Publisher {
    named("list", url)
}

pub fn named(id: &str, url: &str) -> Publisher {
    Publisher {
        id: id.to_owned(),
        url: url.to_owned(),
        format: FeedFormat::DebianAdvisories,
        max_bytes: 1000,
        licence: "test",
        ecosystem: None,
        presence: Presence::Expected,
    }
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn updated(outcome: &FeedOutcome) -> (u64, u64) {
    match &outcome.outcome {
        Outcome::Updated {
            records,
            quarantined,
            ..
        } => (*records, *quarantined),
        other => panic!("not updated: {other:?}"),
    }
}

pub fn failure(outcome: &FeedOutcome) -> (&FeedError, bool) {
    match &outcome.outcome {
        Outcome::Failed { error, kept } => (error, *kept),
        other => panic!("not failed: {other:?}"),
    }
}

pub fn cause(outcome: &FeedOutcome) -> &Cause {
    &failure(outcome).0.cause
}
