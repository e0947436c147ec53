//! What to do about an exposure: the SSVC deployer tree over the resolved inputs.

use crate::inputs::{Input, Inputs};
use crate::ssvc;
use overlock_model::decision::Decision;

/// A decision with everything that went into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// What to do.
    pub decision: Decision,
    /// The inputs in words, assumed ones marked.
    pub inputs: Vec<Input>,
}

/// Decides by SSVC Patch Application Priority 1.0.0.
#[must_use]
pub fn decide(inputs: &Inputs) -> Decided {
    Decided {
        decision: ssvc::deployer(
            inputs.exploitation.value,
            inputs.exposure.value,
            inputs.automatable.value,
            inputs.human_impact.value,
        ),
        inputs: inputs.list(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cvss::assess;
    use overlock_model::facts::{Criticality, Facts, HumanImpact, SystemExposure};
    use overlock_model::threat::{Exploitation, Kev, Ssvc, TechnicalImpact, Threat};

    fn kev() -> Kev {
        Kev {
            added: "2026-03-01".parse().unwrap(),
            due: None,
            ransomware: false,
        }
    }

    fn ssvc(exploitation: Option<Exploitation>, automatable: Option<bool>) -> Ssvc {
        Ssvc {
            exploitation,
            automatable,
            technical_impact: None,
            date: None,
            source: "cisa".into(),
        }
    }

    fn resolved(threat: &Threat, facts: &Facts, vector: Option<&str>) -> Inputs {
        let cvss = vector.map(|vector| assess(vector).unwrap());
        Inputs::resolve(threat, facts, cvss.as_ref(), None)
    }

    #[test]
    fn nothing_known_is_scheduled_and_every_input_is_marked_assumed() {
        let decided = decide(&resolved(&Threat::default(), &Facts::default(), None));
        assert_eq!(decided.decision, Decision::Scheduled);
        assert!(
            decided.inputs.iter().all(|input| input.assumed),
            "{:?}",
            decided.inputs
        );
        let words: Vec<_> = decided
            .inputs
            .iter()
            .map(|input| (input.name, input.value))
            .collect();
        let expected = [
            ("exploitation", "none"),
            ("system exposure", "open"),
            ("automatable", "yes"),
            ("human impact", "medium"),
            ("technical impact", "partial"),
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn kev_overrules_an_older_ssvc_assessment() {
        let threat = Threat {
            kev: Some(kev()),
            ssvc: Some(ssvc(Some(Exploitation::None), None)),
            ..Threat::default()
        };
        let inputs = resolved(&threat, &Facts::default(), None);
        assert_eq!(inputs.exploitation.value, Exploitation::Active);
        assert!(!inputs.exploitation.assumed);
        assert_eq!(inputs.technical_impact.value, TechnicalImpact::Total);
        assert_eq!(decide(&inputs).decision, Decision::OutOfCycle);
    }

    #[test]
    fn known_facts_are_not_marked_assumed() {
        let facts = Facts {
            exposure: Some(SystemExposure::Small),
            business_impact: Some(HumanImpact::Low),
            criticality: Some(Criticality::VeryHigh),
            ..Facts::default()
        };
        let threat = Threat {
            ssvc: Some(ssvc(Some(Exploitation::PublicPoc), Some(false))),
            ..Threat::default()
        };
        let decided = decide(&resolved(&threat, &facts, None));
        assert_eq!(decided.decision, Decision::Defer);
        let assumed: Vec<_> = decided
            .inputs
            .iter()
            .filter(|input| input.assumed)
            .map(|input| input.name)
            .collect();
        assert_eq!(assumed, ["technical impact"]);
        assert_eq!(
            decided.inputs[0].to_string(),
            "exploitation: public poc (SSVC by cisa)"
        );
    }

    #[test]
    fn criticality_stands_in_for_human_impact_and_says_so() {
        for (criticality, expected) in [
            (Criticality::Low, HumanImpact::Low),
            (Criticality::Medium, HumanImpact::Medium),
            (Criticality::High, HumanImpact::High),
            (Criticality::VeryHigh, HumanImpact::VeryHigh),
        ] {
            let facts = Facts {
                criticality: Some(criticality),
                ..Facts::default()
            };
            let inputs = resolved(&Threat::default(), &facts, None);
            assert_eq!(inputs.human_impact.value, expected);
            assert!(inputs.human_impact.assumed);
        }
    }

    #[test]
    fn cvss_fills_in_what_ssvc_leaves_open() {
        use Exploitation::{Active, None as Unreported, PublicPoc};
        use TechnicalImpact::{Partial, Total};
        let v4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N";
        for (vector, automatable, impact, exploitation) in [
            (
                "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned(),
                true,
                Total,
                Unreported,
            ),
            (
                "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N/E:F".to_owned(),
                false,
                Partial,
                PublicPoc,
            ),
            (
                "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H".to_owned(),
                false,
                Partial,
                Unreported,
            ),
            (
                "AV:N/AC:L/Au:S/C:C/I:N/A:N/E:POC".to_owned(),
                false,
                Total,
                PublicPoc,
            ),
            (
                format!("{v4}/VC:L/VI:L/VA:H/SC:N/SI:N/SA:N/E:A"),
                true,
                Partial,
                Active,
            ),
            (
                format!("{v4}/VC:N/VI:H/VA:H/SC:N/SI:N/SA:N/AU:N"),
                false,
                Total,
                Unreported,
            ),
        ] {
            let inputs = resolved(&Threat::default(), &Facts::default(), Some(&vector));
            let found = (
                inputs.automatable.value,
                inputs.technical_impact.value,
                inputs.exploitation.value,
            );
            assert_eq!(found, (automatable, impact, exploitation), "{vector}");
        }
    }

    #[test]
    fn published_ssvc_is_believed_over_cvss() {
        let threat = Threat {
            ssvc: Some(ssvc(None, Some(true))),
            ..Threat::default()
        };
        let inputs = resolved(
            &threat,
            &Facts::default(),
            Some("CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"),
        );
        assert!(inputs.automatable.value);
        assert!(!inputs.automatable.assumed);
    }
}
