//! The guard against each threat of the threat model, by its number, and against the rules that never break.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at once"
)]

mod bits;
mod mitigations;
mod plans;
mod real_names;
mod roots;
mod signatures;
mod texts;
mod threats;
mod world;
