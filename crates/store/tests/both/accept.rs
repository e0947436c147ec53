//! Reports: contents once, history whole, and nobody's change lost.

use crate::world::{World, accept, at, both, by, content, digest, enrol, host, report, taken};
use overlock_model::asset::Standing;
use overlock_protocol::{Section, SectionDigests};
use overlock_store::{Accepted, Outcome, StandingChange, Store, Writer};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::collections::{BTreeMap, BTreeSet};

both!(
    equal_contents_are_kept_once,
    history_tells_what_was_there_at_a_time,
    a_report_against_another_state_is_a_conflict_for_that_host_only,
    a_repeated_report_writes_nothing,
    nothing_is_taken_from_hosts_that_are_not_active,
    two_reports_of_a_host_in_one_group_build_on_each_other,
    pruning_keeps_what_is_current_or_young,
    the_writer_answers_after_the_commit,
    a_thousand_hosts_in_groups_lose_nothing,
    replicas_that_race_never_lose_or_double,
    hostile_text_is_kept_as_it_is,
);

async fn equal_contents_are_kept_once(world: World) {
    let store = world.open().await;
    enrol(&store, 2).await;
    let packages = ["openssl 3.0.11", "zlib 1.2"];
    let outcomes = store
        .accept(&[
            report(1, 1, None, Section::Packages, &packages),
            report(2, 1, None, Section::Packages, &packages),
        ])
        .await
        .unwrap();
    assert_eq!(taken(&outcomes[0]), taken(&outcomes[1]));
    let sections = store.sections(&host(1)).await.unwrap();
    assert_eq!(sections, store.sections(&host(2)).await.unwrap());
    let all = store.all_sections(None, 10).await.unwrap();
    assert_eq!(all.len(), 2);
    let digest = sections[&Section::Packages];
    assert_eq!(
        store.content(digest).await.unwrap(),
        Some(content(&packages))
    );
    // With one host gone the other still has it; with both gone it can be forgotten, once.
    store.delete_host(&host(1), &by(2)).await.unwrap();
    assert_eq!(store.prune(at(9), &by(9)).await.unwrap().contents, 0);
    store.delete_host(&host(2), &by(2)).await.unwrap();
    assert_eq!(store.prune(at(9), &by(9)).await.unwrap().contents, 1);
    assert_eq!(store.content(digest).await.unwrap(), None);
}

async fn history_tells_what_was_there_at_a_time(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let first = accept(&store, report(1, 10, None, Section::Packages, &["a"])).await;
    let second = report(1, 20, Some(taken(&first)), Section::Packages, &["b"]);
    let second = accept(&store, second).await;
    let mut third = report(1, 30, Some(taken(&second)), Section::Labels, &["l"]);
    third.dropped = BTreeSet::from([Section::Packages]);
    third.labels = Some(BTreeMap::from([("role".into(), "web".into())]));
    let third = accept(&store, third).await;
    assert!(matches!(third, Outcome::Accepted { revision: 3, .. }));

    let packages_at = async |seconds| {
        let sections = store.sections_at(&host(1), at(seconds)).await.unwrap();
        sections.get(&Section::Packages).copied()
    };
    assert_eq!(packages_at(9).await, None);
    assert_eq!(packages_at(10).await, Some(content(&["a"]).digest()));
    assert_eq!(packages_at(19).await, Some(content(&["a"]).digest()));
    assert_eq!(packages_at(20).await, Some(content(&["b"]).digest()));
    assert_eq!(packages_at(30).await, None);
    let timeline = store.timeline(&host(1), 10).await.unwrap();
    let spans: Vec<_> = timeline
        .iter()
        .map(|span| (span.revision, span.section, span.until))
        .collect();
    assert_eq!(
        spans,
        [
            (3, Section::Labels, None),
            (2, Section::Packages, Some(at(30))),
            (1, Section::Packages, Some(at(20))),
        ]
    );
    let known = store.host(&host(1)).await.unwrap().unwrap();
    assert_eq!(known.labels["role"], "web");
    assert_eq!((known.revision, known.state), (3, Some(taken(&third))));
    let last = store.log_since(0, 100).await.unwrap().pop().unwrap();
    assert_eq!(
        (last.kind.as_str(), last.host),
        ("inventory", Some(host(1)))
    );
    assert!(
        last.body.contains(&content(&["b"]).digest().to_string()),
        "{}",
        last.body
    );
}

