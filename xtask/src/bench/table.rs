//! From figures to the Markdown of `docs/benchmarks.md`.

use super::measure::{self, Pairs, Resources, median};
use super::{Figures, Limit, Row};
use anyhow::Result;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

/// A row with its figures.
pub struct Measured {
    pub row: Row,
    times: Pairs,
    ours: Resources,
    theirs: Resources,
}

impl Measured {
    /// Measures a row.
    pub fn of(row: Row, pairs: usize) -> Result<Self> {
        let times = measure::side_by_side(&row.ours, &row.theirs, pairs, row.before_ours)?;
        if let Some(before) = row.before_ours {
            before()?;
        }
        let (ours, theirs) = (row.ours.resources()?, row.theirs.resources()?);
        Ok(Self::with(row, times, ours, theirs))
    }

    /// A row whose figures were taken elsewhere.
    pub fn with(row: Row, times: Pairs, ours: Resources, theirs: Resources) -> Self {
        Self {
            row,
            times,
            ours,
            theirs,
        }
    }

    /// Whether every limit is kept.
    pub fn holds(&self) -> bool {
        self.row.limits.iter().all(|limit| self.keeps(*limit))
    }

    fn keeps(&self, limit: Limit) -> bool {
        match limit {
            Limit::Wall(most) => median(self.times.ratios()) <= most,
            // What was not measured is not kept.
            Limit::Peak(most) => self
                .ours
                .peak_mib
                .zip(self.theirs.peak_mib)
                .is_some_and(|(ours, theirs)| ours <= most * theirs),
            Limit::PeakMib(most) => self.ours.peak_mib.is_some_and(|ours| ours <= most),
        }
    }

    /// One line for the terminal.
    pub fn summary(&self) -> String {
        format!(
            "{} against {}, ratio {}, MiB {}",
            wall(&self.times.ours),
            wall(&self.times.theirs),
            spread(&self.times.ratios()),
            both(self.ours.peak_mib, self.theirs.peak_mib, 1)
        )
    }

    fn line(&self) -> String {
        let limits: Vec<String> = self
            .row
            .limits
            .iter()
            .map(|limit| {
                let what = match limit {
                    Limit::Wall(most) => format!("wall ≤ {most} ×"),
                    Limit::Peak(most) => format!("memory ≤ {most} ×"),
                    Limit::PeakMib(most) => format!("memory ≤ {most} MiB"),
                };
                format!(
                    "{what}: {}",
                    if self.keeps(*limit) {
                        "holds"
                    } else {
                        "**broken**"
                    }
                )
            })
            .collect();
        format!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            self.row.name,
            wall(&self.times.ours),
            wall(&self.times.theirs),
            spread(&self.times.ratios()),
            both(self.ours.cpu_seconds, self.theirs.cpu_seconds, 2),
            both(self.ours.peak_mib, self.theirs.peak_mib, 1),
            limits.join("; ")
        )
    }
}

/// The section's text: how it was measured, the table, the commands.
pub fn section(rows: &[Measured], figures: &[Figures], pairs: usize, machine: &str) -> String {
    // A table without pairs of programs is figures alone, each with its own limit beside it.
    let mut text = if rows.is_empty() {
        format!("{machine} Limits stand beside the figures.\n")
    } else {
        format!(
            "{machine} {pairs} pairs of runs in turn, medians; the ratio is ours / theirs pair by pair, median (least to most).\n\n\
         | what | ours, wall | theirs, wall | ratio | CPU s, ours / theirs | peak MiB, ours / theirs | limits |\n\
         |---|---|---|---|---|---|---|\n"
        )
    };
    let _ = rows
        .iter()
        .try_for_each(|row| writeln!(text, "{}", row.line()));
    for figures in figures {
        let _ = writeln!(text, "\n{}:\n", figures.name);
        for (name, value) in &figures.values {
            let _ = writeln!(text, "- {name}: {value}");
        }
    }
    if !rows.is_empty() {
        text.push_str("\nCommands:\n\n");
    }
    for row in rows {
        let _ = writeln!(
            text,
            "- {}: `{}` against `{}`",
            row.row.name,
            row.row.ours.line(),
            row.row.theirs.line()
        );
    }
    text
}

