//! Episodes: what was judged comes back whole, once, with its row in the log.

use crate::world::{World, accept, at, both, enrol, host, report};
use overlock_model::episode::{Episode, EpisodeDates, EpisodeKey, EpisodeState};
use overlock_model::exposure::ExposureStatus;
use overlock_model::package::PackageType;
use overlock_protocol::Section;
use overlock_store::{Judged, JudgedOutcome, OpenEpisodes, Transition};

both!(
    episodes_come_back_with_all_dates,
    a_judgement_sent_twice_is_written_once,
    a_judgement_of_an_older_revision_is_stale,
    nothing_new_writes_no_row_of_the_log,
    replicas_that_judge_at_once_write_one_judgement,
    episodes_of_all_hosts_come_in_pages,
);

pub fn episode(number: u32, state: EpisodeState) -> Episode {
    let late = |wanted: bool| wanted.then(|| at(i64::from(number) + 7));
    Episode {
        key: EpisodeKey {
            vulnerability: format!("CVE-2026-{number:04}"),
            kind: if number.is_multiple_of(7) {
                PackageType::Other("conan".into())
            } else {
                PackageType::Deb
            },
            source: format!("source-{}", number % 5),
        },
        ordinal: 1 + number % 2,
        state,
        status: if number.is_multiple_of(3) {
            ExposureStatus::EndOfLife
        } else {
            ExposureStatus::FixAvailable
        },
        installed: "1.2-3".into(),
        fixed: (number.is_multiple_of(2)).then(|| "1.2-4".into()),
        dates: EpisodeDates {
            opened: at(i64::from(number % 4)),
            exposed: late(true),
            fix_available: late(number.is_multiple_of(2)),
            staged: late(number.is_multiple_of(3)),
            installed: late(number.is_multiple_of(4)),
            effective: late(number.is_multiple_of(5)),
            verified: late(state == EpisodeState::Verified),
            ended: late(state == EpisodeState::Gone),
        },
    }
}

fn judged(number: u8, after: i64, open: Vec<Episode>, ended: Vec<Episode>) -> Judged {
    let opened = open.iter().map(|episode| (episode, None));
    let closed = ended
        .iter()
        .map(|episode| (episode, Some(EpisodeState::Effective)));
    let transitions = opened
        .chain(closed)
        .map(|(episode, from)| Transition {
            key: episode.key.clone(),
            ordinal: episode.ordinal,
            from,
            to: episode.state,
        })
        .collect();
    Judged {
        host: host(number),
        at: at(50),
        revision: 0,
        after,
        tables: "tables-1".into(),
        open,
        ended,
        transitions,
    }
}

fn exposed(range: std::ops::Range<u32>) -> Vec<Episode> {
    range
        .map(|number| episode(number, EpisodeState::Exposed))
        .collect()
}

async fn episodes_come_back_with_all_dates(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    assert_eq!(
        store.open_episodes(&host(1)).await.unwrap(),
        OpenEpisodes::default()
    );
    let open: Vec<Episode> = (0..)
        .zip(EpisodeState::ALL.into_iter().cycle())
        .take(300)
        .map(|(number, state)| episode(number, state))
        .collect();
    let ended = vec![
        episode(400, EpisodeState::Verified),
        episode(401, EpisodeState::Gone),
    ];
    let judgement = judged(1, 0, open.clone(), ended.clone());
    assert_eq!(
        store.judged(&[judgement]).await.unwrap(),
        [JudgedOutcome::Written(1)]
    );
    let known = store.open_episodes(&host(1)).await.unwrap();
    assert_eq!(
        known,
        OpenEpisodes {
            number: 1,
            episodes: open
        }
    );
    assert_eq!(store.ended_episodes(&host(1), 10).await.unwrap(), ended);
    let with = store.host(&host(1)).await.unwrap().unwrap().judged.unwrap();
    assert_eq!(
        (with.number, with.revision, with.tables.as_str(), with.at),
        (1, 0, "tables-1", at(50))
    );
    let row = store.log_since(0, 100).await.unwrap().pop().unwrap();
    assert_eq!((row.kind.as_str(), row.host), ("episodes", Some(host(1))));
    assert!(row.body.contains("\"new>exposed\":30"), "{}", row.body);
    assert!(row.body.contains("\"effective>gone\":1"), "{}", row.body);
    assert!(row.body.len() < 4_000, "{}", row.body.len());
}

