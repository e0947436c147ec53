//! CVSS v2, v3.0, v3.1 and v4.0: a vector string to scores, severity and nomenclature.
//!
//! Called for every vector that a feed carries and by `overlock cvss`. Each version's equations have a file of their
//! own (`v2`, `v3`, `v4`). They count in whole tenths of a point wherever the standard multiplies decimals, because a
//! product such as 9.0 × 0.95 lies just below its tie in binary and rounds to the wrong tenth; only the sub-scores of
//! v2 and v3, which have powers in them, are floating point, and are rounded once.
//!
//! Deliberately absent: deriving environmental metrics from the facts about an asset. CR, IR and AR ask for the
//! importance of confidentiality, integrity and availability *each* (v3.1 §4.1, v4.0 §4.1), and the modified metrics
//! for a change in how *this* vulnerability is reached; one criticality or exposure word answers neither. Those facts
//! enter through SSVC instead, which asks for just them.

mod v2;
mod v3;
mod v4;
mod vector;

use overlock_model::threat;
use std::fmt;
use thiserror::Error;
pub use vector::VECTOR_BYTES_MAX;
use vector::{Group, UNDEFINED, Vector};

/// Version of the standard, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CvssVersion {
    /// CVSS v2 (2007).
    V2,
    /// CVSS v3.0 (2015).
    V3_0,
    /// CVSS v3.1 (2019).
    V3_1,
    /// CVSS v4.0 (2023).
    V4,
}

impl CvssVersion {
    /// `2.0`, `3.0`, `3.1` or `4.0`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2 => "2.0",
            Self::V3_0 => "3.0",
            Self::V3_1 => "3.1",
            Self::V4 => "4.0",
        }
    }
}

impl fmt::Display for CvssVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The score by each metric group, 0.0 to 10.0 in steps of 0.1, by its own equation also where the vector leaves the
/// group undefined. Mostly that repeats the score before it; with changed scope in v3.1 the environmental equation can
/// give a tenth more than the base one for the same metrics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// Base metrics alone.
    pub base: f64,
    /// Base and temporal (v4: threat) metrics.
    pub temporal: f64,
    /// Base, temporal and environmental metrics.
    pub environmental: f64,
}

/// What one vector says.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Version of the standard.
    pub version: CvssVersion,
    /// The score by all metrics that are set, 0.0 to 10.0.
    pub overall: f64,
    /// `none`, `low`, `medium`, `high`, `critical` by the standard's scale; v2 has NVD's three: `low`, `medium`, `high`.
    pub severity: &'static str,
    /// Which groups went into the score: `CVSS-B`, `CVSS-BT`, `CVSS-BE` or `CVSS-BTE` (v4.0 §1.3, used alike for v2, v3).
    pub nomenclature: &'static str,
    /// The vector as received, without white space around it.
    pub vector: String,
    /// The score by each group.
    pub scores: Scores,
    parsed: Vector,
}

impl Assessment {
    /// `score TAB severity TAB nomenclature TAB vector`, a line of `overlock cvss`.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "{:.1}\t{}\t{}\t{}",
            self.overall, self.severity, self.nomenclature, self.vector
        )
    }

    /// The form that leaves the program; `source` is who assessed it.
    #[must_use]
    pub fn to_model(&self, source: &str) -> threat::Cvss {
        threat::Cvss {
            version: self.version.as_str().to_owned(),
            vector: self.vector.clone(),
            score: self.overall,
            severity: self.severity.to_owned(),
            nomenclature: self.nomenclature.to_owned(),
            source: source.to_owned(),
        }
    }

    /// The vector in the specification's order with undefined metrics left out.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.parsed.to_string()
    }

    /// The value of a metric by its abbreviation (`AV`, `MPR`, …), `None` where it is not defined.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&'static str> {
        Some(self.parsed.get(name)).filter(|value| *value != UNDEFINED)
    }
}

/// Why a text is no CVSS vector.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CvssError {
    /// Longer than any legal vector.
    #[error("vector has {bytes} bytes, more than {VECTOR_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A version that does not exist or is not known here.
    #[error("unknown CVSS version `{found}`; known are 2.0 (without prefix), 3.0, 3.1 and 4.0")]
    UnknownVersion {
        /// What stands after `CVSS:`.
        found: String,
    },
    /// A part between slashes that is not `NAME:VALUE`.
    #[error("part {place} `{part}` is not of the form `NAME:VALUE`")]
    NotAMetric {
        /// Which part, counted from 1 after the version.
        place: usize,
        /// The part.
        part: String,
    },
    /// A metric that the version does not have.
    #[error("CVSS {version} has no metric `{metric}`")]
    UnknownMetric {
        /// Version of the vector.
        version: CvssVersion,
        /// The name found.
        metric: String,
    },
    /// A value that the metric does not have.
    #[error("metric `{metric}` has no value `{value}`")]
    UnknownValue {
        /// The metric.
        metric: &'static str,
        /// The value found.
        value: String,
    },
    /// The same metric twice.
    #[error("metric `{metric}` is given twice")]
    Repeated {
        /// The metric.
        metric: &'static str,
    },
    /// A base metric is absent, so there is no score.
    #[error("base metric `{metric}` of CVSS {version} is missing")]
    Missing {
        /// Version of the vector.
        version: CvssVersion,
        /// The metric.
        metric: &'static str,
    },
}

/// Scores a vector of any version.
///
/// # Errors
/// The text is not a complete vector of a known version.
///
/// ```
/// let log4shell = overlock_risk::cvss::assess("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H/E:H/RL:O").unwrap();
/// assert_eq!(log4shell.line(), "9.5\tcritical\tCVSS-BT\tCVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H/E:H/RL:O");
/// ```
pub fn assess(vector: &str) -> Result<Assessment, CvssError> {
    let vector = vector.trim();
    let parsed = Vector::parse(vector)?;
    let tenths = match parsed.version {
        CvssVersion::V2 => v2::score(&parsed),
        CvssVersion::V3_0 | CvssVersion::V3_1 => v3::score(&parsed),
        CvssVersion::V4 => v4::score(&parsed),
    };
    let threat = parsed.has(Group::Threat);
    let environmental = parsed.has(Group::Environmental);
    let overall = if environmental {
        tenths.environmental
    } else {
        tenths.temporal
    };
    Ok(Assessment {
        version: parsed.version,
        overall: points(overall),
        severity: severity(parsed.version, overall),
        nomenclature: match (threat, environmental) {
            (false, false) => "CVSS-B",
            (true, false) => "CVSS-BT",
            (false, true) => "CVSS-BE",
            (true, true) => "CVSS-BTE",
        },
        vector: vector.to_owned(),
        scores: Scores {
            base: points(tenths.base),
            temporal: points(tenths.temporal),
            environmental: points(tenths.environmental),
        },
        parsed,
    })
}

/// Scores in tenths of a point, 0 to 100.
struct Tenths {
    base: u32,
    temporal: u32,
    environmental: u32,
}

fn points(tenths: u32) -> f64 {
    f64::from(tenths) / 10.0
}

/// v3.0 §5, v3.1 §5, v4.0 §6; for v2 the scale of NVD, which calls 0.0 low.
fn severity(version: CvssVersion, tenths: u32) -> &'static str {
    match (version, tenths) {
        (CvssVersion::V2, 0..=39) => "low",
        (CvssVersion::V2, 70..) => "high",
        (_, 0) => "none",
        (_, 1..=39) => "low",
        (_, 40..=69) => "medium",
        (_, 70..=89) => "high",
        (_, 90..) => "critical",
    }
}

#[cfg(test)]
mod tests;
