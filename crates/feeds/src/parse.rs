//! Parsers: a publisher's file in, [`Statement`]s out, one record at a time.
//!
//! The sync calls them twice: to check a file before it replaces the last good one, and to compile the index. A parser
//! knows one published format and nothing of networks, hosts or verdicts. All of them share one shape and three rules:
//!
//! * A *record* that cannot be read is kept out and counted ([`Parsed::quarantined`]); a *file* that is not the format
//!   at all (an error page, a truncated download, another root) is a [`ParseError`].
//! * Nothing is read without a bound ([`Limits`]): unpacked bytes, ratio, record size, depth, length of a word.
//! * Memory stays small: files are streamed and one record is held at a time.
//!
//! ```text
//! file ─► unpack (gz xz bz2 zst zip tar) ─► records ─► typed record ─► statements
//!              bytes, ratio, members         size        quarantine
//! ```
//!
//! When a parser fails in the middle, statements were already handed on: the caller must drop them.

pub mod arch;
pub mod debian_list;
pub mod debian_tracker;
pub mod ecosystem;
pub mod eol;
pub mod epss;
mod error;
mod format;
mod interval;
mod json;
pub mod kev;
mod limits;
pub mod nodejs_wg;
pub mod osv;
pub mod rustsec;
pub mod secdb;
mod semver_set;
mod tally;
mod tar;
mod text;
pub mod unpack;
pub mod updateinfo;
pub mod vulnrichment;

pub use error::{ErrorKind, ParseError, Place};
pub use format::parse;
pub use limits::Limits;
pub use tally::Parsed;

use overlock_model::advisory::Statement;
use std::io::{Read, Seek};

/// A file or bytes in memory: zip archives keep their table of contents at the end, so reading alone is not enough.
pub trait Input: Read + Seek {}

impl<T: Read + Seek> Input for T {}

/// Takes the statements of a parser, in the order of the file.
pub type Sink<'a> = dyn FnMut(Statement) + 'a;

#[cfg(test)]
mod tests;
