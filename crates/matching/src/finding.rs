//! A finding: one vulnerability in one source (dpkg, apk) or build (rpm) of a host.

use crate::judge::Applied;
use crate::subject::Subject;
use overlock_index::{AdvisoryIndex, ResolutionRef, StatusWord};
use overlock_model::Timestamp;
use overlock_model::exposure::{Evidence, ExposureState, ExposureStatus};
use overlock_model::package::PackageType;
use overlock_versions::Scheme;

/// What the tables say, before threat and priority are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Main identifier.
    pub vulnerability: String,
    /// Other identifiers.
    pub aliases: Vec<String>,
    /// One line of what it is.
    pub summary: Option<String>,
    /// Installed binary packages with their versions, sorted.
    pub binaries: Vec<(String, String)>,
    /// Kind of package.
    pub kind: PackageType,
    /// Source package or module.
    pub source: String,
    /// Version compared.
    pub installed: String,
    /// Version that ends it.
    pub fixed: Option<String>,
    /// The vendor's position.
    pub status: ExposureStatus,
    /// Where in its life it is.
    pub state: ExposureState,
    /// Advisories, newest first.
    pub advisories: Vec<String>,
    /// When the fix was published.
    pub fix_available: Option<Timestamp>,
    /// When it was made public.
    pub published: Option<Timestamp>,
    /// The vendor's rating.
    pub severity: Option<String>,
    /// The vendor's CVSS vectors.
    pub cvss: Vec<String>,
    /// Whether it is a kernel image.
    pub kernel: bool,
    /// Version order.
    pub scheme: Scheme,
    /// Why.
    pub evidence: Evidence,
}

impl Finding {
    /// What a statement that applies to a subject says, before kernels are settled.
    #[must_use]
    pub fn new(index: &AdvisoryIndex<'_>, subject: &Subject<'_>, applied: Applied<'_>) -> Self {
        let mut binaries: Vec<(String, String)> = subject
            .packages
            .iter()
            .map(|package| (package.name.clone(), package.version.clone()))
            .collect();
        binaries.sort();
        binaries.dedup();
        let disclosure = index
            .package(&subject.name)
            .and_then(|package| package.disclosure(applied.vulnerability));
        let deciding = applied.deciding;
        let fixed = deciding
            .bound()
            .filter(|_| applied.status == ExposureStatus::FixAvailable);
        let mut feeds: Vec<String> = applied
            .statements
            .iter()
            .map(|row| row.feed().to_owned())
            .collect();
        feeds.sort();
        feeds.dedup();
        let first = subject.packages.first();
        Self {
            vulnerability: applied.vulnerability.to_owned(),
            aliases: disclosure
                .map(|row| row.aliases().map(str::to_owned).collect())
                .unwrap_or_default(),
            summary: disclosure.and_then(|row| row.summary()).map(str::to_owned),
            binaries,
            kind: first.map_or(PackageType::Other(String::new()), |package| {
                package.kind.clone()
            }),
            source: subject.source().to_owned(),
            installed: subject.version.clone(),
            fixed: fixed.map(str::to_owned),
            status: applied.status,
            state: match applied.status {
                ExposureStatus::UnderInvestigation => ExposureState::Unknown,
                _ => ExposureState::Exposed,
            },
            advisories: advisories(&applied),
            fix_available: fix_available(&applied),
            published: disclosure
                .and_then(|row| row.published_us())
                .and_then(timestamp),
            severity: disclosure.and_then(|row| row.severity()).map(str::to_owned),
            cvss: disclosure
                .map(|row| row.cvss().map(str::to_owned).collect())
                .unwrap_or_default(),
            kernel: subject.kernel_image == Some(true),
            scheme: subject.scheme,
            evidence: Evidence {
                rule: rule(subject, &applied).to_owned(),
                scheme: subject.scheme.to_string(),
                compared: subject.version.clone(),
                against: deciding.bound().map(str::to_owned),
                ecosystem: subject
                    .ecosystem
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                channel: deciding.channel().to_owned(),
                module: deciding.module().map(str::to_owned),
                feeds,
                notes: notes(subject, &applied),
            },
        }
    }
}