async fn a_judgement_sent_twice_is_written_once(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let first = judged(
        1,
        0,
        exposed(0..5),
        vec![episode(9, EpisodeState::Verified)],
    );
    let twice = [first.clone(), first.clone()];
    let outcomes = store.judged(&twice).await.unwrap();
    assert_eq!(outcomes, [JudgedOutcome::Written(1), JudgedOutcome::Stale]);
    let head = store.log_head().await.unwrap();
    assert_eq!(
        store.judged(&[first]).await.unwrap(),
        [JudgedOutcome::Stale]
    );
    assert_eq!(store.log_head().await.unwrap(), head);
    assert_eq!(store.ended_episodes(&host(1), 10).await.unwrap().len(), 1);
}

async fn a_judgement_of_an_older_revision_is_stale(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    accept(&store, report(1, 1, None, Section::Packages, &["a"])).await;
    let old = judged(1, 0, exposed(0..5), vec![]);
    let unknown = judged(99, 0, exposed(0..5), vec![]);
    let outcomes = store.judged(&[old.clone(), unknown]).await.unwrap();
    assert_eq!(outcomes, [JudgedOutcome::Stale, JudgedOutcome::Unknown]);
    assert_eq!(
        store.open_episodes(&host(1)).await.unwrap(),
        OpenEpisodes::default()
    );
    let new = Judged { revision: 1, ..old };
    assert_eq!(
        store.judged(&[new]).await.unwrap(),
        [JudgedOutcome::Written(1)]
    );
}

async fn nothing_new_writes_no_row_of_the_log(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    store
        .judged(&[judged(1, 0, exposed(0..5), vec![])])
        .await
        .unwrap();
    let head = store.log_head().await.unwrap();
    let again = Judged {
        tables: "tables-2".into(),
        transitions: vec![],
        ..judged(1, 1, exposed(0..5), vec![])
    };
    assert_eq!(
        store.judged(&[again]).await.unwrap(),
        [JudgedOutcome::Written(2)]
    );
    assert_eq!(store.log_head().await.unwrap(), head);
    let known = store.open_episodes(&host(1)).await.unwrap();
    assert_eq!(
        known,
        OpenEpisodes {
            number: 2,
            episodes: exposed(0..5)
        }
    );
    assert_eq!(
        store
            .host(&host(1))
            .await
            .unwrap()
            .unwrap()
            .judged
            .unwrap()
            .tables,
        "tables-2"
    );
}

async fn replicas_that_judge_at_once_write_one_judgement(world: World) {
    let stores = [world.open().await, world.open().await];
    enrol(&stores[0], 1).await;
    for after in 0..10 {
        let number = u32::try_from(after).unwrap();
        let one = [judged(
            1,
            after,
            exposed(0..number),
            vec![episode(number, EpisodeState::Gone)],
        )];
        let (a, b) = tokio::join!(stores[0].judged(&one), stores[1].judged(&one));
        let mut outcomes = [a.unwrap()[0], b.unwrap()[0]];
        outcomes.sort_by_key(|outcome| *outcome == JudgedOutcome::Stale);
        assert_eq!(
            outcomes,
            [JudgedOutcome::Written(after + 1), JudgedOutcome::Stale]
        );
    }
    assert_eq!(
        stores[1].ended_episodes(&host(1), 100).await.unwrap().len(),
        10
    );
}

async fn episodes_of_all_hosts_come_in_pages(world: World) {
    let store = world.open().await;
    enrol(&store, 7).await;
    let all: Vec<Judged> = (1..=7)
        .map(|number| judged(number, 0, exposed(0..u32::from(number)), vec![]))
        .collect();
    store.judged(&all).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let page = store.all_open_episodes(seen.last(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        for (id, episodes) in page {
            let number = (1..=7).find(|number| host(*number) == id).unwrap();
            assert_eq!(episodes.episodes.len(), usize::from(number));
            seen.push(id);
        }
    }
    assert_eq!(seen.len(), 7);
}
