//! Every clock that runs for an exposure: which rule, since when, until when, and why.
//!
//! | Rule | Starts | Runs |
//! |---|---|---|
//! | BOD 26-04 | listing in KEV, else the fix | 3, 14, 60 days or next upgrade, by 16 rows |
//! | SSVC defaults | the fix | immediate 24 h, out-of-cycle 72 h, scheduled 30 days, defer none |
//! | PCI DSS 4.0.1, 6.3.3 | the fix | critical: one month; only on assets known to be in scope |
//! | Essential Eight (2023-11) | the fix | 48 h, two weeks or one month by exposure, role and exploit |
//! | own policy | the fix; KEV days: listing in KEV | as configured |
//!
//! Rules about applying a patch start with its release, as they say (PCI DSS, Essential Eight) or imply (SSVC's unit
//! of work is a fix on an instance). The directive's text on the start is not at hand: its guidance counts from the
//! KEV addition, so that is taken for listed vulnerabilities, even before there is a fix; the others it treats as
//! security updates, so they start with the fix. SSVC sets no times at all; ours are a default.
//!
//! Where the fix is undated the clock starts earlier rather than later: at disclosure, else at this scan. A clock that
//! starts at this scan starts anew at the next one; a caller that remembers the first sighting passes it as `disclosed`.

use crate::inputs::{Inputs, exploitation_word};
use crate::policy::{Maturity, Policy, Rules};
use crate::severity::Severity;
use crate::ssvc;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use overlock_model::decision::{Clock, Decision, Obligation, Rule};
use overlock_model::facts::{AssetRole, Facts, SystemExposure};
use overlock_model::threat::{Exploitation, TechnicalImpact};
use std::fmt;

/// Whether the vendor has released a fix, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// There is none.
    Unreleased,
    /// There is one, of unknown date.
    Undated,
    /// Released then.
    Released(Timestamp),
}

/// Everything the rules read.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Resolved inputs.
    pub inputs: &'a Inputs,
    /// The decision, for the SSVC clock and the own policy.
    pub decision: Decision,
    /// Facts about the asset.
    pub facts: &'a Facts,
    /// When the vulnerability was published.
    pub disclosed: Option<Timestamp>,
    /// The fix.
    pub fix: Fix,
    /// Time of the scan.
    pub observed: Timestamp,
    /// Own deadlines.
    pub policy: &'a Policy,
    /// Rules that are followed.
    pub rules: &'a Rules,
}

/// A rule that sets no clock here, and the reason, where the reader might have expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotApplied {
    /// Which rule.
    pub rule: Rule,
    /// Why not.
    pub why: &'static str,
}

/// Every clock that applies, in the order of [`Rule`]. One that has not started, because there is no fix yet, is
/// listed without start and deadline.
#[must_use]
pub fn obligations(context: &Context<'_>) -> Vec<Obligation> {
    let followed = context.rules.iter();
    followed
        .filter_map(|rule| match rule {
            Rule::Bod2604 => Some(bod_26_04(context)),
            Rule::Ssvc => Some(ssvc_default(context)),
            Rule::PciDss => pci_dss(context),
            Rule::EssentialEight => Some(essential_eight(context)),
            Rule::Policy => own_policy(context),
        })
        .collect()
}

/// Rules that are followed but set no clock for want of a fact.
#[must_use]
pub fn not_applied(context: &Context<'_>) -> Vec<NotApplied> {
    let unknown_scope = context.facts.pci_scope.is_none() && context.rules.has(Rule::PciDss);
    let why = "whether the asset is in PCI scope is unknown; set `pci_scope` in the facts";
    let pci_dss = NotApplied {
        rule: Rule::PciDss,
        why,
    };
    unknown_scope.then_some(pci_dss).into_iter().collect()
}

/// The earliest deadline; `None` when no obligation has one.
#[must_use]
pub fn binding(obligations: &[Obligation]) -> Option<Timestamp> {
    obligations
        .iter()
        .filter_map(|obligation| obligation.deadline)
        .min()
}

