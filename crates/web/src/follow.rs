//! Follows the log: what changed, here or at another replica, comes into memory in the order in which it happened.
//!
//! One task, woken when this server writes and otherwise each second. It is the only one that takes hosts into the fleet
//! after the start, so that memory never goes back.

use crate::directory::Want;
use crate::judging::{is_due, linger};
use crate::shared::Shared;
use crate::truth::{Stored, take_in};
use overlock_model::episode::Episode;
use overlock_model::plan::HostId;
use overlock_store::{LOOK, LogRow, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How late other replicas' changes may be seen.
const EVERY: Duration = Duration::from_secs(1);
/// Rows of this kind tell of episodes.
const JUDGED: &str = "episodes";
/// Rows at once.
const ROWS: u32 = 500;
/// Hosts read at once at the start.
const PAGE: u32 = 500;

/// Reads all hosts into memory; returns the number of the log that this is as of.
pub(crate) async fn load(shared: &Shared) -> Result<i64, StoreError> {
    // Read first: what changes meanwhile is followed again, which does no harm.
    let head = shared.store.log_head().await?;
    let tables = shared.truth.world().id().clone();
    let mut after: Option<HostId> = None;
    loop {
        let page = shared.store.hosts(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        let from = after.replace(last.id.clone());
        for host in &page {
            shared.directory.put(host);
        }
        take_in(shared, &page).await?;
        match shared.store.all_open_episodes(from.as_ref(), PAGE).await {
            Ok(all) => all
                .iter()
                .for_each(|(host, open)| remember(shared, host, &open.episodes)),
            // Of which host is not known.
            Err(StoreError::Damaged { .. }) => {
                for host in &page {
                    recall(shared, &host.id).await?;
                }
            }
            Err(error) => return Err(error),
        }
        let due = page.iter().filter(|host| is_due(host, &tables));
        shared.judging.add(due.map(|host| host.id.clone()));
    }
    Ok(head.rows)
}

/// Follows until the server stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    while !shared.stop.is_stopped() {
        if let Err(error) = catch_up(&shared).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the log cannot be followed"
            );
        }
        tokio::select! {
            () = shared.written.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
            () = shared.stop.stopped() => return,
        }
    }
}

/// Follows all rows that are there.
pub(crate) async fn catch_up(shared: &Shared) -> Result<(), StoreError> {
    loop {
        let from = *shared.followed.borrow();
        let rows = shared.store.log_since(from, ROWS).await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        let to = last.seq;
        follow(shared, &rows).await?;
        shared.followed.send_replace(to);
    }
}

async fn follow(shared: &Shared, rows: &[LogRow]) -> Result<(), StoreError> {
    let judged: BTreeSet<&HostId> = rows
        .iter()
        .filter(|row| row.kind == JUDGED && !is_judged_here(shared, row))
        .filter_map(|row| row.host.as_ref())
        .collect();
    // A judgement changes nothing else of its host, and a wish nothing at all.
    let changed: BTreeSet<&HostId> = rows
        .iter()
        .filter(|row| row.kind != JUDGED && row.kind != LOOK)
        .filter_map(|row| row.host.as_ref())
        .collect();
    let tables = shared.truth.world().id().clone();
    let mut hosts = Vec::with_capacity(changed.len());
    for id in changed {
        match shared.store.host(id).await {
            Ok(Some(host)) => hosts.push(host),
            // What is in memory of it stays; the others go on.
            Err(damage @ StoreError::Damaged { .. }) => {
                shared.truth.was_not_read(id, Stored::Sections, &damage);
            }
            Err(error) => return Err(error),
            Ok(None) => {
                shared.directory.remove(id);
                shared.judging.forget(id);
                shared.truth.forget(id);
            }
        }
    }
    for host in &hosts {
        shared.directory.put(host);
    }
    for row in rows.iter().filter(|row| row.kind == LOOK) {
        if let Some(id) = &row.host {
            shared.directory.want(id, Want::Look, row.at);
        }
    }
    take_in(shared, &hosts).await?;
    for id in judged {
        recall(shared, id).await?;
    }
    let due = hosts.iter().filter(|host| is_due(host, &tables));
    let due: Vec<HostId> = due.map(|host| host.id.clone()).collect();
    if !due.is_empty() {
        shared.judging.add(due);
    }
    Ok(())
}

/// Brings a host's open episodes into memory. One host's damage ends nothing of the others.
async fn recall(shared: &Shared, id: &HostId) -> Result<(), StoreError> {
    match shared.store.open_episodes(id).await {
        Ok(open) => remember(shared, id, &open.episodes),
        Err(damage @ StoreError::Damaged { .. }) => {
            shared.truth.was_not_read(id, Stored::Episodes, &damage);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn remember(shared: &Shared, id: &HostId, open: &[Episode]) {
    shared.truth.was_read(id, Stored::Episodes);
    shared.judging.remember(id, open);
    linger(shared, id, open);
}

/// Whether a row tells of a judgement that this server made, which is in memory already.
fn is_judged_here(shared: &Shared, row: &LogRow) -> bool {
    #[derive(serde::Deserialize)]
    struct Body {
        judgement: i64,
    }
    let entry = row.host.as_ref().and_then(|id| shared.directory.get(id));
    entry
        .zip(serde_json::from_str(&row.body).ok())
        .is_some_and(|(entry, Body { judgement })| entry.is_judged_here(judgement))
}
