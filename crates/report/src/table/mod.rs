//! The report for a person at a terminal of 80 to 120 columns: the product's face.
//!
//! Read from the top it answers, in this order: is it bad, what do I install first and by when, what else is wrong,
//! what stays and why, what is *not* known, how old is the knowledge. Laid out by hand rather than as a grid, because
//! version strings and reasons are too long for columns that share 80 characters.

mod canvas;
mod exposures;
mod host;
mod knowledge;
mod updates;

use crate::Style;
use crate::view::View;
use canvas::{Canvas, Paint};
use overlock_model::decision::Decision;
use overlock_model::scan::ScanReport;
use std::io::{self, Write};

/// Writes the table.
///
/// # Errors
/// When `out` does.
pub fn write(report: &ScanReport, out: &mut dyn Write, style: &Style) -> io::Result<()> {
    let view = View::new(report);
    let mut canvas = Canvas::new(out, style.colour, style.width.max(Style::WIDTH_MIN));
    host::header(&view, &mut canvas)?;
    host::verdict(&view, &mut canvas)?;
    updates::updates(&view, &mut canvas, style)?;
    exposures::exposures(&view, &mut canvas, style)?;
    host::running(&view, &mut canvas, style)?;
    updates::held(&view, &mut canvas, style)?;
    knowledge::coverage(&view, &mut canvas, style)?;
    knowledge::feeds(&view, &mut canvas)?;
    knowledge::unseen(&view, &mut canvas, style)
}

fn decision_paint(decision: Decision) -> Paint {
    match decision {
        Decision::Immediate => Paint::Alarm,
        Decision::OutOfCycle => Paint::Warning,
        Decision::Scheduled => Paint::Text,
        Decision::Defer => Paint::Faint,
    }
}

/// The first names of a list, made harmless, and how many more there are.
fn names(names: &[String], limit: usize) -> String {
    let shown: Vec<_> = names
        .iter()
        .take(limit)
        .map(|name| crate::plain(name))
        .collect();
    let mut text = shown.join(", ");
    let more = names.len().saturating_sub(limit);
    if more > 0 {
        text.push_str(&format!(" and {} more", crate::words::number(more)));
    }
    text
}

/// Says that a list goes on.
fn more(canvas: &mut Canvas<'_>, indent: usize, left: usize) -> io::Result<()> {
    if left == 0 {
        return Ok(());
    }
    canvas.text(
        indent,
        Paint::Faint,
        &format!("{} more: --all", crate::words::number(left)),
    )
}