async fn a_report_against_another_state_is_a_conflict_for_that_host_only(world: World) {
    let store = world.open().await;
    enrol(&store, 2).await;
    let first = taken(&accept(&store, report(1, 1, None, Section::Packages, &["a"])).await);
    let outcomes = store
        .accept(&[
            report(1, 2, Some(digest("another")), Section::Packages, &["b"]),
            report(2, 2, None, Section::Packages, &["b"]),
            report(9, 2, None, Section::Packages, &["b"]),
        ])
        .await
        .unwrap();
    let sections = SectionDigests::from([(Section::Packages, content(&["a"]).digest())]);
    assert_eq!(
        outcomes[0],
        Outcome::Conflict {
            state: Some(first),
            sections
        }
    );
    taken(&outcomes[1]);
    assert_eq!(outcomes[2], Outcome::Unknown);
    assert_eq!(store.host(&host(1)).await.unwrap().unwrap().revision, 1);
}

async fn a_repeated_report_writes_nothing(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let once = report(1, 1, None, Section::Packages, &["a"]);
    let state = taken(&accept(&store, once.clone()).await);
    let head = store.log_head().await.unwrap();
    assert_eq!(
        accept(&store, once).await,
        Outcome::Unchanged { revision: 1, state }
    );
    assert_eq!(store.log_head().await.unwrap(), head);
    assert_eq!(store.timeline(&host(1), 10).await.unwrap().len(), 1);
}

async fn nothing_is_taken_from_hosts_that_are_not_active(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let mut from = Standing::Active;
    for standing in [
        Standing::Unconfirmed,
        Standing::Quarantined {
            since: at(1),
            why: "two addresses".into(),
        },
        Standing::Revoked {
            since: at(1),
            why: "lost".into(),
        },
    ] {
        store
            .set_standing(&host(1), &StandingChange::new(&from, &standing), &by(1))
            .await
            .unwrap();
        from = standing.clone();
        let outcome = accept(&store, report(1, 2, None, Section::Packages, &["a"])).await;
        assert_eq!(outcome, Outcome::Refused(standing));
    }
    assert!(store.sections(&host(1)).await.unwrap().is_empty());
}

async fn two_reports_of_a_host_in_one_group_build_on_each_other(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let state = overlock_protocol::state_digest(&SectionDigests::from([(
        Section::Packages,
        content(&["a"]).digest(),
    )]));
    let outcomes = store
        .accept(&[
            report(1, 1, None, Section::Packages, &["a"]),
            report(1, 1, Some(state), Section::Packages, &["b"]),
            report(1, 1, None, Section::Packages, &["c"]),
        ])
        .await
        .unwrap();
    assert!(matches!(outcomes[0], Outcome::Accepted { revision: 1, .. }));
    assert!(matches!(outcomes[1], Outcome::Accepted { revision: 2, .. }));
    assert!(matches!(outcomes[2], Outcome::Conflict { .. }));
    assert_eq!(store.timeline(&host(1), 10).await.unwrap().len(), 2);
}

async fn pruning_keeps_what_is_current_or_young(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let mut state = None;
    for (seconds, line) in [(10, "a"), (20, "b"), (30, "c")] {
        let outcome = accept(
            &store,
            report(1, seconds, state, Section::Packages, &[line]),
        )
        .await;
        state = Some(taken(&outcome));
    }
    let pruned = store.prune(at(25), &by(40)).await.unwrap();
    assert_eq!((pruned.spans, pruned.contents), (1, 1));
    let left = store.timeline(&host(1), 10).await.unwrap();
    assert_eq!(left.len(), 2);
    let pruned = store.prune(at(1000), &by(41)).await.unwrap();
    assert_eq!((pruned.spans, pruned.contents), (1, 1));
    assert_eq!(
        store.content(content(&["c"]).digest()).await.unwrap(),
        Some(content(&["c"]))
    );
}

