//! A CVSS vector string taken apart: which metrics exist in which version, which values they may take.
//!
//! One table per version holds what the four specifications list, so parsing, printing and the question "is any
//! environmental metric set" are the same few lines for all. An undefined metric (`X`, in v2 `ND`) and an absent one
//! mean the same and are stored the same. Order is not enforced, although v4 §7 asks for it: real feeds disobey.

use super::{CvssError, CvssVersion};
use std::fmt;

/// Longest vector accepted, in bytes; the longest legal one (v4 with every metric) has under 250.
pub const VECTOR_BYTES_MAX: usize = 512;

/// The value of a metric that is absent or explicitly not defined.
pub(super) const UNDEFINED: &str = "X";

/// Most metrics a version has (v4: 32).
const METRICS_MAX: usize = 32;

/// What a metric speaks of. v2 and v3 call the threat group "temporal".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Base,
    Threat,
    Environmental,
    Supplemental,
}

struct Metric {
    name: &'static str,
    group: Group,
    values: &'static [&'static str],
}

const fn metric(name: &'static str, group: Group, values: &'static [&'static str]) -> Metric {
    Metric {
        name,
        group,
        values,
    }
}

use Group::{Base, Environmental, Supplemental, Threat};

/// CVSS v2 §2.4 (order of printing).
const V2: &[Metric] = &[
    metric("AV", Base, &["L", "A", "N"]),
    metric("AC", Base, &["H", "M", "L"]),
    metric("Au", Base, &["M", "S", "N"]),
    metric("C", Base, &["N", "P", "C"]),
    metric("I", Base, &["N", "P", "C"]),
    metric("A", Base, &["N", "P", "C"]),
    metric("E", Threat, &["U", "POC", "F", "H"]),
    metric("RL", Threat, &["OF", "TF", "W", "U"]),
    metric("RC", Threat, &["UC", "UR", "C"]),
    metric("CDP", Environmental, &["N", "L", "LM", "MH", "H"]),
    metric("TD", Environmental, &["N", "L", "M", "H"]),
    metric("CR", Environmental, &["L", "M", "H"]),
    metric("IR", Environmental, &["L", "M", "H"]),
    metric("AR", Environmental, &["L", "M", "H"]),
];

/// CVSS v3.0 §6 and v3.1 §6: the same metrics and values.
const V3: &[Metric] = &[
    metric("AV", Base, &["N", "A", "L", "P"]),
    metric("AC", Base, &["L", "H"]),
    metric("PR", Base, &["N", "L", "H"]),
    metric("UI", Base, &["N", "R"]),
    metric("S", Base, &["U", "C"]),
    metric("C", Base, &["N", "L", "H"]),
    metric("I", Base, &["N", "L", "H"]),
    metric("A", Base, &["N", "L", "H"]),
    metric("E", Threat, &["U", "P", "F", "H"]),
    metric("RL", Threat, &["O", "T", "W", "U"]),
    metric("RC", Threat, &["U", "R", "C"]),
    metric("CR", Environmental, &["L", "M", "H"]),
    metric("IR", Environmental, &["L", "M", "H"]),
    metric("AR", Environmental, &["L", "M", "H"]),
    metric("MAV", Environmental, &["N", "A", "L", "P"]),
    metric("MAC", Environmental, &["L", "H"]),
    metric("MPR", Environmental, &["N", "L", "H"]),
    metric("MUI", Environmental, &["N", "R"]),
    metric("MS", Environmental, &["U", "C"]),
    metric("MC", Environmental, &["N", "L", "H"]),
    metric("MI", Environmental, &["N", "L", "H"]),
    metric("MA", Environmental, &["N", "L", "H"]),
];

/// CVSS v4.0 §7, table 23.
const V4: &[Metric] = &[
    metric("AV", Base, &["N", "A", "L", "P"]),
    metric("AC", Base, &["L", "H"]),
    metric("AT", Base, &["N", "P"]),
    metric("PR", Base, &["N", "L", "H"]),
    metric("UI", Base, &["N", "P", "A"]),
    metric("VC", Base, &["H", "L", "N"]),
    metric("VI", Base, &["H", "L", "N"]),
    metric("VA", Base, &["H", "L", "N"]),
    metric("SC", Base, &["H", "L", "N"]),
    metric("SI", Base, &["H", "L", "N"]),
    metric("SA", Base, &["H", "L", "N"]),
    metric("E", Threat, &["A", "P", "U"]),
    metric("CR", Environmental, &["H", "M", "L"]),
    metric("IR", Environmental, &["H", "M", "L"]),
    metric("AR", Environmental, &["H", "M", "L"]),
    metric("MAV", Environmental, &["N", "A", "L", "P"]),
    metric("MAC", Environmental, &["L", "H"]),
    metric("MAT", Environmental, &["N", "P"]),
    metric("MPR", Environmental, &["N", "L", "H"]),
    metric("MUI", Environmental, &["N", "P", "A"]),
    metric("MVC", Environmental, &["N", "L", "H"]),
    metric("MVI", Environmental, &["N", "L", "H"]),
    metric("MVA", Environmental, &["N", "L", "H"]),
    metric("MSC", Environmental, &["N", "L", "H"]),
    metric("MSI", Environmental, &["N", "L", "H", "S"]),
    metric("MSA", Environmental, &["N", "L", "H", "S"]),
    metric("S", Supplemental, &["N", "P"]),
    metric("AU", Supplemental, &["N", "Y"]),
    metric("R", Supplemental, &["A", "U", "I"]),
    metric("V", Supplemental, &["D", "C"]),
    metric("RE", Supplemental, &["L", "M", "H"]),
    metric("U", Supplemental, &["Clear", "Green", "Amber", "Red"]),
];

const fn table(version: CvssVersion) -> &'static [Metric] {
    match version {
        CvssVersion::V2 => V2,
        CvssVersion::V3_0 | CvssVersion::V3_1 => V3,
        CvssVersion::V4 => V4,
    }
}

