//! Crashes, outages, full disks, wrong clocks.

use super::server::{Served, package_sets, reported, runtime};
use overlock_load::connection::Connection;
use overlock_load::draw::{Random, sections_of};
use overlock_load::guest::Guest;
use overlock_load::run;
use overlock_protocol::{Section, state_digest};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Check-ins that are answered while the server is killed again and again, at least [`KILLS`] times: a fast machine
/// answers them all before the second kill.
const CHECK_INS: usize = 10_000;
const KILLS: usize = 5;
const KILL_EVERY: Duration = Duration::from_secs(2);
const GUESTS: usize = 24;
/// How long a fleet may take to be back after an outage. Seconds are expected; this is the promise.
const BACK_WITHIN: Duration = Duration::from_secs(300);

#[test]
fn a_server_killed_under_load_loses_no_accepted_report_and_doubles_no_episode() {
    let test = "a_server_killed_under_load_loses_no_accepted_report_and_doubles_no_episode";
    let Some(sets) = package_sets(test, GUESTS) else {
        return;
    };
    let mut served = Served::new();
    let secret = served.set_up().secret(GUESTS);
    let (door, runtime) = (served.door(), runtime());
    let (guests, phase) = runtime.block_on(run::enrol(&door, &secret, &sets, GUESTS, 8, 3));
    assert_eq!(phase.failed, 0, "{:?}", phase.reasons);

    // Each guest goes back and forth between its packages and those of another, and checks in, whatever happens.
    let answered = Arc::new(AtomicUsize::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let load = std::thread::spawn({
        let (door, sets, answered, over) = (door, sets, answered.clone(), over.clone());
        move || {
            self::runtime().block_on(async move {
                let mut tasks = tokio::task::JoinSet::new();
                for (number, guest) in guests.into_iter().enumerate() {
                    let other = sets[(number + 1) % sets.len()].clone();
                    let (door, answered, over) = (door.clone(), answered.clone(), over.clone());
                    tasks.spawn(
                        async move { restless(&door, guest, &other, &answered, &over).await },
                    );
                }
                tasks.join_all().await
            })
        }
    });
    let mut kills = 0;
    let began = Instant::now();
    while answered.load(Ordering::Relaxed) < CHECK_INS || kills < KILLS {
        assert!(
            // A kill every two seconds and thousands of answers a second: a tenth of this on a machine that is free.
            began.elapsed() < Duration::from_secs(300),
            "{}",
            served.log()
        );
        // Not to wait for anything: how long the server is under load between two kills.
        std::thread::sleep(KILL_EVERY);
        served.kill();
        served.start();
        kills += 1;
    }
    over.store(true, Ordering::Relaxed);
    let guests = load.join().unwrap();

    // What was accepted last is what the server has.
    for guest in &guests {
        let inventory = served.says(&["host", "inventory", guest.name.as_str()]);
        let inventory: Value = serde_json::from_str(&inventory).unwrap();
        let packages = inventory.get("packages").and_then(Value::as_array).unwrap();
        let accepted = guest.sections().get(&Section::Packages).unwrap();
        let languages = guest.sections().get(&Section::Languages).unwrap();
        assert_eq!(
            packages.len(),
            accepted.lines().len() + languages.lines().len(),
            "{}",
            guest.name
        );
        assert_eq!(state_digest(&guest.digests()), guest.state());
    }
    served.await_judged(GUESTS);
    for guest in &guests {
        let exposures = served.json(&["host", "exposures", guest.name.as_str()]);
        let mut keys: Vec<String> = exposures
            .get("items")
            .and_then(Value::as_array)
            .unwrap()
            .iter()
            .map(|one| format!("{} {}", one["vulnerability"], one["source"]))
            .collect();
        let all = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(
            keys.len(),
            all,
            "an episode of {} is there twice",
            guest.name
        );
    }
    let verdict = served.json(&["log", "verify"]);
    assert_eq!(verdict.get("holds").and_then(Value::as_bool), Some(true));
}

/// Reports and checks in until all is over; ends with what was accepted last.
async fn restless(
    door: &Arc<overlock_load::connection::Server>,
    mut guest: Guest,
    other: &overlock_load::draw::PackageSet,
    answered: &AtomicUsize,
    over: &AtomicBool,
) -> Guest {
    let own = guest.sections().clone();
    let others = sections_of(other, &guest.name).unwrap();
    let mut turn = 0_usize;
    while !over.load(Ordering::Relaxed) {
        let Ok(mut connection) = Connection::open(door, guest.tls.clone()).await else {
            // It is down; until it listens again, or all is over.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let result: anyhow::Result<()> = async {
            let known = guest.hello(&mut connection).await?.known;
            guest.report(&mut connection, &known, None).await?;
            while !over.load(Ordering::Relaxed) {
                guest.poll(&mut connection).await?;
                answered.fetch_add(1, Ordering::Relaxed);
                turn += 1;
                if turn.is_multiple_of(25) {
                    let before = guest.sections().clone();
                    let after = if turn.is_multiple_of(50) {
                        &own
                    } else {
                        &others
                    };
                    guest.become_like(after.clone());
                    let known = before
                        .iter()
                        .map(|(section, content)| (*section, content.digest()))
                        .collect();
                    guest.report(&mut connection, &known, Some(&before)).await?;
                }
            }
            Ok(())
        }
        .await;
        // A server that was killed: the next hello tells what it has.
        drop(result);
    }
    // The last report may have been cut off by a kill: what counts is what the server says it has.
    let mut connection = Connection::open(door, guest.tls.clone()).await.unwrap();
    let known = guest.hello(&mut connection).await.unwrap().known;
    guest.report(&mut connection, &known, None).await.unwrap();
    guest
}

/// A crowd after an outage: all have certificates, the first of them have reported too.
#[test]
fn ten_thousand_hosts_that_come_back_all_at_once_are_all_taken_in() {
    let test = "ten_thousand_hosts_that_come_back_all_at_once_are_all_taken_in";
    let Some(sets) = package_sets(test, 10) else {
        return;
    };
    const HOSTS: usize = 10_000;
    const REPORTED: usize = 1_000;
    // Each host is a connection here too: all of them at the same moment, or as many as this system lets a process have.
    let at_once = HOSTS.min(descriptors().saturating_sub(512));
    let mut served = Served::new();
    let secret = served.set_up().secret(HOSTS);
    let (door, runtime) = (served.door(), runtime());
    let (mut guests, enrolled) = runtime.block_on(run::enrol(&door, &secret, &sets, HOSTS, 32, 5));
    assert_eq!(enrolled.failed, 0, "{:?}", enrolled.reasons);
    let rest = guests.split_off(REPORTED);
    let (mut guests, reported) = runtime.block_on(run::report(&door, guests, 32));
    assert_eq!(reported.failed, 0, "{:?}", reported.reasons);
    guests.extend(rest);
    served.kill();
    served.start();
    let (_, back) = runtime.block_on(run::come_back(&door, guests, at_once));
    assert_eq!(back.failed, 0, "{:?}", back.reasons);
    assert_eq!(back.times.count(), HOSTS);
    assert!(back.wall < BACK_WITHIN, "{:?}", back.wall);
}

/// Files that this process may have open, as many as it is let have.
fn descriptors() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = maximum;
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
    maximum.map_or(usize::MAX, |maximum| usize::try_from(maximum).unwrap())
}

