//! The Merkle tree over host entries: RFC 6962, section 2.1.
//!
//! A leaf is `SHA-256(0x00 || bytes)`, a node `SHA-256(0x01 || left || right)`; a list of n is split at the largest power
//! of two below n.

use super::Digest;

/// The hash of a leaf.
#[must_use]
pub fn leaf(bytes: &[u8]) -> Digest {
    Digest::joined(&[&[0], bytes])
}

fn node(left: &Digest, right: &Digest) -> Digest {
    Digest::joined(&[&[1], left.bytes(), right.bytes()])
}

/// The root over leaf hashes, in their order; of none it is the hash of nothing.
#[must_use]
pub fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&root(left), &root(right))
        }
    }
}

/// The inclusion proof of the leaf at `at` (section 2.1.1), from the leaf upwards; `None` beyond the list.
#[must_use]
pub fn proof(leaves: &[Digest], at: usize) -> Option<Vec<Digest>> {
    if at >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, other) = if at < middle {
        (proof(left, at)?, root(right))
    } else {
        (proof(right, at - middle)?, root(left))
    };
    path.push(other);
    Some(path)
}

/// Whether `leaf` stands at `at` in a list of `count` with this root.
#[must_use]
pub fn is_included(leaf: &Digest, at: u64, count: u64, path: &[Digest], root: &Digest) -> bool {
    if at >= count {
        return false;
    }
    // The walk of RFC 9162, section 2.1.3.2, which fits RFC 6962's trees.
    let (mut at, mut last, mut hash) = (at, count - 1, *leaf);
    for other in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(other, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, other);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}
