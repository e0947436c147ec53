//! A fuzz target for every parser of outside bytes.
//!
//! A [`Target`] is a name, some well-formed inputs to start from, and a function that must return, whatever bytes it is
//! given: no panic, no arithmetic overflow, no more memory than [`memory::INPUT_PEAK_BYTES_MAX`]. Where a format has a
//! law (an order is total, what is written can be read again), the target checks it too. Two runners use one table:
//!
//! ```text
//! TARGETS ─┬─► tests/short.rs  seeds and some hundred fixed mutations each, part of the test command
//!          └─► main.rs         libFuzzer, guided by coverage: `cargo xtask fuzz [TARGET] [--seconds N]`
//! ```
//!
//! Targets go through the same public functions that a scan calls. A parser that reads a tree of files gets one in a
//! temporary folder, with the input as its files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a target tells of a broken law by panicking"
)]

mod memory;
mod mutate;
mod pack;
mod parts;
mod targets;
mod tree;

pub use memory::{INPUT_PEAK_BYTES_MAX, measured};
pub use mutate::Mutator;
pub use targets::targets;

/// One parser with bytes from outside.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// What `cargo xtask fuzz` calls it.
    pub name: &'static str,
    /// Well-formed inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Parses; panics when a law is broken.
    pub run: fn(&[u8]),
}

impl Target {
    /// Runs one input, and fails when it takes too much memory.
    ///
    /// # Panics
    /// When the parser panics, a law is broken or the bound of memory is met.
    pub fn check(&self, input: &[u8]) {
        let peak = measured(|| (self.run)(input));
        assert!(
            peak <= INPUT_PEAK_BYTES_MAX,
            "target {}: {} bytes of input took {peak} bytes of memory",
            self.name,
            input.len()
        );
    }
}
