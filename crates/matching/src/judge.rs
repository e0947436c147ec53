//! Which statements apply to a subject, and what follows from them.
//!
//! Only what a version has not reached is looked at, so a package with nothing to report costs one probe. A fix on
//! any line of updates that the host may use ends a vulnerability: the main line, or an overlay (Ubuntu Pro, EUS)
//! whose fix the installed version has reached. On one line the latest fix counts, because an earlier one was
//! incomplete.

use crate::subject::Subject;
use overlock_index::{AdvisoryIndex, PackageRows, ResolutionRef, StatusWord};
use overlock_model::exposure::ExposureStatus;
use std::collections::BTreeMap;

/// What one statement means for a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementVerdict {
    /// It says that the installed version is affected.
    Affected(ExposureStatus),
    /// It says that the installed version has the fix.
    Reached,
    /// It says that the package is not affected.
    NotAffected,
    /// The installed version is older than the first affected one.
    NotIntroduced,
    /// It speaks of other versions.
    OtherVersion,
    /// It speaks of another architecture.
    OtherArch,
    /// It speaks of another module stream, or of modular builds where this is none.
    OtherModule,
}

/// A vulnerability that applies, with the statements that say so.
#[derive(Debug, Clone)]
pub struct Applied<'a> {
    /// Main identifier.
    pub vulnerability: &'a str,
    /// The vendor's position.
    pub status: ExposureStatus,
    /// The statement that decides: the latest fix, or the vendor's position without one.
    pub deciding: ResolutionRef<'a>,
    /// All statements that say it, the deciding one included.
    pub statements: Vec<ResolutionRef<'a>>,
}

/// What the table says is wrong with a subject, by vulnerability.
#[must_use]
pub fn judge<'a>(index: &AdvisoryIndex<'a>, subject: &Subject<'_>) -> Vec<Applied<'a>> {
    let Some(key) = &subject.key else {
        return Vec::new();
    };
    let Some(rows) = index.package(&subject.name) else {
        return Vec::new();
    };
    let mut unreached = rows.unreached(key.as_bytes()).peekable();
    let mut other = rows.other().peekable();
    if unreached.peek().is_none() && other.peek().is_none() {
        return Vec::new();
    }
    let mut applied: BTreeMap<&str, Applied<'_>> = BTreeMap::new();
    let mut cleared: Vec<&str> = Vec::new();
    for row in unreached.chain(other) {
        match verdict(&row, subject) {
            StatementVerdict::Affected(status) => note(&mut applied, row, status),
            StatementVerdict::NotAffected => cleared.push(row.vulnerability()),
            _ => {}
        }
    }
    for vulnerability in cleared {
        applied.remove(vulnerability);
    }
    if index.has_overlays() && !applied.is_empty() {
        drop_fixed_on_another_line(&mut applied, &rows, subject);
    }
    applied.into_values().collect()
}

/// What one statement means for a subject.
pub(crate) fn verdict(row: &ResolutionRef<'_>, subject: &Subject<'_>) -> StatementVerdict {
    let Some(key) = subject.key.as_ref().map(|key| key.as_bytes()) else {
        return StatementVerdict::OtherVersion;
    };
    if !arch_matches(row, subject) {
        return StatementVerdict::OtherArch;
    }
    if !module_matches(row, subject) {
        return StatementVerdict::OtherModule;
    }
    if row
        .introduced_key()
        .is_some_and(|introduced| introduced > key)
    {
        return StatementVerdict::NotIntroduced;
    }
    let bound = row.bound_key().unwrap_or_default();
    match row.status() {
        StatusWord::Fixed if bound > key => {
            StatementVerdict::Affected(ExposureStatus::FixAvailable)
        }
        StatusWord::Fixed => StatementVerdict::Reached,
        StatusWord::LastAffected if bound >= key => {
            StatementVerdict::Affected(ExposureStatus::NoFix)
        }
        StatusWord::ExactVersion if bound == key => {
            StatementVerdict::Affected(ExposureStatus::NoFix)
        }
        StatusWord::LastAffected | StatusWord::ExactVersion => StatementVerdict::OtherVersion,
        StatusWord::Affected => StatementVerdict::Affected(ExposureStatus::NoFix),
        StatusWord::WillNotFix => StatementVerdict::Affected(ExposureStatus::WillNotFix),
        StatusWord::Postponed => StatementVerdict::Affected(ExposureStatus::Postponed),
        StatusWord::UnderInvestigation => {
            StatementVerdict::Affected(ExposureStatus::UnderInvestigation)
        }
        StatusWord::EndOfLife => StatementVerdict::Affected(ExposureStatus::EndOfLife),
        StatusWord::NotAffected => StatementVerdict::NotAffected,
    }
}

