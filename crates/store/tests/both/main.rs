//! Every operation of the store, on SQLite and on PostgreSQL, by the same tests.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper may fail as its test does; clippy.toml's leave ends at #[test] functions"
)]

mod accept;
mod access;
mod backup;
mod enrolment;
mod episodes;
mod hosts;
mod log;
mod small;
mod upgrade;
mod world;