fn bod_26_04(context: &Context<'_>) -> Obligation {
    let inputs = context.inputs;
    let exposed = inputs.exposure.value == SystemExposure::Open;
    let automatable = inputs.automatable.value;
    let impact = inputs.technical_impact.value;
    let timeline = ssvc::bod_26_04(inputs.kev_added.is_some(), exposed, automatable, impact);
    let word = |yes, positive, negative| if yes { positive } else { negative };
    let total = impact == TechnicalImpact::Total;
    let row = [
        (
            word(inputs.kev_added.is_some(), "in KEV", "not in KEV"),
            false,
        ),
        (
            word(exposed, "publicly exposed", "not publicly exposed"),
            inputs.exposure.assumed,
        ),
        (
            word(automatable, "automatable", "not automatable"),
            inputs.automatable.assumed,
        ),
        (
            word(total, "total impact", "partial impact"),
            inputs.technical_impact.assumed,
        ),
    ];
    let start = match inputs.kev_added {
        Some(added) => Some(Start {
            clock: Clock::KevAdded,
            at: midnight(added),
        }),
        None => context.fixed(),
    };
    let term = timeline.days().map_or(Term::NextUpgrade, Term::Days);
    let mut obligation = obligation(Rule::Bod2604, start, term, &marked(&row));
    obligation.forensics = timeline == ssvc::Timeline::Days3Forensics;
    if obligation.forensics {
        obligation.because += ", evidence before the patch";
    }
    obligation
}

fn ssvc_default(context: &Context<'_>) -> Obligation {
    let term = match context.decision {
        Decision::Immediate => Term::Hours(24),
        Decision::OutOfCycle => Term::Hours(72),
        Decision::Scheduled => Term::Days(30),
        Decision::Defer => Term::NextUpgrade,
    };
    let assumed = context
        .inputs
        .list()
        .into_iter()
        .filter(|input| input.assumed && input.name != "technical impact");
    let row: Vec<_> = std::iter::once((format!("decision {}", context.decision), false))
        .chain(assumed.map(|input| (format!("{} {}", input.name, input.value), true)))
        .collect();
    obligation(Rule::Ssvc, context.fixed(), term, &marked(&row))
}

/// 6.3.3: critical patches within one month of release (4.0 said critical and high; 4.0.1 narrowed it). All others
/// within a time of the entity's own choice, which is the own policy's business. An unrated one counts as critical.
fn pci_dss(context: &Context<'_>) -> Option<Obligation> {
    if context.facts.pci_scope != Some(true) {
        return None;
    }
    let row = match context.inputs.severity {
        Some(Severity::Critical) => ("critical", false),
        Some(_) => return None,
        None => ("critical, as its severity is unknown", true),
    };
    Some(obligation(
        Rule::PciDss,
        context.fixed(),
        Term::OneMonth,
        &marked(&[("in scope", false), row]),
    ))
}

/// Patch operating systems and patch applications, November 2023. Internet-facing: 48 hours when the vendor says
/// critical or a working exploit exists, else two weeks. Workstations and what is inside: one month; at maturity
/// level 3 48 hours when critical or exploited. A public proof of concept counts as a working exploit. Without the
/// vendor's rating that of the CVSS score stands in; unrated is not "assessed as critical by vendors".
fn essential_eight(context: &Context<'_>) -> Obligation {
    let inputs = context.inputs;
    let workstation = context.facts.role == Some(AssetRole::Workstation);
    let facing = !workstation && inputs.exposure.value == SystemExposure::Open;
    let critical = inputs.severity == Some(Severity::Critical);
    let exploit = inputs.exploitation.value >= Exploitation::PublicPoc;
    let urgent = critical || exploit;
    let term = match (facing, urgent) {
        (true, true) => Term::Hours(48),
        (true, false) => Term::Days(14),
        (false, true) if context.policy.essential_eight == Maturity::Ml3 => Term::Hours(48),
        (false, _) => Term::OneMonth,
    };
    let place = match (workstation, facing) {
        (true, _) => ("workstation".to_owned(), false),
        (false, true) => (
            "internet-facing".to_owned(),
            inputs.exposure.assumed || context.facts.role.is_none(),
        ),
        (false, false) => ("not internet-facing".to_owned(), false),
    };
    let rating = inputs
        .severity
        .map_or("severity unknown".to_owned(), |severity| {
            format!("severity {}", severity.as_str())
        });
    let exploitation = format!(
        "exploitation {}",
        exploitation_word(inputs.exploitation.value)
    );
    let row = [
        place,
        (rating, false),
        (exploitation, inputs.exploitation.assumed),
    ];
    obligation(Rule::EssentialEight, context.fixed(), term, &marked(&row))
}

