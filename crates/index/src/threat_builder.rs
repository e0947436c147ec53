//! Building the threat table.

use crate::IndexError;
use crate::cve::CveKey;
use crate::layout::assemble;
use crate::strings::{NONE, StringsBuilder};
use crate::threat::{
    FLAG_RANSOMWARE, FLAG_REJECTED, MAGIC, NO_DAY, NO_SCORE, SCORE_UNIT, ThreatRow,
};
use overlock_model::Date;
use overlock_model::advisory::ThreatPart;
use overlock_model::threat::{Exploitation, TechnicalImpact};
use std::collections::{BTreeSet, HashMap};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{I32, U32, U64};

/// Collects what feeds say of vulnerabilities and writes the table.
#[derive(Debug, Default)]
pub struct ThreatBuilder {
    rows: HashMap<CveKey, Pending, foldhash::fast::FixedState>,
    cvss: HashMap<CveKey, BTreeSet<(String, String)>, foldhash::fast::FixedState>,
    strings: StringsBuilder,
    feeds: BTreeSet<String>,
    epss_date: Option<Date>,
    epss_model: Option<String>,
}

/// A row; `ssvc_source` is a provisional string number.
#[derive(Debug, Clone, Copy)]
struct Pending(ThreatRow);

impl Default for Pending {
    fn default() -> Self {
        Self(ThreatRow {
            epss: U32::new(NO_SCORE),
            percentile: U32::new(NO_SCORE),
            kev_added: I32::new(NO_DAY),
            kev_due: I32::new(NO_DAY),
            ssvc_day: I32::new(NO_DAY),
            published: I32::new(NO_DAY),
            cvss: U32::new(NONE),
            ssvc_source: U32::new(NONE),
            exploitation: 0,
            automatable: 0,
            impact: 0,
            flags: 0,
        })
    }
}

impl ThreatBuilder {
    /// Number of vulnerabilities so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing was said yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Names a feed that the table is made from.
    pub fn add_feed(&mut self, feed: &str) {
        self.feeds.insert(feed.to_owned());
    }

    /// States model and date of the EPSS scores.
    pub fn set_epss(&mut self, model: Option<String>, date: Option<Date>) {
        self.epss_model = model;
        self.epss_date = date;
    }

    /// Takes in one fact; one about something that is no CVE is left out and answers `false`.
    pub fn add(&mut self, vulnerability: &str, part: &ThreatPart) -> bool {
        let Some(key) = CveKey::parse(vulnerability) else {
            return false;
        };
        let row = &mut self.rows.entry(key).or_default().0;
        match part {
            ThreatPart::Cvss { source, vector } => {
                self.cvss
                    .entry(key)
                    .or_default()
                    .insert((source.clone(), vector.clone()));
            }
            ThreatPart::Epss { score, percentile } => {
                row.epss = U32::new(billionths(*score));
                row.percentile = U32::new(billionths(*percentile));
            }
            ThreatPart::Kev(kev) => {
                row.kev_added = I32::new(day(kev.added));
                row.kev_due = I32::new(kev.due.map_or(NO_DAY, day));
                if kev.ransomware {
                    row.flags |= FLAG_RANSOMWARE;
                }
            }
            ThreatPart::Ssvc(ssvc) => {
                row.exploitation = match ssvc.exploitation {
                    None => 0,
                    Some(Exploitation::None) => 1,
                    Some(Exploitation::PublicPoc) => 2,
                    Some(Exploitation::Active) => 3,
                };
                row.automatable = ssvc.automatable.map_or(0, |yes| if yes { 2 } else { 1 });
                row.impact = match ssvc.technical_impact {
                    None => 0,
                    Some(TechnicalImpact::Partial) => 1,
                    Some(TechnicalImpact::Total) => 2,
                };
                row.ssvc_day = I32::new(ssvc.date.map_or(NO_DAY, day));
                row.ssvc_source = U32::new(self.strings.add(ssvc.source.as_bytes()));
            }
            ThreatPart::Published(date) => row.published = I32::new(day(*date)),
        }
        true
    }

    /// Notes that the identifier was rejected by the one who gave it.
    pub fn reject(&mut self, vulnerability: &str) {
        if let Some(key) = CveKey::parse(vulnerability) {
            self.rows.entry(key).or_default().0.flags |= FLAG_REJECTED;
        }
    }

    /// Sorts everything and writes the file.
    ///
    /// # Errors
    /// When there is more text than 32-bit numbers can address.
    pub fn finish(mut self) -> Result<Vec<u8>, IndexError> {
        for (key, vectors) in &self.cvss {
            let lines: Vec<String> = vectors
                .iter()
                .map(|(source, vector)| format!("{source}\t{vector}"))
                .collect();
            if let Some(row) = self.rows.get_mut(key) {
                row.0.cvss = U32::new(self.strings.add(lines.join("\n").as_bytes()));
            }
        }
        let strings = self.strings.finish()?;
        let mut rows: Vec<(CveKey, Pending)> = self.rows.into_iter().collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        let keys: Vec<U64> = rows.iter().map(|(key, _)| U64::new(key.as_u64())).collect();
        let rows: Vec<ThreatRow> = rows
            .into_iter()
            .map(|(_, Pending(row))| ThreatRow {
                cvss: U32::new(strings.id(row.cvss.get())),
                ssvc_source: U32::new(strings.id(row.ssvc_source.get())),
                ..row
            })
            .collect();
        let mut facts = [0_u8; 16];
        for (slot, byte) in facts
            .iter_mut()
            .zip(self.epss_date.map_or(NO_DAY, day).to_le_bytes())
        {
            *slot = byte;
        }
        let feeds = self.feeds.into_iter().collect::<Vec<_>>().join("\n");
        Ok(assemble(
            MAGIC,
            facts,
            &[
                keys.as_bytes(),
                rows.as_bytes(),
                &strings.offsets,
                &strings.text,
                feeds.as_bytes(),
                self.epss_model.unwrap_or_default().as_bytes(),
                &[],
                &[],
            ],
        ))
    }
}

fn day(date: Date) -> i32 {
    let epoch = Date::constant(1970, 1, 1);
    date.since(epoch).map_or(NO_DAY, |span| span.get_days())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=1 before"
)]
fn billionths(share: f64) -> u32 {
    if share.is_finite() {
        (share.clamp(0.0, 1.0) * SCORE_UNIT).round() as u32
    } else {
        NO_SCORE
    }
}
