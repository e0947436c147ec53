//! Reading the threat table: what the world knows of each CVE.

use crate::cve::CveKey;
use crate::layout;
use crate::strings::StringsRef;
use crate::{IndexError, strings};
use overlock_model::Date;
use overlock_model::threat::{Epss, Exploitation, Kev, Ssvc, TechnicalImpact, Threat};
use zerocopy::little_endian::{I32, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub(crate) const MAGIC: [u8; 8] = *b"OVLKTHR1";

/// No date.
pub(crate) const NO_DAY: i32 = i32::MIN;
/// No score.
pub(crate) const NO_SCORE: u32 = u32::MAX;
/// Scores are kept in billionths, which holds every digit that FIRST publishes.
pub(crate) const SCORE_UNIT: f64 = 1e9;

pub(crate) const FLAG_RANSOMWARE: u8 = 1;
pub(crate) const FLAG_REJECTED: u8 = 2;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(crate) struct ThreatRow {
    pub epss: U32,
    pub percentile: U32,
    pub kev_added: I32,
    pub kev_due: I32,
    pub ssvc_day: I32,
    pub published: I32,
    pub cvss: U32,
    pub ssvc_source: U32,
    /// 0 unknown, 1 none, 2 public proof of concept, 3 active.
    pub exploitation: u8,
    /// 0 unknown, 1 no, 2 yes.
    pub automatable: u8,
    /// 0 unknown, 1 partial, 2 total.
    pub impact: u8,
    pub flags: u8,
}

impl std::fmt::Debug for ThreatRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ThreatRow")
    }
}

/// The threat table.
#[derive(Debug, Clone, Copy)]
pub struct ThreatIndex<'a> {
    keys: &'a [U64],
    rows: &'a [ThreatRow],
    strings: StringsRef<'a>,
    epss_date: Option<Date>,
    epss_model: Option<&'a str>,
    feeds: &'a str,
}

impl<'a> ThreatIndex<'a> {
    /// Opens a table; only the header and the section lengths are looked at.
    ///
    /// # Errors
    /// When the bytes are not such a table, or a section does not fit.
    pub fn open(bytes: &'a [u8]) -> Result<Self, IndexError> {
        let (facts, [keys, rows, offsets, text, feeds, model, ..]) =
            layout::disassemble(bytes, MAGIC, "threat")?;
        let damaged = |what| IndexError::Damaged {
            what,
            length: bytes.len(),
        };
        let keys: &[U64] = layout::rows(keys, "the identifiers")?;
        let rows: &[ThreatRow] = layout::rows(rows, "the threats")?;
        if keys.len() != rows.len() {
            return Err(damaged("the number of threats"));
        }
        let [d0, d1, d2, d3, ..] = facts;
        let text_of = |section| std::str::from_utf8(section).map_err(|_| damaged("the feed names"));
        Ok(Self {
            keys,
            rows,
            strings: StringsRef::open(offsets, text)?,
            epss_date: date(i32::from_le_bytes([d0, d1, d2, d3])),
            epss_model: Some(text_of(model)?).filter(|model| !model.is_empty()),
            feeds: text_of(feeds)?,
        })
    }

    /// Number of vulnerabilities.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether it knows nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Feeds it was compiled from, sorted.
    pub fn feeds(&self) -> impl Iterator<Item = &'a str> {
        self.feeds.split('\n').filter(|feed| !feed.is_empty())
    }

    /// Whether the identifier was rejected by the one who gave it.
    #[must_use]
    pub fn is_rejected(&self, vulnerability: &str) -> bool {
        self.row(vulnerability)
            .is_some_and(|row| row.flags & FLAG_REJECTED != 0)
    }

    fn row(&self, vulnerability: &str) -> Option<&'a ThreatRow> {
        let key = CveKey::parse(vulnerability)?;
        let at = self
            .keys
            .binary_search_by_key(&key.as_u64(), |key| key.get())
            .ok()?;
        self.rows.get(at)
    }

    /// What is known of a vulnerability; `None` when it is not a CVE or nothing is known of it.
    #[must_use]
    pub fn threat(&self, vulnerability: &str) -> Option<Threat> {
        let row = self.row(vulnerability)?;
        Some(Threat {
            cvss: self.cvss(row),
            epss: self.epss(row),
            kev: date(row.kev_added.get()).map(|added| Kev {
                added,
                due: date(row.kev_due.get()),
                ransomware: row.flags & FLAG_RANSOMWARE != 0,
            }),
            ssvc: self.ssvc(row),
            published: date(row.published.get()),
            rejected: row.flags & FLAG_REJECTED != 0,
        })
    }

    fn cvss(&self, row: &ThreatRow) -> Vec<(String, String)> {
        let text = self.strings.text(row.cvss.get()).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(source, vector)| (vector.to_owned(), source.to_owned()))
            .collect()
    }

    fn epss(&self, row: &ThreatRow) -> Option<Epss> {
        if row.epss.get() == NO_SCORE {
            return None;
        }
        Some(Epss {
            score: f64::from(row.epss.get()) / SCORE_UNIT,
            percentile: f64::from(row.percentile.get()) / SCORE_UNIT,
            model: self.epss_model.map(str::to_owned),
            date: self.epss_date,
        })
    }

    fn ssvc(&self, row: &ThreatRow) -> Option<Ssvc> {
        let exploitation = match row.exploitation {
            1 => Some(Exploitation::None),
            2 => Some(Exploitation::PublicPoc),
            3 => Some(Exploitation::Active),
            _ => None,
        };
        let automatable = match row.automatable {
            1 => Some(false),
            2 => Some(true),
            _ => None,
        };
        let technical_impact = match row.impact {
            1 => Some(TechnicalImpact::Partial),
            2 => Some(TechnicalImpact::Total),
            _ => None,
        };
        if row.ssvc_source.get() == strings::NONE {
            return None;
        }
        Some(Ssvc {
            exploitation,
            automatable,
            technical_impact,
            date: date(row.ssvc_day.get()),
            source: self
                .strings
                .text(row.ssvc_source.get())
                .unwrap_or_default()
                .to_owned(),
        })
    }
}

fn date(day: i32) -> Option<Date> {
    if day == NO_DAY {
        return None;
    }
    let epoch = Date::constant(1970, 1, 1);
    epoch
        .checked_add(jiff::Span::new().try_days(i64::from(day)).ok()?)
        .ok()
}
