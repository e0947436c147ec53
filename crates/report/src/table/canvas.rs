//! Lines for a terminal of known width: nothing that passes through here can exceed it or act on the terminal.

use crate::plain::{clip, columns, plain, wrap};
use anstyle::{AnsiColor, Color, Style as Ansi};
use std::io::{self, Write};

/// What a piece of text is, from which follows how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Text,
    Strong,
    Faint,
    Alarm,
    Warning,
    Calm,
    Title,
}

impl Paint {
    fn ansi(self) -> Ansi {
        let colour = |colour: AnsiColor| Ansi::new().fg_color(Some(Color::Ansi(colour)));
        match self {
            Self::Text => Ansi::new(),
            Self::Strong => Ansi::new().bold(),
            Self::Faint => Ansi::new().dimmed(),
            Self::Alarm => colour(AnsiColor::Red).bold(),
            Self::Warning => colour(AnsiColor::Yellow),
            Self::Calm => colour(AnsiColor::Green),
            Self::Title => colour(AnsiColor::Cyan).bold(),
        }
    }
}

/// One line being put together from left to right.
#[derive(Default)]
pub(super) struct Line {
    spans: Vec<(Paint, String)>,
    used: usize,
}

impl Line {
    pub(super) fn new(indent: usize) -> Self {
        let mut line = Self::default();
        line.to(indent);
        line
    }

    /// Appends text from outside.
    pub(super) fn push(&mut self, paint: Paint, text: &str) -> &mut Self {
        let text = plain(text);
        self.used += columns(&text);
        self.spans.push((paint, text.into_owned()));
        self
    }

    /// Moves to a column; one that is passed already is left alone.
    pub(super) fn to(&mut self, column: usize) -> &mut Self {
        if column > self.used {
            self.spans
                .push((Paint::Text, " ".repeat(column - self.used)));
            self.used = column;
        }
        self
    }

    /// Appends text cut to `width` columns and fills up to there.
    pub(super) fn cell(&mut self, paint: Paint, text: &str, width: usize) -> &mut Self {
        let end = self.used + width;
        self.push(paint, &clip(&plain(text), width)).to(end)
    }

    /// Appends text that ends at the `width`-th column from here.
    pub(super) fn right(&mut self, paint: Paint, text: &str, width: usize) -> &mut Self {
        let text = clip(&plain(text), width);
        let start = self.used + width.saturating_sub(columns(&text));
        self.to(start).push(paint, &text)
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }
}

/// Where lines go.
pub(super) struct Canvas<'a> {
    out: &'a mut dyn Write,
    colour: bool,
    pub(super) width: usize,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(out: &'a mut dyn Write, colour: bool, width: usize) -> Self {
        Self { out, colour, width }
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }

    /// Prints a line, cut at the width, without blanks at its end.
    pub(super) fn line(&mut self, line: &Line) -> io::Result<()> {
        let mut left = self.width;
        let last = line
            .spans
            .iter()
            .rposition(|(_, text)| !text.trim_end().is_empty());
        for (at, (paint, text)) in line.spans.iter().enumerate() {
            if last.is_none_or(|last| at > last) || left == 0 {
                break;
            }
            let text = clip(text, left);
            left = left.saturating_sub(columns(&text));
            let text = if Some(at) == last {
                text.trim_end()
            } else {
                &text
            };
            let ansi = paint.ansi();
            if self.colour && ansi != Ansi::new() && !text.trim().is_empty() {
                write!(self.out, "{}{text}{}", ansi.render(), ansi.render_reset())?;
            } else {
                self.out.write_all(text.as_bytes())?;
            }
        }
        self.blank()
    }

    /// Prints pieces one after the other with ` · ` between them, breaking lines between pieces where that is possible.
    pub(super) fn flow(&mut self, indent: usize, pieces: &[(Paint, String)]) -> io::Result<()> {
        self.flow_after(Line::new(indent), indent, pieces)
    }

    /// As [`Canvas::flow`], after what stands on the first line already.
    pub(super) fn flow_after(
        &mut self,
        line: Line,
        indent: usize,
        pieces: &[(Paint, String)],
    ) -> io::Result<()> {
        const BETWEEN: &str = " · ";
        let mut line = line;
        let mut fresh = true;
        for (paint, text) in pieces {
            let text = plain(text);
            let gap = if fresh { 0 } else { columns(BETWEEN) };
            if line.used() + gap + columns(&text) <= self.width {
                if !fresh {
                    line.push(Paint::Faint, BETWEEN);
                }
                line.push(*paint, &text);
                fresh = false;
                continue;
            }
            if !fresh || line.spans.iter().any(|(_, text)| !text.trim().is_empty()) {
                self.line(&line)?;
            }
            let mut wrapped = wrap(&text, self.width.saturating_sub(indent))
                .into_iter()
                .peekable();
            while let Some(part) = wrapped.next() {
                line = Line::new(indent);
                line.push(*paint, &part);
                if wrapped.peek().is_some() {
                    self.line(&line)?;
                }
            }
            fresh = false;
        }
        if fresh { Ok(()) } else { self.line(&line) }
    }

    /// Prints one text in as many lines as it needs.
    pub(super) fn text(&mut self, indent: usize, paint: Paint, text: &str) -> io::Result<()> {
        self.wrapped(indent, paint, &plain(text))
    }

    /// Prints the first names of a list; each is bounded by itself, so that a long list is not cut.
    pub(super) fn list(&mut self, indent: usize, names: &[String], limit: usize) -> io::Result<()> {
        self.wrapped(indent, Paint::Faint, &super::names(names, limit))
    }

    fn wrapped(&mut self, indent: usize, paint: Paint, text: &str) -> io::Result<()> {
        for part in wrap(text, self.width.saturating_sub(indent)) {
            let mut line = Line::new(indent);
            line.push(paint, &part);
            self.line(&line)?;
        }
        Ok(())
    }

    /// Prints a section's title after a blank line, with a few words beside it.
    pub(super) fn title(&mut self, title: &str, beside: &str) -> io::Result<()> {
        self.blank()?;
        let mut line = Line::default();
        line.push(Paint::Title, title);
        if columns(title) + 2 + columns(&plain(beside)) <= self.width {
            line.push(Paint::Text, "  ").push(Paint::Faint, beside);
            return self.line(&line);
        }
        self.line(&line)?;
        self.text(2, Paint::Faint, beside)
    }
}
