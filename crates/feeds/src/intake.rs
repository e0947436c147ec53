//! The one way into the store, for a download as for an import: check, compare with the last good copy, replace.

use jiff::Timestamp;
use overlock_model::feed::FeedStatus;
use tempfile::NamedTempFile;

use crate::check::{Checker, Subject};
use crate::error::Cause;
use crate::publishers::Publisher;
use crate::store::{Good, Locked, STATE_SCHEMA, State, Validators};

/// A new file may have at least this part (one in …) of the last good one's records. Publishers prune (Debian drops a
/// release every two years, a fifth of its records); none loses three quarters, while broken exports do.
const SHRINK_PART: u64 = 4;

/// What to do with a feed that shrinks suspiciously.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shrink {
    /// Keep the last good one.
    #[default]
    Refuse,
    /// Take it: the user looked at it (`--accept-shrink`).
    Accept,
}

/// A file on its way in.
pub(crate) struct Candidate {
    pub file: NamedTempFile,
    pub size_bytes: u64,
    pub sha256: String,
    pub validators: Option<Validators>,
    /// A date for the content, used where the content gives none.
    pub dated: Option<Timestamp>,
    /// When it was fetched from its publisher.
    pub fetched: Timestamp,
}

/// What became of a candidate that is in the store now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The same bytes as the kept ones.
    Same,
    New {
        records: u64,
        quarantined: u64,
        problems: Vec<String>,
        notes: Vec<String>,
    },
}

pub(crate) fn take_in(
    locked: &Locked<'_>,
    publisher: &Publisher,
    candidate: Candidate,
    kept: Option<&Good>,
    checker: &dyn Checker,
    shrink: Shrink,
) -> Result<Taken, Cause> {
    if let Some(kept) = kept
        && kept.state.status.sha256.as_ref() == Some(&candidate.sha256)
        && kept.state.format == publisher.format
    {
        let mut state = kept.state.clone();
        state.validators = candidate.validators;
        state.status.fetched = Some(candidate.fetched);
        state.status.last_error = None;
        locked.record(&state)?;
        return Ok(Taken::Same);
    }
    let subject = Subject {
        id: &publisher.id,
        format: publisher.format,
        ecosystem: publisher.ecosystem.as_ref(),
        path: candidate.file.path(),
    };
    let checked = checker.check(&subject).map_err(Cause::Unparsable)?;
    if checked.records == 0 && !publisher.format.may_be_empty() {
        return Err(Cause::Empty {
            quarantined: checked.quarantined,
        });
    }
    let before = kept.map_or(0, |kept| kept.state.status.records);
    if shrink == Shrink::Refuse && checked.records.saturating_mul(SHRINK_PART) < before {
        return Err(Cause::Shrunk {
            before,
            records: checked.records,
        });
    }
    let dated = checked.dated.or(candidate.dated);
    let notes = notes(dated, candidate.fetched, kept);
    let state = State {
        schema: STATE_SCHEMA.to_owned(),
        format: publisher.format,
        ecosystem: publisher.ecosystem.clone(),
        validators: candidate.validators,
        status: FeedStatus {
            id: publisher.id.clone(),
            url: publisher.url.clone(),
            dated,
            fetched: Some(candidate.fetched),
            records: checked.records,
            quarantined: checked.quarantined,
            size_bytes: candidate.size_bytes,
            sha256: Some(candidate.sha256),
            last_error: None,
        },
    };
    locked.replace(&state, candidate.file)?;
    Ok(Taken::New {
        records: checked.records,
        quarantined: checked.quarantined,
        problems: checked.problems,
        notes,
    })
}

/// What is odd about the dates, and no reason to refuse: a clock may be wrong, a mirror may lag.
fn notes(dated: Option<Timestamp>, fetched: Timestamp, kept: Option<&Good>) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(dated) = dated else { return notes };
    // A day covers publishers that date by the day in a time zone east of ours.
    if dated.duration_since(fetched) > jiff::SignedDuration::from_hours(24) {
        notes.push(format!(
            "its date {dated} lies ahead of this machine's clock ({fetched})"
        ));
    }
    if let Some(before) = kept.and_then(|kept| kept.state.status.dated)
        && dated < before
    {
        notes.push(format!(
            "it is dated {dated}, before the copy it replaces ({before})"
        ));
    }
    notes
}

/// Writes down that an attempt failed. The good copy, if there is one, stays.
pub(crate) fn record_failure(
    locked: &Locked<'_>,
    publisher: &Publisher,
    kept: Option<&Good>,
    why: String,
) -> Result<(), crate::store::StoreError> {
    let mut state = kept.map_or_else(|| untaken(publisher), |kept| kept.state.clone());
    state.status.last_error = Some(why);
    locked.record(&state)
}

/// The state of a feed that was never taken in.
fn untaken(publisher: &Publisher) -> State {
    State {
        schema: STATE_SCHEMA.to_owned(),
        format: publisher.format,
        ecosystem: publisher.ecosystem.clone(),
        validators: None,
        status: never(publisher),
    }
}

/// The status of a feed of which there is no copy.
pub(crate) fn never(publisher: &Publisher) -> FeedStatus {
    FeedStatus {
        id: publisher.id.clone(),
        url: publisher.url.clone(),
        dated: None,
        fetched: None,
        records: 0,
        quarantined: 0,
        size_bytes: 0,
        sha256: None,
        last_error: None,
    }
}
