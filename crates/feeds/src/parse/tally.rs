//! Counting what a parser takes in, keeps out and leaves aside.

use super::{ErrorKind, Limits, ParseError, Place};
use overlock_model::advisory::FeedFacts;
use std::collections::BTreeSet;
use std::fmt::Display;

/// What a parser did with a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Records taken in.
    pub records: u64,
    /// Records that could not be read, kept out.
    pub quarantined: u64,
    /// Records that are sound but say nothing about vulnerabilities we can use (bug-fix errata, other systems).
    pub skipped: u64,
    /// The first problems in words, `place: cause`; at most [`Limits::problems_max`].
    pub first_problems: Vec<String>,
    /// What stands once in the file.
    pub facts: FeedFacts,
}

pub(super) struct Tally {
    pub(super) parsed: Parsed,
    problems_max: usize,
    unknown_releases: BTreeSet<String>,
}

impl Tally {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            parsed: Parsed::default(),
            problems_max: limits.problems_max,
            unknown_releases: BTreeSet::new(),
        }
    }

    pub(super) fn good(&mut self) {
        self.parsed.records += 1;
    }

    pub(super) fn skip(&mut self) {
        self.parsed.skipped += 1;
    }

    pub(super) fn bad(&mut self, place: impl Display, cause: impl Display) {
        self.parsed.quarantined += 1;
        if self.parsed.first_problems.len() < self.problems_max {
            let problem: String = format!("{place}: {cause}").chars().take(400).collect();
            self.parsed.first_problems.push(problem);
        }
    }

    /// Tells of a release that is not known here, once for each: what is said of the others stays good.
    pub(super) fn unknown_release(&mut self, codename: &str) {
        let codename: String = codename.chars().take(40).collect();
        let room = self.parsed.first_problems.len() < self.problems_max;
        if room && self.unknown_releases.insert(codename.clone()) {
            let problem =
                format!("release {codename:?} is not known: statements about it are left out");
            self.parsed.first_problems.push(problem);
        }
    }

    /// Counts the outcome of one record.
    pub(super) fn record(&mut self, place: impl Display, outcome: Result<Outcome, String>) {
        match outcome {
            Ok(Outcome::Taken) => self.good(),
            Ok(Outcome::Skipped) => self.skip(),
            Err(cause) => self.bad(place, cause),
        }
    }

    /// The result; a file of bad records only is not taken in.
    pub(super) fn finish(self) -> Result<Parsed, ParseError> {
        let parsed = self.parsed;
        if parsed.records == 0 && parsed.skipped == 0 && parsed.quarantined > 0 {
            let first = parsed.first_problems.first().cloned().unwrap_or_default();
            let cause = format!(
                "{} records, all bad; the first: {first}",
                parsed.quarantined
            );
            return Err(ParseError::new(
                ErrorKind::NoGoodRecord,
                Place::Start,
                cause,
            ));
        }
        Ok(parsed)
    }

    /// As [`Tally::finish`], for formats that never are empty.
    pub(super) fn finish_some(self, what: &str) -> Result<Parsed, ParseError> {
        let parsed = self.finish()?;
        if parsed.records == 0 && parsed.skipped == 0 {
            let cause = format!("no {what} in it");
            return Err(ParseError::new(
                ErrorKind::NotTheFormat,
                Place::Start,
                cause,
            ));
        }
        Ok(parsed)
    }
}

/// What became of a sound record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It led to statements.
    Taken,
    /// It has nothing for us.
    Skipped,
}
