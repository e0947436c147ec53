//! Package sets: what hosts have in common, kept once.
//!
//! A set is made by `overlock_matching::subjects`, so it depends on all that this looks at: release, packages, and who
//! publishes what. Its [`SetKey`] is made of the digests of just these, so that a host whose key is known costs no
//! reading of packages at all.

use crate::interner::{Interner, Map, Pool, place};
use crate::subject::Subjects;
use overlock_matching::Release;
use overlock_model::inventory::Inventory;
use overlock_model::os::Os;
use overlock_model::plan::Digest;
use overlock_model::repository::Repository;
use overlock_protocol::{Section, SectionDigests};
use roaring::RoaringBitmap;
use std::sync::Arc;

/// What a package set is made from, as one digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetKey(Digest);

/// A package set of the fleet; valid for as long as some host has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetId(pub(crate) u32);

impl SetKey {
    /// Of a host's release, the digests of its sections, and its repositories, of which only names and publishers
    /// matter (each host's own dates do not).
    #[must_use]
    pub fn of(os: &Os, digests: &SectionDigests, repositories: &[Repository]) -> Self {
        let mut text = format!("{:?}\n{:?}\n", os.id, os.version_id);
        for section in [Section::Packages, Section::Languages, Section::Offers] {
            if let Some(digest) = digests.get(&section) {
                text.push_str(&format!("{section} {digest}\n"));
            }
        }
        let mut publishers: Vec<String> = repositories
            .iter()
            .map(|repository| format!("{:?} {:?}\n", repository.id, repository.origin))
            .collect();
        publishers.sort();
        text.extend(publishers);
        Self(Digest::of(text.as_bytes()))
    }
}

/// What makes two sets equal.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SetContent {
    pub os_id: Arc<str>,
    pub os_version: Arc<str>,
    /// Parts, sorted.
    pub parts: Box<[u32]>,
}

/// What is known of a set besides its content.
#[derive(Debug, Default)]
pub(crate) struct SetFacts {
    /// The release, as its hosts state it.
    pub os: Os,
    /// Keys that lead here.
    pub keys: Vec<SetKey>,
    /// Cohorts of hosts that have it.
    pub cohorts: Vec<u32>,
    /// Packages that could not be judged.
    pub not_covered: u64,
    /// Whether any table spoke of any of it.
    pub judged: bool,
}

/// All package sets.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    pub subjects: Subjects,
    pub pool: Pool,
    contents: Interner<SetContent>,
    facts: Vec<SetFacts>,
    by_key: Map<SetKey, u32>,
    /// Subject → sets.
    by_subject: Vec<RoaringBitmap>,
}

/// What became of an inventory.
pub(crate) struct Interned {
    pub set: u32,
    /// Whether the set was not there before.
    pub is_new: bool,
    /// Subjects that nobody had before: they are to be matched.
    pub new_subjects: Vec<u32>,
}

impl Sets {
    pub fn find(&self, key: SetKey) -> Option<u32> {
        self.by_key.get(&key).copied()
    }

    /// Takes in an inventory. A new set is held by nobody until a cohort is made of it.
    pub fn intern(&mut self, key: SetKey, inventory: &Inventory) -> Interned {
        let release = Release::of(&inventory.os);
        let mut new_subjects = Vec::new();
        let mut parts: Vec<u32> = overlock_matching::subjects(inventory, &release)
            .iter()
            .map(|subject| {
                let (part, new) = self.subjects.hold(subject, &mut self.pool);
                new_subjects.extend(new);
                part
            })
            .collect();
        parts.sort_unstable();
        let content = SetContent {
            os_id: self.pool.get(&inventory.os.id),
            os_version: self.pool.get(&inventory.os.version_id),
            parts: parts.clone().into(),
        };
        let known = self.contents.find(&content);
        let set = known.unwrap_or_else(|| self.contents.hold(content).0);
        let facts = place(&mut self.facts, set);
        match known {
            Some(_) => {
                for part in &parts {
                    self.subjects.release(*part);
                }
            }
            None => {
                *facts = SetFacts {
                    os: inventory.os.clone(),
                    ..SetFacts::default()
                };
                for part in parts {
                    if let Some(subject) = self.subjects.subject_of(part) {
                        place(&mut self.by_subject, subject).insert(set);
                    }
                }
            }
        }
        let facts = place(&mut self.facts, set);
        if self.by_key.insert(key, set) != Some(set) {
            facts.keys.push(key);
        }
        Interned {
            set,
            is_new: known.is_none(),
            new_subjects,
        }
    }

    /// Drops a set that no cohort has; gives back the subjects that nobody has any more.
    pub fn drop_unused(&mut self, set: u32) -> Vec<u32> {
        let unused = self
            .facts
            .get(set as usize)
            .is_some_and(|facts| facts.cohorts.is_empty());
        if !unused {
            return Vec::new();
        }
        let Some(content) = self.contents.release(set) else {
            return Vec::new();
        };
        for key in std::mem::take(place(&mut self.facts, set)).keys {
            self.by_key.remove(&key);
        }
        let mut dropped = Vec::new();
        for part in &content.parts {
            if let Some(subject) = self.subjects.subject_of(*part) {
                place(&mut self.by_subject, subject).remove(set);
            }
            dropped.extend(self.subjects.release(*part));
        }
        dropped
    }

    pub fn content(&self, set: u32) -> Option<&SetContent> {
        self.contents.get(set).map(AsRef::as_ref)
    }

    pub fn facts(&self, set: u32) -> Option<&SetFacts> {
        self.contents.get(set)?;
        self.facts.get(set as usize)
    }

    pub fn facts_mut(&mut self, set: u32) -> Option<&mut SetFacts> {
        self.contents.get(set)?;
        self.facts.get_mut(set as usize)
    }

    pub fn of_subject(&self, subject: u32) -> Option<&RoaringBitmap> {
        self.by_subject.get(subject as usize)
    }

    /// Subjects of a set, with the part that stands for each.
    pub fn parts(&self, set: u32) -> impl Iterator<Item = &Arc<crate::subject::Part>> {
        self.content(set)
            .map(|content| content.parts.iter())
            .into_iter()
            .flatten()
            .filter_map(|part| self.subjects.parts.get(*part))
    }

    pub fn ids(&self) -> Vec<u32> {
        self.contents.iter().map(|(id, _)| id).collect()
    }

    pub fn len(&self) -> usize {
        self.contents.len()
    }
}
