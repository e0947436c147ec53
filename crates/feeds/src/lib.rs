//! Publishers of advisories: download, check, keep the last good copy, compile.
//!
//! `overlock feeds sync | status | export | import` and the scan's own fetch call this crate; it is the only one that
//! speaks to a network. Each feed is one file of one publisher. It is taken in whole or not at all: a new file replaces
//! the old one only after it was received completely and could be parsed.
//!
//! ```text
//! publishers ──► download ──► check (parse, count) ──► store (replace) ──► compile ──► index
//!  the table      bounded      quarantine, shrink       last good kept
//! ```

pub mod archive;
pub mod check;
pub mod compile;
mod download;
mod error;
mod format;
mod intake;
pub mod mirror;
pub mod parse;
pub mod progress;
pub mod publishers;
mod repomd;
pub mod status;
pub mod store;
pub mod sync;
pub mod tables;

pub use download::{Proxies, Settings};
pub use error::{Cause, FeedError, Kind};
pub use format::FeedFormat;
pub use intake::Shrink;
