//! From a threat and the facts about an asset to one judgement: the module's front door.

use crate::cvss::{self, Assessment};
use crate::decision::decide;
use crate::inputs::{Input, Inputs};
use crate::obligation::{self, Context, Fix, NotApplied};
use crate::policy::{Policy, Rules};
use crate::ranking::{self, Factors};
use overlock_model::Timestamp;
use overlock_model::decision::{Decision, Obligation};
use overlock_model::facts::Facts;
use overlock_model::threat::{Cvss, Threat};
use std::cmp::Reverse;

/// What is the same for all exposures of an asset in one scan.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Facts about the asset.
    pub facts: &'a Facts,
    /// Own deadlines.
    pub policy: &'a Policy,
    /// Rules that are followed.
    pub rules: &'a Rules,
    /// Time of the scan.
    pub now: Timestamp,
}

/// One exposure to judge.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What the feeds know.
    pub threat: &'a Threat,
    /// The vendor's rating in its own word.
    pub vendor_severity: Option<&'a str>,
    /// When the vulnerability was published, where known better than by [`Threat::published`].
    pub disclosed: Option<Timestamp>,
    /// The vendor's fix for this release and stream.
    pub fix: Fix,
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The preferred CVSS assessment; absent is unknown, never 0.
    pub cvss: Option<Cvss>,
    /// What to do.
    pub decision: Decision,
    /// The inputs in words, assumed ones marked.
    pub inputs: Vec<Input>,
    /// Every clock that applies.
    pub obligations: Vec<Obligation>,
    /// Rules that set no clock for want of a fact.
    pub not_applied: Vec<NotApplied>,
    /// The earliest deadline; it binds.
    pub deadline: Option<Timestamp>,
    /// Weight for ranking updates, 1 to 9000 ([`ranking`]).
    pub risk: f64,
}

/// Decides what to do about one exposure, and by when.
#[must_use]
pub fn judge(setting: &Setting<'_>, case: &Case<'_>) -> Judgement {
    let threat = case.threat;
    let preferred = preferred(&threat.cvss);
    let assessment = preferred.as_ref().map(|(assessment, _)| assessment);
    let inputs = Inputs::resolve(threat, setting.facts, assessment, case.vendor_severity);
    let decided = decide(&inputs);
    let context = Context {
        inputs: &inputs,
        decision: decided.decision,
        facts: setting.facts,
        disclosed: case
            .disclosed
            .or_else(|| threat.published.map(obligation::midnight)),
        fix: case.fix,
        observed: setting.now,
        policy: setting.policy,
        rules: setting.rules,
    };
    let obligations = obligation::obligations(&context);
    Judgement {
        decision: decided.decision,
        deadline: obligation::binding(&obligations),
        obligations,
        not_applied: obligation::not_applied(&context),
        risk: ranking::risk(&Factors {
            decision: decided.decision,
            in_kev: threat.kev.is_some(),
            epss: threat.epss.as_ref().map(|epss| epss.score),
            cvss: assessment.map(|assessment| assessment.overall),
        }),
        inputs: decided.inputs,
        cvss: preferred.map(|(assessment, source)| assessment.to_model(source)),
    }
}

/// The assessment to go by, with its source: of the most preferred source (the list is in that order, vendor first)
/// that has a readable vector, the newest version. Unreadable vectors are passed over.
#[must_use]
pub fn preferred(vectors: &[(String, String)]) -> Option<(Assessment, &str)> {
    let rank = |source: &str| vectors.iter().position(|(_, other)| other == source);
    vectors
        .iter()
        .filter_map(|(vector, source)| Some((cvss::assess(vector).ok()?, source.as_str())))
        // `min_by_key` keeps the first of equals.
        .min_by_key(|(assessment, source)| (rank(source), Reverse(assessment.version)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::threat::Epss;

    const V2: &str = "AV:N/AC:L/Au:N/C:C/I:C/A:C";
    const V31: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
    const V4: &str = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";

    fn choice<'a>(vectors: &[(&'a str, &'a str)]) -> Option<(String, String)> {
        let owned: Vec<_> = vectors
            .iter()
            .map(|(vector, source)| ((*vector).to_owned(), (*source).to_owned()))
            .collect();
        preferred(&owned).map(|(assessment, source)| (assessment.vector, source.to_owned()))
    }

    #[test]
    fn the_vendor_comes_first_then_the_newest_version() {
        for (vectors, expected) in [
            (
                &[(V2, "redhat"), (V31, "redhat"), (V4, "cna")][..],
                Some((V31, "redhat")),
            ),
            (
                &[
                    ("broken", "redhat"),
                    (V31, "cisa"),
                    (V4, "cisa"),
                    (V4, "nvd"),
                ],
                Some((V4, "cisa")),
            ),
            (&[(V2, "nvd")], Some((V2, "nvd"))),
            (&[("broken", "redhat")], None),
            (&[], None),
        ] {
            let expected = expected
                .map(|(vector, source): (&str, &str)| (vector.to_owned(), source.to_owned()));
            assert_eq!(choice(vectors), expected);
        }
    }

    #[test]
    fn unknown_cvss_is_unknown_and_not_zero() {
        let judge = |threat: &Threat| {
            let (facts, policy, rules) = (Facts::default(), Policy::default(), Rules::default());
            let now = "2026-06-01T12:00:00Z".parse().unwrap();
            let setting = Setting {
                facts: &facts,
                policy: &policy,
                rules: &rules,
                now,
            };
            judge(
                &setting,
                &Case {
                    threat,
                    vendor_severity: None,
                    disclosed: None,
                    fix: Fix::Undated,
                },
            )
        };
        let unknown = judge(&Threat::default());
        assert_eq!(unknown.cvss, None);
        assert_eq!(unknown.decision, Decision::Scheduled);
        let zero = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N";
        let epss = Some(Epss {
            score: 0.1,
            percentile: 0.95,
            model: None,
            date: None,
        });
        let harmless = judge(&Threat {
            cvss: vec![(zero.into(), "nvd".into())],
            epss,
            ..Threat::default()
        });
        assert_eq!(harmless.cvss.unwrap().score, 0.0);
        assert!(unknown.risk > harmless.risk);
        // The earliest of BOD (14 days), SSVC (30 days) and Essential Eight (14 days) from this scan.
        assert_eq!(
            unknown.deadline,
            Some("2026-06-15T12:00:00Z".parse().unwrap())
        );
        assert!(
            unknown
                .not_applied
                .iter()
                .any(|not| not.rule == overlock_model::decision::Rule::PciDss)
        );
    }
}
