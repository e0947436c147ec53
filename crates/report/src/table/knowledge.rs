//! What was judged and what was not, from which feeds, and what could not be seen.

use super::canvas::{Canvas, Line, Paint};
use super::{more, names};
use crate::plain::{columns, plain};
use crate::verdict::{adds_up, staleness};
use crate::view::View;
use crate::{Style, words};
use overlock_model::coverage::DepthLimit;
use std::io;

pub(super) fn coverage(view: &View<'_>, canvas: &mut Canvas<'_>, style: &Style) -> io::Result<()> {
    let coverage = &view.report.coverage;
    let packages = words::count(coverage.packages, "package", "packages");
    canvas.title("COVERAGE", &format!("{packages}, each in exactly one row"))?;
    let unjudged = if coverage.not_covered > 0 {
        Paint::Warning
    } else {
        Paint::Text
    };
    for (count, paint, text) in [
        (coverage.vulnerable, Paint::Text, "vulnerable, a fix exists"),
        (coverage.unfixed, Paint::Text, "vulnerable, no fix yet"),
        (
            coverage.not_vulnerable,
            Paint::Text,
            "judged, nothing known against them",
        ),
        (coverage.not_covered, unjudged, "not judged"),
    ] {
        let mut line = Line::new(2);
        line.right(paint, &words::number(count), 7)
            .push(paint, "  ")
            .push(paint, text);
        canvas.line(&line)?;
    }
    for gap in &coverage.gaps {
        let count = words::number(gap.packages);
        canvas.text(
            11,
            Paint::Warning,
            &format!("{count}  {}", words::not_covered(gap.reason)),
        )?;
        canvas.list(13, &gap.names, if style.all { usize::MAX } else { 5 })?;
    }
    if !adds_up(view.report) {
        canvas.text(
            2,
            Paint::Alarm,
            "these counts do not add up; please report this",
        )?;
    }
    if coverage.advisories_unknown {
        let text = "advisories unknown: no advisory data is at hand, updates are listed by the package manager's word";
        canvas.text(2, Paint::Alarm, text)?;
    }
    for depth in &coverage.depth {
        let paint = if depth.limit == DepthLimit::None {
            Paint::Faint
        } else {
            Paint::Warning
        };
        let feeds = depth.feeds.join(", ");
        canvas.text(
            2,
            paint,
            &format!(
                "{}: {} ({feeds})",
                depth.ecosystem,
                words::depth(depth.limit)
            ),
        )?;
    }
    for root in &view.report.host.search_roots {
        let pruned = if root.pruned.is_empty() {
            String::new()
        } else {
            format!(", left out {}", names(&root.pruned, 4))
        };
        let entries = words::count(root.entries, "entry", "entries");
        canvas.text(
            2,
            Paint::Faint,
            &format!(
                "searched /{} ({entries}{pruned})",
                root.path.trim_start_matches('/')
            ),
        )?;
    }
    Ok(())
}

pub(super) fn feeds(view: &View<'_>, canvas: &mut Canvas<'_>) -> io::Result<()> {
    let report = view.report;
    if report.feeds.is_empty() {
        canvas.title("FEEDS", "none at hand")?;
        return Ok(());
    }
    canvas.title("FEEDS", "what the judgement stands on")?;
    let longest = report
        .feeds
        .iter()
        .map(|feed| columns(&plain(&feed.id)))
        .fold(4, usize::max);
    for feed in &report.feeds {
        let mut line = Line::new(2);
        line.cell(Paint::Text, &feed.id, longest.min(canvas.width / 3))
            .push(Paint::Text, "  ");
        let dated = feed.dated.map_or_else(|| "no date".to_owned(), words::date);
        line.cell(Paint::Text, &dated, 10).push(Paint::Text, "  ");
        let age = feed
            .dated
            .or(feed.fetched)
            .map(|dated| words::age(dated, report.generated))
            .unwrap_or_default();
        line.cell(Paint::Faint, &age, 13);
        line.right(Paint::Faint, &words::number(feed.records), 9)
            .push(Paint::Faint, " records");
        if feed.quarantined > 0 {
            line.push(
                Paint::Warning,
                &format!(", {} unreadable", words::number(feed.quarantined)),
            );
        }
        let stale = staleness(feed, report.generated).map(|why| format!("STALE: {why}"));
        match stale {
            Some(stale) if line.used() + 2 + columns(&plain(&stale)) <= canvas.width => {
                line.push(Paint::Text, "  ").push(Paint::Warning, &stale);
                canvas.line(&line)?;
            }
            Some(stale) => {
                canvas.line(&line)?;
                canvas.text(4, Paint::Warning, &stale)?;
            }
            None => canvas.line(&line)?,
        }
    }
    Ok(())
}

pub(super) fn unseen(view: &View<'_>, canvas: &mut Canvas<'_>, style: &Style) -> io::Result<()> {
    let unseen = &view.report.host.unseen;
    if unseen.is_empty() {
        return Ok(());
    }
    canvas.title("NOT SEEN", "what this scan could not look at")?;
    for thing in unseen.iter().take(style.limit()) {
        canvas.flow(
            2,
            &[
                (Paint::Text, thing.what.clone()),
                (Paint::Faint, thing.why.clone()),
            ],
        )?;
    }
    more(canvas, 2, unseen.len().saturating_sub(style.limit()))
}
