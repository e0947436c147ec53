//! Sections of an inventory: the unit of change, of deltas and of what a host's owner may switch off.

use crate::Limits;
use overlock_model::plan::{CanonicalError, Digest, to_canonical};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One part of an inventory. A new one is added at the end: older servers refuse it, older agents never send it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Release, architecture, kernels, names. Always sent: nothing can be judged without it.
    System,
    /// Packages of the operating system.
    Packages,
    /// Packages of languages, and where they were looked for.
    Languages,
    /// Configured repositories, with the dates of their metadata: small, and each host's own.
    Repositories,
    /// What the repositories offer for the installed packages: large, and equal on equal hosts.
    Offers,
    /// Processes that still run replaced code, and reasons to reboot.
    Processes,
    /// Labels that the host's owner set in the agent's configuration.
    Labels,
    /// What could not be seen, and why.
    Unseen,
}

impl Section {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::System,
        Self::Packages,
        Self::Languages,
        Self::Repositories,
        Self::Offers,
        Self::Processes,
        Self::Labels,
        Self::Unseen,
    ];

    /// The word used on the wire, in the store and in configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Packages => "packages",
            Self::Languages => "languages",
            Self::Repositories => "repositories",
            Self::Offers => "offers",
            Self::Processes => "processes",
            Self::Labels => "labels",
            Self::Unseen => "unseen",
        }
    }

    /// The section of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|section| section.as_str() == word)
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Digest of each section that a host sends; what it has switched off is not there.
pub type SectionDigests = BTreeMap<Section, Digest>;

/// The one digest that stands for all sections of a host: equal means that nothing changed.
///
/// SHA-256 over `WORD SP DIGEST LF` of each section, in the order of [`Section::ALL`].
#[must_use]
pub fn state_digest(sections: &SectionDigests) -> Digest {
    let mut text = String::with_capacity(sections.len() * 80);
    for (section, digest) in sections {
        text.push_str(section.as_str());
        text.push(' ');
        text.push_str(&digest.to_string());
        text.push('\n');
    }
    Digest::of(text.as_bytes())
}

/// What a section holds: a sorted set of lines, each one canonical JSON value (RFC 8785).
///
/// Two hosts with the same packages have the same lines, so the same digest, and the server keeps them once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionContent {
    lines: Vec<String>,
}

/// Why lines are no section.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// More than [`Limits::section_lines`].
    #[error("a section of {lines} lines is above the limit of {limit}")]
    Lines {
        /// How many there are.
        lines: usize,
        /// How many may be.
        limit: usize,
    },
    /// Longer than [`Limits::section_bytes`].
    #[error("a section of {bytes} bytes is above the limit of {limit}")]
    Bytes {
        /// How long its text is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// Longer than [`Limits::line_bytes`].
    #[error("line {line} of the section has {bytes} bytes; the limit is {limit}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// Not sorted, or twice the same.
    #[error("line {line} of the section is not above the one before it")]
    Order {
        /// Which, from 1.
        line: usize,
    },
    /// A line break inside a line would make two sections one.
    #[error("line {line} of the section holds a line break")]
    Break {
        /// Which, from 1.
        line: usize,
    },
}

impl SectionContent {
    /// The lines of some values, sorted and without repeats.
    ///
    /// # Errors
    /// When a value has no canonical form.
    pub fn of<T: Serialize>(values: impl IntoIterator<Item = T>) -> Result<Self, CanonicalError> {
        let mut lines = values
            .into_iter()
            .map(|value| {
                to_canonical(&value).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            })
            .collect::<Result<Vec<_>, _>>()?;
        lines.sort_unstable();
        lines.dedup();
        Ok(Self { lines })
    }

