//! Every target with its seeds and some hundred fixed mutations of them: the part of fuzzing that the test command runs.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use overlock_fuzz::{Mutator, Target, targets};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Mutations of each target.
const MUTATIONS: usize = 600;

fn check(target: &Target, input: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| target.check(input))).is_err() {
        panic!(
            "target {}, {what}: {:?}",
            target.name,
            String::from_utf8_lossy(input)
        );
    }
}

fn run(targets: impl Iterator<Item = &'static Target>) {
    for target in targets {
        let mut seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "target {} has no seed", target.name);
        seeds.push(Vec::new());
        for (number, seed) in seeds.iter().enumerate() {
            check(target, seed, &format!("seed {number}"));
        }
        let mut mutator = Mutator::new(1);
        for number in 0..MUTATIONS {
            let seed = &seeds[number % seeds.len()];
            let other = &seeds[(number / seeds.len()) % seeds.len()];
            check(
                target,
                &mutator.mutate(seed, other),
                &format!("mutation {number}"),
            );
        }
    }
}

#[test]
fn no_parser_panics_or_takes_much_memory_first_half() {
    run(targets().step_by(2));
}

#[test]
fn no_parser_panics_or_takes_much_memory_second_half() {
    run(targets().skip(1).step_by(2));
}

#[test]
fn names_of_targets_are_words_and_stand_once() {
    let names: BTreeSet<&str> = targets().map(|target| target.name).collect();
    assert_eq!(names.len(), targets().count());
    let is_word = |name: &&str| {
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    assert!(names.iter().all(is_word), "{names:?}");
}
