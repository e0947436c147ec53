//! What to install, most risk removed first, and what stays.

use super::canvas::{Canvas, Line, Paint};
use super::{decision_paint, more, names};
use crate::plain::{columns, plain};
use crate::view::View;
use crate::{Style, words};
use overlock_model::update::Update;
use std::io;

/// Columns of the bar and of the share beside it.
const BAR: usize = 10;
const SHARE: usize = 7;

pub(super) fn updates(view: &View<'_>, canvas: &mut Canvas<'_>, style: &Style) -> io::Result<()> {
    let report = view.report;
    if report.updates.is_empty() {
        canvas.title("PATCH FIRST", "")?;
        let why = if report.exposures.is_empty() {
            "no update is offered that is known to end an exposure"
        } else {
            "no update on offer ends any of the exposures below; HELD says why"
        };
        return canvas.text(2, Paint::Text, why);
    }
    let (title, beside) = words::updates_heading(report);
    canvas.title(&title.to_uppercase(), &beside)?;
    for (at, update) in report.updates.iter().take(style.limit()).enumerate() {
        head(at + 1, update, canvas)?;
        detail(view, update, canvas)?;
    }
    more(
        canvas,
        5,
        report.updates.len().saturating_sub(style.limit()),
    )
}

/// ` 1  openssl  3.0.14-1 → 3.0.17-1      ██████░░░░   62 %`
fn head(rank: usize, update: &Update, canvas: &mut Canvas<'_>) -> io::Result<()> {
    let mut line = Line::default();
    line.right(Paint::Faint, &rank.to_string(), 3)
        .push(Paint::Text, "  ");
    let right = BAR + SHARE;
    let versions = columns(&plain(&update.from)) + columns(&plain(&update.to)) + 3;
    let one_line =
        line.used() + columns(&plain(&update.package)) + 2 + versions + 2 + right <= canvas.width;
    if one_line {
        line.push(Paint::Strong, &update.package)
            .push(Paint::Text, "  ");
        line.push(Paint::Faint, &format!("{} → ", update.from))
            .push(Paint::Text, &update.to);
    } else {
        let left = canvas.width.saturating_sub(line.used() + 2 + right);
        line.cell(Paint::Strong, &update.package, left);
    }
    line.to(canvas.width.saturating_sub(right));
    let full = bar(update.risk_removed);
    line.push(
        decision_paint(
            update
                .decision
                .unwrap_or(overlock_model::decision::Decision::Defer),
        ),
        &"█".repeat(full),
    );
    line.push(Paint::Faint, &"░".repeat(BAR - full));
    line.right(Paint::Text, &words::percent(update.risk_removed), SHARE);
    canvas.line(&line)?;
    if one_line {
        return Ok(());
    }
    canvas.text(5, Paint::Text, &format!("{} → {}", update.from, update.to))
}

/// Filled cells of the bar; any risk at all shows at least one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the share is clamped to 0..=1"
)]
fn bar(share: f64) -> usize {
    let share = if share.is_finite() {
        share.clamp(0.0, 1.0)
    } else {
        0.0
    };
    let full = (share * BAR as f64).round() as usize;
    if share > 0.0 { full.max(1) } else { full }
}

fn detail(view: &View<'_>, update: &Update, canvas: &mut Canvas<'_>) -> io::Result<()> {
    let ends = view.ends(update);
    let mut pieces = Vec::new();
    match update.decision {
        Some(decision) => pieces.push((
            decision_paint(decision),
            words::decision(decision).to_uppercase(),
        )),
        None => pieces.push((Paint::Faint, words::ends_nothing(view.report).to_owned())),
    }
    if let Some(deadline) = update.deadline {
        let now = view.report.generated;
        let late = if deadline < now {
            Paint::Alarm
        } else {
            Paint::Text
        };
        pieces.push((
            late,
            format!(
                "by {} ({})",
                words::date(deadline),
                words::until(deadline, now)
            ),
        ));
    }
    if ends.exploited > 0 {
        pieces.push((Paint::Alarm, "KEV".to_owned()));
    }
    if ends.forensics {
        pieces.push((Paint::Warning, "collect evidence first".to_owned()));
    }
    match (update.resolves.as_slice(), ends.worst) {
        ([], _) => {}
        ([only], None) => pieces.push((Paint::Text, only.clone())),
        ([only], Some(worst)) => {
            pieces.push((
                Paint::Text,
                format!("{only} ({})", words::cvss(worst.cvss.as_ref())),
            ));
        }
        (all @ [first, ..], worst) => {
            let score = worst
                .map(|worst| format!(" ({})", words::cvss(worst.cvss.as_ref())))
                .unwrap_or_default();
            pieces.push((
                Paint::Text,
                format!(
                    "ends {} CVEs, worst {first}{score}",
                    words::number(all.len())
                ),
            ));
        }
    }
    if let Some(reboot) = &update.reboot {
        pieces.push((Paint::Warning, format!("REBOOT: {reboot}")));
    }
    if !update.restarts.is_empty() {
        pieces.push((
            Paint::Text,
            format!("restarts {}", names(&update.restarts, 3)),
        ));
    }
    let with: Vec<String> = update
        .members
        .iter()
        .filter(|member| member.package != update.package)
        .map(|member| member.package.clone())
        .collect();
    if !with.is_empty() {
        pieces.push((Paint::Faint, format!("with {}", names(&with, 3))));
    }
    pieces.push((Paint::Faint, format!("from {}", update.origin)));
    canvas.flow(5, &pieces)
}

pub(super) fn held(view: &View<'_>, canvas: &mut Canvas<'_>, style: &Style) -> io::Result<()> {
    let groups = view.held();
    if groups.is_empty() {
        return Ok(());
    }
    let packages = words::count(view.report.held.len(), "package stays", "packages stay");
    canvas.title("HELD", &format!("{packages} exposed for now, and why"))?;
    let limit = style.limit();
    for (reason, members) in groups.iter().take(limit) {
        let packages: Vec<String> = members
            .iter()
            .map(|held| match held.vulnerabilities.as_slice() {
                [] => format!("{} {}", held.package, held.installed),
                [only] => format!("{} ({only})", held.package),
                [first, rest @ ..] => format!("{} ({first} +{})", held.package, rest.len()),
            })
            .collect();
        canvas.text(2, Paint::Text, &words::hold(reason))?;
        canvas.list(4, &packages, if style.all { usize::MAX } else { 6 })?;
    }
    more(canvas, 2, groups.len().saturating_sub(limit))
}
