//! Judging: what a host's latest report and the tables mean for each of its episodes.
//!
//! Called for hosts that reported, for all when the tables changed, and now and then for those whose fix waits to be
//! confirmed. Episodes, and the row of the log that tells of them, are one transaction of the store, which refuses a
//! judgement that is not of the host's last report or does not follow its last judgement: two replicas may judge one host
//! at once, and one of them has done so for nothing.
//!
//! A server whose tables are older than those another one has used leaves the judging to it.

use crate::shared::Shared;
use crate::truth::{TablesId, World};
use jiff::SignedDuration;
use overlock_fleet::HostView;
use overlock_fleet::episode::{advance, lingering, may_linger};
use overlock_model::episode::{Episode, EpisodeKey, EpisodeState};
use overlock_model::plan::HostId;
use overlock_store::{By, Host, Judged, JudgedOutcome, StoreError, Transition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Hosts judged in one transaction. Their episodes are in memory until it ends.
const BATCH: usize = 16;
/// Hosts taken from the queue at once, to be judged cohort by cohort: what hosts have in common is looked at once then.
const TURN: usize = 2_048;
/// Judgements of a host that are looked through for episodes that ended before.
const PAST: u32 = 10_000;
/// Rest after the store failed.
const REST: Duration = Duration::from_secs(5);
/// By how much the clocks of servers may differ.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);
/// In which setting the newest tables are named.
const TABLES: &str = "judging.tables";

/// Hosts that wait to be judged.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<BTreeSet<HostId>>,
    /// Hosts with a fix in force that a later look must confirm.
    unconfirmed: Mutex<BTreeSet<HostId>>,
    /// Hosts that could not be judged, though others could: tried again with [`Queue::confirm`].
    aside: Mutex<BTreeSet<HostId>>,
    /// How many are taken and not judged yet.
    taken: AtomicUsize,
    /// Another server has newer tables: what waits goes on waiting.
    leaves: AtomicBool,
    more: Notify,
}

impl Queue {
    /// They are to be judged.
    pub fn add(&self, hosts: impl IntoIterator<Item = HostId>) {
        lock(&self.waiting).extend(hosts);
        self.more.notify_one();
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.waiting).len() + self.taken.load(Ordering::SeqCst)
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many could not be judged for a reason of their own.
    #[must_use]
    pub fn set_aside(&self) -> usize {
        lock(&self.aside).len()
    }

    /// Whether this server judges, rather than to leave it to one with newer tables.
    #[must_use]
    pub fn judges(&self) -> bool {
        !self.leaves.load(Ordering::SeqCst)
    }

    /// Looks again at what waits to be confirmed, and at what could not be judged.
    pub(crate) fn confirm(&self) {
        let mut hosts = lock(&self.unconfirmed).clone();
        hosts.extend(lock(&self.aside).iter().cloned());
        if !hosts.is_empty() {
            self.add(hosts);
        }
    }

    pub(crate) fn remember(&self, host: &HostId, open: &[Episode]) {
        let waits = open
            .iter()
            .any(|episode| episode.state == EpisodeState::Effective);
        let mut unconfirmed = lock(&self.unconfirmed);
        if waits {
            unconfirmed.insert(host.clone());
        } else {
            unconfirmed.remove(host);
        }
    }

    pub(crate) fn forget(&self, host: &HostId) {
        lock(&self.waiting).remove(host);
        lock(&self.unconfirmed).remove(host);
        lock(&self.aside).remove(host);
    }

    fn take(&self) -> Vec<HostId> {
        let mut waiting = lock(&self.waiting);
        let taken: Vec<HostId> = waiting.iter().take(TURN).cloned().collect();
        for host in &taken {
            waiting.remove(host);
        }
        // Under the lock, so that nobody sees them in neither place.
        self.taken.store(taken.len(), Ordering::SeqCst);
        taken
    }
}

