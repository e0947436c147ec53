//! Whether a received file is what its publisher means: it is parsed as the compiler will, and what comes out is counted.

use std::fs::File;
use std::path::Path;

use jiff::Timestamp;
use overlock_model::advisory::Ecosystem;
use overlock_model::feed::FeedId;

use crate::format::FeedFormat;
use crate::parse::{Limits, parse};

/// What to check.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Which feed.
    pub id: &'a FeedId,
    /// Its format.
    pub format: FeedFormat,
    /// The release the file speaks of, where the file itself does not say.
    pub ecosystem: Option<&'a Ecosystem>,
    /// The file.
    pub path: &'a Path,
}

/// What a check found in a file that is in its format.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Records that can be used.
    pub records: u64,
    /// Records kept out.
    pub quarantined: u64,
    /// The first problems in words, bounded by the parser.
    pub problems: Vec<String>,
    /// The date the publisher gives the content.
    pub dated: Option<Timestamp>,
}

/// Checks a file. The sync calls it from a thread of its own, one file at a time.
pub trait Checker: Sync {
    /// Reads the whole file.
    ///
    /// # Errors
    /// The file is not in its format, or beyond the parser's limits.
    fn check(
        &self,
        subject: &Subject<'_>,
    ) -> Result<Checked, Box<dyn std::error::Error + Send + Sync>>;
}

/// The real check: the parsers of [`crate::parse`], whose statements are counted and dropped.
#[derive(Debug, Clone, Default)]
pub struct Parsers {
    /// Bounds of every parser.
    pub limits: Limits,
}

impl Checker for Parsers {
    fn check(
        &self,
        subject: &Subject<'_>,
    ) -> Result<Checked, Box<dyn std::error::Error + Send + Sync>> {
        let mut file = File::open(subject.path)?;
        let Subject {
            id,
            format,
            ecosystem,
            ..
        } = *subject;
        let parsed = parse(format, &mut file, id, ecosystem, &self.limits, &mut |_| {})?;
        Ok(Checked {
            records: parsed.records,
            quarantined: parsed.quarantined,
            problems: parsed.first_problems,
            dated: parsed.facts.dated,
        })
    }
}
