//! One row for each exposure, for spreadsheets and scripts.
//!
//! Columns are only ever added at the end. A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@`, so such a
//! cell gets an apostrophe in front, which spreadsheets hide and scripts can strip (OWASP, "CSV Injection").

use crate::{Style, plain, view, words};
use overlock_model::exposure::{Exposure, ExposureState, ExposureStatus};
use overlock_model::scan::ScanReport;
use std::borrow::Cow;
use std::io::{self, Write};

/// The columns, in order.
pub const COLUMNS: [&str; 24] = [
    "host",
    "vulnerability",
    "aliases",
    "type",
    "package",
    "source",
    "installed",
    "fixed",
    "status",
    "state",
    "decision",
    "deadline",
    "rule",
    "reason",
    "cvss_score",
    "cvss_severity",
    "cvss_vector",
    "epss_score",
    "epss_percentile",
    "kev_added",
    "vendor_severity",
    "advisories",
    "ecosystem",
    "generated",
];

/// Writes a header and the rows; a value that is not known is an empty cell.
///
/// # Errors
/// When `out` does.
pub fn write(report: &ScanReport, out: &mut dyn Write, _style: &Style) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(COLUMNS)?;
    for exposure in &report.exposures {
        let row = row(report, exposure);
        rows.write_record(row.iter().map(|cell| harmless(cell).into_owned()))?;
    }
    rows.flush()
}

fn row(report: &ScanReport, exposure: &Exposure) -> [String; COLUMNS.len()] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let cvss = exposure.cvss.as_ref();
    let epss = exposure.epss.as_ref();
    let binding = view::binding(exposure);
    [
        text(&report.host.name),
        exposure.vulnerability.clone(),
        exposure.aliases.join(" "),
        exposure.kind.to_string(),
        exposure.package.clone(),
        exposure.source.clone(),
        exposure.installed.clone(),
        text(&exposure.fixed),
        status(exposure.status).to_owned(),
        state(exposure.state).to_owned(),
        exposure.decision.to_string(),
        exposure
            .deadline
            .map(|at| at.to_string())
            .unwrap_or_default(),
        binding
            .map(|obligation| words::rule(obligation.rule).to_owned())
            .unwrap_or_default(),
        binding.map_or_else(
            || exposure.evidence.rule.clone(),
            |obligation| obligation.because.clone(),
        ),
        cvss.map(|cvss| format!("{:.1}", cvss.score))
            .unwrap_or_default(),
        cvss.map(|cvss| cvss.severity.clone()).unwrap_or_default(),
        cvss.map(|cvss| cvss.vector.clone()).unwrap_or_default(),
        epss.map(|epss| epss.score.to_string()).unwrap_or_default(),
        epss.map(|epss| epss.percentile.to_string())
            .unwrap_or_default(),
        exposure
            .kev
            .as_ref()
            .map(|kev| kev.added.to_string())
            .unwrap_or_default(),
        text(&exposure.vendor_severity),
        exposure.advisories.join(" "),
        exposure.evidence.ecosystem.clone(),
        report.generated.to_string(),
    ]
}

fn harmless(cell: &str) -> Cow<'_, str> {
    let cell = plain(cell);
    // The full-width forms count too: some spreadsheets fold them when they read the file.
    match cell.trim_start().chars().next() {
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') => {
            Cow::Owned(format!("'{cell}"))
        }
        _ => cell,
    }
}

fn status(status: ExposureStatus) -> &'static str {
    match status {
        ExposureStatus::FixAvailable => "fix_available",
        ExposureStatus::NoFix => "no_fix",
        ExposureStatus::Postponed => "postponed",
        ExposureStatus::WillNotFix => "will_not_fix",
        ExposureStatus::UnderInvestigation => "under_investigation",
        ExposureStatus::EndOfLife => "end_of_life",
    }
}

fn state(state: ExposureState) -> &'static str {
    match state {
        ExposureState::Unknown => "unknown",
        ExposureState::Exposed => "exposed",
        ExposureState::Installed => "installed",
        ExposureState::Dormant => "dormant",
        ExposureState::Mitigated => "mitigated",
        ExposureState::NotAffected => "not_affected",
    }
}
