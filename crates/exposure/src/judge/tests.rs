use super::*;
use overlock_model::Timestamp;
use overlock_model::exposure::Evidence;
use overlock_model::facts::Facts;
use overlock_model::mitigation::{Force, Measure, Mitigation};
use overlock_model::package::PackageType;
use overlock_model::run::RunId;
use overlock_model::threat::Kev;
use overlock_risk::{Policy, Rules};
use overlock_versions::Scheme;

const HIGH: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
const LOW: &str = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn finding(vulnerability: &str, source: &str) -> Finding {
    Finding {
        vulnerability: vulnerability.to_owned(),
        aliases: vec![format!("{vulnerability}-alias")],
        summary: None,
        binaries: vec![(source.to_owned(), "1.0".to_owned())],
        kind: PackageType::Deb,
        source: source.to_owned(),
        installed: "1.0".to_owned(),
        fixed: Some("1.1".to_owned()),
        status: ExposureStatus::FixAvailable,
        state: ExposureState::Exposed,
        advisories: Vec::new(),
        fix_available: Some(at("2026-05-01T00:00:00Z")),
        published: Some(at("2026-04-01T00:00:00Z")),
        severity: None,
        cvss: Vec::new(),
        kernel: false,
        scheme: Scheme::Dpkg,
        evidence: Evidence::default(),
    }
}

fn exploited() -> Threat {
    Threat {
        cvss: vec![(HIGH.to_owned(), "nvd".to_owned())],
        kev: Some(Kev {
            added: "2026-05-02".parse().unwrap(),
            due: None,
            ransomware: false,
        }),
        ..Threat::default()
    }
}

fn blocked_module(against: &str) -> Placed {
    Placed {
        run: RunId(3),
        mitigation: Mitigation {
            measure: Measure::BlockModule {
                module: "cramfs".to_owned(),
            },
            against: vec![against.to_owned()],
            owner: "ada".to_owned(),
            reason: "nothing here mounts it".to_owned(),
            expires: at("2026-12-01T00:00:00Z"),
        },
        expired: false,
        force: Force::Now,
    }
}

