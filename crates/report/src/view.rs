//! A report arranged for people: the joins and groups that table and page both need.

use overlock_model::decision::{Decision, Obligation};
use overlock_model::exposure::Exposure;
use overlock_model::os::Kernel;
use overlock_model::scan::ScanReport;
use overlock_model::update::{Held, HoldReason, Update};
use std::collections::{BTreeMap, HashMap};

/// A report with its exposures at hand by vulnerability.
pub(crate) struct View<'a> {
    pub(crate) report: &'a ScanReport,
    by_vulnerability: HashMap<&'a str, Vec<&'a Exposure>>,
}

/// What an update ends, summed up.
#[derive(Default)]
pub(crate) struct Ends<'a> {
    /// The most urgent exposure among them.
    pub(crate) worst: Option<&'a Exposure>,
    /// How many are listed as known to be exploited.
    pub(crate) exploited: usize,
    /// Some obligation asks for evidence before the patch.
    pub(crate) forensics: bool,
}

impl<'a> View<'a> {
    pub(crate) fn new(report: &'a ScanReport) -> Self {
        let mut by_vulnerability: HashMap<&str, Vec<&Exposure>> = HashMap::new();
        for exposure in &report.exposures {
            by_vulnerability
                .entry(&exposure.vulnerability)
                .or_default()
                .push(exposure);
        }
        Self {
            report,
            by_vulnerability,
        }
    }

    /// Exposures by decision, most urgent group first, each in the report's order; groups without any are left out.
    pub(crate) fn groups(&self) -> Vec<(Decision, Vec<&'a Exposure>)> {
        let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for exposure in &self.report.exposures {
            groups
                .entry(std::cmp::Reverse(exposure.decision))
                .or_default()
                .push(exposure);
        }
        groups
            .into_iter()
            .map(|(decision, exposures)| (decision.0, exposures))
            .collect()
    }

    pub(crate) fn ends(&self, update: &'a Update) -> Ends<'a> {
        let mut ends = Ends::default();
        for vulnerability in &update.resolves {
            let Some(exposures) = self.by_vulnerability.get(vulnerability.as_str()) else {
                continue;
            };
            // The same vulnerability may sit in several sources: speak of the one that this update moves.
            let moved = |exposure: &&&Exposure| {
                exposure
                    .binaries
                    .iter()
                    .chain([&exposure.package])
                    .any(|binary| {
                        *binary == update.package
                            || update
                                .members
                                .iter()
                                .any(|member| member.package == *binary)
                    })
            };
            let Some(exposure) = exposures.iter().find(moved).or(exposures.first()) else {
                continue;
            };
            ends.worst.get_or_insert(exposure);
            ends.exploited += usize::from(exposure.kev.is_some());
            ends.forensics |= exposure
                .obligations
                .iter()
                .any(|obligation| obligation.forensics);
        }
        ends
    }

    /// What is held, one group for each reason.
    pub(crate) fn held(&self) -> Vec<(&'a HoldReason, Vec<&'a Held>)> {
        let mut groups: BTreeMap<&HoldReason, Vec<&Held>> = BTreeMap::new();
        for held in &self.report.held {
            groups.entry(&held.reason).or_default().push(held);
        }
        groups.into_iter().collect()
    }
}

/// The obligation that sets an exposure's deadline; without any date the first one.
pub(crate) fn binding(exposure: &Exposure) -> Option<&Obligation> {
    exposure
        .obligations
        .iter()
        .filter(|obligation| obligation.deadline.is_some())
        .min_by_key(|obligation| obligation.deadline)
        .or(exposure.obligations.first())
}

/// One line of why: the measure that stands against it, the binding rule's reason, else the rule that matched.
pub(crate) fn reason(exposure: &Exposure) -> String {
    if let Some(by) = exposure.mitigations.first() {
        let until = by.expires.strftime("%F");
        let (measure, owner, reason) = (&by.measure, &by.owner, &by.reason);
        return format!("run {}: {measure} until {until}, {owner}: {reason}", by.run);
    }
    binding(exposure).map_or_else(
        || exposure.evidence.rule.clone(),
        |obligation| {
            format!(
                "{}: {}",
                crate::words::rule(obligation.rule),
                obligation.because
            )
        },
    )
}

/// What runs and what a reboot would start, where they differ.
///
/// A kernel package can be upgraded without a new release name; then the versions tell them apart.
pub(crate) fn newer_kernel(kernel: &Kernel) -> Option<(String, String)> {
    let running = kernel.running.as_deref()?;
    let newest = kernel.installed.first()?;
    if newest.release != running {
        return Some((running.to_owned(), newest.release.clone()));
    }
    let version = kernel.running_version.as_deref()?;
    (newest.version != version).then(|| {
        let named = |version: &str| format!("{running} ({version})");
        (named(version), named(&newest.version))
    })
}
