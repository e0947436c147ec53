//! What is wrong with a text, and how it is shown all the same.

use std::fmt;

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// One character is no name.
    #[error("it is too short")]
    TooShort,
    /// Unbounded.
    #[error("it is longer than {bytes_max} bytes")]
    TooLong {
        /// The most.
        bytes_max: usize,
    },
    /// A program would read it as an option.
    #[error("it begins with `-`, as options do")]
    LeadingDash,
    /// apt would read it as a removal.
    #[error("it ends with `-`, by which apt means a removal")]
    DashAtEnd,
    /// Not of this field's characters.
    #[error("it holds `{}`", .0.escape_default())]
    Character(char),
    /// From the root of the file system.
    #[error("it is an absolute path")]
    Absolute,
    /// Out of the folder that it belongs to.
    #[error("it has a part that is empty, `.`, `..` or hides one")]
    Traversal,
    /// Not of the package manager's version scheme.
    #[error("it is no version of this package manager")]
    NoVersion,
    /// No unit, or of a type that runs no programs.
    #[error("it is no service, socket, timer or path unit")]
    NoUnit,
    /// A unit that stops the host or opens it.
    #[error("starting this unit would stop or open the host")]
    UnitRefused,
}

/// Text from a plan as it may be printed: clipped, and escaped but for printable ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(String);

/// Characters of foreign text in a message.
const SHOWN_MAX: usize = 80;

impl Shown {
    pub(crate) fn new(text: &str) -> Self {
        Self(format!("`{}`", plain(text)))
    }
}

/// Clipped, and escaped but for printable ASCII: for messages of other crates too, which quote what they could not read.
pub(crate) fn plain(text: &str) -> String {
    let mut plain: String = text
        .chars()
        .take(SHOWN_MAX)
        .flat_map(char::escape_default)
        .collect();
    if text.chars().nth(SHOWN_MAX).is_some() {
        plain.push('…');
    }
    plain
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
