//! Figures with their limits, and figures read from what programs print.

use crate::bench::Figures;
use anyhow::{Context, Result};

/// A limit that was broken is told with the figures, and fails the run.
pub(super) struct Checked {
    pub(super) figures: Figures,
    pub(super) broken: Vec<String>,
}

impl Checked {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            figures: Figures {
                name,
                values: Vec::new(),
            },
            broken: Vec::new(),
        }
    }

    pub(super) fn tell(&mut self, name: &str, value: impl Into<String>) {
        self.figures.values.push((name.to_owned(), value.into()));
    }

    pub(super) fn most(&mut self, name: &str, value: f64, limit: f64) {
        self.limit(name, value, value <= limit, &format!("at most {limit}"));
    }

    pub(super) fn least(&mut self, name: &str, value: f64, limit: f64) {
        self.limit(name, value, value >= limit, &format!("at least {limit}"));
    }

    fn limit(&mut self, name: &str, value: f64, holds: bool, limit: &str) {
        let verdict = if holds { "holds" } else { "BROKEN" };
        self.tell(name, format!("{value:.2} ({limit}: {verdict})"));
        if !holds {
            self.broken.push(format!("{name} is {value:.2}, {limit}"));
        }
    }
}

pub(super) fn lines(output: &str) -> Vec<(String, String)> {
    output
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

pub(super) fn last(figures: &[(String, String)], name: &str) -> Result<f64> {
    let value = figures
        .iter()
        .rev()
        .find(|(other, _)| other == name)
        .map(|(_, value)| value)
        .with_context(|| format!("no figure `{name}`"))?;
    Ok(value.parse()?)
}

pub(super) fn worst(figures: &[(String, String)], name: &str) -> Result<f64> {
    figures
        .iter()
        .filter(|(other, _)| other == name)
        .filter_map(|(_, value)| value.parse().ok())
        .max_by(f64::total_cmp)
        .with_context(|| format!("no figure `{name}`"))
}

/// Lines `{"name": …, "value": …}` as names and values.
pub(super) fn json_lines(output: &str) -> Vec<(String, String)> {
    output
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|line| {
            Some((
                line.get("name")?.as_str()?.to_owned(),
                line.get("value")?.to_string(),
            ))
        })
        .collect()
}
