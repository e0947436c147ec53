//! `/etc/overlock/agent.toml`: what the owner of a host lets its agent say.

use crate::durable;
use overlock_protocol::content::Labels;
use overlock_protocol::{Limits, Section};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Where it is unless another one is named.
pub const PATH: &str = "/etc/overlock/agent.toml";
/// Larger than any configuration.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// The configuration; every part has a default, and no file is the same as an empty one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Which sections are sent.
    #[serde(default)]
    pub sections: Switches,
    /// What the owner calls this host.
    #[serde(default)]
    pub labels: Labels,
    /// Longest time that a poll is held open, below what the server wishes: for middleboxes that cut idle connections.
    #[serde(default)]
    pub hold_seconds: Option<u32>,
}

/// A switch for each section but `system`, without which nothing can be judged. What is off is neither collected nor sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "each is the section of its name")]
pub struct Switches {
    pub packages: bool,
    pub languages: bool,
    pub repositories: bool,
    pub offers: bool,
    pub processes: bool,
    pub labels: bool,
    pub unseen: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            packages: true,
            languages: true,
            repositories: true,
            offers: true,
            processes: true,
            labels: true,
            unseen: true,
        }
    }
}

impl Switches {
    /// Whether a section is sent.
    #[must_use]
    pub fn on(&self, section: Section) -> bool {
        match section {
            Section::System => true,
            Section::Packages => self.packages,
            Section::Languages => self.languages,
            Section::Repositories => self.repositories,
            Section::Offers => self.offers,
            Section::Processes => self.processes,
            Section::Labels => self.labels,
            Section::Unseen => self.unseen,
        }
    }

    /// Those that are off.
    #[must_use]
    pub fn off(&self) -> BTreeSet<Section> {
        Section::ALL
            .into_iter()
            .filter(|section| !self.on(*section))
            .collect()
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// It cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// It is no configuration; the parser names line and column.
    #[error("cannot use `{}`", path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// Cause.
        #[source]
        source: toml::de::Error,
    },
    /// A value is out of bounds.
    #[error("cannot use `{}`: {why}", path.display())]
    Value {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl Configuration {
    /// Reads it; no file is an empty one.
    ///
    /// # Errors
    /// When it is there and cannot be used: a switch that is misspelt must not be a switch that is on.
    pub fn read(path: &Path) -> Result<Self, ConfigurationError> {
        let read = |source| ConfigurationError::Read {
            path: path.to_owned(),
            source,
        };
        let Some(bytes) = durable::read(path, FILE_BYTES_MAX).map_err(read)? else {
            return Ok(Self::default());
        };
        let text = String::from_utf8(bytes)
            .map_err(|error| read(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        let configuration: Self =
            toml::from_str(&text).map_err(|source| ConfigurationError::Parse {
                path: path.to_owned(),
                source,
            })?;
        configuration
            .check()
            .map_err(|why| ConfigurationError::Value {
                path: path.to_owned(),
                why,
            })?;
        Ok(configuration)
    }

    fn check(&self) -> Result<(), String> {
        let limits = Limits::WIRE;
        if self.labels.len() > limits.labels {
            return Err(format!(
                "{} labels are more than {}",
                self.labels.len(),
                limits.labels
            ));
        }
        let long = |text: &String| text.len() > limits.name_bytes;
        if let Some((label, _)) = self
            .labels
            .iter()
            .find(|(label, value)| label.is_empty() || long(label) || long(value))
        {
            return Err(format!(
                "the label `{}` and its value must have 1 to {} bytes",
                label.chars().take(80).collect::<String>(),
                limits.name_bytes
            ));
        }
        if self.hold_seconds.is_some_and(|seconds| seconds < 10) {
            return Err("`hold_seconds` must be 10 or more: each poll costs the server".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Configuration, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        std::fs::write(&path, text).unwrap();
        Configuration::read(&path).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!("{error}: {}", cause.unwrap_or_default())
                .replace(&folder.path().display().to_string(), "")
        })
    }

    #[test]
    fn everything_is_on_until_it_is_switched_off() {
        assert_eq!(
            Configuration::read(Path::new("/nonexistent")).unwrap(),
            Configuration::default()
        );
        assert!(Configuration::default().sections.off().is_empty());
        let some =
            read("hold_seconds = 50\n[sections]\nprocesses = false\n[labels]\nsite = \"north\"")
                .unwrap();
        assert_eq!(some.sections.off(), BTreeSet::from([Section::Processes]));
        assert_eq!(some.labels.get("site").map(String::as_str), Some("north"));
    }

    #[test]
    fn what_is_misspelt_is_named_with_its_place() {
        let error = read("[sections]\nprocesess = false").unwrap_err();
        assert!(
            error.contains("line 2") && error.contains("processes"),
            "{error}"
        );
        let error = read("[sections]\nsystem = false").unwrap_err();
        assert!(error.contains("unknown field `system`"), "{error}");
        assert!(read("hold_seconds = 1").unwrap_err().contains("10 or more"));
        let long = format!("[labels]\na = \"{}\"", "x".repeat(300));
        assert!(read(&long).unwrap_err().contains("1 to 253 bytes"));
    }
}
