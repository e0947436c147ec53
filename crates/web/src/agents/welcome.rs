//! Whether a message is taken at all.

use super::refused::Refused;
use crate::access::AgentProof;
use crate::clone_alarm::{Heard, Sign};
use crate::directory::{Entry, Place};
use crate::shared::Shared;
use overlock_model::asset::Standing;
use overlock_model::plan::HostId;
use overlock_protocol::message::RefusalCode;
use overlock_store::{By, CertificateStanding, Seen, StandingChange, StandingSet, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How slowly a host asks that waits for a person.
const WAIT_FOR_A_PERSON_SECONDS: u32 = 60;

/// The host of a message, if its certificate is its own and still good, and it stands well. Costs no query while
/// nothing about the host has changed.
pub(super) async fn welcome(
    shared: &Shared,
    proof: &AgentProof,
    named: &HostId,
) -> Result<Arc<Entry>, Refused> {
    let identity = proof.identity();
    if identity.host != *named {
        return Err(Refused::another_host());
    }
    let entry = match shared.directory.get(named) {
        Some(entry) => entry,
        // Enrolled with another replica, a moment ago.
        None => {
            let host = shared.store.host(named).await?;
            let host = host.ok_or_else(|| revoked("this server has no such host"))?;
            shared.directory.put(&host)
        }
    };
    let now = shared.clock.now();
    if identity.until <= now {
        return Err(revoked("the certificate has expired"));
    }
    if !entry.is_vouched(identity.fingerprint) {
        let standing = shared
            .store
            .certificate_standing(named, identity.fingerprint, now)
            .await?;
        match standing {
            CertificateStanding::Current => entry.vouch(identity.fingerprint),
            CertificateStanding::Expired => return Err(revoked("the certificate has expired")),
            CertificateStanding::Revoked { why, .. } => {
                return Err(revoked(format!("the certificate is revoked: {why}")));
            }
            CertificateStanding::Unknown => {
                return Err(revoked("this certificate was not given to this host"));
            }
        }
    }
    stands_well(&entry)?;
    Ok(entry)
}

/// Refuses a host by where it stands; a poll that is held asks again when it is woken.
pub(super) fn stands_well(entry: &Entry) -> Result<(), Refused> {
    match entry.place() {
        Place::Welcome => Ok(()),
        Place::Unconfirmed => Err(Refused::new(
            RefusalCode::Unconfirmed,
            "somebody must confirm this host's key first",
        )
        .retry_after(WAIT_FOR_A_PERSON_SECONDS)),
        Place::Quarantined => Err(quarantined()),
        Place::Refused => Err(revoked("this host is turned away")),
    }
}

fn revoked(detail: impl Into<String>) -> Refused {
    Refused::new(RefusalCode::Revoked, detail)
}

fn quarantined() -> Refused {
    Refused::new(
        RefusalCode::Quarantined,
        "two machines have the key of this host; somebody must look",
    )
    .retry_after(WAIT_FOR_A_PERSON_SECONDS)
}

/// Hears a message: notes when it came, and puts the host into quarantine when it gives away a second machine.
pub(super) async fn hear(
    shared: &Arc<Shared>,
    entry: &Arc<Entry>,
    sign: Sign<'_>,
    clock_offset_us: Option<i64>,
) -> Result<(), Refused> {
    let now = shared.clock.now();
    match entry.hear(sign) {
        Heard::Fine(_) => {
            let (instance, count, address) = match sign {
                Sign::Hello {
                    instance, address, ..
                } => (instance, 0, address),
                Sign::Message {
                    instance,
                    count,
                    address,
                    ..
                } => (instance, count, address),
            };
            let seen = Seen {
                host: entry.id().clone(),
                at: now,
                address: address.to_string(),
                instance: instance.as_str().to_owned(),
                count,
                clock_offset_us,
            };
            shared.directory.heard(entry, seen);
            Ok(())
        }
        Heard::HelloFirst => Err(Refused::new(
            RefusalCode::HelloFirst,
            "this run of the agent has not said hello",
        )),
        Heard::Alarm(alarm) => {
            let why = alarm.to_string();
            tracing::warn!(host = %entry.id(), %why, "two machines have one key");
            // Neither is heard from now on, whether or not it can be written down at once.
            if entry.quarantine() {
                let standing = Standing::Quarantined { since: now, why };
                let (tried, first) = oneshot::channel();
                let (shared, entry) = (Arc::clone(shared), Arc::clone(entry));
                // By itself: who is found out could hang up.
                tokio::spawn(async move { write_down(&shared, &entry, &standing, tried).await });
                first.await.ok();
            }
            Err(quarantined())
        }
    }
}

/// Writes a quarantine down, however often that takes; until then the directory holds it. `tried` ends with the first try.
async fn write_down(
    shared: &Shared,
    entry: &Entry,
    standing: &Standing,
    tried: oneshot::Sender<()>,
) {
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(60);
    let (mut tried, mut wait) = (Some(tried), FIRST);
    // Of a host that was revoked, released or enrolled anew meanwhile, nothing is to be written.
    let change = StandingChange {
        key: entry.key(),
        ..StandingChange::new(&Standing::Active, standing)
    };
    while entry.is_unwritten() {
        match settle(shared, entry, &change).await {
            Ok(()) => return,
            Err(error) => tracing::error!(
                host = %entry.id(),
                error = &error as &dyn std::error::Error,
                "a quarantine cannot be written down"
            ),
        }
        drop(tried.take());
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.stop.stopped() => return,
        }
        wait = (wait * 2).min(LONGEST);
    }
}

async fn settle(
    shared: &Shared,
    entry: &Entry,
    change: &StandingChange<'_>,
) -> Result<(), StoreError> {
    let by = By::server(shared.clock.now());
    if shared.store.set_standing(entry.id(), change, &by).await? == StandingSet::Set {
        entry.settled();
        shared.written.notify_one();
        return Ok(());
    }
    let host = shared.store.host(entry.id()).await?;
    entry.settled();
    match host {
        Some(host) => drop(shared.directory.put(&host)),
        None => shared.directory.remove(entry.id()),
    }
    Ok(())
}