fn lock(set: &Mutex<BTreeSet<HostId>>) -> MutexGuard<'_, BTreeSet<HostId>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the fleet which of a host's open episodes its packages alone say nothing of.
pub(crate) fn linger(shared: &Shared, host: &HostId, open: &[Episode]) {
    let keys = match open.iter().any(may_linger) {
        true => shared
            .truth
            .read(|fleet| fleet.view(host))
            .map_or_else(Vec::new, |view| lingering(open, &view)),
        false => Vec::new(),
    };
    shared.truth.write(|fleet| fleet.set_lingering(host, keys));
}

/// Whether a host's judgement is not of its last report, or of other tables.
pub(crate) fn is_due(host: &Host, tables: &TablesId) -> bool {
    host.revision > 0
        && host.judged.as_ref().is_none_or(|judged| {
            judged.revision != host.revision || judged.tables != tables.digest.to_string()
        })
}

/// Judges what waits, until the server stops.
pub(crate) async fn run(shared: std::sync::Arc<Shared>) {
    while !shared.stop.is_stopped() {
        let hosts = shared.judging.take();
        if hosts.is_empty() {
            tokio::select! {
                () = shared.judging.more.notified() => {}
                () = shared.stop.stopped() => return,
            }
            continue;
        }
        let hosts = shared.truth.read(|fleet| fleet.by_cohort(hosts));
        let mut waiting = hosts.as_slice();
        while !waiting.is_empty() && !shared.stop.is_stopped() {
            let (now, later) = waiting.split_at(waiting.len().min(BATCH));
            match judge(&shared, now).await {
                Ok(true) => {
                    waiting = later;
                    shared.judging.taken.store(waiting.len(), Ordering::SeqCst);
                }
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "hosts could not be judged"
                    );
                    break;
                }
            }
        }
        if waiting.is_empty() {
            continue;
        }
        shared.judging.add(waiting.iter().cloned());
        shared.judging.taken.store(0, Ordering::SeqCst);
        tokio::select! {
            () = tokio::time::sleep(REST) => {}
            () = shared.stop.stopped() => return,
        }
    }
}

/// Judges some hosts; false when that is left to another server.
///
/// What is wrong with one host keeps none of the others waiting: it is set aside.
pub(crate) async fn judge(shared: &Shared, hosts: &[HostId]) -> Result<bool, StoreError> {
    let world = shared.truth.world();
    let judges = may_judge(shared, world.id()).await?;
    let left = shared.judging.leaves.swap(!judges, Ordering::SeqCst);
    if !judges && !left {
        tracing::warn!(
            "another server has newer tables: this one does not judge until it has them"
        );
    }
    if !judges {
        return Ok(false);
    }
    match batch(shared, &world, hosts).await {
        Err(error) if !error.is_passing() => {}
        done => return done.map(|()| true),
    }
    for id in hosts {
        match batch(shared, &world, std::slice::from_ref(id)).await {
            Ok(()) => {}
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => {
                if lock(&shared.judging.aside).insert(id.clone()) {
                    tracing::error!(
                        host = %id,
                        error = &error as &dyn std::error::Error,
                        "a host cannot be judged; it is tried again from time to time"
                    );
                }
            }
        }
    }
    Ok(true)
}

async fn batch(shared: &Shared, world: &World, hosts: &[HostId]) -> Result<(), StoreError> {
    let tables = world.id().digest.to_string();
    let mut judgements = Vec::with_capacity(hosts.len());
    let mut remain = Vec::with_capacity(hosts.len());
    let mut before = None;
    for id in hosts {
        let Some(host) = shared.store.host(id).await? else {
            continue;
        };
        // Memory must have just this revision; what it does not have yet is followed, and judged then.
        let taken_in = shared.directory.get(id).map(|entry| entry.taken_in());
        if host.revision == 0 || taken_in != Some(host.revision) {
            continue;
        }
        let view = shared
            .truth
            .read(|fleet| fleet.view_after(id, before.as_ref()));
        let Some(view) = view else { continue };
        if let Some((judged, keys)) = one(shared, &host, &view, &tables).await? {
            judgements.push(judged);
            remain.push(keys);
        }
        before = Some(view);
    }
    let outcomes = shared.store.judged(&judgements).await?;
    let mut again = Vec::new();
    for ((judged, keys), outcome) in judgements.iter().zip(remain).zip(outcomes) {
        match outcome {
            JudgedOutcome::Written(number) => {
                if let Some(entry) = shared.directory.get(&judged.host) {
                    entry.set_judged(number);
                }
                shared.judging.remember(&judged.host, &judged.open);
                shared
                    .truth
                    .write(|fleet| fleet.set_lingering(&judged.host, keys));
            }
            // It has reported since, which is followed, or another replica has judged it.
            JudgedOutcome::Stale => again.push(judged.host.clone()),
            JudgedOutcome::Unknown => shared.judging.forget(&judged.host),
        }
    }
    if !judgements.is_empty() {
        shared.written.notify_one();
    }
    requeue(shared, again).await?;
    let mut aside = lock(&shared.judging.aside);
    aside.retain(|host| !hosts.contains(host));
    Ok(())
}

