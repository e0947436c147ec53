//! One feed's way through a sync: fetched on one thread, settled on the other.

use jiff::Timestamp;
use overlock_model::one_line::in_one_line;
use reqwest::Url;

use super::{FeedOutcome, Options, Outcome};
use crate::check::Checker;
use crate::download::{Downloader, Fetched, Meter, Received, Wanted};
use crate::error::{Cause, FeedError};
use crate::format::FeedFormat;
use crate::intake::{Candidate, Taken, record_failure, take_in};
use crate::mirror::{Mirror, Source, redacted_text};
use crate::progress::Progress;
use crate::publishers::{Presence, Publisher};
use crate::repomd::{self, REPOMD_BYTES_MAX};
use crate::store::{Good, Locked, Store, StoreError, Validators};

/// One feed of one sync.
pub(super) struct Job<'a> {
    pub(super) publisher: &'a Publisher,
    kept: Option<Good>,
    /// Why the kept state must not be touched: a newer version wrote it, or it cannot be read.
    untouchable: Option<String>,
    notes: Vec<String>,
}

impl<'a> Job<'a> {
    pub(super) fn new(store: &Store, publisher: &'a Publisher) -> Self {
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

    /// On the runtime's thread: from the publisher's address to a file.
    pub(super) async fn fetch(
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
    pub(super) fn settle(
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

    pub(super) fn failed(&self, cause: Cause, mirror: Option<&Mirror>) -> FeedOutcome {
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
