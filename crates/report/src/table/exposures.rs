//! Exposures by decision, worst first, each with the reason for its deadline.

use super::canvas::{Canvas, Line, Paint};
use super::decision_paint;
use crate::plain::{clip, columns, plain};
use crate::verdict::is_late;
use crate::view::{View, reason};
use crate::{Style, words};
use overlock_model::decision::Decision;
use overlock_model::exposure::Exposure;
use overlock_model::threat::Cvss;
use std::io;

/// Widths of the columns, from the rows that are shown.
struct Columns {
    vulnerability: usize,
    package: usize,
}

const SCORE: usize = 9;
const DATE: usize = 10;
/// Columns that a fixed version should have; package names give way to it.
const REMEDY: usize = 22;

pub(super) fn exposures(view: &View<'_>, canvas: &mut Canvas<'_>, style: &Style) -> io::Result<()> {
    let total = view.report.exposures.len();
    if total == 0 {
        return Ok(());
    }
    let exposures = words::count(total, "exposure", "exposures");
    canvas.title("EXPOSURES", &format!("{exposures}, worst first"))?;
    // The limit is for the whole list: it is spent on the worst, and later groups show their count only.
    let mut left = style.limit();
    for (decision, group) in view.groups() {
        let shown = group.get(..left.min(group.len())).unwrap_or_default();
        heading(decision, group.len(), shown.len(), canvas)?;
        let columns = widths(shown, canvas.width);
        for exposure in shown {
            row(view, exposure, &columns, canvas)?;
            why(exposure, canvas, style)?;
        }
        left -= shown.len();
    }
    Ok(())
}

fn heading(
    decision: Decision,
    total: usize,
    shown: usize,
    canvas: &mut Canvas<'_>,
) -> io::Result<()> {
    let count = words::number(total);
    let name = words::decision(decision).to_uppercase();
    let mut pieces = vec![(decision_paint(decision), format!("{name} {count}"))];
    if shown < total {
        pieces.push((
            Paint::Text,
            format!("{} more: --all", words::number(total - shown)),
        ));
    }
    pieces.push((Paint::Faint, words::decision_meaning(decision).to_owned()));
    canvas.flow(1, &pieces)
}

fn widths(shown: &[&Exposure], width: usize) -> Columns {
    let longest = |text: fn(&Exposure) -> &str, least: usize| {
        shown
            .iter()
            .map(|exposure| columns(&plain(text(exposure))))
            .fold(least, usize::max)
    };
    let vulnerability = longest(|exposure| &exposure.vulnerability, 13)
        .min(20)
        .min(width / 3);
    let others = 3 + vulnerability + 2 + 2 + SCORE + 2 + DATE + 2 + REMEDY;
    let package =
        longest(|exposure| &exposure.package, 7).min(width.saturating_sub(others).max(10));
    Columns {
        vulnerability,
        package,
    }
}

fn row(
    view: &View<'_>,
    exposure: &Exposure,
    columns: &Columns,
    canvas: &mut Canvas<'_>,
) -> io::Result<()> {
    let mut line = Line::new(3);
    line.cell(
        Paint::Strong,
        &exposure.vulnerability,
        columns.vulnerability,
    )
    .push(Paint::Text, "  ");
    line.cell(Paint::Text, &exposure.package, columns.package)
        .push(Paint::Text, "  ");
    let (paint, score) = score(exposure.cvss.as_ref());
    line.right(paint, &score, SCORE).push(Paint::Text, "  ");
    let late = is_late(exposure, view.report.generated);
    let date = exposure
        .deadline
        .map_or_else(|| "no date".to_owned(), words::date);
    line.cell(if late { Paint::Alarm } else { Paint::Text }, &date, DATE)
        .push(Paint::Text, "  ");
    let rest = canvas.width.saturating_sub(line.used());
    line.push(Paint::Text, &clip(&plain(&words::remedy(exposure)), rest));
    canvas.line(&line)
}

/// `9.8 crit`; short, since the column stands in every row.
fn score(cvss: Option<&Cvss>) -> (Paint, String) {
    let Some(cvss) = cvss else {
        return (Paint::Faint, "no CVSS".to_owned());
    };
    let (paint, word) = match cvss.severity.as_str() {
        "critical" => (Paint::Alarm, "crit"),
        "high" => (Paint::Warning, "high"),
        "medium" => (Paint::Text, "med "),
        "low" => (Paint::Faint, "low "),
        _ => (Paint::Faint, "none"),
    };
    (paint, format!("{:.1} {word}", cvss.score))
}

/// From this probability on EPSS is worth a place in the one line.
const EPSS_TELLING: f64 = 0.1;

/// What makes it more or less urgent than its score, and the reason; one line unless everything is asked for.
fn why(exposure: &Exposure, canvas: &mut Canvas<'_>, style: &Style) -> io::Result<()> {
    let mut pieces = Vec::new();
    if let Some(kev) = &exposure.kev {
        let ransomware = if kev.ransomware { ", ransomware" } else { "" };
        pieces.push((Paint::Alarm, format!("KEV {}{ransomware}", kev.added)));
    }
    let telling = |score: f64| style.all || score >= EPSS_TELLING;
    if let Some(epss) = exposure.epss.as_ref().filter(|epss| telling(epss.score)) {
        pieces.push((Paint::Faint, format!("EPSS {}", words::percent(epss.score))));
    }
    if let Some(state) = words::state(exposure.state) {
        pieces.push((Paint::Warning, state.to_owned()));
    }
    pieces.push((Paint::Faint, reason(exposure)));
    if style.all {
        pieces.extend(
            exposure
                .summary
                .iter()
                .map(|summary| (Paint::Faint, summary.clone())),
        );
        pieces.extend(
            exposure
                .evidence
                .notes
                .iter()
                .map(|note| (Paint::Faint, note.clone())),
        );
        return canvas.flow(5, &pieces);
    }
    let mut line = Line::new(5);
    for (at, (paint, text)) in pieces.iter().enumerate() {
        line.push(Paint::Faint, if at > 0 { " · " } else { "" })
            .push(*paint, text);
    }
    canvas.line(&line)
}
