//! The fleet: hosts come, change and go, and all that is derived from them follows.

use crate::claim::Claims;
use crate::cohort::{CohortKey, Cohorts};
use crate::decided::Decided;
use crate::host::{
    Booted, ById, Class, Host, Keyed, PackedDates, Record, Running, System, host_id, id_bits,
    judged_facts, seconds, section_bits, sections_of,
};
use crate::interner::{Interner, place};
use crate::knowledge::{Judging, Knowledge};
use crate::matched::Releases;
use crate::set::{SetId, SetKey, Sets};
use overlock_model::Timestamp;
use overlock_model::advisory::Ecosystem;
use overlock_model::asset::{HostFacts, Standing};
use overlock_model::episode::EpisodeKey;
use overlock_model::inventory::Inventory;
use overlock_model::plan::HostId;
use overlock_protocol::content::Labels;
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All hosts of one server, in memory.
#[derive(Debug, Default)]
pub struct Fleet {
    pub(crate) sets: Sets,
    pub(crate) claims: Claims,
    pub(crate) cohorts: Cohorts,
    pub(crate) decided: Decided,
    pub(crate) systems: Interner<Keyed<System>>,
    pub(crate) booted: Interner<Booted>,
    pub(crate) classes: Interner<Keyed<Class>>,
    /// Class → its facts in [`Decided`].
    pub(crate) class_facts: Vec<u32>,
    pub(crate) runnings: Interner<Running>,
    pub(crate) agents: Interner<Box<str>>,
    records: Vec<Option<Record>>,
    free: Vec<u32>,
    by_id: ById,
    by_number: Vec<u32>,
    pub(crate) by_name: BTreeSet<(Arc<str>, u128)>,
    pub(crate) lingering: BTreeMap<Arc<EpisodeKey>, RoaringBitmap>,
    /// Ecosystems for which a table was at hand when they were last matched.
    pub(crate) tables: BTreeSet<Ecosystem>,
    pub(crate) generation: u64,
    /// Counts up whenever what a cohort stands for may have changed: sets, cohorts, claims.
    pub(crate) matching: u64,
}

/// A host as the fleet has it.
#[derive(Debug, Clone, Copy)]
pub struct HostEntry<'a> {
    pub(crate) fleet: &'a Fleet,
    pub(crate) record: &'a Record,
}

impl Fleet {
    /// An empty fleet.
    #[must_use]
    pub fn new(judging: Judging) -> Self {
        let mut fleet = Self::default();
        fleet.decided.judge_by(judging);
        fleet
    }

    /// Counts up with every change; equal numbers mean equal answers, but for dates of contact ([`Fleet::touch`]).
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How many hosts there are, whatever their standing.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The set of this key, if some host has it: then its packages need not be read.
    #[must_use]
    pub fn set(&self, key: SetKey) -> Option<SetId> {
        self.sets.find(key).map(SetId)
    }

    /// Takes in a package set and matches what in it is new to the fleet. It stays while some host has it.
    pub fn intern(
        &mut self,
        key: SetKey,
        inventory: &Inventory,
        knowledge: &dyn Knowledge,
    ) -> SetId {
        let interned = self.sets.intern(key, inventory);
        if interned.is_new {
            self.matching += 1;
        }
        for subject in interned.new_subjects {
            self.match_subject(subject, knowledge);
        }
        if interned.is_new {
            self.cover(interned.set, knowledge, &mut Releases::default());
        }
        SetId(interned.set)
    }

    /// Takes in a host, new or changed, with its package set (`None`: it never reported one).
    pub fn put(&mut self, host: Host, set: Option<SetId>) {
        let id = id_bits(&host.id);
        let slot = self.by_id.get(&id).copied();
        let before = slot.and_then(|slot| self.records.get_mut(slot as usize)?.take());
        // What is new is held before what was is let go of, so that nothing both share is dropped and made again.
        let record = self.record(id, host, set, before.as_ref());
        let slot = slot.or_else(|| self.free.pop()).unwrap_or_else(|| {
            self.records.push(None);
            u32::try_from(self.records.len() - 1).unwrap_or(u32::MAX)
        });
        *place(&mut self.by_number, record.number) = slot;
        self.by_id.insert(id, slot);
        if let Some(before) = before {
            self.let_go(before);
        }
        for key in record.lingering.iter().flatten() {
            self.lingering
                .entry(Arc::clone(key))
                .or_default()
                .insert(record.number);
        }
        self.by_name.insert((Arc::clone(&record.name), id));
        *place(&mut self.records, slot) = Some(record);
        self.generation += 1;
    }

    /// Forgets a host.
    pub fn remove(&mut self, id: &HostId) -> bool {
        let Some(slot) = self.by_id.remove(&id_bits(id)) else {
            return false;
        };
        if let Some(record) = self.records.get_mut(slot as usize).and_then(Option::take) {
            self.let_go(record);
        }
        self.free.push(slot);
        self.generation += 1;
        true
    }

