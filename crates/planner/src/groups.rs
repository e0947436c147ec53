//! Which moves belong in one transaction.
//!
//! Packages of one source, and packages tied by `=` relations, move together: a split has cost hosts their network
//! (a tool from one build with the library of another). So one blocked member holds the whole group, and so does an
//! installed package without a move that a member would leave behind.

use crate::stock::{Installed, Move, Stock, compared, satisfies};
use std::collections::{BTreeMap, HashMap};

/// All moves in groups.
#[derive(Debug)]
pub(crate) struct Groups<'a> {
    /// In order of their first member.
    pub all: Vec<Group<'a>>,
    /// Group of each move.
    pub of: Vec<usize>,
}

/// Moves that belong together.
#[derive(Debug, Default)]
pub(crate) struct Group<'a> {
    /// Positions in the list of moves, ascending.
    pub members: Vec<usize>,
    /// The first package that cannot come along.
    pub blocked: Option<&'a str>,
}

/// Closes the moves over what must move together.
pub(crate) fn close<'a>(stock: &Stock<'a>) -> Groups<'a> {
    let moves = &stock.moves;
    let mut parent: Vec<usize> = (0..moves.len()).collect();
    let mut by_source: HashMap<&str, usize> = HashMap::new();
    let mut blocked: BTreeMap<usize, &'a str> = BTreeMap::new();
    for (at, one) in moves.iter().enumerate() {
        for source in &one.sources {
            join(&mut parent, *by_source.entry(source).or_insert(at), at);
        }
        if one.offer.blocked.is_some() {
            blocked.insert(at, &one.package.name);
        }
        for (name, wanted) in &one.offer.requires_exactly {
            match company(stock, name, wanted) {
                Company::Moves(others) => {
                    others
                        .iter()
                        .for_each(|other| join(&mut parent, *other, at));
                }
                Company::Stays(name) => {
                    blocked.entry(at).or_insert(name);
                }
            }
        }
    }
    for one in stock.installed.values().flatten() {
        for left in leaves_behind(stock, one) {
            blocked.entry(left).or_insert(&one.package.name);
        }
    }
    gather(&parent, moves, &blocked)
}

/// What an `=` relation finds on the host.
enum Company<'a> {
    /// Moves that lead to the version asked for; none where it is there already, or comes anew.
    Moves(Vec<usize>),
    /// It is installed in another version, and stays so.
    Stays(&'a str),
}

fn company<'a>(stock: &Stock<'a>, name: &str, wanted: &str) -> Company<'a> {
    // rpm writes `openssl-libs(x86-64)`.
    let name = name.split_once('(').map_or(name, |(name, _)| name);
    let Some((name, same)) = stock.installed.get_key_value(name) else {
        return Company::Moves(Vec::new());
    };
    let arrives = |at: &usize| {
        stock
            .moves
            .get(*at)
            .is_some_and(|one| satisfies(&one.package.kind, &one.offer.version, wanted))
    };
    let is_there =
        |one: &Installed<'_>| satisfies(&one.package.kind, &compared(one.package), wanted);
    let moves: Vec<usize> = same
        .iter()
        .filter_map(|one| one.own)
        .filter(arrives)
        .collect();
    if moves.is_empty() && !same.iter().any(is_there) {
        return Company::Stays(name);
    }
    Company::Moves(moves)
}

/// Moves away from a version that this package, which has no move, requires exactly.
fn leaves_behind(stock: &Stock<'_>, stays: &Installed<'_>) -> Vec<usize> {
    let kind = &stays.package.kind;
    // The relations of the installed version are known where the repositories still have it.
    let Some(offer) = stays
        .offer
        .filter(|offer| stays.own.is_none() && offer.version == compared(stays.package))
    else {
        return Vec::new();
    };
    let breaks = |at: &usize, wanted: &str| {
        stock.moves.get(*at).is_some_and(|one| {
            satisfies(kind, &compared(one.package), wanted)
                && !satisfies(kind, &one.offer.version, wanted)
        })
    };
    offer
        .requires_exactly
        .iter()
        .filter_map(|(name, wanted)| Some((stock.installed.get(name.as_str())?, wanted)))
        .flat_map(|(same, wanted)| same.iter().map(move |one| (one, wanted)))
        .filter(|(one, _)| one.package.arch == stays.package.arch)
        .filter_map(|(one, wanted)| one.own.filter(|at| breaks(at, wanted)))
        .collect()
}

fn gather<'a>(
    parent: &[usize],
    moves: &[Move<'a>],
    blocked: &BTreeMap<usize, &'a str>,
) -> Groups<'a> {
    let mut all: Vec<Group<'a>> = Vec::new();
    let mut of = Vec::with_capacity(moves.len());
    for at in 0..moves.len() {
        // The smallest position is the root, so it was seen before.
        let group = match of.get(root(parent, at)) {
            Some(group) => *group,
            None => {
                all.push(Group::default());
                all.len() - 1
            }
        };
        of.push(group);
        if let Some(group) = all.get_mut(group) {
            group.members.push(at);
            group.blocked = group.blocked.or(blocked.get(&at).copied());
        }
    }
    Groups { all, of }
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
