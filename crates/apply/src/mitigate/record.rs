//! What runs put in place and how it was before: one file for each run, `mitigations/N.json`.

use super::MitigateError;
use crate::durable;
use overlock_model::mitigation::Mitigation;
use overlock_model::run::RunId;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const SCHEMA: &str = "overlock.mitigation-record/1";
/// A plan's measures with their reasons; a plan itself is no larger.
const BYTES_MAX: u64 = 16 << 20;

/// The measures of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    schema: String,
    /// The run.
    pub run: RunId,
    /// Its measures, in the order of the plan.
    pub kept: Vec<Kept>,
}

/// A measure, and how it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The measure.
    pub mitigation: Mitigation,
    /// What there was before it.
    pub former: Former,
}

/// What there was before a measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Former {
    /// A unit.
    Unit {
        /// The name that systemd itself calls it by.
        id: String,
        /// Whether it ran.
        active: bool,
        /// Whether the host's own configuration had masked it: then it is none of ours.
        masked: bool,
        /// Ports that it listened on.
        ports: Vec<u16>,
    },
    /// A parameter of the kernel.
    Parameter {
        /// Its value.
        value: i64,
    },
    /// A module of the kernel.
    Module {
        /// Whether it was loaded.
        loaded: bool,
    },
    /// A package.
    Package {
        /// Whether somebody held it already: then the hold stays when ours goes.
        held: bool,
    },
}

impl Record {
    pub(super) fn new(run: RunId, kept: Vec<Kept>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            run,
            kept,
        }
    }
}

/// All records of a host.
#[derive(Debug, Clone)]
pub struct Records {
    folder: PathBuf,
}

impl Records {
    /// In a state directory.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self {
            folder: data.join("mitigations"),
        }
    }

    fn path(&self, run: RunId) -> PathBuf {
        self.folder.join(format!("{run}.json"))
    }

    /// Every record, by run.
    ///
    /// # Errors
    /// When one cannot be read: a measure that nobody knows of would never be taken away.
    pub fn all(&self) -> Result<Vec<Record>, MitigateError> {
        let failed = |source| MitigateError::file("read", &self.folder, source);
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut records = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            // Half a file, from a cut before anything was changed.
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                records.push(read(&path)?);
            }
        }
        records.sort_by_key(|record| record.run);
        Ok(records)
    }

    /// The record of a run, if anything of it is in force.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(&self, run: RunId) -> Result<Option<Record>, MitigateError> {
        let path = self.path(run);
        match path.try_exists() {
            Ok(true) => read(&path).map(Some),
            Ok(false) => Ok(None),
            Err(source) => Err(MitigateError::file("read", &path, source)),
        }
    }

    pub(super) fn write(&self, record: &Record) -> Result<(), MitigateError> {
        let path = self.path(record.run);
        let text = serde_json::to_string_pretty(record).map_err(|error| MitigateError::Record {
            path: path.display().to_string(),
            why: error.to_string(),
        })?;
        durable::write(&path, &text).map_err(|source| MitigateError::file("write", &path, source))
    }

    pub(super) fn remove(&self, run: RunId) -> Result<(), MitigateError> {
        let path = self.path(run);
        durable::remove(&path).map_err(|source| MitigateError::file("remove", &path, source))
    }
}

fn read(path: &Path) -> Result<Record, MitigateError> {
    let failed = |source| MitigateError::file("read", path, source);
    let unusable = |why: String| MitigateError::Record {
        path: path.display().to_string(),
        why,
    };
    let file = fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let record: Record =
        serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
    if record.schema != SCHEMA {
        return Err(unusable(format!("it is of schema `{}`", record.schema)));
    }
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    if stem != Some(record.run.to_string()) {
        return Err(unusable("its name is that of another run".to_owned()));
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::mitigation::Measure;

    fn record(run: u64) -> Record {
        let mitigation = Mitigation {
            measure: Measure::BlockModule {
                module: "sctp".to_owned(),
            },
            against: Vec::new(),
            owner: "ada".to_owned(),
            reason: "not needed".to_owned(),
            expires: "2026-12-01T00:00:00Z".parse().unwrap(),
        };
        let former = Former::Module { loaded: false };
        Record::new(RunId(run), vec![Kept { mitigation, former }])
    }

    #[test]
    fn records_come_back_by_run_and_half_a_file_is_none() {
        let data = tempfile::tempdir().unwrap();
        let records = Records::new(data.path());
        assert!(records.all().unwrap().is_empty());
        for run in [10, 2] {
            records.write(&record(run)).unwrap();
        }
        fs::write(data.path().join("mitigations/.11.json.new"), "{").unwrap();
        assert_eq!(records.all().unwrap(), [record(2), record(10)]);
        records.remove(RunId(2)).unwrap();
        assert_eq!(records.of(RunId(2)).unwrap(), None);
    }

    /// R6: what cannot be read is not "nothing in force".
    #[test]
    fn record_that_cannot_be_used_is_an_error() {
        let data = tempfile::tempdir().unwrap();
        let records = Records::new(data.path());
        records.write(&record(1)).unwrap();
        let path = data.path().join("mitigations/1.json");
        let text = fs::read_to_string(&path).unwrap();
        for bad in [
            String::new(),
            text.replace("record/1", "record/9"),
            text.replace("\"run\": 1", "\"run\": 3"),
        ] {
            fs::write(&path, bad).unwrap();
            assert!(records.all().is_err());
        }
    }
}