fn with<T>(run: impl FnOnce(&Setting<'_>) -> T) -> T {
    run(&Setting {
        facts: &Facts::default(),
        policy: &Policy::default(),
        rules: &Rules::default(),
        now: at("2026-06-01T00:00:00Z"),
    })
}

fn judged(finding: Finding, placed: &[Placed]) -> (Exposure, Judgement) {
    with(|setting| judge(finding, exploited(), setting, placed))
}

#[test]
fn open_finding_keeps_its_decision_and_its_earliest_deadline() {
    let (exposure, judgement) = judged(finding("CVE-2026-1", "ssl"), &[]);
    assert_ne!(exposure.decision, Decision::Defer);
    assert_eq!(exposure.decision, judgement.decision);
    assert!(exposure.deadline.is_some());
    assert_eq!(exposure.deadline, judgement.deadline);
    assert_eq!(exposure.package, "ssl");
    assert!(exposure.mitigations.is_empty());
}

#[test]
fn vendors_own_assessment_comes_before_the_worlds() {
    let mut own = finding("CVE-2026-1", "ssl");
    own.cvss = vec![LOW.to_owned()];
    let (exposure, _) = judged(own, &[]);
    let cvss = exposure.cvss.unwrap();
    assert_eq!(
        (cvss.vector.as_str(), cvss.source.as_str()),
        (LOW, "vendor")
    );
}

#[test]
fn what_is_not_affected_is_at_rest_and_keeps_its_facts() {
    let mut settled = finding("CVE-2026-1", "ssl");
    settled.state = ExposureState::NotAffected;
    let (exposure, judgement) = judged(settled, &[]);
    assert_eq!(exposure.decision, Decision::Defer);
    assert!(exposure.obligations.is_empty() && exposure.deadline.is_none());
    assert!(judgement.risk.abs() < f64::EPSILON);
    assert!(exposure.kev.is_some() && exposure.cvss.is_some());
}

#[test]
fn measure_in_force_defers_and_its_clocks_and_risk_go_on() {
    let open = judged(finding("CVE-2026-1", "ssl"), &[]);
    for id in ["CVE-2026-1", "CVE-2026-1-alias"] {
        let (exposure, judgement) = judged(finding("CVE-2026-1", "ssl"), &[blocked_module(id)]);
        assert_eq!(exposure.state, ExposureState::Mitigated);
        assert_eq!(exposure.decision, Decision::Defer);
        assert_eq!(exposure.deadline, open.0.deadline);
        assert_eq!(judgement.risk.to_bits(), open.1.risk.to_bits());
        assert_eq!(exposure.mitigations[0].run, RunId(3));
        assert_eq!(
            exposure.evidence.notes[0],
            "mitigated by run 3: module cramfs blocked until 2026-12-01 00:00Z; ada says: nothing here mounts it"
        );
    }
}

#[test]
fn measure_that_does_not_hold_or_does_not_protect_stands_against_nothing() {
    let holds = || blocked_module("CVE-2026-1");
    let measures = [
        blocked_module("CVE-2026-2"),
        Placed {
            expired: true,
            ..holds()
        },
        Placed {
            force: Force::AfterBoot {
                why: "in use".to_owned(),
            },
            ..holds()
        },
        Placed {
            mitigation: Mitigation {
                measure: Measure::HoldPackage {
                    package: "ssl".to_owned(),
                },
                ..holds().mitigation
            },
            ..holds()
        },
    ];
    let (exposure, _) = judged(finding("CVE-2026-1", "ssl"), &measures);
    assert_eq!(exposure.state, ExposureState::Exposed);
    assert!(exposure.mitigations.is_empty());
}

#[test]
fn measure_stands_only_against_what_is_open() {
    let mut dormant = finding("CVE-2026-1", "linux");
    dormant.state = ExposureState::Dormant;
    let (exposure, _) = judged(dormant, &[blocked_module("CVE-2026-1")]);
    assert_eq!(exposure.state, ExposureState::Dormant);
}

#[test]
fn assumed_inputs_are_noted_as_evidence() {
    let (exposure, judgement) = judged(finding("CVE-2026-1", "ssl"), &[]);
    let assumed = judgement.inputs.iter().filter(|input| input.assumed);
    let assumed: Vec<String> = assumed.map(ToString::to_string).collect();
    assert!(!assumed.is_empty());
    assert_eq!(exposure.evidence.notes, assumed);
}

#[test]
fn each_finding_gets_its_own_threat_and_the_most_urgent_comes_first() {
    let findings = [
        finding("CVE-2026-1", "zlib"),
        finding("CVE-2026-2", "apr"),
        finding("CVE-2026-1", "bash"),
        finding("CVE-2026-3", "apr"),
    ];
    let threat_of = |vulnerability: &str| match vulnerability {
        "CVE-2026-1" => exploited(),
        _ => Threat {
            cvss: vec![(LOW.to_owned(), "nvd".to_owned())],
            ..Threat::default()
        },
    };
    let order = |findings: Vec<Finding>| -> Vec<(String, String)> {
        with(|setting| judge_all(findings, threat_of, setting, &[]))
            .into_iter()
            .map(|(exposure, _)| (exposure.source, exposure.vulnerability))
            .collect()
    };
    let expected = [
        ("bash", "CVE-2026-1"),
        ("zlib", "CVE-2026-1"),
        ("apr", "CVE-2026-2"),
        ("apr", "CVE-2026-3"),
    ]
    .map(|(source, id)| (source.to_owned(), id.to_owned()));
    assert_eq!(order(findings.to_vec()), expected);
    let reversed = findings.into_iter().rev().collect();
    assert_eq!(order(reversed), expected);
}
