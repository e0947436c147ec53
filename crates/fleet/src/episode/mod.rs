//! Episodes: what a new look at a host means for each vulnerability that it had, has, or has again.
//!
//! A pure state machine. The server calls [`advance`] after each accepted report and after each matching, stores what came
//! out together with its rows in the log, and tells the fleet which fixes are not in force yet.
//!
//! ```text
//!  finding ──► unknown ──► exposed ──► installed ──► effective ──► verified
//!                 │           │            │  ▲            │
//!                 └───────────┴────────────┘  └── again ───┘      no finding and no fix: gone, not affected
//! ```

mod confirm;
mod departed;

use crate::view::{HostView, Seen};
use confirm::confirm;
use departed::departed;
use jiff::SignedDuration;
use overlock_model::Timestamp;
use overlock_model::episode::{Episode, EpisodeDates, EpisodeKey, EpisodeState};
use overlock_model::exposure::ExposureState;
use std::collections::BTreeMap;

/// How long a host must have been in touch with nothing changed, after a fix came into force, for this to count as a
/// later look. One report can be wrong about what runs (a service that is just being restarted). A contact says only that
/// nothing has changed since the agent last looked; it looks every 12 hours at least, so after these it has looked again.
pub const CONFIRMED_AFTER: SignedDuration = SignedDuration::from_hours(12);

/// What became of a host's episodes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Advanced {
    /// Episodes that go on, by key.
    pub open: Vec<Episode>,
    /// Episodes that ended now.
    pub ended: Vec<Episode>,
    /// What changed, by key: the rows of the log.
    pub transitions: Vec<Transition>,
}

/// One change of state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// Which episode.
    pub key: EpisodeKey,
    /// Which of that key.
    pub ordinal: u32,
    /// State before; `None` for one that was opened.
    pub from: Option<EpisodeState>,
    /// State after.
    pub to: EpisodeState,
    /// Why, in words.
    pub because: String,
}

/// What a look says of one open episode.
pub(crate) struct Step {
    pub to: EpisodeState,
    pub because: String,
}

impl Step {
    pub fn new(to: EpisodeState, because: impl Into<String>) -> Self {
        Self {
            to,
            because: because.into(),
        }
    }
}

/// Advances a host's episodes by what is seen of it.
///
/// `open` are its episodes that have not ended, `ended` the last ordinal of each key that has ended before. The same view
/// again changes nothing.
#[must_use]
pub fn advance(
    open: &[Episode],
    ended: &BTreeMap<EpisodeKey, u32>,
    view: &HostView,
    now: Timestamp,
) -> Advanced {
    // What is seen lies in the past, whatever the clocks say.
    let now = [view.reported_at, view.seen_at]
        .into_iter()
        .flatten()
        .fold(now, Timestamp::max);
    let mut advanced = Advanced::default();
    let mut kept: BTreeMap<EpisodeKey, Episode> = BTreeMap::new();
    for episode in open {
        // One open episode of a key: a second can only come from a damaged store, and the newer one is the true one.
        let older = kept
            .get(&episode.key)
            .is_some_and(|other| other.ordinal >= episode.ordinal);
        if !older {
            kept.insert(episode.key.clone(), episode.clone());
        }
    }
    for (key, seen) in &view.cohort.findings {
        if !kept.contains_key(key)
            && let Some((episode, because)) = opened(key, seen, ended, view, now)
        {
            advanced.transitions.push(Transition {
                key: key.clone(),
                ordinal: episode.ordinal,
                from: None,
                to: episode.state,
                because,
            });
            kept.insert(key.clone(), episode);
        }
    }
    for (key, mut episode) in kept {
        let from = episode.state;
        let step = match view.cohort.findings.get(&key) {
            Some(seen) => found(&mut episode, seen),
            None => departed(&episode, view),
        };
        if let Some(step) = step
            .or_else(|| confirm(&episode, view))
            .filter(|step| step.to != from)
        {
            enter(&mut episode, step.to, now);
            advanced.transitions.push(Transition {
                key,
                ordinal: episode.ordinal,
                from: Some(from),
                to: step.to,
                because: step.because,
            });
        }
        if episode.state.is_end() {
            advanced.ended.push(episode);
        } else {
            advanced.open.push(episode);
        }
    }
    advanced
        .transitions
        .sort_by(|a, b| (&a.key, a.ordinal).cmp(&(&b.key, b.ordinal)));
    advanced
}

/// Open episodes whose fix is installed and not in force, and of which the packages alone say nothing any more: what
/// [`crate::Fleet::set_lingering`] is told.
#[must_use]
pub fn lingering(open: &[Episode], view: &HostView) -> Vec<EpisodeKey> {
    open.iter()
        .filter(|episode| may_linger(episode) && !view.cohort.findings.contains_key(&episode.key))
        .map(|episode| episode.key.clone())
        .collect()
}

/// Whether [`lingering`] may name it, for those who would have to make a view only to ask that.
#[must_use]
pub fn may_linger(episode: &Episode) -> bool {
    matches!(
        episode.state,
        EpisodeState::Installed | EpisodeState::Unknown
    )
}

