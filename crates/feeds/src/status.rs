//! How old each feed is, and what is wrong with it: `feeds status` and the head of a scan.

use jiff::{SignedDuration, Timestamp};
use overlock_model::feed::FeedStatus;
use overlock_model::one_line::in_one_line;

use crate::intake::never;
use crate::publishers::{Publisher, find};
use crate::store::{Store, StoreError};

/// A feed's state with its age at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aged {
    /// The state as stored.
    pub status: FeedStatus,
    /// Whether a good copy is there.
    pub present: bool,
    /// Age of the content by the publisher's date, else by when it was fetched.
    pub age: Age,
}

/// How old something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Nothing was ever fetched, or the content has no date.
    Unknown,
    /// So old.
    Old(SignedDuration),
    /// Dated after `now`: the clock is wrong, or the publisher's is. Not young, and never shown as such.
    Future(SignedDuration),
}

impl Age {
    /// Age at `now` of what is dated `then`.
    #[must_use]
    pub fn at(now: Timestamp, then: Option<Timestamp>) -> Self {
        then.map_or(Self::Unknown, |then| {
            let age = now.duration_since(then);
            if age.is_negative() {
                Self::Future(age.abs())
            } else {
                Self::Old(age)
            }
        })
    }
}

/// State of each feed of `wanted` and of every other one that was ever tried, sorted by id.
///
/// # Errors
/// An unreadable store. A single feed whose state cannot be read says so in its `last_error`.
pub fn status(
    store: &Store,
    wanted: &[Publisher],
    now: Timestamp,
) -> Result<Vec<Aged>, StoreError> {
    let mut ids = store.ids()?;
    ids.extend(wanted.iter().map(|publisher| publisher.id.clone()));
    ids.sort_unstable();
    ids.dedup();
    Ok(ids.iter().map(|id| one(store, wanted, id, now)).collect())
}

fn one(store: &Store, wanted: &[Publisher], id: &str, now: Timestamp) -> Aged {
    let blank = || {
        let known = wanted.iter().find(|publisher| publisher.id == id).cloned();
        known
            .or_else(|| find(id))
            .map_or_else(|| unknown(id), |publisher| never(&publisher))
    };
    let (status, present) = match (store.state(id), store.good(id)) {
        (Ok(Some(state)), good) => {
            let present = good.is_ok_and(|good| good.is_some());
            let mut status = state.status;
            if status.sha256.is_some() && !present {
                status
                    .last_error
                    .get_or_insert_with(|| "its data is missing".to_owned());
            }
            (status, present)
        }
        (Ok(None), _) => (blank(), false),
        (Err(error), _) => (
            FeedStatus {
                last_error: Some(in_one_line(&error)),
                ..blank()
            },
            false,
        ),
    };
    let age = Age::at(now, status.dated.or(status.fetched));
    Aged {
        status,
        present,
        age,
    }
}

/// A folder of the store that no table knows and whose state cannot be read.
fn unknown(id: &str) -> FeedStatus {
    FeedStatus {
        id: id.to_owned(),
        url: String::new(),
        dated: None,
        fetched: None,
        records: 0,
        quarantined: 0,
        size_bytes: 0,
        sha256: None,
        last_error: None,
    }
}
