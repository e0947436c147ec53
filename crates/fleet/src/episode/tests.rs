use super::*;
use crate::host::Running;
use crate::view::{CohortView, SourceSeen};
use overlock_model::exposure::ExposureStatus;
use overlock_model::package::PackageType;
use proptest::prelude::*;
use std::sync::Arc;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + hours * 3600).unwrap()
}

fn key() -> EpisodeKey {
    EpisodeKey {
        vulnerability: "CVE-2026-1".into(),
        kind: PackageType::Deb,
        source: "openssl".into(),
    }
}

fn seen(state: ExposureState) -> Seen {
    Seen {
        state,
        status: ExposureStatus::FixAvailable,
        installed: "1".into(),
        fixed: Some("2".into()),
        fix_available: Some(at(-24)),
    }
}

/// A host that has openssl at `version`, looked at wholly at that time.
fn host(version: &str, hours: i64) -> HostView {
    let cohort = CohortView {
        sources: BTreeMap::from([(
            (PackageType::Deb, "openssl".into()),
            SourceSeen {
                versions: BTreeMap::from([(version.to_owned(), true)]),
                binaries: ["openssl".into(), "libssl3".into()].into(),
                kernel: false,
            },
        )]),
        ..CohortView::default()
    };
    HostView {
        cohort: Arc::new(cohort),
        running: Some(Running {
            complete: true,
            ..Running::default()
        }),
        packages_at: Some(at(hours)),
        running_at: Some(at(hours)),
        reported_at: Some(at(hours)),
        seen_at: Some(at(hours)),
        ..HostView::default()
    }
}

/// What hosts of its cohort have in common with it, to be changed.
fn common(view: &mut HostView) -> &mut CohortView {
    Arc::make_mut(&mut view.cohort)
}

fn exposed(hours: i64) -> HostView {
    let mut view = host("1", hours);
    common(&mut view)
        .findings
        .insert(key(), seen(ExposureState::Exposed));
    view
}

