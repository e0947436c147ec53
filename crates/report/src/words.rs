//! The plain words for what the model holds as types; table and page share them, so that both say the same.

use jiff::{SignedDuration, Timestamp};
use overlock_model::coverage::{DepthLimit, NotCovered};
use overlock_model::decision::{Decision, Rule};
use overlock_model::exposure::{Exposure, ExposureState, ExposureStatus};
use overlock_model::os::Support;
use overlock_model::repository::Blocked;
use overlock_model::scan::ScanReport;
use overlock_model::threat::Cvss;
use overlock_model::update::HoldReason;
use std::collections::HashSet;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

pub(crate) fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Immediate => "immediate",
        Decision::OutOfCycle => "out of cycle",
        Decision::Scheduled => "scheduled",
        Decision::Defer => "defer",
    }
}

pub(crate) fn decision_meaning(decision: Decision) -> &'static str {
    match decision {
        Decision::Immediate => "act now, pausing operations if necessary",
        Decision::OutOfCycle => "act at the next opportunity, overtime if necessary",
        Decision::Scheduled => "act during regular maintenance",
        Decision::Defer => "do not act at present",
    }
}

pub(crate) fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::Bod2604 => "BOD 26-04",
        Rule::Ssvc => "SSVC",
        Rule::PciDss => "PCI DSS 6.3.3",
        Rule::EssentialEight => "Essential Eight",
        Rule::Policy => "own policy",
    }
}

pub(crate) fn status(status: ExposureStatus) -> &'static str {
    match status {
        ExposureStatus::FixAvailable => "fix available",
        ExposureStatus::NoFix => "no fix yet",
        ExposureStatus::Postponed => "fix postponed",
        ExposureStatus::WillNotFix => "will not be fixed",
        ExposureStatus::UnderInvestigation => "under investigation",
        ExposureStatus::EndOfLife => "support ended",
    }
}

pub(crate) fn state(state: ExposureState) -> Option<&'static str> {
    match state {
        ExposureState::Exposed => None,
        ExposureState::Unknown => Some("not known if affected"),
        ExposureState::Installed => Some("fixed on disk, old code runs"),
        ExposureState::Dormant => Some("in a kernel that does not run"),
        ExposureState::Mitigated => Some("mitigated"),
        ExposureState::NotAffected => Some("not affected, says a VEX statement"),
    }
}

/// What ends the exposure: `fix 3.0.17-1`, or the vendor's position.
pub(crate) fn remedy(exposure: &Exposure) -> String {
    match (&exposure.fixed, exposure.status) {
        (Some(fixed), ExposureStatus::FixAvailable) => format!("fix {fixed}"),
        (_, other) => status(other).to_owned(),
    }
}

pub(crate) fn not_covered(reason: NotCovered) -> &'static str {
    match reason {
        NotCovered::ThirdParty => {
            "third party: not built by the distribution whose advisories are known"
        }
        NotCovered::EndOfLife => "end of life: the release gets no advisories any more",
        NotCovered::NoFeed => "no feed for this release or ecosystem is at hand",
        NotCovered::UnparsableVersion => "version that no parser knows",
        NotCovered::Unsupported => "kind of package that is not judged",
        NotCovered::ModuleUnknown => "modular build without a label: its stream is not known",
        NotCovered::Backport => {
            "rebuilt for a backports suite, for which no advisories are written"
        }
        NotCovered::SupportEnded => "security support of the package has ended",
    }
}

pub(crate) fn depth(limit: DepthLimit) -> &'static str {
    match limit {
        DepthLimit::None => "fixed and unfixed vulnerabilities",
        DepthLimit::FixedVersionsOnly => {
            "fixed versions only: unfixed vulnerabilities are not seen"
        }
    }
}

pub(crate) fn support(support: &Support) -> String {
    match support {
        Support::Supported { until: Some(until) } => format!("supported until {until}"),
        Support::Supported { until: None } => "supported".to_owned(),
        Support::LongTerm { programme, until } => format!("{programme} until {until}"),
        Support::EndOfLife { since, paid: None } => format!("END OF LIFE since {since}"),
        Support::EndOfLife {
            since,
            paid: Some(paid),
        } => {
            format!("END OF LIFE since {since}; only {paid} goes on")
        }
        Support::Unknown => "support state not known".to_owned(),
    }
}

