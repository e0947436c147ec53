//! Alpine's package database, world file, repositories and index.
//!
//! `overlock-host` calls [`installed`] and then [`survey`]. All of apk's formats are the same stanzas of one-letter
//! fields, with or without a signed tar around them, so one scanner reads the database and the index
//! (apk-tools documentation, apk-package(5) and "APKINDEX format").

mod database;
mod index;
mod key;
mod repositories;
mod stanza;
mod survey;
mod world;

pub use database::{Installed, installed, parse_installed};
pub use index::{Index, Indexed, parse_index, read_index};
pub use survey::survey;
