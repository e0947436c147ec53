//! Patching real hosts: Debian roots booted with their own systemd, apt and dpkg, from repositories made on the spot.
//!
//! One program, since every host costs a boot; each story has a lab of its own.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helper may fail as its test does; clippy.toml's leave ends at #[test] functions"
)]

mod bed;
mod fleet;
mod ill_behaved;
mod mitigations;
mod power;
mod real_updates;
mod reboot;
mod rebuilt;
mod rpm;
mod runs;
mod schedule;
mod snapshots;
mod the_way_out;
