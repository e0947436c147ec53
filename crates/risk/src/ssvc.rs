//! Two published decision tables: the SSVC deployer tree and the timelines of BOD 26-04.
//!
//! The facts live as CSV under `data/`, rows in counting order of the inputs, and are read by the compiler; a table
//! with a wrong row does not build. Tests hold every row against the publisher's file, inputs included.
//!
//! Source: CERT/CC SSVC, `data/csv/ssvc/deployer_patch_application_priority_1_0_0.csv` (Exploitation 1.1.0, System
//! Exposure 1.0.1, Automatable 2.0.0, Human Impact 2.0.2) and `data/csv/cisa/cisa_bod_26_04_1_0_0.csv`.

use overlock_model::decision::Decision;
use overlock_model::facts::{HumanImpact, SystemExposure};
use overlock_model::threat::{Exploitation, TechnicalImpact};

#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
const DEPLOYER: [Decision; 72] = {
    let outcomes = outcomes::<72>(include_bytes!("../data/ssvc_deployer_1_0_0.csv"));
    let mut table = [Decision::Defer; 72];
    let mut row = 0;
    while row < 72 {
        table[row] = match outcomes[row] {
            b"defer" => Decision::Defer,
            b"scheduled" => Decision::Scheduled,
            b"out-of-cycle" => Decision::OutOfCycle,
            b"immediate" => Decision::Immediate,
            _ => panic!("unknown decision"),
        };
        row += 1;
    }
    table
};

#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
const BOD_26_04: [Timeline; 16] = {
    let outcomes = outcomes::<16>(include_bytes!("../data/bod_26_04_1_0_0.csv"));
    let mut table = [Timeline::OnUpgrade; 16];
    let mut row = 0;
    while row < 16 {
        table[row] = match outcomes[row] {
            b"fix on system upgrade" => Timeline::OnUpgrade,
            b"60 days" => Timeline::Days60,
            b"14 days" => Timeline::Days14,
            b"3 days" => Timeline::Days3,
            b"3 days & forensic investigation" => Timeline::Days3Forensics,
            _ => panic!("unknown timeline"),
        };
        row += 1;
    }
    table
};

/// What BOD 26-04 asks for, least to most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timeline {
    /// At the next scheduled upgrade or rebuild.
    OnUpgrade,
    /// Within 60 days.
    Days60,
    /// Within 14 days.
    Days14,
    /// Within 3 days.
    Days3,
    /// Within 3 days, with forensic triage of the asset; volatile evidence before the patch.
    Days3Forensics,
}

impl Timeline {
    /// Calendar days; `None` for "at the next upgrade".
    #[must_use]
    pub const fn days(self) -> Option<u16> {
        match self {
            Self::OnUpgrade => None,
            Self::Days60 => Some(60),
            Self::Days14 => Some(14),
            Self::Days3 | Self::Days3Forensics => Some(3),
        }
    }

    /// The directive's words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnUpgrade => "fix on system upgrade",
            Self::Days60 => "60 days",
            Self::Days14 => "14 days",
            Self::Days3 => "3 days",
            Self::Days3Forensics => "3 days & forensic investigation",
        }
    }
}

/// SSVC deployer tree, Patch Application Priority 1.0.0.
#[must_use]
#[expect(
    clippy::indexing_slicing,
    reason = "four enums of 3 × 3 × 2 × 4 values give a row below 72"
)]
pub const fn deployer(
    exploitation: Exploitation,
    exposure: SystemExposure,
    automatable: bool,
    impact: HumanImpact,
) -> Decision {
    let exploitation = match exploitation {
        Exploitation::None => 0,
        Exploitation::PublicPoc => 1,
        Exploitation::Active => 2,
    };
    let exposure = match exposure {
        SystemExposure::Small => 0,
        SystemExposure::Controlled => 1,
        SystemExposure::Open => 2,
    };
    let impact = match impact {
        HumanImpact::Low => 0,
        HumanImpact::Medium => 1,
        HumanImpact::High => 2,
        HumanImpact::VeryHigh => 3,
    };
    DEPLOYER[exploitation * 24 + exposure * 8 + automatable as usize * 4 + impact]
}

/// CISA BOD 26-04 Remediation Timelines 1.0.0.
#[must_use]
#[expect(
    clippy::indexing_slicing,
    reason = "four two-valued inputs give a row below 16"
)]
pub const fn bod_26_04(
    in_kev: bool,
    exposed: bool,
    automatable: bool,
    impact: TechnicalImpact,
) -> Timeline {
    let total = matches!(impact, TechnicalImpact::Total);
    BOD_26_04
        [in_kev as usize * 8 + exposed as usize * 4 + automatable as usize * 2 + total as usize]
}