    /// A contact that said nothing has changed since the host last looked at itself, whenever that was.
    pub fn touch(&mut self, id: &HostId, seen: Timestamp) -> bool {
        let Some(record) = self.record_mut(id) else {
            return false;
        };
        let seen = seconds(Some(seen));
        record.dates.seen = record.dates.seen.max(seen);
        true
    }

    /// Says which episodes of a host have their fix installed and not in force: by the packages alone they would be
    /// counted as over. Called with what [`crate::episode::advance`] gave, whenever that changed.
    pub fn set_lingering(&mut self, id: &HostId, keys: impl IntoIterator<Item = EpisodeKey>) {
        let Some(record) = self.record_mut(id) else {
            return;
        };
        let number = record.number;
        let keys: Vec<EpisodeKey> = keys.into_iter().collect();
        let before = record.lingering.take();
        self.unlinger(before.as_deref(), number);
        let mut kept = Vec::with_capacity(keys.len());
        for key in keys {
            let key = match self.lingering.get_key_value(&key) {
                Some((known, _)) => Arc::clone(known),
                None => Arc::new(key),
            };
            self.lingering
                .entry(Arc::clone(&key))
                .or_default()
                .insert(number);
            kept.push(key);
        }
        if let Some(record) = self.record_mut(id).filter(|_| !kept.is_empty()) {
            record.lingering = Some(kept.into());
        }
        self.generation += 1;
    }

    /// A host.
    #[must_use]
    pub fn host(&self, id: &HostId) -> Option<HostEntry<'_>> {
        let slot = self.by_id.get(&id_bits(id))?;
        self.at_slot(*slot)
    }

    /// All hosts, in no order.
    pub fn hosts(&self) -> impl Iterator<Item = HostEntry<'_>> {
        self.records.iter().flatten().map(|record| HostEntry {
            fleet: self,
            record,
        })
    }

    /// The host of a number.
    pub(crate) fn numbered(&self, number: u32) -> Option<HostEntry<'_>> {
        self.cohorts.of(number)?;
        self.at_slot(*self.by_number.get(number as usize)?)
    }

    pub(crate) fn of_bits(&self, id: u128) -> Option<HostEntry<'_>> {
        self.at_slot(*self.by_id.get(&id)?)
    }

    fn at_slot(&self, slot: u32) -> Option<HostEntry<'_>> {
        let record = self.records.get(slot as usize)?.as_ref()?;
        Some(HostEntry {
            fleet: self,
            record,
        })
    }

    fn record_mut(&mut self, id: &HostId) -> Option<&mut Record> {
        let slot = self.by_id.get(&id_bits(id))?;
        self.records.get_mut(*slot as usize)?.as_mut()
    }

    /// The new record of a host, with everything that it shares held for it.
    fn record(
        &mut self,
        id: u128,
        host: Host,
        set: Option<SetId>,
        before: Option<&Record>,
    ) -> Record {
        let cohort = self.cohort(&host, set);
        let class = self.class(&host);
        let system = self.systems.hold(Keyed::of(System {
            os: host.os,
            arch: host.arch,
        }));
        let name = before
            .filter(|before| *before.name == *host.name)
            .map_or_else(
                || Arc::from(host.name.as_str()),
                |before| Arc::clone(&before.name),
            );
        Record {
            id,
            name,
            number: self.cohorts.admit(cohort),
            cohort,
            system: system.0,
            class,
            agent: self.agents.hold(host.agent.into()).0,
            running: host.running.map(|running| self.runnings.hold(running).0),
            standing: Some(host.standing)
                .filter(|standing| *standing != Standing::Active)
                .map(Box::new),
            switched_off: section_bits(&host.switched_off),
            sections: section_bits(&host.sections),
            dates: PackedDates::of(&host.dates),
            lingering: before.and_then(|before| before.lingering.clone()),
        }
    }

    /// The cohort of a host, held for it.
    fn cohort(&mut self, host: &Host, set: Option<SetId>) -> u32 {
        let key = CohortKey {
            set: set.map(|set| set.0),
            booted: self.booted.hold(Booted::of(&host.kernel)).0,
        };
        let (id, new) = self.cohorts.hold(key.clone());
        if new {
            if let Some(facts) = key.set.and_then(|set| self.sets.facts_mut(set)) {
                facts.cohorts.push(id);
            }
            let asleep = self.images_asleep(&key);
            self.cohorts.set_asleep(id, asleep);
        } else {
            // The cohort holds it already.
            self.booted.release(key.booted);
        }
        id
    }

    /// What is said of a host, held for it.
    fn class(&mut self, host: &Host) -> u32 {
        let (class, new) = self.classes.hold(Keyed::of(Class {
            facts: host.facts.clone(),
            labels: host.labels.clone(),
            group: host.group.clone(),
        }));
        if new {
            let facts = judged_facts(&host.facts.facts);
            *place(&mut self.class_facts, class) =
                self.decided.hold_facts(facts, self.claims.bound());
        }
        class
    }

    fn let_go(&mut self, record: Record) {
        self.unlinger(record.lingering.as_deref(), record.number);
        self.by_name.remove(&(record.name, record.id));
        self.agents.release(record.agent);
        self.systems.release(record.system);
        if self.classes.release(record.class).is_some()
            && let Some(facts) = self.class_facts.get(record.class as usize)
        {
            self.decided.release_facts(*facts);
        }
        if let Some(running) = record.running {
            self.runnings.release(running);
        }
        let Some((id, key)) = self.cohorts.dismiss(record.number) else {
            return;
        };
        // Its number will be another's.
        self.matching += 1;
        self.booted.release(key.booted);
        let Some(set) = key.set else { return };
        if let Some(facts) = self.sets.facts_mut(set) {
            facts.cohorts.retain(|other| *other != id);
        }
        for subject in self.sets.drop_unused(set) {
            self.claims.set_rows(subject, Vec::new());
        }
    }

    fn unlinger(&mut self, keys: Option<&[Arc<EpisodeKey>]>, number: u32) {
        for key in keys.into_iter().flatten() {
            if let Some(hosts) = self.lingering.get_mut(key) {
                hosts.remove(number);
                if hosts.is_empty() {
                    self.lingering.remove(key);
                }
            }
        }
    }
}

