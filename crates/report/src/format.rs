//! Which format, and how it is laid out: what the command line passes in.

use std::fmt;
use std::str::FromStr;

/// An output format of a scan report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// For people at a terminal.
    #[default]
    Table,
    /// The report itself, `overlock.scan/1`.
    Json,
    /// One row for each exposure.
    Csv,
    /// SARIF 2.1.0 (OASIS).
    Sarif,
    /// CycloneDX 1.6 JSON (ECMA-424) with vulnerabilities and VEX.
    Cyclonedx,
    /// One self-contained page.
    Html,
}

impl Format {
    /// All formats, in the order in which help lists them.
    pub const ALL: [Self; 6] = [
        Self::Table,
        Self::Json,
        Self::Csv,
        Self::Sarif,
        Self::Cyclonedx,
        Self::Html,
    ];

    /// The word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Sarif => "sarif",
            Self::Cyclonedx => "cyclonedx",
            Self::Html => "html",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == word)
            .ok_or_else(|| UnknownFormat(crate::plain::clip(&crate::plain(word), 40)))
    }
}

/// A word that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no format is called `{0}`; there are table, json, csv, sarif, cyclonedx, html")]
pub struct UnknownFormat(String);

/// How a report is laid out. Machine formats use `pretty` only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// Terminal colours.
    pub colour: bool,
    /// Columns of the terminal; less than [`Style::WIDTH_MIN`] counts as that.
    pub width: usize,
    /// Rows of each long list before "N more".
    pub rows: usize,
    /// Every row and whole reasons, whatever `rows` says.
    pub all: bool,
    /// Indented JSON.
    pub pretty: bool,
}

impl Style {
    /// Below this many columns nothing readable fits.
    pub const WIDTH_MIN: usize = 40;

    pub(crate) fn limit(&self) -> usize {
        if self.all {
            usize::MAX
        } else {
            self.rows.max(1)
        }
    }
}

impl Default for Style {
    fn default() -> Self {
        Self {
            colour: false,
            width: 100,
            rows: 15,
            all: false,
            pretty: false,
        }
    }
}
