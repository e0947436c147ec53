//! CVSS v4.0 scoring (§8): six equivalence sets make a MacroVector, a table gives its score, and the distance from the
//! worst vector of each set takes off a share of the step down to the next MacroVector.
//!
//! Everything is whole numbers: metric levels count down from the worst (0), scores are tenths, and the mean of the
//! shares is one exact fraction, rounded once.

use super::Tenths;
use super::vector::{Group, UNDEFINED, Vector};

pub(super) fn score(v: &Vector) -> Tenths {
    let threat = v.without(Group::Environmental);
    Tenths {
        base: overall(&threat.without(Group::Threat)),
        temporal: overall(&threat),
        environmental: overall(v),
    }
}

/// The score of all metrics of the vector, in tenths.
fn overall(v: &Vector) -> u32 {
    let levels = Levels::of(v);
    if levels.without_impact() {
        return 0;
    }
    let here = levels.macro_vector();
    let Some(value) = here.score() else { return 0 };
    let (mut lost, mut sets) = (0, 0);
    for step in here.steps(&levels) {
        if let Some(lower) = step.lower {
            sets += 1;
            lost += value.saturating_sub(lower) * step.distance * (COMMON / step.depth);
        }
    }
    if sets == 0 {
        return value;
    }
    // value − lost / (COMMON × sets), half up.
    let unit = COMMON * sets;
    (2 * (value * unit).saturating_sub(lost) + unit) / (2 * unit)
}

/// Divisible by every depth of [`MacroVector::steps`].
const COMMON: u32 = 840;

/// Each metric as steps below its worst value, modified metrics over base ones, undefined as §2.2 and §4 assume.
struct Levels {
    /// AV, PR, UI.
    eq1: [u32; 3],
    /// AC, AT.
    eq2: [u32; 2],
    /// VC, VI, VA, CR, IR, AR: sets 3 and 6 share their step.
    eq36: [u32; 6],
    /// SC, SI, SA, where 0 is Safety.
    eq4: [u32; 3],
    /// E.
    exploit: u32,
}

impl Levels {
    fn of(v: &Vector) -> Self {
        let level = |base, modified, worst_first: &[&str]| {
            let value = match v.get(modified) {
                UNDEFINED => v.get(base),
                value => value,
            };
            // An undefined CR, IR, AR or E is the worst value, level 0.
            worst_first
                .iter()
                .zip(0..)
                .find(|(known, _)| **known == value)
                .map_or(0, |(_, level)| level)
        };
        let asked = |name| level(name, name, &["H", "M", "L"]);
        let vulnerable = |base, modified| level(base, modified, &["H", "L", "N"]);
        let subsequent = |base, modified| level(base, modified, &["S", "H", "L", "N"]);
        Self {
            eq1: [
                level("AV", "MAV", &["N", "A", "L", "P"]),
                level("PR", "MPR", &["N", "L", "H"]),
                level("UI", "MUI", &["N", "P", "A"]),
            ],
            eq2: [
                level("AC", "MAC", &["L", "H"]),
                level("AT", "MAT", &["N", "P"]),
            ],
            eq36: [
                vulnerable("VC", "MVC"),
                vulnerable("VI", "MVI"),
                vulnerable("VA", "MVA"),
                asked("CR"),
                asked("IR"),
                asked("AR"),
            ],
            eq4: [
                subsequent("SC", "MSC"),
                subsequent("SI", "MSI"),
                subsequent("SA", "MSA"),
            ],
            exploit: level("E", "E", &["A", "P", "U"]),
        }
    }

    fn without_impact(&self) -> bool {
        let [vc, vi, va, ..] = self.eq36;
        [vc, vi, va] == [2; 3] && self.eq4 == [3; 3]
    }