/// The page with the section `name` replaced, or added at the end where it has none; all else stays.
pub fn put_section(page: &str, name: &str, section: &str) -> String {
    let (begin, end) = (
        format!("<!-- bench:{name} -->\n"),
        format!("<!-- /bench:{name} -->\n"),
    );
    let section = format!("{begin}{section}{end}");
    match page
        .split_once(&begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)))
    {
        Some((before, after)) => format!("{before}{section}{after}"),
        None => format!("{}\n\n{section}", page.trim_end()),
    }
}

/// What the figures were taken on: processor, cores, kernel.
pub fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .and_then(|rest| rest.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, Linux {}.", kernel.trim())
}

/// Ours and theirs; a dash for what was not measured.
fn both(ours: Option<f64>, theirs: Option<f64>, digits: usize) -> String {
    let one = |value: Option<f64>| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
    };
    format!("{} / {}", one(ours), one(theirs))
}

fn wall(times: &[Duration]) -> String {
    let seconds = median(times.iter().map(Duration::as_secs_f64));
    if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1000.0)
    } else {
        format!("{seconds:.2} s")
    }
}

fn spread(ratios: &[f64]) -> String {
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    let digits = |value: f64| {
        if value < 0.1 {
            format!("{value:.4}")
        } else {
            format!("{value:.2}")
        }
    };
    format!(
        "{} ({} to {})",
        digits(median(ratios.iter().copied())),
        digits(least),
        digits(most)
    )
}

#[cfg(test)]
mod tests {
    use super::super::measure::Program;
    use super::*;

    fn measured(limits: Vec<Limit>) -> Measured {
        let program = Program::new(["true"]);
        Measured {
            row: Row {
                name: "a row",
                ours: program.clone(),
                theirs: program,
                limits,
                before_ours: None,
            },
            times: Pairs {
                ours: [20, 30, 10].map(Duration::from_millis).into(),
                theirs: [10, 10, 10].map(Duration::from_millis).into(),
            },
            ours: Resources {
                cpu_seconds: Some(0.02),
                peak_mib: Some(12.0),
            },
            theirs: Resources {
                cpu_seconds: Some(0.01),
                peak_mib: Some(6.0),
            },
        }
    }

    #[test]
    fn limits_are_judged_by_the_median_pair() {
        assert!(
            measured(vec![
                Limit::Wall(2.0),
                Limit::Peak(2.0),
                Limit::PeakMib(12.0)
            ])
            .holds()
        );
        assert!(!measured(vec![Limit::Wall(1.9)]).holds());
        assert!(!measured(vec![Limit::Peak(1.9)]).holds());
        assert!(!measured(vec![Limit::PeakMib(11.0)]).holds());
        assert_eq!(
            measured(vec![Limit::Wall(1.5)]).line(),
            "| a row | 20.0 ms | 10.0 ms | 2.00 (1.00 to 3.00) | 0.02 / 0.01 | 12.0 / 6.0 | wall ≤ 1.5 ×: **broken** |"
        );
    }

    #[test]
    fn what_was_not_measured_is_shown_so_and_keeps_no_limit() {
        let mut row = measured(vec![Limit::PeakMib(1.0e6)]);
        row.ours = Resources::NOT_MEASURED;
        assert!(!row.holds());
        assert!(
            row.line().contains("| – / 0.01 | – / 6.0 |"),
            "{}",
            row.line()
        );
    }

    #[test]
    fn section_is_replaced_and_the_rest_of_the_page_stays() {
        let page = put_section("# Benchmarks\n\nWords.\n", "scan", "one\n");
        assert_eq!(
            page,
            "# Benchmarks\n\nWords.\n\n<!-- bench:scan -->\none\n<!-- /bench:scan -->\n"
        );
        let page = put_section(&format!("{page}After.\n"), "scan", "two\n");
        assert_eq!(
            page,
            "# Benchmarks\n\nWords.\n\n<!-- bench:scan -->\ntwo\n<!-- /bench:scan -->\nAfter.\n"
        );
    }
}
