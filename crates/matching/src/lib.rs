//! Which vulnerabilities a package set is exposed to, and what could not be judged.
//!
//! Called by the programs with an inventory and the compiled tables; pure, so one answer holds for the CLI, the
//! server and the tests. Publishers' facts come in, verdicts go out and are never stored:
//!
//! ```text
//! packages ─► release, origin ─► subjects ─► statements that apply ─► findings ─┐
//!               (whose build?)   (what name    (stream, arch, channel,          ├─► coverage: every package
//!                                 and version   interval, reached?)    kernel ──┘   ends in exactly one place
//!                                 is judged?)
//! ```
//!
//! The rules and the mistakes of other matchers that they answer are in `docs/matching.md`.

mod coverage;
mod explain;
mod finding;
mod judge;
mod kernel;
mod origin;
mod release;
mod signed_source;
mod subject;
mod vex;

pub use coverage::not_covered;
pub use explain::explain;
pub use finding::{Finding, merge};
pub use judge::{Applied, StatementVerdict, judge};
pub use kernel::{Image, Kernels, boots_as};
pub use origin::Builder;
pub use release::Release;
pub use signed_source::unsigned_source;
pub use subject::{Subject, judged_as, scheme_of, subjects};
pub use vex::apply_vex;

use overlock_index::AdvisoryIndex;
use overlock_model::advisory::Ecosystem;
use overlock_model::coverage::Coverage;
use overlock_model::inventory::Inventory;
use overlock_model::os::Support;
use overlock_model::vex::VexStatement;

/// The compiled tables at hand, by ecosystem.
pub trait Advisories {
    /// The table of one ecosystem; `None` when there is none.
    fn index(&self, ecosystem: &Ecosystem) -> Option<AdvisoryIndex<'_>>;

    /// Whether the one who gave this identifier has rejected it: nothing may be reported under it.
    fn is_rejected(&self, vulnerability: &str) -> bool {
        let _ = vulnerability;
        false
    }
}

/// What the matcher needs to know beside inventory and tables.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// How long the release is supported.
    pub support: Option<Support>,
    /// Source packages that the distribution has declared out of security support for this release.
    pub support_ended: Vec<String>,
    /// Statements about what is not affected, given by the user.
    pub vex: Vec<VexStatement>,
}

/// What was found and what was judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assessment {
    /// Findings, by package and vulnerability.
    pub findings: Vec<Finding>,
    /// Where every package ended.
    pub coverage: Coverage,
}

/// Judges an inventory against the tables.
#[must_use]
pub fn assess(inventory: &Inventory, advisories: &dyn Advisories, context: &Context) -> Assessment {
    let release = Release::of(&inventory.os);
    let subjects = subjects(inventory, &release);
    let mut findings = Vec::new();
    for subject in &subjects {
        let Some(index) = subject
            .judgeable()
            .and_then(|ecosystem| advisories.index(ecosystem))
        else {
            continue;
        };
        for applied in judge(&index, subject) {
            if !advisories.is_rejected(applied.vulnerability) {
                findings.push(Finding::new(&index, subject, applied));
            }
        }
    }
    let kernels = Kernels::new(inventory, &subjects);
    for finding in findings.iter_mut().filter(|finding| finding.kernel) {
        kernels.settle(finding);
    }
    let mut findings = merge(findings);
    apply_vex(&mut findings, &context.vex);
    let coverage = coverage::count(inventory, &subjects, &findings, advisories, context);
    Assessment { findings, coverage }
}
