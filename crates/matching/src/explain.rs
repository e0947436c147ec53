//! Why a package is affected, not affected or unknown, statement by statement.

use crate::Advisories;
use crate::judge::{StatementVerdict, judge, verdict};
use crate::release::Release;
use crate::subject::{Subject, subjects};
use overlock_index::{AdvisoryIndex, PackageRows, ResolutionRef, StatusWord};
use overlock_model::Timestamp;
use overlock_model::coverage::NotCovered;
use overlock_model::explanation::{Explanation, Outcome, StatementSeen};
use overlock_model::exposure::ExposureStatus;
use overlock_model::inventory::Inventory;

/// Explains one vulnerability, by its main identifier or an alias, for every installed package that some statement
/// about it names.
#[must_use]
pub fn explain(
    inventory: &Inventory,
    advisories: &dyn Advisories,
    vulnerability: &str,
) -> Vec<Explanation> {
    let release = Release::of(&inventory.os);
    subjects(inventory, &release)
        .iter()
        .filter_map(|subject| {
            let index = advisories.index(subject.ecosystem.as_ref()?)?;
            let rows = index.package(&subject.name)?;
            let main = main_identifier(&rows, vulnerability)?;
            Some(explanation(&index, &rows, subject, main))
        })
        .collect()
}

/// The identifier under which the package's rows keep what was asked for.
fn main_identifier<'a>(rows: &PackageRows<'a>, asked: &str) -> Option<&'a str> {
    let disclosed = rows
        .disclosures()
        .find(|row| row.vulnerability() == asked || row.aliases().any(|alias| alias == asked))
        .map(|row| row.vulnerability());
    let stated = || {
        rows.fixed()
            .chain(rows.other())
            .find(|row| row.vulnerability() == asked || row.advisory() == Some(asked))
            .map(|row| row.vulnerability())
    };
    disclosed.or_else(stated)
}

fn explanation(
    index: &AdvisoryIndex<'_>,
    rows: &PackageRows<'_>,
    subject: &Subject<'_>,
    vulnerability: &str,
) -> Explanation {
    let statements: Vec<StatementSeen> = rows
        .fixed()
        .chain(rows.other())
        .filter(|row| row.vulnerability() == vulnerability)
        .map(|row| seen(&row, subject))
        .collect();
    let applied = judge(index, subject)
        .into_iter()
        .find(|applied| applied.vulnerability == vulnerability);
    let (outcome, because) = match (&applied, subject.not_covered, subject.kernel_image) {
        (_, Some(reason), _) => (Outcome::Unknown, not_covered(reason).to_owned()),
        (_, None, Some(false)) => (
            Outcome::NotAffected,
            "built from the kernel's source, but it is not the kernel: headers and tools do not count".to_owned(),
        ),
        (Some(applied), None, _) => match applied.status {
            ExposureStatus::UnderInvestigation => {
                (Outcome::Unknown, "the vendor has not decided whether it is affected".to_owned())
            }
            _ => (Outcome::Affected, affected(applied.deciding, subject)),
        },
        (None, None, _) => (Outcome::NotAffected, not_affected(rows, subject, vulnerability)),
    };
    let mut binaries: Vec<String> = subject
        .packages
        .iter()
        .map(|package| package.name.clone())
        .collect();
    binaries.sort();
    Explanation {
        binaries,
        looked_up: subject.name.clone(),
        installed: subject
            .packages
            .first()
            .map(|package| package.version.clone())
            .unwrap_or_default(),
        compared: subject.version.clone(),
        scheme: subject.scheme.to_string(),
        ecosystem: subject
            .ecosystem
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        steps: subject.steps.clone(),
        statements,
        outcome,
        because,
    }
}

