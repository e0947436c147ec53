//! CVSS v2 equations (guide §3.2). Impact and exploitability are floating point, the rest whole numbers.

use super::Tenths;
use super::vector::Vector;

pub(super) fn score(v: &Vector) -> Tenths {
    let plain = Requirements {
        c: 1.0,
        i: 1.0,
        a: 1.0,
    };
    let asked = Requirements {
        c: requirement(v.get("CR")),
        i: requirement(v.get("IR")),
        a: requirement(v.get("AR")),
    };
    let base = base(v, impact(v, &plain));
    // §3.2.3: the temporal score again, with the impact adjusted to the requirements and at most 10.
    let adjusted = temporal(v, self::base(v, impact(v, &asked).min(10.0)));
    Tenths {
        base,
        temporal: temporal(v, base),
        environmental: environmental(v, adjusted),
    }
}

struct Requirements {
    c: f64,
    i: f64,
    a: f64,
}

/// §3.2.1: `((0.6 × Impact) + (0.4 × Exploitability) − 1.5) × f(Impact)`, one decimal.
fn base(v: &Vector, impact: f64) -> u32 {
    if impact == 0.0 {
        return 0;
    }
    let access = match v.get("AV") {
        "L" => 0.395,
        "A" => 0.646,
        _ => 1.0,
    };
    let complexity = match v.get("AC") {
        "H" => 0.35,
        "M" => 0.61,
        _ => 0.71,
    };
    let authentication = match v.get("Au") {
        "M" => 0.45,
        "S" => 0.56,
        _ => 0.704,
    };
    let exploitability = 20.0 * access * complexity * authentication;
    let score = (0.6 * impact + 0.4 * exploitability - 1.5) * 1.176;
    // The sum can be slightly negative when requirements are low. 1e-6 lifts binary fractions back onto their tie.
    ((score * 10.0).clamp(0.0, 100.0) + 1e-6).round() as u32
}

fn impact(v: &Vector, asked: &Requirements) -> f64 {
    let loss = |value: &str| match value {
        "N" => 0.0,
        "P" => 0.275,
        _ => 0.660,
    };
    let kept = (1.0 - loss(v.get("C")) * asked.c)
        * (1.0 - loss(v.get("I")) * asked.i)
        * (1.0 - loss(v.get("A")) * asked.a);
    10.41 * (1.0 - kept)
}

fn requirement(value: &str) -> f64 {
    match value {
        "L" => 0.5,
        "H" => 1.51,
        _ => 1.0,
    }
}

/// §3.2.2: `BaseScore × E × RL × RC`, one decimal, half up; factors in hundredths.
fn temporal(v: &Vector, base: u32) -> u32 {
    let exploitability = match v.get("E") {
        "U" => 85,
        "POC" => 90,
        "F" => 95,
        _ => 100,
    };
    let remediation = match v.get("RL") {
        "OF" => 87,
        "TF" => 90,
        "W" => 95,
        _ => 100,
    };
    let confidence = match v.get("RC") {
        "UC" => 90,
        "UR" => 95,
        _ => 100,
    };
    half_up(base * exploitability * remediation * confidence, 1_000_000)
}

/// §3.2.3: `(AdjustedTemporal + (10 − AdjustedTemporal) × CDP) × TD`, one decimal.
fn environmental(v: &Vector, adjusted: u32) -> u32 {
    let damage = match v.get("CDP") {
        "L" => 10,
        "LM" => 30,
        "MH" => 40,
        "H" => 50,
        _ => 0,
    };
    let distribution = match v.get("TD") {
        "N" => 0,
        "L" => 25,
        "M" => 75,
        _ => 100,
    };
    half_up(
        (adjusted * 100 + (100 - adjusted) * damage) * distribution,
        10_000,
    )
}

fn half_up(numerator: u32, denominator: u32) -> u32 {
    (numerator + denominator / 2) / denominator
}
