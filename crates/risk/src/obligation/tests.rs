use super::*;
use crate::assess::{Case, Judgement, Setting, judge};
use overlock_model::facts::HumanImpact;
use overlock_model::threat::{Kev, Ssvc, TechnicalImpact, Threat};

const FIXED: &str = "2026-07-31T06:00:00Z";
const NOW: &str = "2026-09-01T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

struct World {
    threat: Threat,
    facts: Facts,
    policy: Policy,
    rules: Rules,
    severity: Option<&'static str>,
    fix: Fix,
}

impl World {
    fn new(rule: Rule) -> Self {
        Self {
            threat: Threat::default(),
            facts: Facts::default(),
            policy: Policy::default(),
            rules: Rules::only([rule]),
            severity: None,
            fix: Fix::Released(at(FIXED)),
        }
    }

    fn judge(&self) -> Judgement {
        let setting = Setting {
            facts: &self.facts,
            policy: &self.policy,
            rules: &self.rules,
            now: at(NOW),
        };
        let case = Case {
            threat: &self.threat,
            vendor_severity: self.severity,
            disclosed: None,
            fix: self.fix,
        };
        judge(&setting, &case)
    }

    fn only(&self) -> Obligation {
        let mut obligations = self.judge().obligations;
        assert_eq!(obligations.len(), 1, "{obligations:?}");
        obligations.remove(0)
    }
}

fn ssvc(exploitation: Exploitation, automatable: bool, total: bool) -> Option<Ssvc> {
    let impact = if total {
        TechnicalImpact::Total
    } else {
        TechnicalImpact::Partial
    };
    Some(Ssvc {
        exploitation: Some(exploitation),
        automatable: Some(automatable),
        technical_impact: Some(impact),
        date: None,
        source: "cisa".into(),
    })
}

fn kev() -> Option<Kev> {
    Some(Kev {
        added: "2026-08-10".parse().unwrap(),
        due: None,
        ransomware: false,
    })
}

#[test]
fn all_16_rows_of_bod_26_04_set_their_deadline() {
    // KEV, exposed, automatable, total, days, forensics: written down from the directive, not from our table.
    let rows = [
        (false, false, false, false, None, false),
        (false, false, false, true, None, false),
        (false, false, true, false, Some(60), false),
        (false, false, true, true, Some(60), false),
        (false, true, false, false, Some(60), false),
        (false, true, false, true, Some(14), false),
        (false, true, true, false, Some(14), false),
        (false, true, true, true, Some(3), false),
        (true, false, false, false, Some(14), false),
        (true, false, false, true, Some(14), false),
        (true, false, true, false, Some(14), false),
        (true, false, true, true, Some(3), true),
        (true, true, false, false, Some(14), false),
        (true, true, false, true, Some(3), true),
        (true, true, true, false, Some(3), false),
        (true, true, true, true, Some(3), true),
    ];
    for (listed, exposed, automatable, total, days, forensics) in rows {
        let mut world = World::new(Rule::Bod2604);
        world.threat.kev = kev().filter(|_| listed);
        world.threat.ssvc = ssvc(Exploitation::None, automatable, total);
        world.facts.exposure = Some(if exposed {
            SystemExposure::Open
        } else {
            SystemExposure::Controlled
        });
        let found = world.only();
        let (clock, start) = if listed {
            (Clock::KevAdded, at("2026-08-10T00:00:00Z"))
        } else {
            (Clock::FixAvailable, at(FIXED))
        };
        let deadline = days.map(|days| start + SignedDuration::from_hours(days * 24));
        assert_eq!(
            (found.clock, found.start, found.deadline, found.forensics),
            (clock, Some(start), deadline, forensics),
            "{found:?}"
        );
        assert!(!found.because.contains("assumed"), "{}", found.because);
    }
}

#[test]
fn unknown_inputs_of_bod_26_04_are_careful_and_shown_as_assumed() {
    let mut world = World::new(Rule::Bod2604);
    let because = "not in KEV, publicly exposed (assumed), automatable (assumed), partial impact (assumed): 14 days from the fix";
    assert_eq!(world.only().because, because);
    world.severity = Some("important");
    assert_eq!(world.only().deadline, Some(at("2026-08-03T06:00:00Z")));
    world.severity = None;
    world.threat.cvss = vec![(
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N".into(),
        "nvd".into(),
    )];
    assert_eq!(world.only().deadline, Some(at("2026-08-03T06:00:00Z")));
    world.threat.kev = kev();
    assert!(world.only().forensics);
}