    /// Tables 24 to 29.
    fn macro_vector(&self) -> MacroVector {
        let [av, pr, ui] = self.eq1;
        let [vc, vi, va, cr, ir, ar] = self.eq36;
        let [sc, si, sa] = self.eq4;
        MacroVector {
            eq1: match (av == 0, pr == 0, ui == 0) {
                (true, true, true) => 0,
                (n, p, u) if (n || p || u) && av != 3 => 1,
                _ => 2,
            },
            eq2: u32::from(self.eq2 != [0, 0]),
            eq3: match (vc == 0, vi == 0, va == 0) {
                (true, true, _) => 0,
                (false, false, false) => 2,
                _ => 1,
            },
            eq4: match (si == 0 || sa == 0, sc == 1 || si == 1 || sa == 1) {
                (true, _) => 0,
                (false, true) => 1,
                (false, false) => 2,
            },
            eq5: self.exploit,
            eq6: u32::from(![(cr, vc), (ir, vi), (ar, va)].contains(&(0, 0))),
        }
    }
}

/// The level of each equivalence set, 0 the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MacroVector {
    eq1: u32,
    eq2: u32,
    eq3: u32,
    eq4: u32,
    eq5: u32,
    eq6: u32,
}

/// The way down from a MacroVector along one set.
struct Step {
    /// Score of the next lower MacroVector, if there is one.
    lower: Option<u32>,
    /// Levels between the vector and the worst one in its MacroVector.
    distance: u32,
    /// Levels that the MacroVector spans along this set (1 where it spans none).
    depth: u32,
}

impl MacroVector {
    /// The score of the worst vector of this MacroVector, in tenths; `None` where no vector has it.
    fn score(self) -> Option<u32> {
        if self.eq1 > 2
            || self.eq2 > 1
            || self.eq3 > 2
            || self.eq4 > 2
            || self.eq5 > 2
            || self.eq6 > 1
        {
            return None;
        }
        let row = self.eq1 * 6 + self.eq2 * 3 + self.eq3;
        let column = self.eq4 * 6 + self.eq5 * 2 + self.eq6;
        let tenths = *SCORES.get(row as usize)?.get(column as usize)?;
        (tenths > 0).then_some(u32::from(tenths))
    }

    /// §8.2: for each set the next lower score, the distance of the vector from the worst, and the depth.
    fn steps(self, levels: &Levels) -> [Step; 5] {
        let eq1: (&[[u32; 3]], u32) = match self.eq1 {
            0 => (&[[0, 0, 0]], 1),
            1 => (&[[1, 0, 0], [0, 1, 0], [0, 0, 1]], 4),
            _ => (&[[3, 0, 0], [1, 1, 1]], 5),
        };
        let eq2: (&[[u32; 2]], u32) = match self.eq2 {
            0 => (&[[0, 0]], 1),
            _ => (&[[1, 0], [0, 1]], 2),
        };
        let eq36: (&[[u32; 6]], u32) = match (self.eq3, self.eq6) {
            (0, 0) => (&[[0, 0, 0, 0, 0, 0]], 7),
            (0, _) => (&[[0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 1, 1]], 6),
            (1, 0) => (&[[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]], 8),
            (1, _) => (
                &[
                    [1, 0, 1, 0, 1, 0],
                    [1, 0, 0, 0, 1, 1],
                    [0, 1, 0, 1, 0, 1],
                    [0, 1, 1, 1, 0, 0],
                    [1, 1, 0, 0, 0, 1],
                ],
                8,
            ),
            _ => (&[[1, 1, 1, 0, 0, 0]], 10),
        };
        let eq4: (&[[u32; 3]], u32) = match self.eq4 {
            0 => (&[[1, 0, 0]], 6),
            1 => (&[[1, 1, 1]], 5),
            _ => (&[[2, 2, 2]], 4),
        };
        let next_eq3 = Self {
            eq3: self.eq3 + 1,
            ..self
        }
        .score();
        let next_eq6 = Self {
            eq6: self.eq6 + 1,
            ..self
        }
        .score();
        let lower36 = match (self.eq3, self.eq6) {
            (0, 0) => next_eq3.max(next_eq6),
            (1, 0) => next_eq6,
            _ => next_eq3,
        };
        [
            step(
                Self {
                    eq1: self.eq1 + 1,
                    ..self
                }
                .score(),
                &levels.eq1,
                eq1,
            ),
            step(
                Self {
                    eq2: self.eq2 + 1,
                    ..self
                }
                .score(),
                &levels.eq2,
                eq2,
            ),
            step(lower36, &levels.eq36, eq36),
            step(
                Self {
                    eq4: self.eq4 + 1,
                    ..self
                }
                .score(),
                &levels.eq4,
                eq4,
            ),
            // Set 5 has one metric, so a vector is always the worst of it: it only counts in the mean.
            Step {
                lower: Self {
                    eq5: self.eq5 + 1,
                    ..self
                }
                .score(),
                distance: 0,
                depth: 1,
            },
        ]
    }
}