impl<'a> HostEntry<'a> {
    /// Who; `None` only if its id was never a UUID, which [`HostId`] rules out.
    #[must_use]
    pub fn id(&self) -> Option<HostId> {
        host_id(self.record.id)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.record.name
    }

    /// Its number until the next change of the fleet.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.record.number
    }

    /// Its package set.
    #[must_use]
    pub fn set(&self) -> Option<SetId> {
        self.key()?.set.map(SetId)
    }

    /// Standing with the server.
    #[must_use]
    pub fn standing(&self) -> &'a Standing {
        self.record.standing()
    }

    /// When what happened, to the second.
    #[must_use]
    pub fn dates(&self) -> crate::HostDates {
        self.record.dates.unpack()
    }

    /// What people say of it.
    #[must_use]
    pub fn facts(&self) -> Option<&'a HostFacts> {
        Some(&self.class()?.facts)
    }

    /// What it says of itself.
    #[must_use]
    pub fn labels(&self) -> Option<&'a Labels> {
        Some(&self.class()?.labels)
    }

    /// Operating system release.
    #[must_use]
    pub fn os(&self) -> Option<&'a overlock_model::os::Os> {
        Some(&self.system()?.os)
    }

    /// Architecture.
    #[must_use]
    pub fn arch(&self) -> Option<&'a str> {
        self.system()?.arch.as_deref()
    }

    /// Release of the running kernel.
    #[must_use]
    pub fn kernel(&self) -> Option<&'a str> {
        let fleet = self.fleet;
        fleet.booted.get(self.key()?.booted)?.release.as_deref()
    }

    /// Version of its agent; empty without one.
    #[must_use]
    pub fn agent(&self) -> &'a str {
        let fleet = self.fleet;
        fleet
            .agents
            .get(self.record.agent)
            .map_or("", |agent| agent)
    }

    /// Sections that its owner switched off.
    #[must_use]
    pub fn switched_off(&self) -> BTreeSet<overlock_protocol::Section> {
        sections_of(self.record.switched_off)
    }

    /// Sections that it has as of its last report.
    #[must_use]
    pub fn sections(&self) -> BTreeSet<overlock_protocol::Section> {
        sections_of(self.record.sections)
    }

    /// What runs on it; `None` is unknown.
    #[must_use]
    pub fn running(&self) -> Option<&'a Running> {
        let fleet = self.fleet;
        fleet.runnings.get(self.record.running?).map(AsRef::as_ref)
    }

    pub(crate) fn key(&self) -> Option<&'a CohortKey> {
        let fleet = self.fleet;
        fleet.cohorts.key(self.record.cohort)
    }

    pub(crate) fn class(&self) -> Option<&'a Class> {
        let fleet = self.fleet;
        Some(&fleet.classes.get(self.record.class)?.value)
    }

    /// The number of the facts that decisions for it depend on.
    pub(crate) fn facts_number(&self) -> Option<u32> {
        let at = self.record.class as usize;
        self.fleet.class_facts.get(at).copied()
    }

    pub(crate) fn system(&self) -> Option<&'a System> {
        let fleet = self.fleet;
        Some(&fleet.systems.get(self.record.system)?.value)
    }
}
