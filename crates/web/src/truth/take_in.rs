//! From the store into memory: what hosts have, at start and when it has changed.
//!
//! Of hosts with one package set it is read once; each host's own small sections are read for all of a page together.

use super::Stored;
use crate::shared::Shared;
use overlock_fleet::{HostDates, Running, SetKey};
use overlock_model::inventory::Inventory;
use overlock_model::os::Os;
use overlock_model::plan::{Digest, HostId};
use overlock_protocol::content::{self, Sections};
use overlock_protocol::{Section, SectionContent, SectionDigests};
use overlock_store::{Host, SectionSpan, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// Each host's own sections; the others are many hosts'.
const OWN: [Section; 3] = [Section::System, Section::Repositories, Section::Processes];

/// Takes hosts in as the store has them.
pub(crate) async fn take_in(shared: &Shared, hosts: &[Host]) -> Result<(), StoreError> {
    let ids: Vec<HostId> = hosts.iter().map(|host| host.id.clone()).collect();
    let sections = sections(shared, &ids).await?;
    let own: BTreeSet<Digest> = sections
        .values()
        .flatten()
        .flatten()
        .filter(|span| OWN.contains(&span.section))
        .map(|span| span.digest)
        .collect();
    let own: Vec<Digest> = own.into_iter().collect();
    let contents = readable(shared, &own).await?;
    for host in hosts {
        let taken_in = match sections.get(&host.id) {
            Some(Err(damage)) => Err(damage.to_string()),
            Some(Ok(spans)) => one(shared, host, spans, &contents).await?,
            None => one(shared, host, &[], &contents).await?,
        };
        match taken_in {
            Ok(()) => {
                shared.truth.was_read(&host.id, Stored::Sections);
                if let Some(entry) = shared.directory.get(&host.id) {
                    entry.set_taken_in(host.revision);
                }
            }
            // It was checked when it was accepted, so this is damage; the others go on. What was read of it before stays,
            // and where nothing was it counts as a host that never reported (R6).
            Err(why) => {
                shared.truth.was_not_read(&host.id, Stored::Sections, &why);
                if shared.truth.read(|fleet| fleet.host(&host.id).is_none()) {
                    let silent = entry(shared, host, &[], &Inventory::new(Os::default()));
                    shared.truth.write(|fleet| fleet.put(silent, None));
                }
            }
        }
    }
    Ok(())
}

/// What hosts have now. Damage in one of them fails that one, not all of a page.
async fn sections(
    shared: &Shared,
    hosts: &[HostId],
) -> Result<BTreeMap<HostId, Result<Vec<SectionSpan>, StoreError>>, StoreError> {
    match shared.store.current_sections(hosts).await {
        Ok(all) => return Ok(all.into_iter().map(|(id, spans)| (id, Ok(spans))).collect()),
        Err(StoreError::Damaged { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut sections = BTreeMap::new();
    for id in hosts {
        match shared
            .store
            .current_sections(std::slice::from_ref(id))
            .await
        {
            Ok(one) => sections.extend(one.into_iter().map(|(id, spans)| (id, Ok(spans)))),
            Err(damage @ StoreError::Damaged { .. }) => {
                sections.insert(id.clone(), Err(damage));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(sections)
}

/// Contents without those that are damaged: these fail the hosts that have them, not all of a page.
async fn readable(
    shared: &Shared,
    digests: &[Digest],
) -> Result<BTreeMap<Digest, SectionContent>, StoreError> {
    match shared.store.contents(digests).await {
        Err(StoreError::Damaged { .. }) => {}
        read => return read,
    }
    let mut contents = BTreeMap::new();
    for digest in digests {
        match shared.store.content(*digest).await {
            Ok(content) => contents.extend(content.map(|content| (*digest, content))),
            Err(error @ StoreError::Damaged { .. }) => tracing::error!(
                %digest,
                error = &error as &dyn std::error::Error,
                "a content cannot be read"
            ),
            Err(error) => return Err(error),
        }
    }
    Ok(contents)
}

async fn one(
    shared: &Shared,
    host: &Host,
    spans: &[SectionSpan],
    contents: &BTreeMap<Digest, SectionContent>,
) -> Result<Result<(), String>, StoreError> {
    let of_host = |wanted: &[Section], contents: &BTreeMap<Digest, SectionContent>| {
        let wanted = spans.iter().filter(|span| wanted.contains(&span.section));
        let sections: Result<Sections, String> = wanted
            .map(|span| match contents.get(&span.digest) {
                Some(content) => Ok((span.section, content.clone())),
                // Without it the host would look as if it had nothing.
                None => Err(format!("`{}` is not there", span.section.as_str())),
            })
            .collect();
        content::inventory(&sections?).map_err(|error| error.to_string())
    };
    if spans.is_empty() {
        let silent = entry(shared, host, spans, &Inventory::new(Os::default()));
        shared.truth.write(|fleet| fleet.put(silent, None));
        return Ok(Ok(()));
    }
    let own = match of_host(&OWN, contents) {
        Ok(own) => own,
        Err(why) => return Ok(Err(why)),
    };
    let digests: SectionDigests = spans
        .iter()
        .map(|span| (span.section, span.digest))
        .collect();
    let key = SetKey::of(&own.os, &digests, &own.repositories);
    let entry = entry(shared, host, spans, &own);
    let known = shared.truth.write(|fleet| match fleet.set(key) {
        Some(set) => {
            fleet.put(entry.clone(), Some(set));
            true
        }
        None => false,
    });
    if known {
        return Ok(Ok(()));
    }
    let all: Vec<Digest> = digests.values().copied().collect();
    let contents = readable(shared, &all).await?;
    let inventory = match of_host(&Section::ALL, &contents) {
        Ok(inventory) => inventory,
        Err(why) => return Ok(Err(why)),
    };
    shared.truth.write(|fleet| {
        // Read inside: tables change under this lock, and a set must not be matched by those that were.
        let world = shared.truth.world();
        let set = fleet.intern(key, &inventory, &*world);
        fleet.put(entry, Some(set));
    });
    Ok(Ok(()))
}

fn entry(
    shared: &Shared,
    host: &Host,
    spans: &[SectionSpan],
    own: &Inventory,
) -> overlock_fleet::Host {
    let since = |wanted: &[Section]| {
        spans
            .iter()
            .filter(|span| wanted.contains(&span.section))
            .map(|span| span.since)
            .max()
    };
    // What this server heard a moment ago is not written down yet.
    let seen = host
        .presence
        .seen
        .max(shared.directory.last_heard(&host.id));
    let runs = spans.iter().any(|span| span.section == Section::Processes);
    overlock_fleet::Host {
        id: host.id.clone(),
        name: host.name.clone(),
        os: own.os.clone(),
        arch: own.arch.clone(),
        kernel: own.kernel.clone(),
        standing: host.standing.clone(),
        facts: host.facts.clone(),
        labels: host.labels.clone(),
        group: host.group.clone(),
        agent: host.agent.clone(),
        switched_off: host.switched_off.clone(),
        sections: spans.iter().map(|span| span.section).collect(),
        running: own.effective.as_ref().map(Running::of),
        dates: HostDates {
            seen,
            reported: since(&Section::ALL),
            packages: since(&[Section::Packages, Section::Languages]),
            // An agent looks at everything at once: a report of anything is a look at processes too, a contact is none.
            processes: since(&Section::ALL).filter(|_| runs),
            // A publisher may leave a release as it is for months; what counts is when the host last asked.
            metadata: own
                .repositories
                .iter()
                .filter_map(|one| one.fetched.or(one.dated))
                .min()
                // By a clock that is ahead it would never grow old.
                .map(|fetched| {
                    since(&[Section::Repositories]).map_or(fetched, |told| fetched.min(told))
                }),
        },
    }
}