/// A history under test.
#[derive(Default, Clone)]
struct Story {
    open: Vec<Episode>,
    ended: BTreeMap<EpisodeKey, u32>,
    states: Vec<(u32, &'static str)>,
    because: String,
}

impl Story {
    fn look(&mut self, view: &HostView, hours: i64) -> &mut Self {
        let advanced = advance(&self.open, &self.ended, view, at(hours));
        self.open = advanced.open;
        for episode in &advanced.ended {
            self.ended.insert(episode.key.clone(), episode.ordinal);
        }
        for transition in advanced.transitions {
            self.states
                .push((transition.ordinal, transition.to.as_str()));
            self.because = transition.because;
        }
        self
    }
}

#[test]
fn a_patch_by_hand_is_effective_and_then_verified() {
    let mut story = Story::default();
    story
        .look(&exposed(0), 0)
        .look(&host("2", 1), 1)
        .look(&host("2", 1), 1)
        .look(&host("2", 2), 2);
    assert_eq!(
        story.states,
        [(1, "exposed"), (1, "effective"), (1, "verified")]
    );
    assert!(story.open.is_empty());
}

#[test]
fn an_unchanged_contact_verifies_after_the_longest_pause_between_looks_and_not_before() {
    let mut story = Story::default();
    let mut fixed = host("2", 1);
    story.look(&exposed(0), 0).look(&fixed, 1);
    fixed.seen_at = Some(at(12) + SignedDuration::from_mins(59));
    story.look(&fixed, 13);
    assert_eq!(story.states.last(), Some(&(1, "effective")));
    fixed.seen_at = Some(at(13));
    story.look(&fixed, 13);
    assert_eq!(story.states.last(), Some(&(1, "verified")));
}

#[test]
fn r6_nothing_is_verified_while_packages_are_not_reported() {
    for reported in [1, 20] {
        let mut blind = HostView {
            system_unknown: true,
            seen_at: Some(at(30)),
            ..host("2", reported)
        };
        common(&mut blind).sources.clear();
        let mut story = Story::default();
        story.look(&exposed(0), 0).look(&host("2", 1), 1);
        story.look(&blind, 30);
        assert_eq!(story.states.last(), Some(&(1, "effective")));
        story.look(&host("2", 31), 31);
        assert_eq!(story.states.last(), Some(&(1, "verified")));
    }
}

#[test]
fn fixed_means_running() {
    let mut stale = host("2", 1);
    stale
        .running
        .as_mut()
        .unwrap()
        .stale
        .insert("libssl3".into());
    let mut story = Story::default();
    story.look(&exposed(0), 0).look(&stale, 1);
    assert_eq!(story.states.last(), Some(&(1, "installed")));
    assert_eq!(
        story.because,
        "openssl is now 2; processes still run replaced files of libssl3"
    );
    assert_eq!(lingering(&story.open, &stale), [key()]);
    story.look(&host("2", 2), 2);
    assert_eq!(story.states.last(), Some(&(1, "effective")));
}

#[test]
fn what_is_not_known_to_be_out_of_force_is_never_effective() {
    let never = |view: HostView, why: &str| {
        let mut story = Story::default();
        story.look(&exposed(0), 0).look(&view, 1);
        assert_eq!(story.states.last(), Some(&(1, "installed")), "{why}");
        assert!(story.because.contains(why), "{}", story.because);
    };
    let mut off = host("2", 1);
    (off.running, off.running_off) = (None, true);
    never(off, "`processes` is switched off");
    let mut unknown = host("2", 1);
    unknown.running = None;
    never(unknown, "never reported");
    let mut half = host("2", 1);
    half.running.as_mut().unwrap().complete = false;
    never(half, "not every process");
    let mut old = host("2", 1);
    old.running_at = Some(at(0));
    never(old, "were not looked at since");
    let mut reboot = host("2", 1);
    reboot
        .running
        .as_mut()
        .unwrap()
        .reboot_for
        .insert("openssl".into());
    never(reboot, "asks for a reboot");
}

#[test]
fn a_kernel_is_effective_only_once_it_is_booted() {
    let kernel = |state: Option<ExposureState>, unaccounted: Option<&str>| {
        let mut view = host("1", 1);
        common(&mut view)
            .sources
            .values_mut()
            .next()
            .unwrap()
            .kernel = true;
        if state.is_none() {
            common(&mut view)
                .sources
                .values_mut()
                .next()
                .unwrap()
                .versions = [("2".into(), true)].into();
        }
        common(&mut view).findings = state
            .map(|state| (key(), seen(state)))
            .into_iter()
            .collect();
        common(&mut view).kernel_unaccounted = unaccounted.map(str::to_owned);
        view
    };
    let mut story = Story::default();
    story
        .look(&kernel(Some(ExposureState::Exposed), None), 0)
        .look(&kernel(Some(ExposureState::Installed), None), 1)
        .look(
            &kernel(None, Some("the running kernel is of no package")),
            2,
        )
        .look(&kernel(Some(ExposureState::Dormant), None), 3);
    assert_eq!(
        story.states,
        [(1, "exposed"), (1, "installed"), (1, "effective")]
    );
}

#[test]
fn a_relapse_opens_an_episode_linked_to_the_old() {
    let mut story = Story::default();
    story
        .look(&exposed(0), 0)
        .look(&host("2", 1), 1)
        .look(&host("2", 2), 2)
        .look(&exposed(3), 3);
    assert_eq!(story.states.last(), Some(&(2, "exposed")));
    assert_eq!(
        story.because,
        "openssl 1 is affected again, after episode 1"
    );
}

#[test]
fn what_comes_back_before_it_was_confirmed_goes_on() {
    let mut story = Story::default();
    story
        .look(&exposed(0), 0)
        .look(&host("2", 1), 1)
        .look(&exposed(2), 2);
    let episode = story.open.first().unwrap();
    assert_eq!((episode.ordinal, episode.state), (1, EpisodeState::Exposed));
    assert_eq!(
        (episode.dates.exposed, episode.dates.effective),
        (Some(at(0)), None)
    );
}

#[test]
fn a_removed_package_is_gone_but_not_while_it_runs() {
    let mut removed = host("2", 1);
    common(&mut removed).sources.clear();
    let mut story = Story::default();
    story.look(&exposed(0), 0);
    let mut runs = removed.clone();
    runs.running
        .as_mut()
        .unwrap()
        .stale
        .insert("openssl".into());
    story.look(&runs, 1).look(&removed, 2);
    assert_eq!(
        story.states,
        [(1, "exposed"), (1, "installed"), (1, "gone")]
    );
}

#[test]
fn a_withdrawn_advisory_is_not_a_fix() {
    let mut story = Story::default();
    story.look(&exposed(0), 0).look(&host("1", 1), 1);
    assert_eq!(story.states.last(), Some(&(1, "not_affected")));
    assert!(story.because.contains("no advisory says any more"));
}

#[test]
fn what_somebody_vouches_for_is_not_affected() {
    let mut vouched = exposed(1);
    common(&mut vouched)
        .findings
        .insert(key(), seen(ExposureState::NotAffected));
    let mut story = Story::default();
    story
        .look(&exposed(0), 0)
        .look(&vouched, 1)
        .look(&vouched, 2);
    assert_eq!(story.states.last(), Some(&(1, "not_affected")));
}

#[test]
fn what_is_no_longer_judged_or_reported_is_unknown_and_not_gone() {
    let mut unjudged = host("2", 1);
    for judged in common(&mut unjudged)
        .sources
        .values_mut()
        .flat_map(|s| s.versions.values_mut())
    {
        *judged = false;
    }
    let mut blind = HostView {
        system_unknown: true,
        ..host("2", 1)
    };
    common(&mut blind).sources.clear();
    for view in [unjudged, blind] {
        let mut story = Story::default();
        story.look(&exposed(0), 0).look(&view, 1);
        assert_eq!(story.states.last(), Some(&(1, "unknown")));
        assert_eq!(lingering(&story.open, &view), [key()]);
        story.look(&exposed(2), 2);
        assert_eq!(story.states.last(), Some(&(1, "exposed")));
        assert_eq!(story.open.first().unwrap().dates.exposed, Some(at(0)));
    }
}

fn looks() -> impl Strategy<Value = HostView> {
    let states = prop_oneof![
        Just(None),
        Just(Some(ExposureState::Exposed)),
        Just(Some(ExposureState::Unknown)),
        Just(Some(ExposureState::Installed)),
        Just(Some(ExposureState::Dormant)),
        Just(Some(ExposureState::NotAffected)),
    ];
    let running = prop_oneof![
        Just(None),
        Just(Some((false, true))),
        Just(Some((true, true))),
        Just(Some((false, false)))
    ];
    (
        states,
        prop_oneof![Just(None), Just(Some("1")), Just(Some("2"))],
        running,
        any::<[bool; 4]>(),
        0..6_i64,
    )
        .prop_map(
            |(state, version, running, [judged, blind, kernel, old], hours)| {
                let mut view = host(version.unwrap_or("1"), hours);
                if let Some(source) = common(&mut view).sources.values_mut().next() {
                    source.kernel = kernel;
                    for known in source.versions.values_mut() {
                        *known = judged;
                    }
                }
                if version.is_none() {
                    common(&mut view).sources.clear();
                }
                view.system_unknown = blind;
                view.running = running.map(|(stale, complete)| Running {
                    stale: stale.then(|| "openssl".to_owned()).into_iter().collect(),
                    complete,
                    ..Running::default()
                });
                common(&mut view).findings = state
                    .map(|state| (key(), seen(state)))
                    .into_iter()
                    .collect();
                if old {
                    view.running_at = Some(at(hours - 1));
                }
                view
            },
        )
}

fn in_order(dates: &EpisodeDates) -> bool {
    let order = [
        Some(dates.opened),
        dates.exposed,
        dates.staged,
        dates.installed,
        dates.effective,
        dates.verified,
        dates.ended,
    ];
    order.iter().flatten().is_sorted()
}

proptest! {
    #[test]
    fn never_two_open_episodes_dates_in_order_and_again_is_nothing(
        looks in prop::collection::vec((looks(), -2..8_i64), 1..12)
    ) {
        let mut open: Vec<Episode> = Vec::new();
        let mut ended = BTreeMap::new();
        for (view, hours) in looks {
            let advanced = advance(&open, &ended, &view, at(hours));
            prop_assert!(advanced.open.len() <= 1);
            for episode in advanced.open.iter().chain(&advanced.ended) {
                prop_assert!(in_order(&episode.dates), "{episode:?}");
                prop_assert_eq!(advanced.ended.contains(episode), episode.state.is_end());
            }
            for episode in &advanced.ended {
                let before = ended.insert(episode.key.clone(), episode.ordinal);
                prop_assert!(before < Some(episode.ordinal));
            }
            let again = advance(&advanced.open, &ended, &view, at(hours));
            prop_assert_eq!(&again.open, &advanced.open);
            prop_assert!(again.transitions.is_empty() && again.ended.is_empty(), "{again:?}");
            open = advanced.open;
        }
    }

    #[test]
    fn the_order_of_earlier_looks_does_not_matter_for_what_is_open(
        looks in prop::collection::vec(looks(), 0..6),
        last in prop_oneof![Just(exposed(9)), Just(host("2", 9)), Just(host("1", 9))],
    ) {
        let open = |looks: Vec<HostView>| {
            let mut story = Story::default();
            for (hours, view) in (0..).zip(looks.into_iter().chain([last.clone()])) {
                story.look(&view, hours);
            }
            story
                .open
                .into_iter()
                .filter(|episode| episode.state.is_open())
                .map(|episode| episode.key)
                .collect::<Vec<_>>()
        };
        let mut reversed = looks.clone();
        reversed.reverse();
        prop_assert_eq!(open(looks), open(reversed));
    }
}