pub(crate) fn hold(reason: &HoldReason) -> String {
    match reason {
        HoldReason::Blocked {
            by: Blocked::Hold,
            to,
        } => {
            format!("{to} is kept back by the administrator's hold")
        }
        HoldReason::Blocked {
            by:
                Blocked::Mitigation {
                    run,
                    owner,
                    reason,
                    expires,
                },
            to,
        } => {
            format!(
                "{to} is kept back by run {run} until {}: {reason} ({owner})",
                expires.strftime("%F")
            )
        }
        HoldReason::Blocked {
            by: Blocked::Pin { priority },
            to,
        } => {
            format!("{to} is kept back by a pin (priority {priority})")
        }
        HoldReason::Blocked {
            by: Blocked::Phased { percent },
            to,
        } => {
            format!("{to} is phased: {percent} % of machines get it now, not yet this one")
        }
        HoldReason::NoCandidate {
            fixed,
            offered: Some(offered),
        } => {
            format!("fixed in {fixed}, but this host's repositories offer only {offered}")
        }
        HoldReason::NoCandidate {
            fixed,
            offered: None,
        } => {
            format!("fixed in {fixed}, but no repository of this host offers it")
        }
        HoldReason::RepositoryMissing => "no repository of this host knows the package".to_owned(),
        HoldReason::NoFix { status } => match status {
            ExposureStatus::FixAvailable => "a fix is known, none can be installed".to_owned(),
            ExposureStatus::NoFix => "the vendor has no fix yet".to_owned(),
            ExposureStatus::Postponed => "the vendor fixes it later".to_owned(),
            ExposureStatus::WillNotFix => "the vendor will not fix it".to_owned(),
            ExposureStatus::UnderInvestigation => "the vendor still investigates".to_owned(),
            ExposureStatus::EndOfLife => "support has ended without a fix".to_owned(),
        },
        HoldReason::EndOfLife => "the release gets no fixes any more".to_owned(),
        HoldReason::TogetherBlocked { package } => {
            format!("must move together with {package}, which is blocked")
        }
        HoldReason::RebootPending => {
            "the fix is installed; the old code runs until a restart or reboot".to_owned()
        }
        HoldReason::OtherManager { manager } => {
            format!("{manager} packages are updated by their own tool")
        }
        HoldReason::Capacity => "beyond the capacity asked for: next round".to_owned(),
    }
}

/// `9.1 critical`; an absent assessment is unknown, never 0.
pub(crate) fn cvss(cvss: Option<&Cvss>) -> String {
    cvss.map_or_else(
        || "CVSS unknown".to_owned(),
        |cvss| format!("{:.1} {}", cvss.score, cvss.severity),
    )
}

/// `31 %`, `0.4 %`, `<0.1 %` of a share between 0 and 1.
pub(crate) fn percent(share: f64) -> String {
    let percent = if share.is_finite() {
        (share * 100.0).clamp(0.0, 100.0)
    } else {
        0.0
    };
    if percent >= 9.95 {
        format!("{percent:.0} %")
    } else if percent >= 0.05 || percent == 0.0 {
        format!("{percent:.1} %")
    } else {
        "<0.1 %".to_owned()
    }
}

/// `20,739`.
pub(crate) fn number(count: impl TryInto<u64>) -> String {
    let digits = count.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 package`, `28 packages`.
pub(crate) fn count(number_of: impl TryInto<u64>, one: &str, many: &str) -> String {
    let number_of = number_of.try_into().unwrap_or(u64::MAX);
    format!(
        "{} {}",
        number(number_of),
        if number_of == 1 { one } else { many }
    )
}

pub(crate) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

pub(crate) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How far a deadline is away: `in 2 days`, `3 days late`.
pub(crate) fn until(deadline: Timestamp, now: Timestamp) -> String {
    let left = deadline.duration_since(now);
    if left.is_negative() {
        format!("{} late", span(left))
    } else {
        format!("in {}", span(left))
    }
}

/// `93 days old`.
pub(crate) fn age(then: Timestamp, now: Timestamp) -> String {
    let age = now.duration_since(then);
    if age.is_negative() && age.unsigned_abs().as_secs() > HOUR.unsigned_abs() {
        "dated in the future".to_owned()
    } else {
        format!("{} old", span(age))
    }
}

fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().saturating_abs();
    if seconds >= 2 * DAY {
        count(seconds.unsigned_abs() / DAY.unsigned_abs(), "day", "days")
    } else if seconds >= HOUR {
        count(
            seconds.unsigned_abs() / HOUR.unsigned_abs(),
            "hour",
            "hours",
        )
    } else {
        count(seconds.unsigned_abs() / 60, "minute", "minutes")
    }
}

/// Title of the list of updates and the line beside it: ranked by risk where advisories are known, else what the
/// package manager's own repositories call security updates.
pub(crate) fn updates_heading(report: &ScanReport) -> (&'static str, String) {
    let updates = count(report.updates.len(), "update", "updates");
    if report.coverage.advisories_unknown {
        return (
            "Security updates",
            format!("{updates} from security repositories; advisories unknown, so in no order"),
        );
    }
    let ended: HashSet<&String> = report
        .updates
        .iter()
        .flat_map(|update| &update.resolves)
        .collect();
    let ended = count(ended.len(), "vulnerability", "vulnerabilities");
    (
        "Patch first",
        format!(
            "{updates} that {} {ended}, most risk removed first",
            if report.updates.len() == 1 {
                "ends"
            } else {
                "end"
            }
        ),
    )
}

/// What is said of an update that is not known to end anything.
pub(crate) fn ends_nothing(report: &ScanReport) -> &'static str {
    if report.coverage.advisories_unknown {
        "advisories unknown"
    } else {
        "security update; what it ends is not known"
    }
}
