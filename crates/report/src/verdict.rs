//! The one line that a person reads first, and everything that speaks against calling a host clear.
//!
//! "Nothing found" and "nothing known" look alike in a list, so the difference is made here, once, for every format:
//! [`Tone::Clear`] needs no exposure *and* no doubt.

use crate::words;
use jiff::{SignedDuration, Timestamp};
use overlock_model::coverage::DepthLimit;
use overlock_model::decision::Decision;
use overlock_model::exposure::{Exposure, ExposureState, ExposureStatus};
use overlock_model::feed::FeedStatus;
use overlock_model::os::Support;
use overlock_model::scan::ScanReport;

/// A copy that was not refreshed for this long may hide a whole clock: BOD 26-04's shortest runs three days.
const FETCHED_MAX: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Content this old is doubtful however often it is fetched: publishers of advisories write every week.
const CONTENT_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How loud the verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something must be done out of turn, or a deadline has passed.
    Urgent,
    /// There are exposures, none of them urgent.
    Attention,
    /// No exposure is known, but not everything could be judged.
    Unknown,
    /// No exposure, every package judged with full and fresh data. The only tone that may be green.
    Clear,
}

/// The first line of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How loud.
    pub tone: Tone,
    /// One or two words.
    pub word: &'static str,
    /// The sentence after it.
    pub sentence: String,
    /// What is not known; empty only when all was judged.
    pub doubts: Vec<String>,
}

/// How many exposures have each decision, and how many are past their deadline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Act now.
    pub immediate: usize,
    /// Act at the next opportunity.
    pub out_of_cycle: usize,
    /// Act in regular maintenance.
    pub scheduled: usize,
    /// Do not act at present.
    pub defer: usize,
    /// Past their deadline, of all these.
    pub late: usize,
}

impl Tally {
    /// Counts the exposures of a report.
    #[must_use]
    pub fn of(report: &ScanReport) -> Self {
        let mut tally = Self::default();
        for exposure in &report.exposures {
            *match exposure.decision {
                Decision::Immediate => &mut tally.immediate,
                Decision::OutOfCycle => &mut tally.out_of_cycle,
                Decision::Scheduled => &mut tally.scheduled,
                Decision::Defer => &mut tally.defer,
            } += 1;
            tally.late += usize::from(is_late(exposure, report.generated));
        }
        tally
    }

    /// The count for one decision.
    #[must_use]
    pub fn count(&self, decision: Decision) -> usize {
        match decision {
            Decision::Immediate => self.immediate,
            Decision::OutOfCycle => self.out_of_cycle,
            Decision::Scheduled => self.scheduled,
            Decision::Defer => self.defer,
        }
    }
}

/// Judges how a report reads as a whole.
#[must_use]
pub fn verdict(report: &ScanReport) -> Verdict {
    let tally = Tally::of(report);
    let doubts = doubts(report);
    let exposures = |count| words::count(count, "exposure", "exposures");
    let (tone, word, sentence) = if tally.immediate > 0 {
        let sentence = format!("{} to end immediately", exposures(tally.immediate));
        (Tone::Urgent, "ACT NOW", sentence)
    } else if tally.late > 0 {
        let sentence = format!("{} past the deadline", exposures(tally.late));
        (Tone::Urgent, "LATE", sentence)
    } else if tally.out_of_cycle > 0 {
        let sentence = format!(
            "{} not to wait for regular maintenance",
            exposures(tally.out_of_cycle)
        );
        (Tone::Urgent, "ACT SOON", sentence)
    } else if tally.scheduled > 0 {
        let sentence = format!("{} for regular maintenance", exposures(tally.scheduled));
        (Tone::Attention, "PATCH", sentence)
    } else if tally.defer > 0 {
        let sentence = format!("{} that need no action at present", exposures(tally.defer));
        (Tone::Attention, "WATCH", sentence)
    } else if doubts.is_empty() {
        let packages = words::count(report.coverage.packages, "package", "packages");
        let sentence =
            format!("nothing known against any of {packages}; all were judged with full data");
        (Tone::Clear, "CLEAR", sentence)
    } else {
        (Tone::Unknown, "NOT KNOWN", unknown(report))
    };
    Verdict {
        tone,
        word,
        sentence,
        doubts,
    }
}

fn unknown(report: &ScanReport) -> String {
    let coverage = &report.coverage;
    if coverage.advisories_unknown || coverage.not_covered >= coverage.packages {
        "this host could not be judged".to_owned()
    } else {
        "no exposure was found, but not everything could be judged".to_owned()
    }
}