/// A new episode for a finding that no open episode is about.
fn opened(
    key: &EpisodeKey,
    seen: &Seen,
    ended: &BTreeMap<EpisodeKey, u32>,
    view: &HostView,
    now: Timestamp,
) -> Option<(Episode, String)> {
    let state = match seen.state {
        ExposureState::Unknown => EpisodeState::Unknown,
        ExposureState::Exposed | ExposureState::Mitigated => EpisodeState::Exposed,
        ExposureState::Installed => EpisodeState::Installed,
        // A kernel that does not run, and what somebody vouches for, begins no episode.
        ExposureState::Dormant | ExposureState::NotAffected => return None,
    };
    let last = ended.get(key).copied().unwrap_or(0);
    let mut episode = Episode {
        key: key.clone(),
        ordinal: last.saturating_add(1),
        state: EpisodeState::Unknown,
        status: seen.status,
        installed: seen.installed.clone(),
        fixed: seen.fixed.clone(),
        dates: EpisodeDates {
            opened: now,
            exposed: None,
            fix_available: seen.fix_available,
            staged: None,
            installed: None,
            effective: None,
            verified: None,
            ended: None,
        },
    };
    if state == EpisodeState::Installed {
        // It must have been exposed before: seen for the first time when the fix was there already.
        episode.dates.exposed = Some(now);
    }
    enter(&mut episode, state, now);
    let what = format!("{} {} is affected", key.source, seen.installed);
    let because = match (last, state) {
        (_, EpisodeState::Unknown) => format!(
            "it is not known whether {} {} is affected",
            key.source, seen.installed
        ),
        (_, EpisodeState::Installed) => format!("{what}; the fix is installed and not booted"),
        (0, _) => what,
        (last, _) => format!("{what} again, after episode {last}"),
    };
    let because = match view.reported_at {
        Some(_) => because,
        None => format!("{because} (no report of this host is dated)"),
    };
    Some((episode, because))
}

/// What a finding means for the episode that is about it.
fn found(episode: &mut Episode, seen: &Seen) -> Option<Step> {
    let is = format!("{} {}", episode.key.source, seen.installed);
    if seen.state == ExposureState::NotAffected {
        return Some(Step::new(
            EpisodeState::NotAffected,
            format!("somebody vouches that {is} is not affected here"),
        ));
    }
    episode.status = seen.status;
    episode.fixed.clone_from(&seen.fixed);
    if episode.dates.fix_available.is_none() {
        episode.dates.fix_available = seen.fix_available;
    }
    if seen.state == ExposureState::Dormant {
        // Only an old kernel that does not run has it: as good as not installed.
        return episode.state.is_open().then(|| {
            Step::new(
                EpisodeState::Effective,
                format!("the kernel {is} is not the one that runs"),
            )
        });
    }
    episode.installed.clone_from(&seen.installed);
    match (episode.state, seen.state) {
        // People's decisions stand until they end them; a staged fix waits to be installed.
        (EpisodeState::Mitigated | EpisodeState::Accepted, _) => None,
        (EpisodeState::Staged, ExposureState::Exposed | ExposureState::Mitigated) => None,
        (_, ExposureState::Installed) => Some(Step::new(
            EpisodeState::Installed,
            format!("the fix is installed; {is} still runs until a reboot"),
        )),
        (_, ExposureState::Unknown) => Some(Step::new(
            EpisodeState::Unknown,
            format!("it is not known whether {is} is affected"),
        )),
        (EpisodeState::Installed | EpisodeState::Effective, _) => {
            // Not an end yet, so the same episode goes on, without the dates of a fix that did not hold.
            episode.dates.staged = None;
            episode.dates.installed = None;
            episode.dates.effective = None;
            Some(Step::new(
                EpisodeState::Exposed,
                format!("{is} is affected again, before the fix was confirmed"),
            ))
        }
        _ => Some(Step::new(
            EpisodeState::Exposed,
            format!("{is} is affected"),
        )),
    }
}

/// Sets state and date. A date that is there stays, but for what came back: the latest fix is the one that counts.
fn enter(episode: &mut Episode, to: EpisodeState, now: Timestamp) {
    episode.state = to;
    let dates = &mut episode.dates;
    // A clock that was set back does not turn the order of things around.
    let now = [
        dates.exposed,
        dates.staged,
        dates.installed,
        dates.effective,
    ]
    .into_iter()
    .flatten()
    .fold(now.max(dates.opened), Timestamp::max);
    match to {
        EpisodeState::Unknown => {
            (dates.staged, dates.installed, dates.effective) = (None, None, None);
        }
        EpisodeState::Exposed => {
            dates.exposed.get_or_insert(now);
        }
        EpisodeState::Staged => {
            dates.staged.get_or_insert(now);
        }
        EpisodeState::Installed => {
            dates.effective = None;
            dates.installed.get_or_insert(now);
        }
        EpisodeState::Effective => {
            dates.installed.get_or_insert(now);
            dates.effective.get_or_insert(now);
        }
        EpisodeState::Verified => {
            dates.verified = Some(now);
            dates.ended = Some(now);
        }
        EpisodeState::NotAffected | EpisodeState::Gone => dates.ended = Some(now),
        EpisodeState::Mitigated | EpisodeState::Accepted => {}
    }
}

#[cfg(test)]
mod tests;
