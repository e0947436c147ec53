//! Hosts: what is said of them comes back, and signs of life cost no row of the log.

use crate::world::{World, at, both, by, digest, enrol, host, new_host};
use overlock_model::asset::{HostFacts, Standing};
use overlock_model::facts::Criticality;
use overlock_protocol::Section;
use overlock_store::{Greeted, Seen, StandingChange, StandingSet};
use std::collections::BTreeSet;

both!(
    facts_and_standing_come_back,
    a_standing_changes_only_from_what_it_was_decided_by,
    what_the_agent_said_is_written_once,
    signs_of_life_write_no_log,
    instances_are_remembered_up_to_a_few,
    a_deleted_host_is_gone_and_its_log_stays,
    names_need_not_be_unique,
);

async fn facts_and_standing_come_back(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let mut facts = HostFacts::default();
    facts.facts.criticality = Some(Criticality::High);
    facts.tags.insert("pci".into());
    facts.failure_domain = Some("rack-7".into());
    assert!(store.set_facts(&host(1), &facts, &by(1)).await.unwrap());
    let standing = Standing::Quarantined {
        since: at(2),
        why: "two\u{0}addresses".into(),
    };
    let change = StandingChange::new(&Standing::Active, &standing);
    let set = store.set_standing(&host(1), &change, &by(2)).await.unwrap();
    assert_eq!(set, StandingSet::Set);
    let known = store.host(&host(1)).await.unwrap().unwrap();
    assert_eq!(known.facts, facts);
    assert_eq!(
        known.standing,
        Standing::Quarantined {
            since: at(2),
            why: "two\u{fffd}addresses".into()
        }
    );
    assert_eq!(known.group.as_deref(), Some("web"));
    assert_eq!(known.enrolled, at(0));
    assert!(!store.set_facts(&host(2), &facts, &by(1)).await.unwrap());
    let set = store.set_standing(&host(2), &change, &by(1)).await.unwrap();
    assert_eq!(set, StandingSet::NoHost);
    assert_eq!(store.host(&host(2)).await.unwrap(), None);
}

async fn a_standing_changes_only_from_what_it_was_decided_by(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let set = async |change: StandingChange<'_>| {
        let set = store.set_standing(&host(1), &change, &by(2)).await;
        (set.unwrap(), store.log_head().await.unwrap().rows)
    };
    let (active, stopped) = (
        Standing::Active,
        Standing::Quarantined {
            since: at(2),
            why: "two addresses".into(),
        },
    );
    let head = store.log_head().await.unwrap().rows;
    let release = StandingChange::new(&stopped, &active);
    assert_eq!(set(release).await, (StandingSet::Otherwise, head));
    let stop = StandingChange::new(&active, &stopped);
    let of_another = StandingChange {
        key: Some(digest("another")),
        ..stop
    };
    assert_eq!(set(of_another).await, (StandingSet::Otherwise, head));
    let of_it = StandingChange {
        key: Some(new_host(1).key),
        ..stop
    };
    assert_eq!(set(of_it).await, (StandingSet::Set, head + 1));
    assert_eq!(set(stop).await, (StandingSet::Otherwise, head + 1));
    let because = StandingChange {
        reason: Some("moved to another rack"),
        ..release
    };
    assert_eq!(set(because).await, (StandingSet::Set, head + 2));
    let rows = store.log_since(head + 1, 9).await.unwrap();
    assert!(
        rows[0].body.contains("moved to another rack"),
        "{}",
        rows[0].body
    );
}

