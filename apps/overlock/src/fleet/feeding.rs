//! A server's feeds: publishers are asked for news in regular rests, and at once when a host of a new system has come.

use crate::exit::Failure;
use crate::state::State;
use overlock_feeds::publishers::{Publisher, needed};
use overlock_feeds::sync::Options;
use overlock_fleet::Fleet;
use overlock_model::os::Os;
use overlock_web::shared::Shared;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How soon a new system is seen.
const LOOK: Duration = Duration::from_secs(15);
/// Shortest rest between two rounds: hosts may name systems as they like, and publishers are not ours to flood.
const REST: Duration = Duration::from_secs(300);

/// Identifier and version of a release.
type Release = (String, String);

/// Asks publishers for news of all feeds that the fleet's systems need, again and again, until it is dropped.
pub async fn feed(server: Arc<Shared>, mirror: Option<String>, every: Duration, state: State) {
    let mut asked: Option<(Instant, BTreeSet<Release>)> = None;
    loop {
        tokio::time::sleep(LOOK.min(every)).await;
        let systems = server.truth.read(systems);
        let is_due = asked.as_ref().is_none_or(|(at, known)| {
            let has_new = systems.keys().any(|release| !known.contains(release));
            is_due(at.elapsed(), has_new, every)
        });
        if !is_due || systems.is_empty() {
            continue;
        }
        asked = Some((Instant::now(), systems.keys().cloned().collect()));
        let (mirror, state) = (mirror.clone(), state.clone());
        let round =
            tokio::task::spawn_blocking(move || news(systems.values(), mirror.as_deref(), state));
        match round.await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => {
                // Nothing is known of any of them yet: after a rest they are asked for again.
                asked = asked.map(|(at, _)| (at, BTreeSet::new()));
                tracing::warn!(
                    error = format!("{:#}", failure.error),
                    "feeds cannot be asked for news"
                );
            }
            Err(error) => tracing::error!(%error, "asking for news of feeds failed"),
        }
    }
}

/// Whether publishers are to be asked again, so long after the last time.
fn is_due(since: Duration, has_new: bool, every: Duration) -> bool {
    since >= every || (has_new && since >= REST)
}

/// The distinct systems of the fleet.
fn systems(fleet: &Fleet) -> BTreeMap<Release, Os> {
    fleet
        .hosts()
        .filter_map(|host| host.os())
        .map(|os| ((os.id.clone(), os.version_id.clone()), os.clone()))
        .collect()
}

/// Fetches what these systems need, and compiles it; the server sees new tables by itself.
fn news<'a>(
    systems: impl Iterator<Item = &'a Os>,
    mirror: Option<&str>,
    state: State,
) -> Result<(), Failure> {
    let mut wanted: Vec<Publisher> = Vec::new();
    for os in systems {
        for publisher in needed(os, true, &[]) {
            if !wanted.iter().any(|known| known.id == publisher.id) {
                wanted.push(publisher);
            }
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let state = State {
        now: state.clock(),
        ..state
    };
    let options = Options::default();
    crate::scan::tables::fetch(&wanted, mirror, options, &state).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_system_is_asked_for_before_its_time_and_publishers_are_not_flooded() {
        let hour = Duration::from_secs(3600);
        assert!(is_due(hour, false, hour));
        assert!(!is_due(hour / 2, false, hour));
        assert!(is_due(REST, true, hour));
        assert!(!is_due(REST / 2, true, hour));
    }
}
