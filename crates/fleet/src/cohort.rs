//! Cohorts: hosts that are equal in all that findings depend on (packages and kernel), and the small numbers of hosts.
//!
//! Judged once, a cohort counts for all its hosts. Hosts are numbered so that those of one cohort share words of 64
//! numbers that no other cohort has: then "the hosts of these cohorts" is a copy of whole words, and the largest answer
//! in a fleet of a million takes a tenth of a millisecond. A host that changes its cohort gets another number, so a
//! number means a host only until the next change.

use crate::interner::{Interner, place};
use roaring::RoaringBitmap;

/// A host's number within one state of the fleet.
pub type HostNumber = u32;

const WORD: u32 = 64;

/// What hosts of a cohort have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CohortKey {
    /// `None` for hosts that never reported packages.
    pub set: Option<u32>,
    pub booted: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Cohort {
    /// Words of numbers, and those of them with free places.
    words: Vec<u32>,
    open: Vec<u32>,
    pub hosts: u32,
    /// Subjects that are images of kernels which do not run on these hosts.
    pub asleep: Box<[u32]>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Word {
    cohort: u32,
    /// Set of the cohort, kept here so that a large answer is one walk over words; `u32::MAX` for none.
    set: u32,
    used: u64,
}

/// All cohorts.
#[derive(Debug, Default)]
pub(crate) struct Cohorts {
    keys: Interner<CohortKey>,
    cohorts: Vec<Cohort>,
    words: Vec<Word>,
    free: Vec<u32>,
}

impl Cohorts {
    /// The cohort of a key, held for one more host; `true` when it is new.
    pub fn hold(&mut self, key: CohortKey) -> (u32, bool) {
        let (id, new) = self.keys.hold(key);
        if new {
            *place(&mut self.cohorts, id) = Cohort::default();
        }
        (id, new)
    }

    /// Gives a host of this cohort a number.
    pub fn admit(&mut self, id: u32) -> HostNumber {
        let cohort = place(&mut self.cohorts, id);
        let at = match cohort.open.last() {
            Some(at) => *at,
            None => {
                let at = self.free.pop().unwrap_or_else(|| {
                    self.words.push(Word::default());
                    u32::try_from(self.words.len() - 1).unwrap_or(u32::MAX)
                });
                cohort.words.push(at);
                cohort.open.push(at);
                let set = self.keys.get(id).and_then(|key| key.set);
                *place(&mut self.words, at) = Word {
                    cohort: id,
                    set: set.unwrap_or(u32::MAX),
                    used: 0,
                };
                at
            }
        };
        let word = place(&mut self.words, at);
        let bit = word.used.trailing_ones();
        word.used |= 1 << bit;
        if word.used == u64::MAX {
            cohort.open.pop();
        }
        cohort.hosts += 1;
        at * WORD + bit
    }

    /// Takes a number back; the cohort's key, when this was its last host.
    pub fn dismiss(&mut self, number: HostNumber) -> Option<(u32, CohortKey)> {
        let at = number / WORD;
        let word = self.words.get_mut(at as usize)?;
        let id = word.cohort;
        let was_full = word.used == u64::MAX;
        word.used &= !(1 << (number % WORD));
        let is_empty = word.used == 0;
        let cohort = place(&mut self.cohorts, id);
        cohort.hosts -= 1;
        if is_empty {
            cohort.words.retain(|other| *other != at);
            cohort.open.retain(|other| *other != at);
            self.free.push(at);
        } else if was_full {
            cohort.open.push(at);
        }
        let key = self.keys.release(id)?;
        Some((id, key.as_ref().clone()))
    }

    pub fn key(&self, id: u32) -> Option<&CohortKey> {
        self.keys.get(id).map(AsRef::as_ref)
    }

    pub fn get(&self, id: u32) -> Option<&Cohort> {
        self.keys.get(id)?;
        self.cohorts.get(id as usize)
    }

    pub fn set_asleep(&mut self, id: u32, asleep: Box<[u32]>) {
        place(&mut self.cohorts, id).asleep = asleep;
    }

    pub fn of(&self, number: HostNumber) -> Option<u32> {
        let word = self.words.get((number / WORD) as usize)?;
        (word.used >> (number % WORD) & 1 == 1).then_some(word.cohort)
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// One more than the largest number a host can have now.
    pub fn bound(&self) -> usize {
        self.words.len() * WORD as usize
    }

    /// Hosts of some package sets, and of some cohorts besides: one walk over all words, whatever is asked, since a
    /// search for the words of each cohort would meet a cold line of memory at every step.
    pub fn hosts(&self, sets: &RoaringBitmap, cohorts: &RoaringBitmap) -> RoaringBitmap {
        let (sets, cohorts) = (Bits::of(sets), Bits::of(cohorts));
        let mut bytes = vec![0_u8; self.words.len() * 8];
        for (to, word) in bytes.chunks_exact_mut(8).zip(&self.words) {
            if sets.has(word.set) || cohorts.has(word.cohort) {
                to.copy_from_slice(&word.used.to_le_bytes());
            }
        }
        RoaringBitmap::from_lsb0_bytes(0, &bytes)
    }
}

/// Numbers as plain bits, to be asked for one by one.
struct Bits(Vec<u64>);

impl Bits {
    fn of(numbers: &RoaringBitmap) -> Self {
        let mut words = vec![0; numbers.max().map_or(0, |max| (max / WORD) as usize + 1)];
        for number in numbers {
            if let Some(word) = words.get_mut((number / WORD) as usize) {
                *word |= 1_u64 << (number % WORD);
            }
        }
        Self(words)
    }

    fn has(&self, number: u32) -> bool {
        self.0
            .get((number / WORD) as usize)
            .is_some_and(|word| word >> (number % WORD) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(booted: u32) -> CohortKey {
        CohortKey { set: None, booted }
    }

    fn hosts(cohorts: &Cohorts, id: u32) -> RoaringBitmap {
        cohorts.hosts(&RoaringBitmap::new(), &[id].into_iter().collect())
    }

    #[test]
    fn hosts_of_a_cohort_share_words_and_numbers_are_used_again() {
        let mut cohorts = Cohorts::default();
        let mut numbers = Vec::new();
        for at in 0..200 {
            let (id, _) = cohorts.hold(key(at % 2));
            numbers.push((id, cohorts.admit(id)));
        }
        assert_eq!(cohorts.words.len(), 4);
        let of_first = hosts(&cohorts, 0);
        assert_eq!(of_first.len(), 100);
        assert!(
            numbers
                .iter()
                .all(|(id, number)| of_first.contains(*number) == (*id == 0))
        );
        for (id, number) in numbers.iter().filter(|(id, _)| *id == 0) {
            assert_eq!(cohorts.of(*number), Some(*id));
            cohorts.dismiss(*number);
        }
        assert!(cohorts.get(0).is_none() && hosts(&cohorts, 0).is_empty());
        let (id, new) = cohorts.hold(key(7));
        assert!(new && cohorts.admit(id) < 256);
        assert_eq!(hosts(&cohorts, 1).len(), 100);
    }
}
