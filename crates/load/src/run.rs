//! Phases of a load: enrol, report, check in; each with its rate and times.

use crate::connection::{Connection, Server};
use crate::draw::{PackageSet, Random};
use crate::guest::Guest;
use crate::times::Times;
use anyhow::Result;
use overlock_protocol::SectionDigests;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What came of a phase.
#[derive(Debug, Default)]
pub struct Phase {
    /// Requests that were answered as they should.
    pub times: Times,
    /// Those that were not, with the first few reasons.
    pub failed: usize,
    /// Why.
    pub reasons: Vec<String>,
    /// How long it took.
    pub wall: Duration,
}

impl Phase {
    /// Answered requests in a second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    pub fn rate(&self) -> f64 {
        self.times.count() as f64 / self.wall.as_secs_f64().max(1e-9)
    }

    fn take(&mut self, one: Result<Times>) {
        match one {
            Ok(times) => self.times.join(times),
            Err(error) => {
                self.failed += 1;
                if self.reasons.len() < 5 {
                    self.reasons.push(format!("{error:#}"));
                }
            }
        }
    }
}

/// Enrols `count` hosts, `at_once` at a time, spread evenly over the sets.
pub async fn enrol(
    server: &Arc<Server>,
    secret: &str,
    sets: &[Arc<PackageSet>],
    count: usize,
    at_once: usize,
    seed: u64,
) -> (Vec<Guest>, Phase) {
    let start = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for worker in 0..at_once {
        let (server, secret, next) = (server.clone(), secret.to_owned(), next.clone());
        let sets: Vec<_> = sets.to_vec();
        tasks.spawn(async move {
            let mut random = Random(seed ^ (worker as u64) << 32);
            let mut guests = Vec::new();
            let mut phase = Phase::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(set) = sets.get(number % sets.len().max(1)) else {
                    break;
                };
                if number >= count {
                    break;
                }
                let began = Instant::now();
                let name = format!("sim-{number:06}");
                match Guest::enrol(&server, &secret, name, set.clone(), &mut random).await {
                    Ok(guest) => {
                        guests.push(guest);
                        phase.times.add(began.elapsed());
                    }
                    Err(error) => phase.take(Err(error)),
                }
            }
            (guests, phase)
        });
    }
    let mut guests = Vec::new();
    let mut all = Phase::default();
    while let Some(Ok((some, phase))) = tasks.join_next().await {
        guests.extend(some);
        all.times.join(phase.times);
        all.failed += phase.failed;
        all.reasons.extend(phase.reasons);
    }
    all.reasons.truncate(5);
    all.wall = start.elapsed();
    (guests, all)
}

/// Every guest connects, says hello and reports in full, `at_once` at a time; connections are closed after.
pub async fn report(
    server: &Arc<Server>,
    guests: Vec<Guest>,
    at_once: usize,
) -> (Vec<Guest>, Phase) {
    each(server, guests, at_once, |server, mut guest| async move {
        let result = async {
            let mut times = Times::default();
            let began = Instant::now();
            let mut connection = Connection::open(&server, guest.tls.clone()).await?;
            let greeting = guest.hello(&mut connection).await?;
            if greeting.known != guest.digests() {
                guest
                    .report(&mut connection, &SectionDigests::new(), None)
                    .await?;
            }
            times.add(began.elapsed());
            Ok(times)
        }
        .await;
        (guest, result)
    })
    .await
}

/// Every guest connects anew, says hello, and checks in once: all come back after an outage.
pub async fn come_back(
    server: &Arc<Server>,
    guests: Vec<Guest>,
    at_once: usize,
) -> (Vec<Guest>, Phase) {
    each(server, guests, at_once, |server, mut guest| async move {
        let result = async {
            let mut times = Times::default();
            let began = Instant::now();
            let mut connection = Connection::open(&server, guest.tls.clone()).await?;
            guest.hello(&mut connection).await?;
            guest.poll(&mut connection).await?;
            times.add(began.elapsed());
            Ok(times)
        }
        .await;
        (guest, result)
    })
    .await
}

/// Does something with every guest, `at_once` at a time.
pub async fn each<F, G>(
    server: &Arc<Server>,
    guests: Vec<Guest>,
    at_once: usize,
    act: F,
) -> (Vec<Guest>, Phase)
where
    F: Fn(Arc<Server>, Guest) -> G,
    G: Future<Output = (Guest, Result<Times>)> + Send + 'static,
{
    let start = Instant::now();
    let mut waiting = guests.into_iter();
    let mut tasks = JoinSet::new();
    let mut done = Vec::new();
    let mut phase = Phase::default();
    for guest in waiting.by_ref().take(at_once) {
        tasks.spawn(act(server.clone(), guest));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Ok((guest, result)) = ended {
            done.push(guest);
            phase.take(result);
        }
        if let Some(guest) = waiting.next() {
            tasks.spawn(act(server.clone(), guest));
        }
    }
    phase.wall = start.elapsed();
    (done, phase)
}

/// `connections` guests check in over open connections, one request after the other on each, until `requests` are done
/// in all.
///
/// # Errors
/// When a connection cannot be opened.
pub async fn check_in(
    server: &Arc<Server>,
    guests: &mut Vec<Guest>,
    connections: usize,
    requests: usize,
) -> Result<Phase> {
    let mut open = Vec::new();
    for mut guest in guests.drain(..connections.min(guests.len())) {
        let mut connection = Connection::open(server, guest.tls.clone()).await?;
        guest.hello(&mut connection).await?;
        guest.poll(&mut connection).await?;
        open.push((guest, connection));
    }
    let left = Arc::new(AtomicUsize::new(requests));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (mut guest, mut connection) in open {
        let left = left.clone();
        tasks.spawn(async move {
            let mut times = Times::default();
            let result = async {
                while take_one(&left) {
                    let began = Instant::now();
                    guest.poll(&mut connection).await?;
                    times.add(began.elapsed());
                }
                Ok(times)
            }
            .await;
            (guest, result)
        });
    }
    let mut phase = Phase::default();
    while let Some(ended) = tasks.join_next().await {
        if let Ok((guest, result)) = ended {
            guests.push(guest);
            phase.take(result);
        }
    }
    phase.wall = start.elapsed();
    Ok(phase)
}

/// The same number of requests of the same size against the echo.
///
/// # Errors
/// When a connection cannot be opened.
pub async fn echo(
    server: &Arc<Server>,
    body: &[u8],
    connections: usize,
    requests: usize,
) -> Result<Phase> {
    let tls = server.tls(None)?;
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(server, tls.clone()).await?);
    }
    let left = Arc::new(AtomicUsize::new(requests));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in open {
        let (left, body) = (left.clone(), body.to_vec());
        tasks.spawn(async move {
            let mut times = Times::default();
            while take_one(&left) {
                let began = Instant::now();
                connection.post("/echo", body.clone()).await?;
                times.add(began.elapsed());
            }
            Ok(times)
        });
    }
    let mut phase = Phase::default();
    while let Some(ended) = tasks.join_next().await {
        if let Ok(result) = ended {
            phase.take(result);
        }
    }
    phase.wall = start.elapsed();
    Ok(phase)
}

fn take_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}