fn note<'a>(
    applied: &mut BTreeMap<&'a str, Applied<'a>>,
    row: ResolutionRef<'a>,
    status: ExposureStatus,
) {
    applied
        .entry(row.vulnerability())
        .and_modify(|known| {
            known.statements.push(row);
            // A fix outranks a position without one; one that every host gets outranks an overlay's; among the
            // fixes of a line the later one counts.
            let rank = |row: &ResolutionRef<'a>| (!row.is_overlay(), row.bound_key());
            let better = match (known.status, status) {
                (ExposureStatus::FixAvailable, ExposureStatus::FixAvailable) => {
                    rank(&row) > rank(&known.deciding)
                }
                (ExposureStatus::FixAvailable, _) => false,
                (_, ExposureStatus::FixAvailable) => true,
                _ => status < known.status,
            };
            if better {
                known.status = status;
                known.deciding = row;
            }
        })
        .or_insert_with(|| Applied {
            vulnerability: row.vulnerability(),
            status,
            deciding: row,
            statements: vec![row],
        });
}

/// A subject that has reached the fix of one line is not exposed, whatever another line says.
fn drop_fixed_on_another_line(
    applied: &mut BTreeMap<&str, Applied<'_>>,
    rows: &PackageRows<'_>,
    subject: &Subject<'_>,
) {
    let mut reached: Vec<(&str, &str)> = Vec::new();
    for row in rows.fixed() {
        if applied.contains_key(row.vulnerability())
            && verdict(&row, subject) == StatementVerdict::Reached
        {
            reached.push((row.vulnerability(), row.channel()));
        }
    }
    for (vulnerability, channel) in reached {
        let open_on_the_same_line = applied.get(vulnerability).is_some_and(|known| {
            known
                .statements
                .iter()
                .any(|row| row.status() == StatusWord::Fixed && row.channel() == channel)
        });
        // A host that is not entitled to an overlay cannot have reached its fix by accident, since versions of an
        // overlay carry its name: reaching it is proof enough.
        if !open_on_the_same_line {
            applied.remove(vulnerability);
        }
    }
}

fn arch_matches(row: &ResolutionRef<'_>, subject: &Subject<'_>) -> bool {
    let Some(arch) = subject
        .arch()
        .filter(|arch| !matches!(*arch, "noarch" | "all" | "any"))
    else {
        return true;
    };
    let mut arches = row.arches().peekable();
    arches.peek().is_none()
        || arches.any(|listed| listed == arch || matches!(listed, "noarch" | "all" | "any"))
}

/// Whether a statement speaks of the module stream that the subject was built in.
///
/// The label is `name:stream:version:context[:arch]`; only name and stream identify a line of updates.
fn module_matches(row: &ResolutionRef<'_>, subject: &Subject<'_>) -> bool {
    match (row.module(), subject.module()) {
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => false,
        (Some("?"), Some(_)) => same_leading_numbers(row.bound(), &subject.version),
        (Some(stated), Some(label)) => stated
            .split(',')
            .any(|stream| stream_of(label) == Some(stream)),
    }
}

/// `name:stream` of a modularity label.
fn stream_of(label: &str) -> Option<&str> {
    let name_end = label.find(':')?;
    let rest = label.get(name_end + 1..)?;
    let stream_end = rest.find(':').map_or(label.len(), |at| name_end + 1 + at);
    label.get(..stream_end)
}

/// An advisory for a modular build that does not name its stream: the first two numbers of the upstream version
/// are as near to a stream as its text allows. Two streams of one minor version do not exist in any module seen.
fn same_leading_numbers(fixed: Option<&str>, installed: &str) -> bool {
    fn leading(version: &str) -> (Option<&str>, Option<&str>) {
        let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
        let mut numbers = upstream.split(['.', '-']);
        (numbers.next(), numbers.next())
    }
    fixed.is_some_and(|fixed| leading(fixed) == leading(installed))
}
