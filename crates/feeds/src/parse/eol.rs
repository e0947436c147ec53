//! How long releases and packages are supported: distro-info-data's CSV and debian-security-support's lists.
//!
//! These do not speak of vulnerabilities, so they return their own types instead of statements.

use super::json::next_line;
use super::{ErrorKind, Input, Limits, ParseError, Place, text, unpack};
use jiff::civil::Date;

/// The dates of one release, from distro-info-data's `debian.csv` or `ubuntu.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseDates {
    /// `12`, `22.04`; empty for releases that have no number (sid) or none yet.
    pub version: String,
    /// `Bookworm`, `Jammy Jellyfish`.
    pub name: String,
    /// Codename as in repositories: `bookworm`, `jammy`.
    pub series: String,
    /// Day of release; absent until it is known.
    pub release: Option<Date>,
    /// Last day of regular support.
    pub eol: Option<Date>,
    /// Debian: last day of LTS.
    pub eol_lts: Option<Date>,
    /// Debian: last day of the paid ELTS.
    pub eol_elts: Option<Date>,
    /// Ubuntu: last day for servers, where it differed.
    pub eol_server: Option<Date>,
    /// Ubuntu: last day of expanded security maintenance (Pro).
    pub eol_esm: Option<Date>,
    /// Ubuntu: last day of the Legacy add-on (Pro).
    pub eol_legacy: Option<Date>,
}

/// A source package whose security support ended before its release's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupportEnded {
    /// Which source packages.
    pub package: NamePattern,
    /// Last version that was supported; `0` means that none was.
    pub last_version: String,
    /// Since when.
    pub since: Date,
    /// Words or an address.
    pub details: Option<String>,
}

/// A source package whose security support is limited all along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupportLimited {
    /// Which source packages.
    pub package: NamePattern,
    /// In which way.
    pub details: Option<String>,
}

/// A source package name, or with `.*` at its end all names that begin so (`golang.*`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamePattern(String);

impl NamePattern {
    /// Whether `source` is meant.
    ///
    /// The lists are regular expressions to their own tool, but only a final `.*` is ever used.
    #[must_use]
    pub fn matches(&self, source: &str) -> bool {
        match self.0.strip_suffix(".*") {
            Some(prefix) => source.starts_with(prefix),
            None => source == self.0,
        }
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Parses `debian.csv` or `ubuntu.csv`, in the order of the file (oldest first).
///
/// # Errors
/// The header lacks a column, or a line is not what the header says.
pub fn release_dates(
    input: &mut dyn Input,
    limits: &Limits,
) -> Result<Vec<ReleaseDates>, ParseError> {
    let stream = unpack::stream(input, limits)?;
    let mut csv = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(stream.reader);
    let header = csv.headers().map_err(|error| csv_error(&error))?.clone();
    let column = |name: &str| header.iter().position(|title| title == name);
    let needed = |name: &'static str| {
        column(name).ok_or_else(|| {
            ParseError::new(
                ErrorKind::NotTheFormat,
                Place::Line { line: 1, column: 0 },
                format!("no column `{name}`"),
            )
        })
    };
    let (version, name, series) = (needed("version")?, needed("codename")?, needed("series")?);
    let (release, eol) = (needed("release")?, needed("eol")?);
    let rest = ["eol-lts", "eol-elts", "eol-server", "eol-esm", "eol-legacy"].map(column);
    let mut releases = Vec::new();
    for row in csv.records() {
        let row = row.map_err(|error| csv_error(&error))?;
        let line = row.position().map_or(0, csv::Position::line);
        let bad = |cause: String| {
            ParseError::new(
                ErrorKind::NotTheFormat,
                Place::Line { line, column: 0 },
                cause,
            )
        };
        if releases.len() >= 10_000 {
            return Err(ParseError::new(
                ErrorKind::TooLarge,
                Place::Line { line, column: 0 },
                "over 10,000 releases",
            ));
        }
        let date = |at: Option<usize>| match at.and_then(|at| row.get(at)).map_or("", str::trim) {
            "" => Ok(None),
            text => text
                .parse::<Date>()
                .map(Some)
                .map_err(|_| bad(format!("{text:?} is not a date"))),
        };
        let field = |at: usize| row.get(at).map(str::trim).unwrap_or_default().to_owned();
        let [eol_lts, eol_elts, eol_server, eol_esm, eol_legacy] = rest;
        let series = text::word(&field(series), "series", limits).map_err(bad)?;
        releases.push(ReleaseDates {
            // `22.04 LTS`
            version: field(version)
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned(),
            name: field(name),
            series,
            release: date(Some(release))?,
            eol: date(Some(eol))?,
            eol_lts: date(eol_lts)?,
            eol_elts: date(eol_elts)?,
            eol_server: date(eol_server)?,
            eol_esm: date(eol_esm)?,
            eol_legacy: date(eol_legacy)?,
        });
    }
    Ok(releases)
}

fn csv_error(error: &csv::Error) -> ParseError {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::Io(io) => ParseError::read(Place::Line { line, column: 0 }, io),
        _ => ParseError::new(
            ErrorKind::NotTheFormat,
            Place::Line { line, column: 0 },
            error.to_string(),
        ),
    }
}

/// Parses `security-support-ended.debN`: source package, last supported version, date, details.
///
/// # Errors
/// A line lacks a column or its date is none.
pub fn support_ended(
    input: &mut dyn Input,
    limits: &Limits,
) -> Result<Vec<SupportEnded>, ParseError> {
    rows(input, limits, |line| {
        let (package, rest) = cut(line);
        let (version, rest) = cut(rest);
        let (since, details) = cut(rest);
        Ok(SupportEnded {
            package: NamePattern(text::word(package, "source package", limits)?),
            last_version: text::word(version, "version", limits)?,
            since: since
                .parse()
                .map_err(|_| format!("{since:?} is not a date"))?,
            details: text::summary(details, limits),
        })
    })
}

/// Parses `security-support-limited`: source package, details.
///
/// # Errors
/// A line has no package.
pub fn support_limited(
    input: &mut dyn Input,
    limits: &Limits,
) -> Result<Vec<SupportLimited>, ParseError> {
    rows(input, limits, |line| {
        let (package, details) = cut(line);
        let package = text::word(package, "source package", limits)?;
        // The lists know nothing but these; a web page or an archive does not look so.
        if !package
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.*".contains(&byte))
        {
            return Err(format!("{package:?} is not a source package"));
        }
        Ok(SupportLimited {
            package: NamePattern(package),
            details: text::summary(details, limits),
        })
    })
}

fn cut(line: &str) -> (&str, &str) {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (word, rest.trim_start())
}

/// Lines that are neither blank nor comments. These lists are short and by hand: one bad line refuses the file, so that
/// a package is not silently taken for supported.
fn rows<T>(
    input: &mut dyn Input,
    limits: &Limits,
    one: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, ParseError> {
    let mut stream = unpack::stream(input, limits)?;
    let (mut rows, mut bytes, mut number) = (Vec::new(), Vec::new(), 0);
    while {
        number += 1;
        next_line(&mut stream, limits, number, &mut bytes)?
    } {
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = Place::Line {
            line: number,
            column: 0,
        };
        if rows.len() >= 100_000 {
            return Err(ParseError::new(
                ErrorKind::TooLarge,
                place,
                "over 100,000 lines",
            ));
        }
        rows.push(
            one(line).map_err(|cause| ParseError::new(ErrorKind::NotTheFormat, place, cause))?,
        );
    }
    Ok(rows)
}