/// The earliest of the organisation's own deadlines.
fn own_policy(context: &Context<'_>) -> Option<Obligation> {
    let days = &context.policy.decision_days;
    let by_decision = match context.decision {
        Decision::Immediate => days.immediate,
        Decision::OutOfCycle => days.out_of_cycle,
        Decision::Scheduled => days.scheduled,
        Decision::Defer => days.defer,
    };
    let days = &context.policy.severity_days;
    let (severity, by_severity) = match context.inputs.severity {
        Some(Severity::Critical) => ("critical", days.critical),
        Some(Severity::High) => ("high", days.high),
        Some(Severity::Medium) => ("medium", days.medium),
        Some(Severity::Low | Severity::None) => ("low", days.low),
        None => ("unknown", days.unknown),
    };
    let listed = context.inputs.kev_added.map(|added| Start {
        clock: Clock::KevAdded,
        at: midnight(added),
    });
    let own = |days: Option<u16>, start, why: &str| {
        Some(obligation(Rule::Policy, start, Term::Days(days?), why))
    };
    [
        own(
            by_decision,
            context.fixed(),
            &format!("decision {}", context.decision),
        ),
        own(
            by_severity,
            context.fixed(),
            &format!("severity {severity}"),
        ),
        listed.and_then(|listed| own(context.policy.kev_days, Some(listed), "in KEV")),
    ]
    .into_iter()
    .flatten()
    // A clock that has not started comes last: `None` would sort first.
    .min_by_key(|obligation| (obligation.deadline.is_none(), obligation.deadline))
}

#[derive(Clone, Copy)]
struct Start {
    clock: Clock,
    at: Timestamp,
}

impl Context<'_> {
    /// When the clock of a patch started; `None` while there is no fix.
    fn fixed(&self) -> Option<Start> {
        match (self.fix, self.disclosed) {
            (Fix::Unreleased, _) => None,
            (Fix::Released(at), _) => Some(Start {
                clock: Clock::FixAvailable,
                at,
            }),
            (Fix::Undated, Some(at)) => Some(Start {
                clock: Clock::Disclosed,
                at,
            }),
            (Fix::Undated, None) => Some(Start {
                clock: Clock::Observed,
                at: self.observed,
            }),
        }
    }
}

#[derive(Clone, Copy)]
enum Term {
    Hours(u16),
    Days(u16),
    OneMonth,
    NextUpgrade,
}

impl Term {
    /// The end of the term, `None` for "at the next upgrade" (and beyond the calendar, in the year 9999).
    fn end(self, start: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Hours(hours) => start
                .checked_add(SignedDuration::from_hours(hours.into()))
                .ok(),
            Self::Days(days) => start
                .checked_add(SignedDuration::from_hours(i64::from(days) * 24))
                .ok(),
            Self::OneMonth => Some(
                start
                    .to_zoned(TimeZone::UTC)
                    .checked_add(1.month())
                    .ok()?
                    .timestamp(),
            ),
            Self::NextUpgrade => None,
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hours(hours) => write!(f, "{hours} hours"),
            Self::Days(days) => write!(f, "{days} days"),
            Self::OneMonth => f.write_str("one month"),
            Self::NextUpgrade => f.write_str("at the next upgrade"),
        }
    }
}

fn obligation(rule: Rule, start: Option<Start>, term: Term, row: &str) -> Obligation {
    let because = match start {
        Some(start) => format!("{row}: {term} from {}", clock_words(start.clock)),
        None => format!("{row}: {term} from the fix, which is not released"),
    };
    Obligation {
        rule,
        // The start of a clock that waits for the fix is the fix.
        clock: start.map_or(Clock::FixAvailable, |start| start.clock),
        start: start.map(|start| start.at),
        deadline: start.and_then(|start| term.end(start.at)),
        forensics: false,
        because: match term {
            Term::NextUpgrade => format!("{row}: {term}"),
            Term::Hours(_) | Term::Days(_) | Term::OneMonth => because,
        },
    }
}

const fn clock_words(clock: Clock) -> &'static str {
    match clock {
        Clock::Disclosed => "disclosure",
        Clock::FixAvailable => "the fix",
        Clock::KevAdded => "listing in KEV",
        Clock::Observed => "this scan",
    }
}

/// `a, b (assumed), c`.
fn marked(row: &[(impl AsRef<str>, bool)]) -> String {
    let mut text = String::new();
    for (word, assumed) in row {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(word.as_ref());
        if *assumed {
            text.push_str(" (assumed)");
        }
    }
    text
}

/// Feeds date by day; the day's first moment is the careful reading.
pub(crate) fn midnight(date: Date) -> Timestamp {
    date.to_zoned(TimeZone::UTC)
        .map_or(Timestamp::UNIX_EPOCH, |start| start.timestamp())
}

#[cfg(test)]
mod tests;