/// One finding for all binaries of a build: rpm advisories name each binary, people think in updates.
#[must_use]
pub fn merge(mut findings: Vec<Finding>) -> Vec<Finding> {
    let key = |finding: &Finding| {
        (
            finding.kind.clone(),
            finding.source.clone(),
            finding.vulnerability.clone(),
            finding.installed.clone(),
            finding.fixed.clone(),
            finding.status,
            finding.evidence.module.clone(),
        )
    };
    findings.sort_by_cached_key(|finding| (key(finding), finding.binaries.clone()));
    findings.dedup_by(|later, kept| {
        let same = key(later) == key(kept);
        if same {
            kept.binaries.append(&mut later.binaries);
            kept.binaries.sort();
            kept.binaries.dedup();
            kept.advisories.append(&mut later.advisories);
            kept.advisories.dedup();
            // What is in force on one binary is in force.
            if later.state == ExposureState::Exposed {
                kept.state = ExposureState::Exposed;
            }
        }
        same
    });
    findings
}

fn advisories(applied: &Applied<'_>) -> Vec<String> {
    let mut dated: Vec<(Option<i64>, &str)> = applied
        .statements
        .iter()
        .filter_map(|row| row.advisory().map(|advisory| (row.issued_us(), advisory)))
        .collect();
    dated.sort_by(|a, b| b.cmp(a));
    let mut advisories: Vec<String> = dated
        .into_iter()
        .map(|(_, advisory)| advisory.to_owned())
        .collect();
    advisories.dedup();
    advisories
}

/// When the deciding fix came out; the earliest statement of that same version counts.
fn fix_available(applied: &Applied<'_>) -> Option<Timestamp> {
    if applied.status != ExposureStatus::FixAvailable {
        return None;
    }
    applied
        .statements
        .iter()
        .filter(|row| row.bound_key() == applied.deciding.bound_key())
        .filter_map(|row| row.issued_us())
        .min()
        .and_then(timestamp)
}

fn timestamp(microseconds: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(microseconds).ok()
}

fn rule(subject: &Subject<'_>, applied: &Applied<'_>) -> &'static str {
    use ExposureStatus::{
        EndOfLife, FixAvailable, NoFix, Postponed, UnderInvestigation, WillNotFix,
    };
    let modular = applied.deciding.module().is_some();
    match (applied.status, subject.scheme) {
        (FixAvailable, _) if modular => "version below the fix of the installed module stream",
        (FixAvailable, Scheme::Dpkg | Scheme::Apk) => "source version below the fixed version",
        (FixAvailable, _) => "version below the fixed version",
        (NoFix, _) => "affected, and no fixed version is stated",
        (Postponed, _) => "affected; the vendor fixes it later",
        (WillNotFix, _) => "affected; the vendor will not fix it",
        (UnderInvestigation, _) => "the vendor has not decided whether it is affected",
        (EndOfLife, _) => "support for the package has ended",
    }
}

fn notes(subject: &Subject<'_>, applied: &Applied<'_>) -> Vec<String> {
    let mut notes = subject.steps.clone();
    if let Some(words) = applied.deciding.words().filter(|words| !words.is_empty()) {
        notes.push(format!("vendor: {words}"));
    }
    if applied.deciding.module() == Some("?") {
        notes.push(
            "the advisory does not name its module stream; taken from the version".to_owned(),
        );
    }
    let mut fixes: Vec<&str> = applied
        .statements
        .iter()
        .filter(|row| row.is_overlay() == applied.deciding.is_overlay())
        .filter_map(stated_fix)
        .collect();
    fixes.sort_unstable();
    fixes.dedup();
    if fixes.len() > 1 {
        notes.push(format!(
            "several advisories give different fixes ({}): the latest counts",
            fixes.join(", ")
        ));
    }
    notes
}

fn stated_fix<'a>(row: &ResolutionRef<'a>) -> Option<&'a str> {
    row.bound().filter(|_| row.status() == StatusWord::Fixed)
}