async fn the_writer_answers_after_the_commit(world: World) {
    let store = world.open().await;
    let other = world.open().await;
    enrol(&store, 50).await;
    let writer = Writer::start(store.clone());
    let tasks: Vec<_> = (1..=50)
        .map(|number| {
            let (writer, other) = (writer.clone(), other.clone());
            tokio::spawn(async move {
                let answer = writer
                    .accept(report(number, 1, None, Section::Packages, &["a"]))
                    .await;
                // Another connection sees it as soon as the answer is there.
                let seen = other.host(&host(number)).await.unwrap().unwrap();
                assert_eq!(seen.state, Some(taken(&answer.unwrap())));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn a_thousand_hosts_in_groups_lose_nothing(world: World) {
    let store = world.open().await;
    enrol(&store, 200).await;
    let mut reports = Vec::new();
    for number in 1..=200 {
        reports.push(report(number, 1, None, Section::Packages, &["a", "b"]));
        reports.push(report(
            number,
            2,
            None,
            Section::System,
            &[&format!("host {number}")],
        ));
    }
    let outcomes = store.accept(&reports).await.unwrap();
    let (first, second): (Vec<_>, Vec<_>) = outcomes
        .chunks(2)
        .map(|pair| {
            (
                matches!(pair[0], Outcome::Accepted { .. }),
                matches!(pair[1], Outcome::Conflict { .. }),
            )
        })
        .unzip();
    assert!(first.iter().all(|accepted| *accepted) && second.iter().all(|conflict| *conflict));
    let mut after = None;
    let mut count = 0;
    loop {
        let page = store.hosts(after.as_ref(), 70).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        count += page.iter().filter(|host| host.revision == 1).count();
    }
    assert_eq!(count, 200);
}

async fn hostile_text_is_kept_as_it_is(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let lines = [
        "\u{0}\u{1b}[31m",
        "'; DROP TABLE hosts; --",
        "<script>",
        "\u{202e}",
    ];
    let mut hostile = report(1, 1, None, Section::Packages, &lines);
    hostile.labels = Some(BTreeMap::from([("a\u{0}b".into(), "'\"\u{0}".into())]));
    taken(&accept(&store, hostile).await);
    let digest = store.sections(&host(1)).await.unwrap()[&Section::Packages];
    assert_eq!(store.content(digest).await.unwrap(), Some(content(&lines)));
    assert_eq!(
        store.host(&host(1)).await.unwrap().unwrap().labels["a\u{0}b"],
        "'\"\u{0}"
    );
}

/// What each host should have: the model that the database is held against.
type Model = BTreeMap<u8, (i64, SectionDigests)>;

async fn replicas_that_race_never_lose_or_double(world: World) {
    let stores = [world.open().await, world.open().await];
    enrol(&stores[0], 4).await;
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig {
            cases: 12,
            failure_persistence: None,
            ..ProptestConfig::default()
        },
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    // Each step: which host, which section, which value, and whether both replicas get it at once.
    let steps = proptest::collection::vec((1..=4_u8, 0..3_usize, 0..4_u8, any::<bool>()), 1..16);
    let mut model = Model::new();
    for _ in 0..12 {
        let steps = steps.new_tree(&mut runner).unwrap().current();
        for (number, section, value, both) in steps {
            step(
                &stores,
                &mut model,
                (number, Section::ALL[section], value),
                both,
            )
            .await;
        }
    }
    let verdict = stores[1].verify_log(|_, _| {}).await.unwrap();
    assert!(
        matches!(verdict, overlock_store::LogVerdict::Holds(_)),
        "{verdict:?}"
    );
    let inventories = stores[0].log_since(0, 10_000).await.unwrap();
    let inventories = inventories
        .iter()
        .filter(|row| row.kind == "inventory")
        .count();
    let revisions: i64 = model.values().map(|(revision, _)| revision).sum();
    assert_eq!(i64::try_from(inventories).unwrap(), revisions);
}

async fn step(
    stores: &[Store; 2],
    model: &mut Model,
    (number, section, value): (u8, Section, u8),
    both: bool,
) {
    let (revision, sections) = model.entry(number).or_default();
    let expected = (*revision > 0).then(|| overlock_protocol::state_digest(sections));
    let line = |replica: u8| format!("{value} by {replica}");
    let of = |replica: u8| -> Accepted { report(number, 1, expected, section, &[&line(replica)]) };
    let racing = [of(0), of(u8::from(both))];
    let (a, b) = tokio::join!(
        stores[0].accept(&racing[..1]),
        stores[1].accept(&racing[1..]),
    );
    let outcomes = [a.unwrap().remove(0), b.unwrap().remove(0)];
    let written: Vec<usize> = (0..2)
        .filter(|replica| matches!(outcomes[*replica], Outcome::Accepted { .. }))
        .collect();
    // At most one of two different reports made against one state is taken in; of two equal ones exactly one changes
    // something, unless it was there already.
    assert!(written.len() <= 1, "{outcomes:?}");
    if let Some(winner) = written.first() {
        let loser = &outcomes[1 - winner];
        assert!(
            matches!(loser, Outcome::Conflict { .. } | Outcome::Unchanged { .. }),
            "{loser:?}"
        );
        *revision += 1;
        sections.insert(section, racing[*winner].changed[&section].digest());
    }
    for store in stores {
        let known = store.host(&host(number)).await.unwrap().unwrap();
        assert_eq!(known.revision, *revision);
        assert_eq!(store.sections(&host(number)).await.unwrap(), *sections);
        assert_eq!(known.state.is_some(), *revision > 0);
    }
}