    /// Lines from outside, checked against the limits; they must be sorted, without repeats.
    ///
    /// # Errors
    /// When they break a limit or are out of order.
    pub fn checked(lines: Vec<String>, limits: &Limits) -> Result<Self, ContentError> {
        if lines.len() > limits.section_lines {
            return Err(ContentError::Lines {
                lines: lines.len(),
                limit: limits.section_lines,
            });
        }
        // As long as the text of the lines: one line break less than there are lines.
        let bytes = lines
            .iter()
            .fold(lines.len().saturating_sub(1), |bytes, line| {
                bytes.saturating_add(line.len())
            });
        if bytes > limits.section_bytes {
            return Err(ContentError::Bytes {
                bytes,
                limit: limits.section_bytes,
            });
        }
        let mut before: Option<&str> = None;
        for (line, text) in (1..).zip(&lines) {
            if text.len() > limits.line_bytes {
                return Err(ContentError::Line {
                    line,
                    bytes: text.len(),
                    limit: limits.line_bytes,
                });
            }
            if text.contains('\n') {
                return Err(ContentError::Break { line });
            }
            if before.is_some_and(|before| before >= text.as_str()) {
                return Err(ContentError::Order { line });
            }
            before = Some(text);
        }
        Ok(Self { lines })
    }

    /// The lines, sorted.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The lines as one text, joined by line breaks: what is hashed and stored.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// From stored text.
    ///
    /// # Errors
    /// When it breaks a limit or is out of order.
    pub fn from_text(text: &str, limits: &Limits) -> Result<Self, ContentError> {
        let lines = if text.is_empty() {
            Vec::new()
        } else {
            text.split('\n').map(str::to_owned).collect()
        };
        Self::checked(lines, limits)
    }

    /// SHA-256 of [`Self::text`].
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.text().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for section in Section::ALL {
            assert_eq!(Section::from_word(section.as_str()), Some(section));
        }
        assert_eq!(Section::from_word("weather"), None);
    }

    #[test]
    fn equal_sets_have_equal_digests_whatever_their_order() {
        let one = SectionContent::of([3, 1, 2, 1]).unwrap();
        let other = SectionContent::of([2, 3, 1]).unwrap();
        assert_eq!(one, other);
        assert_eq!(one.text(), "1\n2\n3");
        assert_eq!(
            SectionContent::from_text(&one.text(), &Limits::WIRE),
            Ok(one)
        );
        let empty = SectionContent::of([0; 0]).unwrap();
        assert_eq!(SectionContent::from_text("", &Limits::WIRE), Ok(empty));
    }

    #[test]
    fn lines_from_outside_are_held_to_order_and_limits() {
        let check = |lines: &[&str]| {
            let limits = Limits {
                section_lines: 3,
                line_bytes: 4,
                ..Limits::WIRE
            };
            SectionContent::checked(
                lines.iter().map(|line| (*line).to_owned()).collect(),
                &limits,
            )
        };
        assert!(check(&["1", "2", "3"]).is_ok());
        assert_eq!(
            check(&["1", "2", "3", "4"]),
            Err(ContentError::Lines { lines: 4, limit: 3 })
        );
        assert_eq!(check(&["2", "1"]), Err(ContentError::Order { line: 2 }));
        assert_eq!(check(&["1", "1"]), Err(ContentError::Order { line: 2 }));
        assert_eq!(check(&["1\n2"]), Err(ContentError::Break { line: 1 }));
        assert!(matches!(
            check(&["12345"]),
            Err(ContentError::Line { line: 1, .. })
        ));
    }

    #[test]
    fn a_section_is_bounded_in_bytes_however_it_comes() {
        let limits = Limits {
            section_bytes: 5,
            ..Limits::WIRE
        };
        let too_long = Err(ContentError::Bytes { bytes: 6, limit: 5 });
        assert!(SectionContent::from_text("11\n22", &limits).is_ok());
        assert_eq!(SectionContent::from_text("11\n222", &limits), too_long);
        let lines = vec!["11".to_owned(), "222".to_owned()];
        assert_eq!(SectionContent::checked(lines, &limits), too_long);
    }

    #[test]
    fn the_state_digest_names_sections() {
        let one = Digest::of(b"1");
        let a = SectionDigests::from([(Section::System, one)]);
        let b = SectionDigests::from([(Section::Packages, one)]);
        assert_ne!(state_digest(&a), state_digest(&b));
    }
}