/// The last column of each line after the heading. Runs in the compiler only, where a wrong count stops the build.
#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
const fn outcomes<const ROWS: usize>(csv: &'static [u8]) -> [&'static [u8]; ROWS] {
    let mut outcomes: [&[u8]; ROWS] = [&[]; ROWS];
    let (mut line, mut start, mut at) = (0, 0, 0);
    while at < csv.len() {
        if csv[at] == b',' {
            start = at + 1;
        } else if csv[at] == b'\n' {
            if line > 0 {
                let (before, _) = csv.split_at(at);
                let (_, outcome) = before.split_at(start);
                outcomes[line - 1] = outcome;
            }
            line += 1;
        }
        at += 1;
    }
    assert!(line == ROWS + 1, "the table has another number of rows");
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(path: &str) -> Option<Vec<Vec<String>>> {
        let shared = overlock_testkit::shared(path)?;
        let mut reader = csv::Reader::from_path(shared.join("data/ssvc").join(path)).unwrap();
        Some(
            reader
                .records()
                .map(|row| row.unwrap().iter().skip(1).map(str::to_owned).collect())
                .collect(),
        )
    }

    fn yes(word: &str) -> bool {
        match word {
            "yes" => true,
            "no" => false,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn every_row_of_the_published_deployer_tree_agrees() {
        let Some(rows) = rows("deployer_patch_application_priority_1_0_0.csv") else {
            return;
        };
        assert_eq!(rows.len(), 72);
        for row in rows {
            let exploitation = match row[0].as_str() {
                "none" => Exploitation::None,
                "public poc" => Exploitation::PublicPoc,
                "active" => Exploitation::Active,
                other => panic!("{other}"),
            };
            let exposure = match row[1].as_str() {
                "small" => SystemExposure::Small,
                "controlled" => SystemExposure::Controlled,
                "open" => SystemExposure::Open,
                other => panic!("{other}"),
            };
            let impact = match row[3].as_str() {
                "low" => HumanImpact::Low,
                "medium" => HumanImpact::Medium,
                "high" => HumanImpact::High,
                "very high" => HumanImpact::VeryHigh,
                other => panic!("{other}"),
            };
            let decision = deployer(exploitation, exposure, yes(&row[2]), impact);
            assert_eq!(decision.as_str().replace('_', "-"), row[4], "{row:?}");
        }
    }

    #[test]
    fn every_row_of_the_published_directive_agrees() {
        let Some(rows) = rows("cisa_bod_26_04_1_0_0.csv") else {
            return;
        };
        assert_eq!(rows.len(), 16);
        for row in rows {
            let impact = if row[3] == "total" {
                TechnicalImpact::Total
            } else {
                TechnicalImpact::Partial
            };
            assert_eq!(
                bod_26_04(yes(&row[0]), yes(&row[1]), yes(&row[2]), impact).as_str(),
                row[4],
                "{row:?}"
            );
        }
    }

    #[test]
    fn our_copies_are_the_published_rows() {
        let tables = [
            (
                "deployer_patch_application_priority_1_0_0.csv",
                include_str!("../data/ssvc_deployer_1_0_0.csv"),
            ),
            (
                "cisa_bod_26_04_1_0_0.csv",
                include_str!("../data/bod_26_04_1_0_0.csv"),
            ),
        ];
        for (file, ours) in tables {
            let Some(mut theirs) = rows(file) else { return };
            let mut ours: Vec<Vec<_>> = ours
                .lines()
                .skip(1)
                .map(|line| line.split(',').map(str::to_owned).collect())
                .collect();
            ours.sort();
            theirs.sort();
            assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn known_corners_of_both_tables() {
        use {Exploitation as E, HumanImpact as H, SystemExposure as S};
        // CERT/CC, "Suggested default values": nothing known gives `scheduled`.
        assert_eq!(
            deployer(E::None, S::Open, true, H::Medium),
            Decision::Scheduled
        );
        assert_eq!(deployer(E::None, S::Small, false, H::Low), Decision::Defer);
        assert_eq!(
            deployer(E::Active, S::Open, true, H::VeryHigh),
            Decision::Immediate
        );
        assert_eq!(
            bod_26_04(false, false, false, TechnicalImpact::Total),
            Timeline::OnUpgrade
        );
        assert_eq!(
            bod_26_04(true, true, true, TechnicalImpact::Total),
            Timeline::Days3Forensics
        );
        assert_eq!(
            bod_26_04(true, false, false, TechnicalImpact::Total),
            Timeline::Days14
        );
    }
}
