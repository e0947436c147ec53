//! Scan results as table, JSON, CSV, SARIF, CycloneDX and one HTML page.
//!
//! The command line hands a finished [`ScanReport`] to [`write()`]; nothing is decided here. Every format says what is
//! *not* known as plainly as what was found: [`verdict`] is the one place that may call a host clear, and does so only
//! when every package was judged with full, fresh data.
//!
//! Names in a report come from package databases, feeds and file systems, so they are hostile. [`plain()`] neutralises
//! what people look at (table, page, CSV); the JSON formats escape the same characters and lose nothing.
//!
//! ```text
//! ScanReport ─┬─► verdict, view, words ─┬─► table   (people at a terminal)
//!             │                         └─► html    (people with a browser)
//!             └─► json · csv · sarif · cyclonedx    (machines)
//! ```

pub mod csv;
pub mod cyclonedx;
pub mod format;
pub mod html;
pub mod json;
mod links;
mod plain;
pub mod purl;
pub mod sarif;
pub mod schema;
pub mod table;
pub mod verdict;
mod view;
mod words;

pub use cyclonedx::Serial;
pub use format::{Format, Style, UnknownFormat};
pub use plain::{clip, columns, plain};
pub use schema::schemas;

use overlock_model::package::Package;
use overlock_model::scan::ScanReport;
use std::io::{self, BufWriter, Write};

/// What only CycloneDX needs beside the report.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bill<'a> {
    /// Every package of the inventory, judged or not; they become the components.
    pub packages: &'a [Package],
    /// The document's serial number: 16 random bytes from the caller.
    pub serial: Serial,
}

/// Writes `report` in one format.
///
/// # Errors
/// When `out` does.
pub fn write(
    format: Format,
    report: &ScanReport,
    bill: Bill<'_>,
    out: &mut dyn Write,
    style: &Style,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    match format {
        Format::Table => table::write(report, &mut out, style),
        Format::Json => json::write(report, &mut out, style),
        Format::Csv => csv::write(report, &mut out, style),
        Format::Sarif => sarif::write(report, &mut out, style),
        Format::Cyclonedx => cyclonedx::write(report, bill, &mut out, style),
        Format::Html => html::write(report, &mut out, style),
    }?;
    out.flush()
}
