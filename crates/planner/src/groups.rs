//! Which moves belong in one transaction.
//!
//! Packages of one source, and packages tied by `=` relations, move together: a split has cost hosts their network
//! (a tool from one build with the library of another). So one blocked member holds the whole group.

use crate::moves::Move;
use std::collections::{BTreeMap, HashMap};

/// Moves that belong together, as positions in the list of moves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub members: Vec<usize>,
    /// The first blocked member.
    pub blocked: Option<usize>,
}

/// Closes the moves over what must move together; groups in order of their first member.
pub(crate) fn close(moves: &[Move<'_>]) -> Vec<Group> {
    let mut parent: Vec<usize> = (0..moves.len()).collect();
    let mut by_source: HashMap<&str, usize> = HashMap::new();
    let by_name: HashMap<(&str, &str), usize> = moves
        .iter()
        .enumerate()
        .map(|(at, one)| ((one.package.name.as_str(), one.offer.version.as_str()), at))
        .collect();
    for (at, one) in moves.iter().enumerate() {
        let source = one.offer.source.as_deref().unwrap_or(&one.offer.package);
        let first = *by_source.entry(source).or_insert(at);
        join(&mut parent, first, at);
        for (name, version) in &one.offer.requires_exactly {
            if let Some(other) = by_name.get(&(name.as_str(), version.as_str())) {
                join(&mut parent, *other, at);
            }
        }
    }
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for (at, one) in moves.iter().enumerate() {
        let group = groups.entry(root(&parent, at)).or_insert_with(|| Group {
            members: Vec::new(),
            blocked: None,
        });
        group.members.push(at);
        if one.blocked.is_some() && group.blocked.is_none() {
            group.blocked = Some(at);
        }
    }
    groups.into_values().collect()
}

fn root(parent: &[usize], mut at: usize) -> usize {
    while let Some(up) = parent.get(at).copied().filter(|up| *up != at) {
        at = up;
    }
    at
}

/// Joins two sets; the smaller position stays the root, so that the order of groups is the order of packages.
fn join(parent: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(parent, a), root(parent, b));
    if let Some(slot) = parent.get_mut(a.max(b)) {
        *slot = a.min(b);
    }
}
