//! Tables for people: columns as wide as they need, the last one cut to the terminal. Everything comes from hosts and
//! feeds, so nothing of it may steer the terminal.

use overlock_report::{clip, columns, plain};
use std::io::{self, Write};

/// Widest column but the last, in columns of a terminal.
const COLUMN_MAX: usize = 44;

/// Rows under a head.
pub struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these columns.
    pub fn new(head: &[&'static str]) -> Self {
        Self {
            head: head.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Takes a row; what is missing at its end stays empty.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(
            cells
                .into_iter()
                .map(|cell| plain(&cell.into()).into_owned())
                .collect(),
        );
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Prints it into this many columns.
    pub fn print(&self, out: &mut dyn Write, width: usize) -> io::Result<()> {
        let widths: Vec<usize> = self
            .head
            .iter()
            .enumerate()
            .map(|(at, head)| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(at))
                    .map(|cell| columns(cell))
                    .chain([columns(head)])
                    .max()
                    .unwrap_or(0)
                    .min(COLUMN_MAX)
            })
            .collect();
        let head: Vec<String> = self.head.iter().map(|&head| head.to_owned()).collect();
        let dim = anstyle::Style::new().dimmed();
        writeln!(out, "{dim}{}{dim:#}", line(&head, &widths, width))?;
        for row in &self.rows {
            writeln!(out, "{}", line(row, &widths, width))?;
        }
        Ok(())
    }
}

fn line(cells: &[String], widths: &[usize], width: usize) -> String {
    let mut text = String::new();
    let mut used = 0;
    for (at, cell) in cells.iter().enumerate() {
        let last = at + 1 == widths.len();
        let own = widths.get(at).copied().unwrap_or(0);
        let room = if last {
            width.saturating_sub(used).max(8)
        } else {
            own
        };
        let cell = clip(cell, room);
        text.push_str(&cell);
        if !last {
            let pad = own.saturating_sub(columns(&cell)) + 2;
            text.extend(std::iter::repeat_n(' ', pad));
            used += own + 2;
        }
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_steers_the_terminal() {
        let mut table = Table::new(&["host", "open"]);
        table.row(["a", "12"]);
        table.row(["evil\x1b[2J", "a very long cell at the end of it"]);
        let mut out = Vec::new();
        table.print(&mut out, 30).unwrap();
        let text = anstream::adapter::strip_bytes(&out).into_vec();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(!lines[2].contains('\x1b'));
        assert_eq!(lines[0].find("open"), lines[1].find("12"), "{text}");
        assert!(lines.iter().all(|line| columns(line) <= 30), "{text}");
    }
}
