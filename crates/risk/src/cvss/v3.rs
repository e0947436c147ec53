//! CVSS v3.0 (§8) and v3.1 (§7) equations.
//!
//! The two differ in two places, each marked below: how "round up" is defined, and the formula of the modified impact
//! under changed scope. v3.1 defines rounding on a number first rounded to five decimals (appendix A), because
//! implementations of v3.0 disagreed by binary noise; for v3.0 that noise is taken off before rounding up.

use super::vector::{UNDEFINED, Vector};
use super::{CvssVersion, Tenths};

pub(super) fn score(v: &Vector) -> Tenths {
    let base_values = Values::base(v);
    let base = base_values.score(v.version, base_values.impact());
    let modified_values = Values::modified(v);
    let modified = modified_values.score(v.version, modified_values.modified_impact(v));
    Tenths {
        base,
        temporal: temporal(v, base),
        environmental: temporal(v, modified),
    }
}

/// The values that an equation reads: the base metrics, or the modified ones falling back to them.
struct Values {
    exploitability: f64,
    changed: bool,
    c: f64,
    i: f64,
    a: f64,
}

impl Values {
    fn base(v: &Vector) -> Self {
        Self::of(|base, _| v.get(base))
    }

    fn modified(v: &Vector) -> Self {
        Self::of(|base, modified| match v.get(modified) {
            UNDEFINED => v.get(base),
            value => value,
        })
    }

    fn of(get: impl Fn(&'static str, &'static str) -> &'static str) -> Self {
        let changed = get("S", "MS") == "C";
        let vector = match get("AV", "MAV") {
            "N" => 0.85,
            "A" => 0.62,
            "L" => 0.55,
            _ => 0.2,
        };
        let complexity = if get("AC", "MAC") == "L" { 0.77 } else { 0.44 };
        let privileges = match (get("PR", "MPR"), changed) {
            ("N", _) => 0.85,
            ("L", false) => 0.62,
            ("L", true) => 0.68,
            (_, false) => 0.27,
            (_, true) => 0.5,
        };
        let interaction = if get("UI", "MUI") == "N" { 0.85 } else { 0.62 };
        let loss = |base, modified| match get(base, modified) {
            "H" => 0.56,
            "L" => 0.22,
            _ => 0.0,
        };
        Self {
            exploitability: 8.22 * vector * complexity * privileges * interaction,
            changed,
            c: loss("C", "MC"),
            i: loss("I", "MI"),
            a: loss("A", "MA"),
        }
    }

    fn impact(&self) -> f64 {
        let iss = 1.0 - (1.0 - self.c) * (1.0 - self.i) * (1.0 - self.a);
        if self.changed {
            7.52 * (iss - 0.029) - 3.25 * (iss - 0.02).powi(15)
        } else {
            6.42 * iss
        }
    }

    fn modified_impact(&self, v: &Vector) -> f64 {
        let asked = |name| match v.get(name) {
            "H" => 1.5,
            "L" => 0.5,
            _ => 1.0,
        };
        let kept = (1.0 - asked("CR") * self.c)
            * (1.0 - asked("IR") * self.i)
            * (1.0 - asked("AR") * self.a);
        let miss = (1.0 - kept).min(0.915);
        match (self.changed, v.version) {
            (false, _) => 6.42 * miss,
            // v3.0 §8.3 keeps the base formula; v3.1 §7.3 damps it so that a higher metric never lowers the score.
            (true, CvssVersion::V3_0) => 7.52 * (miss - 0.029) - 3.25 * (miss - 0.02).powi(15),
            (true, _) => 7.52 * (miss - 0.029) - 3.25 * (miss * 0.9731 - 0.02).powi(13),
        }
    }

    fn score(&self, version: CvssVersion, impact: f64) -> u32 {
        if impact <= 0.0 {
            return 0;
        }
        let scope = if self.changed { 1.08 } else { 1.0 };
        round_up(version, (scope * (impact + self.exploitability)).min(10.0))
    }
}

/// The smallest tenth that is not below the value, in tenths; `value` is 0 to 10.
fn round_up(version: CvssVersion, value: f64) -> u32 {
    if version == CvssVersion::V3_0 {
        // v3.0 §8.1 speaks of exact numbers; 1e-9 is above binary noise and below any true difference.
        return (value * 10.0 - 1e-9).ceil() as u32;
    }
    ((value * 100_000.0).round() as u32).div_ceil(10_000)
}

/// `score × E × RL × RC`, rounded up; factors in hundredths, so the product is exact.
fn temporal(v: &Vector, score: u32) -> u32 {
    let maturity = match v.get("E") {
        "U" => 91,
        "P" => 94,
        "F" => 97,
        _ => 100,
    };
    let remediation = match v.get("RL") {
        "O" => 95,
        "T" => 96,
        "W" => 97,
        _ => 100,
    };
    let confidence = match v.get("RC") {
        "U" => 92,
        "R" => 96,
        _ => 100,
    };
    let millionths = score * maturity * remediation * confidence;
    if v.version == CvssVersion::V3_0 {
        return millionths.div_ceil(1_000_000);
    }
    // Appendix A of v3.1: to five decimals of a point (= ten thousandths of a tenth) first.
    ((millionths + 50) / 100).div_ceil(10_000)
}