#[test]
fn a_full_disk_is_told_and_loses_nothing_that_was_accepted() {
    let test = "a_full_disk_is_told_and_loses_nothing_that_was_accepted";
    if !overlock_testkit::root(test) {
        return;
    }
    let Some(sets) = package_sets(test, 40) else {
        return;
    };
    let disk = SmallDisk::new(12);
    let served = Served::within(&disk.path);
    let secret = served.set_up().secret(40);
    runtime().block_on(async {
        let mut random = Random(11);
        let (first, _) = reported(&served, &secret, "first", &sets[0], &mut random).await;
        let ballast = disk.path.join("ballast");
        let mut refused = 0;
        std::fs::write(&ballast, vec![1; 64 << 20]).unwrap_err();
        for (number, set) in sets.iter().enumerate().skip(1) {
            let name = format!("late-{number}");
            if Guest::enrol(&served.door(), &secret, name, set.clone(), &mut random)
                .await
                .is_err()
            {
                refused += 1;
            }
        }
        assert!(refused > 0, "the disk was never full");
        // What was accepted is still there and still answered.
        let shown = served.json(&["host", "show", "first"]);
        assert_eq!(
            shown.get("id").and_then(Value::as_str),
            Some(first.host.as_str())
        );
        std::fs::remove_file(&ballast).unwrap();
        let (later, _) = reported(&served, &secret, "later", &sets[1], &mut random).await;
        assert_eq!(state_digest(&later.digests()), later.state());
    });
    assert!(served.log().contains("full"), "{}", served.log());
}

/// A file system in memory that ends at a size.
struct SmallDisk {
    path: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    fn new(mib: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        std::fs::create_dir(&path).unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(&path)
            .status()
            .unwrap();
        assert!(mounted.success());
        Self {
            path,
            _folder: folder,
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the server that used it may end a moment later.
        drop(
            std::process::Command::new("umount")
                .arg("-l")
                .arg(&self.path)
                .status(),
        );
    }
}
