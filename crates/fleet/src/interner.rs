//! Values kept once, under small numbers, for as long as somebody holds them.
//!
//! Hosts bring the same packages, sets, facts and labels over and over, and hostile ones bring new words without end: so
//! every number is counted, and what nobody holds any more is dropped and its number used again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// The hash of all maps here: fast, and seeded by the process, since hosts choose the keys.
pub(crate) type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Values by number and numbers by value.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    ids: Map<Arc<T>, u32>,
    slots: Vec<Option<(Arc<T>, u32)>>,
    free: Vec<u32>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            ids: Map::default(),
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T: Hash + Eq> Interner<T> {
    /// The number of a value, held once more; `true` when it was not there before.
    pub fn hold(&mut self, value: T) -> (u32, bool) {
        if let Some(&id) = self.ids.get(&value) {
            self.hold_again(id);
            return (id, false);
        }
        let value = Arc::new(value);
        let slot = Some((Arc::clone(&value), 1));
        let id = match self.free.pop() {
            Some(id) => {
                if let Some(place) = self.slots.get_mut(id as usize) {
                    *place = slot;
                }
                id
            }
            None => {
                self.slots.push(slot);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.ids.insert(value, id);
        (id, true)
    }

    /// Holds a value once more.
    pub fn hold_again(&mut self, id: u32) {
        if let Some(Some((_, held))) = self.slots.get_mut(id as usize) {
            *held += 1;
        }
    }

    /// Lets go of a value; it is given back when this was the last hold, and its number is free.
    pub fn release(&mut self, id: u32) -> Option<Arc<T>> {
        let place = self.slots.get_mut(id as usize)?;
        let (value, held) = place.as_mut()?;
        *held -= 1;
        if *held > 0 {
            return None;
        }
        let value = Arc::clone(value);
        *place = None;
        self.ids.remove(&value);
        self.free.push(id);
        Some(value)
    }

    /// The number of a value that is there.
    pub fn find(&self, value: &T) -> Option<u32> {
        self.ids.get(value).copied()
    }

    /// The value of a number.
    pub fn get(&self, id: u32) -> Option<&Arc<T>> {
        let (value, _) = self.slots.get(id as usize)?.as_ref()?;
        Some(value)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Arc<T>)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(id, slot)| slot.as_ref().map(|(value, _)| (id, value)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }
}

/// Texts kept once. Names and versions repeat in every set; what no one uses is dropped by [`Pool::sweep`].
#[derive(Debug, Default)]
pub(crate) struct Pool {
    texts: std::collections::HashSet<Arc<str>, foldhash::fast::RandomState>,
}

impl Pool {
    pub fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(text);
        self.texts.insert(Arc::clone(&new));
        new
    }

    pub fn find(&self, text: &str) -> Option<&Arc<str>> {
        self.texts.get(text)
    }

    pub fn sweep(&mut self) {
        self.texts.retain(|text| Arc::strong_count(text) > 1);
        self.texts.shrink_to_fit();
    }
}

/// The place of `id` in a list that grows as numbers are given.
pub(crate) fn place<T: Default>(list: &mut Vec<T>, id: u32) -> &mut T {
    let at = id as usize;
    if at >= list.len() {
        list.resize_with(at + 1, T::default);
    }
    #[expect(
        clippy::indexing_slicing,
        reason = "the list was made long enough above"
    )]
    &mut list[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_used_again_once_nobody_holds_it() {
        let mut words = Interner::default();
        assert_eq!(words.hold("a"), (0, true));
        assert_eq!(words.hold("b"), (1, true));
        assert_eq!(words.hold("a"), (0, false));
        assert_eq!(words.release(0), None);
        assert_eq!(words.release(0).as_deref(), Some(&"a"));
        assert_eq!(words.release(0), None);
        assert_eq!(words.find(&"a"), None);
        assert_eq!(words.hold("c"), (0, true));
        assert_eq!(words.len(), 2);
    }

    #[test]
    fn texts_that_nobody_uses_are_swept() {
        let mut pool = Pool::default();
        let kept = pool.get("kept");
        pool.get("dropped");
        pool.sweep();
        assert_eq!(pool.find("kept"), Some(&kept));
        assert_eq!(pool.find("dropped"), None);
    }
}
