//! A later look: what is effective becomes verified.

use super::{CONFIRMED_AFTER, Step};
use crate::view::HostView;
use overlock_model::episode::{Episode, EpisodeState};

/// Ends an effective episode once a later look found it still so: another report, or enough time in touch without change.
/// Where packages are not reported, nothing was found.
pub(super) fn confirm(episode: &Episode, view: &HostView) -> Option<Step> {
    if episode.state != EpisodeState::Effective || view.is_blind_to(&episode.key.kind) {
        return None;
    }
    let since = episode.dates.effective?;
    if view.reported_at.is_some_and(|reported| reported > since) {
        return Some(Step::new(
            EpisodeState::Verified,
            "a later report found it still so",
        ));
    }
    let long_after = since.checked_add(CONFIRMED_AFTER).ok()?;
    view.seen_at
        .is_some_and(|seen| seen >= long_after)
        .then(|| {
            Step::new(
                EpisodeState::Verified,
                "the host was in touch 12 hours later, and nothing had changed",
            )
        })
}
