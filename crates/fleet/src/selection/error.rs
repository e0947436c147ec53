//! Why a selection is refused, with the place in its text.

use super::field::{Field, OS};
use cel::{ExecutionError, ParseErrors};

/// A selection that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}{}", self.drawn())]
pub struct SelectionError {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line it is in, and the character in that line, from 0; `None` where it is the whole.
    pub place: Option<(String, usize)>,
}

impl SelectionError {
    pub(super) fn whole(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: Some(hint.into()),
            place: None,
        }
    }

    /// At a character of the text.
    pub(super) fn at(text: &str, character: Option<u32>, what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: None,
            place: character.and_then(|character| place(text, character as usize)),
        }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    pub(super) fn syntax(text: &str, errors: &ParseErrors) -> Self {
        let first = errors.errors.first();
        let line = first.and_then(|error| {
            let line = usize::try_from(error.pos.0 - 1).ok()?;
            let line = text.lines().nth(line)?.to_owned();
            Some((
                line,
                usize::try_from(error.pos.1).unwrap_or(1).saturating_sub(1),
            ))
        });
        let what = first.map_or("no expression", |error| error.msg.as_str());
        let what: String = what.chars().take(200).collect();
        Self {
            what: format!("no CEL expression: {what}"),
            hint: Some("such as `host.os.id == 'debian' && 'web' in host.tags`".to_owned()),
            place: line,
        }
    }

    pub(super) fn types(error: &ExecutionError) -> Self {
        let what: String = error.to_string().chars().take(200).collect();
        Self::whole(
            format!("the expression has no value: {what}"),
            "it must be true or false for each host; texts stand in quotes",
        )
    }

    pub(super) fn unknown_field(text: &str, at: Option<u32>, field: &str) -> Self {
        let known: Vec<&str> = Field::ALL.iter().map(|field| field.word()).collect();
        let field: String = field.chars().take(64).collect();
        Self::at(text, at, format!("a host has no field `{field}`"))
            .hint(format!("it has {}", known.join(", ")))
    }

    pub(super) fn unknown_os_field(text: &str, at: Option<u32>, field: &str) -> Self {
        let field: String = field.chars().take(64).collect();
        Self::at(text, at, format!("`host.os` has no field `{field}`"))
            .hint(format!("it has {}", OS.join(", ")))
    }

    /// The line, and a mark under the place.
    fn drawn(&self) -> String {
        match &self.place {
            Some((line, column)) => format!("\n  {line}\n  {:>width$}", "^", width = column + 1),
            None => String::new(),
        }
    }
}

fn place(text: &str, character: usize) -> Option<(String, usize)> {
    let mut before = 0;
    for line in text.lines() {
        let length = line.chars().count();
        if character <= before + length {
            return Some((line.to_owned(), character - before));
        }
        before += length + 1;
    }
    None
}