#[test]
fn bod_26_04_runs_from_kev_even_without_a_fix() {
    let mut world = World::new(Rule::Bod2604);
    world.fix = Fix::Unreleased;
    let waiting = world.only();
    assert_eq!((waiting.start, waiting.deadline), (None, None));
    assert!(
        waiting
            .because
            .ends_with("14 days from the fix, which is not released"),
        "{}",
        waiting.because
    );
    world.threat.kev = kev();
    assert_eq!(world.only().deadline, Some(at("2026-08-13T00:00:00Z")));
}

#[test]
fn ssvc_decisions_have_their_default_clocks() {
    for (exploitation, impact, decision, deadline) in [
        (
            Exploitation::Active,
            HumanImpact::VeryHigh,
            Decision::Immediate,
            Some("2026-08-01T06:00:00Z"),
        ),
        (
            Exploitation::Active,
            HumanImpact::Low,
            Decision::OutOfCycle,
            Some("2026-08-03T06:00:00Z"),
        ),
        (
            Exploitation::None,
            HumanImpact::Medium,
            Decision::Scheduled,
            Some("2026-08-30T06:00:00Z"),
        ),
    ] {
        let mut world = World::new(Rule::Ssvc);
        world.threat.ssvc = ssvc(exploitation, true, true);
        world.facts.business_impact = Some(impact);
        assert_eq!(world.judge().decision, decision);
        assert_eq!(world.only().deadline, deadline.map(at));
    }
    let mut world = World::new(Rule::Ssvc);
    world.threat.ssvc = ssvc(Exploitation::None, false, false);
    world.facts.business_impact = Some(HumanImpact::Low);
    let deferred = world.only();
    assert_eq!((deferred.start, deferred.deadline), (Some(at(FIXED)), None));
    assert_eq!(
        deferred.because,
        "decision defer, system exposure open (assumed): at the next upgrade"
    );
}

#[test]
fn an_undated_fix_starts_the_clock_at_disclosure_else_at_the_scan() {
    let mut world = World::new(Rule::Ssvc);
    world.fix = Fix::Undated;
    let observed = world.only();
    assert_eq!(
        (observed.clock, observed.start),
        (Clock::Observed, Some(at(NOW)))
    );
    world.threat.published = Some("2026-07-01".parse().unwrap());
    let disclosed = world.only();
    assert_eq!(
        (disclosed.clock, disclosed.start),
        (Clock::Disclosed, Some(at("2026-07-01T00:00:00Z")))
    );
}

#[test]
fn pci_dss_binds_critical_ones_in_scope_for_a_month_of_the_calendar() {
    // (in scope, vendor's rating) → a month from 31 July is 31 August.
    for (scope, severity, applies) in [
        (Some(true), Some("critical"), true),
        (Some(true), None, true),
        (Some(true), Some("important"), false),
        (Some(false), Some("critical"), false),
        (None, Some("critical"), false),
    ] {
        let mut world = World::new(Rule::PciDss);
        world.facts.pci_scope = scope;
        world.severity = severity;
        let judged = world.judge();
        let deadline = applies.then(|| at("2026-08-31T06:00:00Z"));
        assert_eq!(judged.deadline, deadline, "{scope:?} {severity:?}");
        assert_eq!(judged.not_applied.len(), usize::from(scope.is_none()));
        assert_eq!(
            judged
                .obligations
                .iter()
                .any(|found| found.because.contains("assumed")),
            applies && severity.is_none()
        );
    }
}

#[test]
fn a_month_from_the_last_of_january_ends_in_february() {
    let mut world = World::new(Rule::PciDss);
    world.facts.pci_scope = Some(true);
    world.fix = Fix::Released(at("2026-01-31T00:00:00Z"));
    assert_eq!(world.only().deadline, Some(at("2026-02-28T00:00:00Z")));
}

