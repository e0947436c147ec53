//! Several servers over one PostgreSQL, and a PostgreSQL that goes away.

use super::server::{Served, package_sets, reported, runtime};
use overlock_load::connection::Connection;
use overlock_load::draw::Random;
use overlock_testkit::postgres::own_postgres;
use serde_json::Value;
use std::time::{Duration, Instant};

#[test]
fn three_replicas_have_one_truth() {
    let test = "three_replicas_have_one_truth";
    let Some(sets) = package_sets(test, 3) else {
        return;
    };
    let Some(postgres) = own_postgres(test) else {
        return;
    };
    let url = postgres.create_database();
    let first = Served::on(&url);
    let secret = first.set_up().secret(3);
    let others = [Served::on(&url), Served::on(&url)];
    for other in &others {
        other_context(&first, other);
    }
    let all = [&first, &others[0], &others[1]];
    let mut random = Random(21);
    runtime().block_on(async {
        // Each enrols with one and checks in with another: same authority, same hosts.
        for (number, set) in sets.iter().enumerate() {
            let name = format!("host-{number}");
            let (mut guest, _) = reported(all[number], &secret, &name, set, &mut random).await;
            let next = all[(number + 1) % 3];
            await_host(next, &name);
            let mut connection = Connection::open(&next.door(), guest.tls.clone())
                .await
                .unwrap();
            let known = guest.hello(&mut connection).await.unwrap().known;
            assert_eq!(known, guest.digests());
            guest.poll(&mut connection).await.unwrap();
        }
    });
    let seen: Vec<Vec<String>> = all.iter().map(|one| names(&one.await_judged(3))).collect();
    assert_eq!(seen[0], ["host-0", "host-1", "host-2"]);
    assert!(seen.iter().all(|names| *names == seen[0]), "{seen:?}");
    // A single-use token is used once, whichever replica is asked.
    let once = first.secret(1);
    let taken = runtime().block_on(async {
        let mut taken = 0;
        for (number, server) in all.iter().enumerate() {
            let (name, door) = (format!("once-{number}"), server.door());
            let enrolled = overlock_load::guest::Guest::enrol(
                &door,
                &once,
                name,
                sets[0].clone(),
                &mut random,
            );
            taken += usize::from(enrolled.await.is_ok());
        }
        taken
    });
    assert_eq!(taken, 1);
    let verdict = first.json(&["log", "verify"]);
    assert_eq!(verdict.get("holds").and_then(Value::as_bool), Some(true));
}

#[test]
fn a_database_that_goes_away_and_comes_back_loses_nothing() {
    let test = "a_database_that_goes_away_and_comes_back_loses_nothing";
    let Some(sets) = package_sets(test, 2) else {
        return;
    };
    let Some(postgres) = own_postgres(test) else {
        return;
    };
    let url = postgres.create_database();
    let served = Served::on(&url);
    let secret = served.set_up().secret(2);
    let mut random = Random(31);
    let runtime = runtime();
    let (mut guest, mut connection) =
        runtime.block_on(reported(&served, &secret, "web-1", &sets[0], &mut random));
    postgres.stop();
    runtime.block_on(async {
        // What is known needs no database; what must be written is refused, not lost in silence.
        let other = overlock_load::draw::sections_of(&sets[1], "web-1").unwrap();
        let known = guest.digests();
        guest.become_like(other);
        guest
            .report(&mut connection, &known, None)
            .await
            .unwrap_err();
    });
    postgres.restart();
    runtime.block_on(async {
        let began = Instant::now();
        loop {
            let again = async {
                let mut connection = Connection::open(&served.door(), guest.tls.clone()).await?;
                let known = guest.hello(&mut connection).await?.known;
                guest.report(&mut connection, &known, None).await
            };
            match again.await {
                Ok(()) => break,
                Err(error) => assert!(
                    // Connections to the database are tried again after seconds at the most.
                    began.elapsed() < Duration::from_secs(60),
                    "{error:#}\n{}",
                    served.log()
                ),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let verdict = served.json(&["log", "verify"]);
    assert_eq!(verdict.get("holds").and_then(Value::as_bool), Some(true));
}

/// The same token against another replica.
fn other_context(first: &Served, other: &Served) {
    let context = std::fs::read_to_string(first.folder.join("context.toml")).unwrap();
    let context = context.replace(&first.url(), &other.url());
    std::fs::write(other.folder.join("context.toml"), context).unwrap();
}

fn names(list: &Value) -> Vec<String> {
    let mut names: Vec<String> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|host| host["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn await_host(served: &Served, name: &str) {
    served.until(Duration::from_secs(30), || {
        let names = names(&served.json(&["host", "list"]));
        names.contains(&name.to_owned()).then_some(())
    });
}