/// Of hosts whose judgement came too late, those that are still to be judged.
async fn requeue(shared: &Shared, hosts: Vec<HostId>) -> Result<(), StoreError> {
    let tables = shared.truth.world().id().clone();
    for id in hosts {
        let Some(host) = shared.store.host(&id).await? else {
            continue;
        };
        if is_due(&host, &tables) {
            shared.judging.add([id]);
        } else {
            let open = shared.store.open_episodes(&id).await?.episodes;
            shared.judging.remember(&id, &open);
            linger(shared, &id, &open);
        }
    }
    Ok(())
}

/// The judgement of one host, and what of it the packages alone say nothing of; none when there is nothing new to say.
async fn one(
    shared: &Shared,
    host: &Host,
    view: &HostView,
    tables: &str,
) -> Result<Option<(Judged, Vec<EpisodeKey>)>, StoreError> {
    let now = shared.clock.now();
    let open = shared.store.open_episodes(&host.id).await?;
    // Only what opens anew needs to know what has ended.
    let known: BTreeSet<&EpisodeKey> = open.episodes.iter().map(|episode| &episode.key).collect();
    let opens = view.cohort.findings.keys().any(|key| !known.contains(key));
    let mut ended: BTreeMap<EpisodeKey, u32> = BTreeMap::new();
    if opens && open.number > 0 {
        for episode in shared.store.ended_episodes(&host.id, PAST).await? {
            let last = ended.entry(episode.key).or_default();
            *last = episode.ordinal.max(*last);
        }
    }
    let advanced = advance(&open.episodes, &ended, view, now);
    let is_news = !advanced.transitions.is_empty() || !advanced.ended.is_empty();
    let is_judged = host
        .judged
        .as_ref()
        .is_some_and(|judged| judged.revision == host.revision && judged.tables == tables);
    if is_judged && !is_news {
        return Ok(None);
    }
    let keys = lingering(&advanced.open, view);
    let judged = Judged {
        host: host.id.clone(),
        at: now,
        revision: host.revision,
        after: host.judged.as_ref().map_or(0, |judged| judged.number),
        tables: tables.to_owned(),
        open: advanced.open,
        ended: advanced.ended,
        transitions: advanced
            .transitions
            .into_iter()
            .map(|transition| Transition {
                key: transition.key,
                ordinal: transition.ordinal,
                from: transition.from,
                to: transition.to,
            })
            .collect(),
    };
    Ok(Some((judged, keys)))
}

/// Whether no server has used newer tables than these; says so to the others when these are the newest.
async fn may_judge(shared: &Shared, ours: &TablesId) -> Result<bool, StoreError> {
    let newest: Option<TablesId> = match shared.store.setting(TABLES).await? {
        Some(bytes) => serde_json::from_slice(&bytes).ok(),
        None => None,
    };
    if let Some(newest) = &newest {
        if newest.digest == ours.digest {
            return Ok(true);
        }
        // A server whose clock is far ahead must not keep all others from judging until then.
        let latest = shared.clock.now().saturating_add(AHEAD).ok();
        if newest.fetched > ours.fetched && newest.fetched <= latest {
            return Ok(false);
        }
    }
    let text = serde_json::to_vec(ours).unwrap_or_default();
    let by = By::server(shared.clock.now());
    shared.store.set_setting(TABLES, &text, &by).await?;
    Ok(true)
}

#[cfg(test)]
mod tests;