/// `worst` lists the highest severity vectors of the MacroVector; the first that is nowhere below the vector counts.
fn step<const N: usize>(
    lower: Option<u32>,
    levels: &[u32; N],
    (worst, depth): (&[[u32; N]], u32),
) -> Step {
    let distance = worst
        .iter()
        .find_map(|top| {
            levels
                .iter()
                .zip(top)
                .try_fold(0, |sum, (level, top)| Some(sum + level.checked_sub(*top)?))
        })
        .unwrap_or(0);
    Step {
        lower,
        distance,
        depth,
    }
}

/// Scores of the 270 MacroVectors in tenths, as FIRST publishes them with the reference calculator
/// (`cvss_lookup.js`). A row is EQ1, EQ2, EQ3; a column is EQ4, EQ5, EQ6. 0 marks what cannot be (EQ3 2 with EQ6 0).
#[rustfmt::skip]
const SCORES: [[u8; 18]; 18] = [
    [100,  99,  98,  95,  95,  92, 100,  96,  93,  87,  91,  81,  93,  90,  89,  80,  81,  68], // 000
    [ 98,  95,  95,  92,  90,  84,  93,  92,  89,  81,  81,  65,  88,  80,  78,  70,  69,  48], // 001
    [  0,  92,   0,  82,   0,  72,   0,  79,   0,  69,   0,  50,   0,  69,   0,  55,   0,  27], // 002
    [ 99,  97,  95,  92,  92,  85,  95,  91,  90,  83,  84,  71,  92,  81,  82,  71,  72,  53], // 010
    [ 95,  93,  92,  85,  85,  73,  92,  82,  80,  72,  70,  59,  84,  70,  71,  52,  50,  30], // 011
    [  0,  86,   0,  75,   0,  52,   0,  71,   0,  52,   0,  29,   0,  63,   0,  29,   0,  17], // 012
    [ 98,  95,  94,  87,  91,  81,  94,  89,  86,  74,  77,  64,  87,  75,  74,  63,  63,  49], // 100
    [ 94,  89,  88,  77,  76,  67,  86,  76,  74,  58,  59,  50,  72,  57,  57,  52,  52,  25], // 101
    [  0,  83,   0,  70,   0,  54,   0,  65,   0,  58,   0,  26,   0,  53,   0,  21,   0,  13], // 102
    [ 95,  90,  88,  76,  76,  70,  90,  77,  75,  62,  61,  53,  77,  66,  68,  59,  52,  30], // 110
    [ 89,  78,  76,  67,  62,  58,  74,  59,  57,  57,  47,  23,  61,  52,  57,  29,  24,  16], // 111
    [  0,  71,   0,  59,   0,  30,   0,  58,   0,  26,   0,  15,   0,  23,   0,  13,   0,   6], // 112
    [ 93,  87,  86,  72,  75,  58,  86,  74,  74,  61,  56,  34,  70,  54,  52,  40,  40,  22], // 200
    [ 85,  75,  74,  55,  62,  51,  72,  57,  55,  41,  46,  19,  53,  36,  34,  19,  19,   8], // 201
    [  0,  64,   0,  51,   0,  20,   0,  47,   0,  21,   0,  11,   0,  24,   0,   9,   0,   4], // 202
    [ 88,  75,  73,  53,  60,  50,  73,  55,  59,  40,  41,  20,  54,  43,  45,  22,  20,  11], // 210
    [ 75,  55,  58,  45,  40,  21,  61,  51,  48,  18,  20,   9,  46,  18,  17,   7,   8,   2], // 211
    [  0,  53,   0,  24,   0,  14,   0,  24,   0,  12,   0,   5,   0,  10,   0,   3,   0,   1], // 212
];

#[cfg(test)]
mod tests;