const fn undefined_marker(version: CvssVersion) -> &'static str {
    match version {
        CvssVersion::V2 => "ND",
        CvssVersion::V3_0 | CvssVersion::V3_1 | CvssVersion::V4 => UNDEFINED,
    }
}

/// A vector whose every metric is one its version knows, with all base metrics present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vector {
    pub(super) version: CvssVersion,
    /// Parallel to the version's table.
    chosen: [&'static str; METRICS_MAX],
}

impl Vector {
    pub(super) fn parse(text: &str) -> Result<Self, CvssError> {
        if text.len() > VECTOR_BYTES_MAX {
            return Err(CvssError::TooLong { bytes: text.len() });
        }
        let (version, metrics) = split_version(text)?;
        let mut vector = Self {
            version,
            chosen: [UNDEFINED; METRICS_MAX],
        };
        let mut seen = [false; METRICS_MAX];
        for (index, part) in metrics.split('/').enumerate() {
            let (name, value) = part.split_once(':').ok_or_else(|| CvssError::NotAMetric {
                place: index + 1,
                part: shown(part),
            })?;
            let (slot, metric) = table(version)
                .iter()
                .enumerate()
                .find(|(_, metric)| metric.name == name)
                .ok_or_else(|| CvssError::UnknownMetric {
                    version,
                    metric: shown(name),
                })?;
            let optional = metric.group != Base;
            let value = if optional && value == undefined_marker(version) {
                UNDEFINED
            } else {
                metric
                    .values
                    .iter()
                    .copied()
                    .find(|known| *known == value)
                    .ok_or_else(|| CvssError::UnknownValue {
                        metric: metric.name,
                        value: shown(value),
                    })?
            };
            if let (Some(chosen), Some(seen)) = (vector.chosen.get_mut(slot), seen.get_mut(slot)) {
                if std::mem::replace(seen, true) {
                    return Err(CvssError::Repeated {
                        metric: metric.name,
                    });
                }
                *chosen = value;
            }
        }
        match vector
            .pairs()
            .find(|(metric, value)| metric.group == Base && *value == UNDEFINED)
        {
            Some((metric, _)) => Err(CvssError::Missing {
                version,
                metric: metric.name,
            }),
            None => Ok(vector),
        }
    }

    /// The value of a metric, [`UNDEFINED`] where it is absent or the version has no such metric.
    pub(super) fn get(&self, name: &str) -> &'static str {
        self.pairs()
            .find(|(metric, _)| metric.name == name)
            .map_or(UNDEFINED, |(_, value)| value)
    }

    /// Whether any metric of the group is set.
    pub(super) fn has(&self, group: Group) -> bool {
        self.pairs()
            .any(|(metric, value)| metric.group == group && value != UNDEFINED)
    }

    /// The same vector with all metrics of a group undefined.
    pub(super) fn without(mut self, group: Group) -> Self {
        for (chosen, metric) in self.chosen.iter_mut().zip(table(self.version)) {
            if metric.group == group {
                *chosen = UNDEFINED;
            }
        }
        self
    }

    fn pairs(&self) -> impl Iterator<Item = (&'static Metric, &'static str)> {
        table(self.version).iter().zip(self.chosen)
    }
}

/// Prints in the order of the specification, undefined metrics left out.
impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = match self.version {
            CvssVersion::V2 => "",
            CvssVersion::V3_0 | CvssVersion::V3_1 | CvssVersion::V4 => {
                write!(f, "CVSS:{}", self.version)?;
                "/"
            }
        };
        for (metric, value) in self.pairs().filter(|(_, value)| *value != UNDEFINED) {
            write!(f, "{separator}{}:{value}", metric.name)?;
            separator = "/";
        }
        Ok(())
    }
}

/// Which version, and the metrics after its prefix. v2 has no prefix and is often written in parentheses.
fn split_version(text: &str) -> Result<(CvssVersion, &str), CvssError> {
    let Some(rest) = text.strip_prefix("CVSS:") else {
        let bare = text
            .strip_prefix('(')
            .and_then(|inner| inner.strip_suffix(')'))
            .unwrap_or(text);
        return Ok((CvssVersion::V2, bare));
    };
    let (number, metrics) = rest.split_once('/').unwrap_or((rest, ""));
    let version = match number {
        "3.0" => CvssVersion::V3_0,
        "3.1" => CvssVersion::V3_1,
        "4.0" => CvssVersion::V4,
        other => {
            return Err(CvssError::UnknownVersion {
                found: shown(other),
            });
        }
    };
    Ok((version, metrics))
}

/// Outside text made fit for a message: control characters escaped.
fn shown(text: &str) -> String {
    text.escape_debug().collect()
}
