//! Why a publisher's file is refused as a whole.

use std::fmt;
use std::io;

/// A file that cannot be taken in. The last good copy stays in use.
#[derive(Debug, thiserror::Error)]
#[error("{kind}, at {place}: {cause}")]
pub struct ParseError {
    /// What is wrong, for programs.
    pub kind: ErrorKind,
    /// Where.
    pub place: Place,
    /// What was found, for people.
    pub cause: String,
}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Another format: an error page, another root, another header.
    NotTheFormat,
    /// The file ends in the middle.
    Truncated,
    /// A bound of [`super::Limits`] was reached.
    TooLarge,
    /// Packed data is damaged, or the disk failed.
    Unreadable,
    /// The format is right, but not one record could be read.
    NoGoodRecord,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTheFormat => "not the expected format",
            Self::Truncated => "the file ends too early",
            Self::TooLarge => "the file exceeds a limit",
            Self::Unreadable => "the file cannot be read",
            Self::NoGoodRecord => "no record could be read",
        })
    }
}

/// Where in a file something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole, or its first bytes.
    Start,
    /// Line and column, counted from 1, in the unpacked text.
    Line {
        /// From 1.
        line: u64,
        /// From 1; 0 where only the line is known.
        column: u64,
    },
    /// Byte in the unpacked text, counted from 0.
    Byte(u64),
    /// Member of an archive, or name of a record.
    Record(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("the start"),
            Self::Line { line, column: 0 } => write!(f, "line {line}"),
            Self::Line { line, column } => write!(f, "line {line} column {column}"),
            Self::Byte(byte) => write!(f, "byte {byte}"),
            Self::Record(name) => write!(f, "`{name}`"),
        }
    }
}

impl ParseError {
    pub(super) fn new(kind: ErrorKind, place: Place, cause: impl Into<String>) -> Self {
        Self {
            kind,
            place,
            cause: cause.into(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self.kind {
            ErrorKind::NotTheFormat => {
                "the address may answer with an error page or another file; check the mirror's layout"
            }
            ErrorKind::Truncated => "fetch it again; the last good copy stays in use",
            ErrorKind::TooLarge => {
                "if the publisher's file really grew this large, a newer version may know it"
            }
            ErrorKind::Unreadable => {
                "fetch it again; if it fails again, check the disk and the mirror"
            }
            ErrorKind::NoGoodRecord => {
                "the publisher may have changed the format; a newer version may know it"
            }
        }
    }

    /// An error of reading; a bound that was reached comes through the reader and keeps its meaning.
    pub(super) fn read(place: Place, error: &io::Error) -> Self {
        let kind = if error.get_ref().is_some_and(|inner| inner.is::<OverLimit>()) {
            ErrorKind::TooLarge
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            ErrorKind::Truncated
        } else {
            ErrorKind::Unreadable
        };
        Self::new(kind, place, error.to_string())
    }

    /// An error of the JSON reader on the file as a whole.
    pub(super) fn json(error: serde_json::Error) -> Self {
        let place = Place::Line {
            line: error.line() as u64,
            column: error.column() as u64,
        };
        match error.classify() {
            serde_json::error::Category::Io => Self::read(place, &io::Error::from(error)),
            serde_json::error::Category::Eof => {
                Self::new(ErrorKind::Truncated, place, words(&error))
            }
            _ => Self::new(ErrorKind::NotTheFormat, place, words(&error)),
        }
    }
}

/// The message of a JSON error without its place.
pub(super) fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

/// A bound that a reader hit; travels inside an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("{what} over {limit}")]
pub(super) struct OverLimit {
    pub(super) what: &'static str,
    pub(super) limit: u64,
}

impl From<OverLimit> for io::Error {
    fn from(over: OverLimit) -> Self {
        Self::other(over)
    }
}