/// The strongest reason among the statements that apply.
fn not_affected(rows: &PackageRows<'_>, subject: &Subject<'_>, vulnerability: &str) -> String {
    let verdicts: Vec<StatementVerdict> = rows
        .fixed()
        .chain(rows.other())
        .filter(|row| row.vulnerability() == vulnerability)
        .map(|row| verdict(&row, subject))
        .collect();
    let any = |wanted| verdicts.contains(&wanted);
    if any(StatementVerdict::NotAffected) {
        "the vendor says that it is not affected".to_owned()
    } else if any(StatementVerdict::Reached) {
        format!("{} has the fix", subject.version)
    } else if any(StatementVerdict::NotIntroduced) {
        format!("{} is older than the flaw", subject.version)
    } else {
        "no statement that applies says that it is affected".to_owned()
    }
}

fn affected(row: ResolutionRef<'_>, subject: &Subject<'_>) -> String {
    match row.status() {
        StatusWord::Fixed => {
            format!(
                "{} is older than the fixed {}",
                subject.version,
                row.bound().unwrap_or_default()
            )
        }
        _ => says(&row),
    }
}

fn seen(row: &ResolutionRef<'_>, subject: &Subject<'_>) -> StatementSeen {
    StatementSeen {
        feed: row.feed().to_owned(),
        advisory: row.advisory().map(str::to_owned),
        issued: row
            .issued_us()
            .and_then(|time| Timestamp::from_microsecond(time).ok()),
        says: says(row),
        channel: row.channel().to_owned(),
        module: row.module().map(str::to_owned),
        means: means(verdict(row, subject), &subject.version),
    }
}

fn says(row: &ResolutionRef<'_>) -> String {
    let bound = row.bound().unwrap_or_default();
    let from = row
        .introduced()
        .map(|version| format!(" from {version} on"))
        .unwrap_or_default();
    let words = row
        .words()
        .filter(|words| !words.is_empty())
        .map(|words| format!(" ({words})"))
        .unwrap_or_default();
    match row.status() {
        StatusWord::Fixed => format!("affected{from}, fixed in {bound}"),
        StatusWord::LastAffected => format!("affected{from} up to {bound}"),
        StatusWord::ExactVersion => format!("{bound} is affected"),
        StatusWord::Affected => format!("affected{from}, no fix yet"),
        StatusWord::WillNotFix => format!("affected{from}, will not be fixed{words}"),
        StatusWord::Postponed => format!("affected{from}, fix postponed{words}"),
        StatusWord::NotAffected => "not affected".to_owned(),
        StatusWord::UnderInvestigation => "under investigation".to_owned(),
        StatusWord::EndOfLife => "support has ended".to_owned(),
    }
}

fn means(verdict: StatementVerdict, installed: &str) -> String {
    match verdict {
        StatementVerdict::Affected(ExposureStatus::FixAvailable) => {
            format!("{installed} is older: affected")
        }
        StatementVerdict::Affected(_) => "affected".to_owned(),
        StatementVerdict::Reached => format!("{installed} has it: fixed"),
        StatementVerdict::NotAffected => "not affected".to_owned(),
        StatementVerdict::NotIntroduced => {
            format!("{installed} is older than the flaw: not affected")
        }
        StatementVerdict::OtherVersion => "speaks of other versions".to_owned(),
        StatementVerdict::OtherArch => "speaks of another architecture: does not apply".to_owned(),
        StatementVerdict::OtherModule => {
            "speaks of another module stream: does not apply".to_owned()
        }
    }
}

fn not_covered(reason: NotCovered) -> &'static str {
    match reason {
        NotCovered::ThirdParty => {
            "the build is not the distribution's: its advisories do not apply"
        }
        NotCovered::Backport => "a backport: no feed tracks its fixes",
        NotCovered::EndOfLife => "the release gets no advisories any more",
        NotCovered::NoFeed => "no feed for this release is at hand",
        NotCovered::UnparsableVersion => "no parser knows the installed version",
        NotCovered::Unsupported => "packages of this kind are not judged",
        NotCovered::ModuleUnknown => "a modular build whose stream is not known",
        NotCovered::SupportEnded => "the distribution has ended security support for this package",
    }
}
