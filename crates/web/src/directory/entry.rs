//! One host in memory.

use crate::authority::HostIdentity;
use crate::clone_alarm::{Heard, History, Sign};
use jiff::{SignedDuration, Timestamp};
use overlock_model::asset::Standing;
use overlock_model::plan::{Digest, HostId};
use overlock_store::{Host, Seen};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Where a host stands, as far as its agent is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Its messages are taken.
    Welcome,
    /// Nobody has confirmed it.
    Unconfirmed,
    /// Two machines have its key.
    Quarantined,
    /// It is turned away: revoked, deleted, or never had an agent.
    Refused,
}

impl From<&Standing> for Place {
    fn from(standing: &Standing) -> Self {
        match standing {
            Standing::Active => Self::Welcome,
            Standing::Unconfirmed => Self::Unconfirmed,
            Standing::Quarantined { .. } => Self::Quarantined,
            Standing::Revoked { .. } | Standing::Unmanaged => Self::Refused,
        }
    }
}

/// What an agent is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// To look at its host now.
    Look,
    /// To renew its certificate now.
    Renew,
}

/// One host.
#[derive(Debug)]
pub struct Entry {
    id: HostId,
    inner: Mutex<Inner>,
    wake: Notify,
    /// Revision of the sections that the fleet in memory has of it.
    taken_in: AtomicI64,
    /// Number of the last judgement of it that this server wrote.
    judged: AtomicI64,
}

#[derive(Debug)]
struct Inner {
    place: Place,
    /// It was put into quarantine here, which the store does not know yet.
    unwritten: bool,
    /// SHA-256 of the public key it was enrolled with.
    key: Option<Digest>,
    state: Option<Digest>,
    revision: i64,
    /// Fingerprints of certificates that the store has vouched for since the last change of this host.
    vouched: Vec<Digest>,
    /// Fingerprints of the certificates that were renewed lately, and when.
    renewed: Vec<(Digest, Timestamp)>,
    /// It was asked to renew its certificate.
    asked_to_renew: bool,
    history: History,
    /// What its agent is to be asked for, and since when.
    want: Option<(Want, Timestamp)>,
    seen: Option<Seen>,
    last_heard: Option<Timestamp>,
}