async fn what_the_agent_said_is_written_once(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let greeted = Greeted {
        agent: "0.2.0".into(),
        machine_id: "m".into(),
        switched_off: BTreeSet::from([Section::Processes]),
        helper: true,
    };
    assert!(store.greeted(&host(1), &greeted, &by(1)).await.unwrap());
    let head = store.log_head().await.unwrap();
    assert!(!store.greeted(&host(1), &greeted, &by(2)).await.unwrap());
    assert_eq!(store.log_head().await.unwrap(), head);
    let known = store.host(&host(1)).await.unwrap().unwrap();
    assert_eq!((known.agent.as_str(), known.helper), ("0.2.0", true));
    assert_eq!(known.switched_off, greeted.switched_off);
    // An unknown machine-id is nothing new.
    let unknown = Greeted {
        machine_id: String::new(),
        ..greeted.clone()
    };
    assert!(!store.greeted(&host(1), &unknown, &by(3)).await.unwrap());
    let newer = Greeted {
        agent: "0.3.0".into(),
        ..unknown
    };
    assert!(store.greeted(&host(1), &newer, &by(4)).await.unwrap());
    let known = store.host(&host(1)).await.unwrap().unwrap();
    assert_eq!(
        (known.agent.as_str(), known.machine_id.as_str()),
        ("0.3.0", "m")
    );
}

fn seen(number: u8, seconds: i64, address: &str, instance: &str) -> Seen {
    Seen {
        host: host(number),
        at: at(seconds),
        address: address.into(),
        instance: instance.into(),
        count: 7,
        clock_offset_us: Some(-5),
    }
}

async fn signs_of_life_write_no_log(world: World) {
    let store = world.open().await;
    enrol(&store, 200).await;
    let head = store.log_head().await.unwrap();
    let mut signs: Vec<Seen> = (1..=200)
        .map(|number| seen(number, 10, "192.0.2.1", "i"))
        .collect();
    signs.push(seen(3, 30, "192.0.2.2", "i"));
    signs.push(seen(3, 20, "192.0.2.3", "i"));
    signs.push(seen(250, 20, "192.0.2.3", "i"));
    store.seen(&signs).await.unwrap();
    store.seen(&[]).await.unwrap();
    assert_eq!(store.log_head().await.unwrap(), head);
    let third = store.host(&host(3)).await.unwrap().unwrap().presence;
    assert_eq!(
        (third.seen, third.address.as_deref()),
        (Some(at(30)), Some("192.0.2.2"))
    );
    assert_eq!((third.count, third.clock_offset_us), (7, Some(-5)));
    assert_eq!(third.instances.len(), 2);
    let last = store.host(&host(200)).await.unwrap().unwrap().presence;
    assert_eq!(last.seen, Some(at(10)));
}

async fn instances_are_remembered_up_to_a_few(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    for second in 0..40 {
        // Two copies take turns, and then there are restarts.
        let instance = if second < 20 { second % 2 } else { second };
        store
            .seen(&[seen(1, second, "192.0.2.1", &instance.to_string())])
            .await
            .unwrap();
    }
    let presence = store.host(&host(1)).await.unwrap().unwrap().presence;
    assert_eq!(presence.instances.len(), 8);
    assert_eq!(presence.instances[7].instance, "39");
    assert_eq!(presence.instances[7].first, at(39));
}

async fn a_deleted_host_is_gone_and_its_log_stays(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    assert!(store.delete_host(&host(1), &by(5)).await.unwrap());
    assert!(!store.delete_host(&host(1), &by(5)).await.unwrap());
    assert_eq!(store.host(&host(1)).await.unwrap(), None);
    let log = store.log_since(0, 10).await.unwrap();
    assert_eq!(log.last().unwrap().kind, "host.delete");
    assert!(
        log.iter()
            .any(|row| row.kind == "enrol" && row.host == Some(host(1)))
    );
}

async fn names_need_not_be_unique(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let facts = HostFacts::default();
    assert!(
        store
            .add_unmanaged(&host(9), "host-1", &facts, &by(1))
            .await
            .unwrap()
    );
    assert!(
        !store
            .add_unmanaged(&host(9), "host-1", &facts, &by(1))
            .await
            .unwrap()
    );
    let named = store.hosts_named("host-1").await.unwrap();
    assert_eq!(named.len(), 2);
    assert_eq!(named[1].standing, Standing::Unmanaged);
    assert_eq!(store.host_count().await.unwrap(), 2);
}
