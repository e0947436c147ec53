//! The program from end to end: each story lays out a world, runs the binary in it and reads what a user would read.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a story that does not go as told ends there"
)]

mod bad_input;
mod debian;
mod feeds;
mod inventories;
mod oracle;
mod other_roots;
mod outputs;
mod roots;
mod small_tools;
mod vex;
mod world;
