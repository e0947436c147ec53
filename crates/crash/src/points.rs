//! Which events to cut at, when there is no time for all.

use crate::trace::Event;
use std::collections::BTreeMap;

/// `count` events, or all if there are fewer: spread over strata of process and call so that each has its share, and
/// within a stratum over paths. The same seed gives the same points.
#[must_use]
pub fn sample(events: &[Event], count: usize, seed: u64) -> Vec<u64> {
    let mut strata: BTreeMap<(&str, &str), Vec<&Event>> = BTreeMap::new();
    for event in events {
        strata
            .entry((&event.process, event.call))
            .or_default()
            .push(event);
    }
    for stratum in strata.values_mut() {
        stratum.sort_by(|one, other| (&one.path, one.index).cmp(&(&other.path, other.index)));
    }
    let mut shares: Vec<usize> = vec![0; strata.len()];
    let mut left = count.min(events.len());
    // Round by round one for each stratum that has more.
    while left > 0 {
        for (share, stratum) in shares.iter_mut().zip(strata.values()) {
            if *share < stratum.len() && left > 0 {
                *share += 1;
                left -= 1;
            }
        }
    }
    let mut state = seed;
    let mut points: Vec<u64> = strata
        .values()
        .zip(shares)
        .flat_map(|(stratum, share)| spread(stratum, share, next(&mut state)))
        .collect();
    points.sort_unstable();
    points
}

/// `share` members at equal distances, beginning anywhere.
fn spread(stratum: &[&Event], share: usize, random: u64) -> Vec<u64> {
    let length = stratum.len();
    let offset = usize::try_from(random % (length.max(1) as u64)).unwrap_or(0);
    (0..share)
        .filter_map(|at| stratum.get((offset + at * length / share) % length))
        .map(|event| event.index)
        .collect()
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> Vec<Event> {
        let kinds = [
            ("dpkg", "write", 900),
            ("dpkg", "rename", 90),
            ("overlock", "fsync", 9),
            ("sh", "unlink", 1),
        ];
        let all = kinds
            .iter()
            .flat_map(|&(process, call, count)| (0..count).map(move |_| (process, call)));
        all.zip(1..)
            .map(|((process, call), index)| Event {
                index,
                process: process.to_owned(),
                call,
                path: format!("/{}", index % 7),
            })
            .collect()
    }

    #[test]
    fn every_kind_has_its_share() {
        let points = sample(&events(), 20, 1);
        assert_eq!(points.len(), 20);
        let in_range = |from, to| {
            points
                .iter()
                .filter(|point| (from..=to).contains(*point))
                .count()
        };
        let mut large = [in_range(1, 900), in_range(901, 990), in_range(991, 999)];
        // Which of the large kinds gets the odd one is the seed's choice.
        large.sort_unstable();
        assert_eq!(large, [6, 6, 7]);
        assert_eq!(in_range(1000, 1000), 1);
    }

    #[test]
    fn points_are_different_ones_and_the_seed_chooses() {
        for count in [0, 1, 100, 999, 1000, 5000] {
            let mut points = sample(&events(), count, 3);
            let length = points.len();
            points.dedup();
            assert_eq!((points.len(), length), (count.min(1000), count.min(1000)));
        }
        assert_eq!(sample(&events(), 50, 3), sample(&events(), 50, 3));
        assert_ne!(sample(&events(), 50, 3), sample(&events(), 50, 4));
    }
}