impl Entry {
    pub(super) fn of(host: &Host) -> Self {
        Self {
            id: host.id.clone(),
            inner: Mutex::new(Inner {
                place: Place::from(&host.standing),
                unwritten: false,
                key: host.key,
                state: host.state,
                revision: host.revision,
                vouched: Vec::new(),
                renewed: Vec::new(),
                asked_to_renew: false,
                history: remembered(host),
                want: None,
                seen: None,
                last_heard: host.presence.seen,
            }),
            wake: Notify::new(),
            taken_in: AtomicI64::new(-1),
            judged: AtomicI64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who.
    #[must_use]
    pub fn id(&self) -> &HostId {
        &self.id
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.lock().place
    }

    /// State digest of what was last accepted.
    #[must_use]
    pub fn state(&self) -> Option<Digest> {
        self.lock().state
    }

    /// Counts the reports that changed something.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.lock().revision
    }

    /// The revision that the fleet in memory has of it; negative before it has any.
    #[must_use]
    pub fn taken_in(&self) -> i64 {
        self.taken_in.load(Ordering::SeqCst)
    }

    pub(crate) fn set_taken_in(&self, revision: i64) {
        self.taken_in.store(revision, Ordering::SeqCst);
    }

    /// Whether this server wrote that judgement of it: then memory has it already.
    pub(crate) fn is_judged_here(&self, number: i64) -> bool {
        self.judged.load(Ordering::SeqCst) >= number
    }

    pub(crate) fn set_judged(&self, number: i64) {
        self.judged.store(number, Ordering::SeqCst);
    }

    /// A report was accepted.
    pub fn accepted(&self, state: Digest, revision: i64) {
        let mut inner = self.lock();
        if revision >= inner.revision {
            inner.state = Some(state);
            inner.revision = revision;
        }
    }

    /// Another standing, which running polls learn at once.
    pub fn set_place(&self, place: Place) {
        self.lock().place = place;
        self.wake.notify_waiters();
    }

    /// SHA-256 of the public key it was enrolled with.
    #[must_use]
    pub fn key(&self) -> Option<Digest> {
        self.lock().key
    }

    /// Puts it into quarantine before the store knows, which cannot undo it until [`Self::settled`]; false when its messages
    /// were not taken anyway.
    pub fn quarantine(&self) -> bool {
        let mut inner = self.lock();
        if inner.place != Place::Welcome {
            return false;
        }
        inner.place = Place::Quarantined;
        inner.unwritten = true;
        drop(inner);
        self.wake.notify_waiters();
        true
    }

    /// Whether it is in quarantine without the store's knowledge.
    #[must_use]
    pub fn is_unwritten(&self) -> bool {
        self.lock().unwritten
    }

    /// The store knows where it stands, or somebody has released it.
    pub fn settled(&self) {
        self.lock().unwritten = false;
    }

    /// As the store has it now.
    pub(super) fn refresh(&self, host: &Host) {
        let mut inner = self.lock();
        let anew = inner.key != host.key || inner.history.is_of_another(&host.machine_id);
        let mut place = Place::from(&host.standing);
        if inner.unwritten && place == Place::Welcome && !anew {
            place = Place::Quarantined;
        } else {
            inner.unwritten = false;
        }
        let changed = inner.place != place || inner.state != host.state;
        // Released from quarantine, or enrolled anew: what was seen before proves nothing about what comes now.
        if anew || (inner.place == Place::Quarantined && place != Place::Quarantined) {
            inner.history = History::remembered(&host.machine_id, [], None);
        }
        inner.key = host.key;
        inner.place = place;
        inner.vouched.clear();
        if host.revision >= inner.revision {
            inner.state = host.state;
            inner.revision = host.revision;
        }
        drop(inner);
        if changed {
            self.wake.notify_waiters();
        }
    }

    /// A new key was given to this host: the old one's runs say nothing of it.
    pub fn enrolled_anew(&self, host: &Host) {
        let mut inner = self.lock();
        inner.history = History::remembered(&host.machine_id, [], None);
        inner.place = Place::from(&host.standing);
        inner.unwritten = false;
        inner.key = host.key;
        inner.vouched.clear();
        inner.want = None;
        drop(inner);
        self.wake.notify_waiters();
    }

    pub(super) fn forgotten(&self) {
        self.set_place(Place::Refused);
    }

    /// Whether the store has vouched for a certificate since the last change of this host.
    #[must_use]
    pub fn is_vouched(&self, fingerprint: Digest) -> bool {
        self.lock().vouched.contains(&fingerprint)
    }

    /// The store vouches for a certificate.
    pub fn vouch(&self, fingerprint: Digest) {
        const KEPT: usize = 4;
        let mut inner = self.lock();
        if inner.vouched.len() == KEPT {
            inner.vouched.remove(0);
        }
        inner.vouched.push(fingerprint);
    }

    /// Whether a certificate of it may be renewed now: once a minute, and before its half-life, unless its agent was asked
    /// to, once an hour and not within its first one. Each certificate by itself: whoever wears one out takes nothing from
    /// another. The time begins with the answer.
    ///
    /// # Errors
    /// How long to wait.
    pub fn may_renew(
        &self,
        certificate: &HostIdentity,
        now: Timestamp,
    ) -> Result<(), SignedDuration> {
        const REST: SignedDuration = SignedDuration::from_secs(60);
        const EARLY_REST: SignedDuration = SignedDuration::from_hours(1);
        const KEPT: usize = 16;
        let mut inner = self.lock();
        let early = !inner.asked_to_renew && now < certificate.renew_after();
        let rest = if early { EARLY_REST } else { REST };
        let recent = |at: Timestamp| now.duration_since(at).abs() < rest;
        let fingerprint = certificate.fingerprint;
        let just = inner
            .renewed
            .iter()
            .any(|(known, at)| *known == fingerprint && recent(*at));
        if just || (early && recent(certificate.issued())) {
            return Err(rest);
        }
        inner.asked_to_renew = false;
        inner.renewed.retain(|(known, _)| *known != fingerprint);
        if inner.renewed.len() == KEPT {
            inner.renewed.remove(0);
        }
        inner.renewed.push((fingerprint, now));
        Ok(())
    }

    /// What follows from a message; what is fine is remembered.
    pub fn hear(&self, sign: Sign<'_>) -> Heard {
        let mut inner = self.lock();
        let heard = inner.history.hear(sign);
        if let Heard::Fine(next) = &heard {
            inner.history = next.clone();
        }
        heard
    }

    /// Whether a message of this count, or a later one, was heard and not written down yet.
    #[cfg(test)]
    pub fn has_heard(&self, count: u64) -> bool {
        let inner = self.lock();
        inner.seen.as_ref().is_some_and(|seen| seen.count >= count)
    }

    /// True when it was not in line for the next flush.
    pub(super) fn heard(&self, seen: Seen) -> bool {
        let mut inner = self.lock();
        inner.last_heard = Some(seen.at);
        inner.seen.replace(seen).is_none()
    }

    pub(super) fn take_heard(&self) -> Option<Seen> {
        self.lock().seen.take()
    }

    pub(super) fn give_back(&self, seen: Seen) -> bool {
        let mut inner = self.lock();
        let was_empty = inner.seen.is_none();
        if was_empty {
            inner.seen = Some(seen);
        }
        was_empty
    }

    pub(super) fn last_heard(&self) -> Option<Timestamp> {
        self.lock().last_heard
    }

    /// Asks its agent for something.
    pub fn want(&self, want: Want, at: Timestamp) {
        self.lock().want = Some((want, at));
        self.wake.notify_waiters();
    }

    /// What its agent is asked for, once. Each replica keeps a wish, and only one of them has the agent: with the others it
    /// grows old.
    pub fn take_want(&self, now: Timestamp) -> Option<Want> {
        const GOOD: SignedDuration = SignedDuration::from_mins(15);
        let mut inner = self.lock();
        let want = inner.want.take();
        let want = want.filter(|(_, at)| now.duration_since(*at) < GOOD);
        let want = want.map(|(want, _)| want);
        inner.asked_to_renew |= want == Some(Want::Renew);
        want
    }

    /// Ends when something about this host changed after this call.
    pub fn woken(&self) -> Notified<'_> {
        self.wake.notified()
    }
}

fn remembered(host: &Host) -> History {
    let presence = &host.presence;
    let last = || {
        let address: IpAddr = presence.address.as_deref()?.parse().ok()?;
        Some((presence.instance.as_deref()?, address, presence.count))
    };
    History::remembered(
        &host.machine_id,
        presence.instances.iter().map(|run| run.instance.as_str()),
        last(),
    )
}
