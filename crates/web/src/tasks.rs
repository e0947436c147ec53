//! What a server does by itself, beside answering: writes down who was heard, watches the tables, renews its certificate.

use crate::judging::is_due;
use crate::shared::Shared;
use crate::truth::World;
use jiff::{SignedDuration, Timestamp};
use overlock_fleet::Judging;
use overlock_model::plan::HostId;
use overlock_store::{By, Host, StoreError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How much of "last seen" a crash may lose.
const FLUSH: Duration = Duration::from_secs(3);
/// Signs of life in one transaction, so that reports do not wait long behind it.
const FLUSH_BATCH: usize = 2_000;
/// How soon new tables are used.
const TABLES: Duration = Duration::from_secs(30);
/// How often fixes that wait for a later look are looked at.
const CONFIRM: Duration = Duration::from_secs(300);
/// How often what is over is forgotten, by all replicas together.
const FORGET: Duration = Duration::from_secs(60 * 60);
/// The first time after a start, so that a server that never runs for long forgets too.
const FORGET_FIRST: Duration = Duration::from_secs(60);
/// Whose lease that is.
const FORGETTING: &str = "forgetting";
/// How old the time is that decisions are made by.
const NOW: SignedDuration = SignedDuration::from_hours(1);
/// Hosts read at once when all are judged anew.
const PAGE: u32 = 1_000;

/// Writes down who was heard, until the server stops.
pub(crate) async fn flush(shared: Arc<Shared>) {
    loop {
        let stopped = tokio::select! {
            () = tokio::time::sleep(FLUSH) => false,
            () = shared.stop.stopped() => true,
        };
        flush_now(&shared).await;
        if stopped {
            return;
        }
    }
}

/// Writes down who was heard; what cannot be written is kept for the next time.
pub(crate) async fn flush_now(shared: &Shared) {
    let heard = shared.directory.take_heard();
    let mut rest = heard.as_slice();
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(rest.len().min(FLUSH_BATCH));
        if let Err(error) = shared.store.seen(batch).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "who was heard cannot be written down"
            );
            shared.directory.give_back(rest.to_vec());
            return;
        }
        shared.truth.write(|fleet| {
            for seen in batch {
                fleet.touch(&seen.host, seen.at);
            }
        });
        rest = later;
    }
}

/// Makes the server's certificate anew in time, and reads the operator's again when its files change.
pub(crate) async fn certificates(shared: Arc<Shared>) {
    const EVERY: Duration = Duration::from_secs(60);
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = shared.stop.stopped() => return,
        }
        let now = shared.clock.now();
        if shared.certificates.renew_after() <= now
            && let Err(error) = shared.certificates.renew(now)
        {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the server's certificate cannot be renewed"
            );
        }
        if let Err(error) = shared.certificates.reload() {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the certificate from files cannot be read again"
            );
        }
    }
}

/// Forgets what is over, until the server stops.
pub(crate) async fn forget(shared: Arc<Shared>) {
    let holder = match crate::authority::random::<16>() {
        Ok(random) => crate::authority::hex(&random),
        Err(error) => {
            tracing::error!(%error, "nothing is forgotten");
            return;
        }
    };
    let mut wait = FORGET_FIRST;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.stop.stopped() => return,
        }
        wait = FORGET;
        if let Err(error) = forget_now(&shared, &holder).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what is over cannot be forgotten yet"
            );
        }
    }
}

/// Forgets sessions and kept answers that have ended, and history beyond its time; nothing while another replica has
/// done so within the hour. False then.
pub(crate) async fn forget_now(shared: &Shared, holder: &str) -> Result<bool, StoreError> {
    let now = shared.clock.now();
    let (store, until) = (&shared.store, after(now, FORGET));
    if store.claim(FORGETTING, holder, now, until).await?.is_none() {
        return Ok(false);
    }
    let ended = store.forget_expired(now).await?;
    let before = now
        .checked_sub(SignedDuration::try_from(shared.limits.history).unwrap_or(SignedDuration::MAX))
        .unwrap_or(Timestamp::MIN);
    let pruned = store.prune(before, &By::server(now)).await?;
    tracing::info!(
        ended,
        spans = pruned.spans,
        contents = pruned.contents,
        "forgot what is over"
    );
    Ok(true)
}

fn after(time: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| time.checked_add(wait).ok())
        .unwrap_or(time)
}

/// Looks for new tables, for fixes that are confirmed by now, and at the clock; gives back what the tables take.
pub(crate) async fn watch(shared: Arc<Shared>, data: PathBuf) {
    let mut confirmed = tokio::time::Instant::now();
    loop {
        tokio::select! {
            () = tokio::time::sleep(TABLES) => {}
            () = shared.stop.stopped() => return,
        }
        if let Err(error) = look_at_tables(&shared, &data).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "new tables cannot be used yet"
            );
        }
        shared.truth.world().rest();
        if confirmed.elapsed() >= CONFIRM {
            confirmed = tokio::time::Instant::now();
            shared.judging.confirm();
        }
        let now = shared.clock.now();
        let judging = shared.truth.read(|fleet| fleet.judging().clone());
        if now.duration_since(judging.now) >= NOW {
            shared
                .truth
                .write(|fleet| fleet.judge_by(Judging { now, ..judging }));
        }
    }
}

/// Uses the tables that are there now, if they are others; then all hosts are judged anew.
pub(crate) async fn look_at_tables(shared: &Arc<Shared>, data: &Path) -> Result<(), StoreError> {
    let (now, before, data) = (shared.clock.now(), shared.truth.world(), data.to_owned());
    let opened = tokio::task::spawn_blocking(move || {
        let world = World::open(&data, now);
        (world.id() != before.id() || world.today() != before.today()).then_some(world)
    });
    match opened.await {
        Ok(Some(world)) => use_world(shared, world).await,
        Ok(None) => Ok(()),
        Err(error) => {
            tracing::error!(%error, "new tables cannot be opened");
            Ok(())
        }
    }
}

/// Matches against other tables, and has all hosts judged by them.
pub(crate) async fn use_world(shared: &Arc<Shared>, world: World) -> Result<(), StoreError> {
    let id = world.id().clone();
    let matched = {
        let shared = Arc::clone(shared);
        tokio::task::spawn_blocking(move || {
            let changed = world.changed_since(&shared.truth.world());
            let world = Arc::new(world);
            shared.truth.write(|fleet| {
                // Under one lock, so that nobody judges by the new tables what was matched by the old.
                shared.truth.set_world(Arc::clone(&world));
                fleet.rematch(&*world, &changed)
            })
        })
    };
    match matched.await {
        Ok(cost) => tracing::info!(
            subjects = cost.subjects,
            findings = cost.findings,
            "matched against new tables"
        ),
        Err(error) => {
            tracing::error!(%error, "matching against new tables failed");
            return Ok(());
        }
    }
    let mut after: Option<HostId> = None;
    loop {
        let page: Vec<Host> = shared.store.hosts(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.id.clone());
        let due = page.iter().filter(|host| is_due(host, &id));
        shared.judging.add(due.map(|host| host.id.clone()));
    }
}

#[cfg(test)]
mod tests;