/// Everything that speaks against reading silence as safety, most weighty first.
fn doubts(report: &ScanReport) -> Vec<String> {
    let coverage = &report.coverage;
    let mut doubts = Vec::new();
    if coverage.advisories_unknown {
        doubts.push("advisories unknown: no advisory data is at hand".to_owned());
    }
    if coverage.packages == 0 {
        doubts.push("no package was found".to_owned());
    }
    if coverage.not_covered > 0 {
        doubts.push(format!(
            "{} of {} not judged",
            words::number(coverage.not_covered),
            words::count(coverage.packages, "package", "packages")
        ));
    }
    if !adds_up(report) {
        doubts.push("the counts of the coverage do not add up".to_owned());
    }
    let unknown = report
        .exposures
        .iter()
        .filter(|exposure| is_unknown(exposure))
        .count();
    if unknown > 0 {
        let findings = words::count(unknown, "finding", "findings");
        doubts.push(format!("{findings} not known to be real or not"));
    }
    for depth in &coverage.depth {
        if depth.limit == DepthLimit::FixedVersionsOnly {
            doubts.push(format!(
                "unfixed vulnerabilities of {} are not seen",
                depth.ecosystem
            ));
        }
    }
    match &report.host.support {
        Support::EndOfLife { since, .. } => {
            doubts.push(format!(
                "the release is out of support since {since}: silence is not safety"
            ));
        }
        Support::Unknown => doubts.push("not known how long the release is supported".to_owned()),
        Support::Supported { .. } | Support::LongTerm { .. } => {}
    }
    let stale = report
        .feeds
        .iter()
        .filter(|feed| staleness(feed, report.generated).is_some())
        .count();
    if stale > 0 {
        let of = words::count(report.feeds.len(), "feed", "feeds");
        doubts.push(format!("{} of {of} stale", words::number(stale)));
    }
    if !report.host.unseen.is_empty() {
        let things = words::count(report.host.unseen.len(), "thing", "things");
        doubts.push(format!("{things} could not be seen"));
    }
    // A fix counts when it runs: what was replaced on disk and still runs was not judged.
    let effective = report.host.effective.as_ref();
    let stale = effective.is_some_and(|effective| {
        !effective.stale.is_empty() || !effective.reboot_required.is_empty()
    });
    if stale || crate::view::newer_kernel(&report.host.kernel).is_some() {
        doubts.push("replaced code still runs: restart or reboot pending".to_owned());
    }
    let blind = effective.map_or(0, |effective| effective.processes_unseen);
    if blind > 0 {
        let processes = words::count(blind, "process", "processes");
        doubts.push(format!("{processes} could not be looked into"));
    }
    doubts
}

/// Whether every package ended in exactly one place.
#[must_use]
pub fn adds_up(report: &ScanReport) -> bool {
    let coverage = &report.coverage;
    [
        coverage.vulnerable,
        coverage.unfixed,
        coverage.not_vulnerable,
        coverage.not_covered,
    ]
    .iter()
    .try_fold(0_u64, |sum, part| sum.checked_add(*part))
        == Some(coverage.packages)
}

/// Why a feed's copy must not be trusted to be current; `None` for a fresh one.
#[must_use]
pub fn staleness(feed: &FeedStatus, now: Timestamp) -> Option<String> {
    let older = |then: Option<Timestamp>, most: SignedDuration| {
        then.is_some_and(|then| now.duration_since(then) > most)
    };
    if feed.dated.is_none() && feed.fetched.is_none() {
        Some("age not known".to_owned())
    } else if let Some(error) = &feed.last_error {
        Some(format!("last fetch failed: {error}"))
    } else if older(feed.fetched, FETCHED_MAX) {
        let days = words::age(feed.fetched.unwrap_or(now), now);
        Some(format!("our copy is {days}"))
    } else if older(feed.dated, CONTENT_MAX) {
        Some("its content is old".to_owned())
    } else {
        None
    }
}

/// Whether the deadline has passed.
#[must_use]
pub fn is_late(exposure: &Exposure, now: Timestamp) -> bool {
    exposure.deadline.is_some_and(|deadline| deadline < now)
}

/// Whether it is open that the host is affected at all.
#[must_use]
pub fn is_unknown(exposure: &Exposure) -> bool {
    exposure.state == ExposureState::Unknown
        || exposure.status == ExposureStatus::UnderInvestigation
}
