//! An episode whose finding is no longer there: fixed, gone, or no longer known.
//!
//! The order of the questions is the order of doubt: first whether anything can be said at all, and only then whether it
//! is good. No data is not a pass (R6), and a fix on disk is not a fix in force.

use super::Step;
use crate::host::Running;
use crate::view::{HostView, SourceSeen};
use overlock_model::episode::{Episode, EpisodeState};

/// What it means that nothing speaks of this episode any more; `None` when that is no news.
pub(super) fn departed(episode: &Episode, view: &HostView) -> Option<Step> {
    let key = &episode.key;
    let source = &key.source;
    if view.is_blind_to(&key.kind) {
        return (episode.state != EpisodeState::Effective).then(|| {
            Step::new(
                EpisodeState::Unknown,
                format!("the host no longer reports packages, {source} among them"),
            )
        });
    }
    let Some(present) = view.cohort.sources.get(&(key.kind.clone(), source.clone())) else {
        return absent(episode, view);
    };
    if present.versions.values().any(|judged| !judged) {
        return Some(Step::new(
            EpisodeState::Unknown,
            format!(
                "{source} is no longer judged: another publisher's build, or no advisories at hand"
            ),
        ));
    }
    if present.versions.contains_key(&episode.installed) {
        return Some(Step::new(
            EpisodeState::NotAffected,
            format!(
                "no advisory says any more that {source} {} is affected",
                episode.installed
            ),
        ));
    }
    let versions: Vec<&str> = present.versions.keys().map(String::as_str).collect();
    let now_has = format!("{source} is now {}", versions.join(", "));
    in_force(episode, view, present, &now_has)
}

/// The package is no longer there.
fn absent(episode: &Episode, view: &HostView) -> Option<Step> {
    let source = &episode.key.source;
    if matches!(episode.state, EpisodeState::Effective) {
        return None;
    }
    // What was removed may still run, just as what was replaced.
    let removed = SourceSeen::default();
    match still_runs(episode, view, &removed) {
        Some(why) => Some(Step::new(
            EpisodeState::Installed,
            format!("{source} was removed; {why}"),
        )),
        None => Some(Step::new(
            EpisodeState::Gone,
            format!("{source} is no longer installed"),
        )),
    }
}

fn in_force(
    episode: &Episode,
    view: &HostView,
    present: &SourceSeen,
    now_has: &str,
) -> Option<Step> {
    match still_runs(episode, view, present) {
        Some(why) => Some(Step::new(
            EpisodeState::Installed,
            format!("{now_has}; {why}"),
        )),
        None if episode.state == EpisodeState::Effective => None,
        None => Some(Step::new(
            EpisodeState::Effective,
            format!("{now_has}, and nothing runs what was there before"),
        )),
    }
}

/// Why the old code is in force, or cannot be ruled out.
fn still_runs(episode: &Episode, view: &HostView, present: &SourceSeen) -> Option<String> {
    if present.kernel {
        return view.cohort.kernel_unaccounted.clone();
    }
    if !episode.key.kind.is_os() {
        // Interpreters map no file that would tell which version of a language's package they have loaded.
        return None;
    }
    let Some(running) = &view.running else {
        return Some(if view.running_off {
            "what runs is not reported: the section `processes` is switched off".to_owned()
        } else {
            "what runs was never reported".to_owned()
        });
    };
    let not_newer = match (view.running_at, view.packages_at) {
        (Some(looked), Some(changed)) => looked < changed,
        (None, _) => true,
        (Some(_), None) => false,
    };
    if not_newer {
        return Some("processes were not looked at since the packages changed".to_owned());
    }
    stale(running, &episode.key.source, present)
}

fn stale(running: &Running, source: &str, present: &SourceSeen) -> Option<String> {
    let named = |list: &std::collections::BTreeSet<String>| {
        present
            .binaries
            .iter()
            .map(String::as_str)
            .chain([source])
            .find(|name| list.contains(*name))
            .map(str::to_owned)
    };
    if let Some(name) = named(&running.stale) {
        return Some(format!("processes still run replaced files of {name}"));
    }
    if let Some(name) = named(&running.reboot_for) {
        return Some(format!("{name} asks for a reboot"));
    }
    (!running.complete).then(|| "not every process could be looked into".to_owned())
}