#[test]
fn essential_eight_has_its_clocks_by_place_and_urgency() {
    use AssetRole::{Server, Workstation};
    use SystemExposure::{Controlled, Open};
    let (hours_48, two_weeks, month) = (
        "2026-08-02T06:00:00Z",
        "2026-08-14T06:00:00Z",
        "2026-08-31T06:00:00Z",
    );
    for (role, exposure, severity, exploitation, maturity, deadline) in [
        (
            Some(Server),
            Some(Open),
            Some("critical"),
            Exploitation::None,
            Maturity::Ml1,
            hours_48,
        ),
        (
            Some(Server),
            Some(Open),
            Some("high"),
            Exploitation::PublicPoc,
            Maturity::Ml2,
            hours_48,
        ),
        (
            Some(Server),
            Some(Open),
            Some("high"),
            Exploitation::None,
            Maturity::Ml2,
            two_weeks,
        ),
        (
            Some(Server),
            Some(Open),
            None,
            Exploitation::None,
            Maturity::Ml3,
            two_weeks,
        ),
        (
            Some(Server),
            Some(Controlled),
            Some("critical"),
            Exploitation::Active,
            Maturity::Ml2,
            month,
        ),
        (
            Some(Server),
            Some(Controlled),
            Some("critical"),
            Exploitation::None,
            Maturity::Ml3,
            hours_48,
        ),
        (
            Some(Server),
            Some(Controlled),
            Some("low"),
            Exploitation::None,
            Maturity::Ml3,
            month,
        ),
        (
            Some(Workstation),
            Some(Open),
            Some("critical"),
            Exploitation::Active,
            Maturity::Ml2,
            month,
        ),
        (
            Some(Workstation),
            None,
            Some("high"),
            Exploitation::Active,
            Maturity::Ml3,
            hours_48,
        ),
        (
            None,
            None,
            None,
            Exploitation::None,
            Maturity::Ml2,
            two_weeks,
        ),
    ] {
        let mut world = World::new(Rule::EssentialEight);
        world.facts.role = role;
        world.facts.exposure = exposure;
        world.severity = severity;
        world.threat.ssvc = ssvc(exploitation, true, true);
        world.policy.essential_eight = maturity;
        let found = world.only();
        assert_eq!(
            found.deadline,
            Some(at(deadline)),
            "{role:?} {exposure:?} {severity:?} {maturity:?}"
        );
        assert_eq!(
            found.because.contains("internet-facing (assumed)"),
            role.is_none()
        );
    }
}

#[test]
fn the_earliest_own_deadline_counts() {
    let mut world = World::new(Rule::Policy);
    assert_eq!(world.judge().obligations, []);
    world.policy.severity_days.unknown = Some(20);
    assert_eq!(world.only().deadline, Some(at("2026-08-20T06:00:00Z")));
    world.policy.decision_days.scheduled = Some(10);
    assert_eq!(world.only().deadline, Some(at("2026-08-10T06:00:00Z")));
    assert_eq!(
        world.only().because,
        "decision scheduled: 10 days from the fix"
    );
    world.fix = Fix::Unreleased;
    world.policy.kev_days = Some(2);
    world.threat.kev = kev();
    assert_eq!(world.only().deadline, Some(at("2026-08-12T00:00:00Z")));
}

#[test]
fn the_earliest_of_all_rules_binds() {
    let mut world = World::new(Rule::Ssvc);
    world.rules = Rules::default();
    world.facts.pci_scope = Some(true);
    let judged = world.judge();
    let rules: Vec<_> = judged
        .obligations
        .iter()
        .map(|obligation| obligation.rule)
        .collect();
    assert_eq!(
        rules,
        [
            Rule::Bod2604,
            Rule::Ssvc,
            Rule::PciDss,
            Rule::EssentialEight
        ]
    );
    assert_eq!(
        judged.deadline,
        judged
            .obligations
            .iter()
            .filter_map(|obligation| obligation.deadline)
            .min()
    );
    assert_eq!(judged.deadline, Some(at("2026-08-14T06:00:00Z")));
    assert_eq!(binding(&[]), None);
}

#[test]
fn rules_left_out_set_no_clock() {
    let mut world = World::new(Rule::Ssvc);
    world.rules = Rules::only([]);
    assert_eq!(world.judge().obligations, []);
    assert_eq!(world.judge().not_applied, []);
}

#[test]
fn a_clock_at_the_end_of_time_has_no_deadline_and_does_not_panic() {
    let mut world = World::new(Rule::Ssvc);
    world.rules = Rules::default();
    world.facts.pci_scope = Some(true);
    world.fix = Fix::Released(Timestamp::MAX);
    assert_eq!(world.judge().deadline, None);
}
