//! The closure: the exact set of artifacts that one host installs in one transaction.

use super::{CanonicalError, Digest, to_canonical};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All changes of one transaction, sorted by name and architecture, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Closure {
    /// The package manager that carries it out: `deb` or `rpm`.
    pub manager: String,
    /// The changes.
    pub changes: Vec<Change>,
}

/// What becomes of one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Binary package name.
    pub name: String,
    /// Its architecture (`all` and `noarch` too).
    pub arch: String,
    /// What is done.
    pub action: Action,
}

/// From what to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Not installed before.
    Install {
        /// Version.
        to: String,
        /// What is installed.
        artifact: Artifact,
    },
    /// Another version of an installed package, newer or (in a revert) older.
    Replace {
        /// Version before; the host must have just this one.
        from: String,
        /// Version after.
        to: String,
        /// What is installed.
        artifact: Artifact,
        /// The way back: the artifact of `from`. Without it the change is one-way.
        back: Option<Artifact>,
    },
    /// Installed before, not after.
    Remove {
        /// Version before.
        from: String,
        /// The way back; without it the change is one-way.
        back: Option<Artifact>,
    },
}

/// One file of a package manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Its hash; the truth about what it is, wherever it comes from.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Where it was found: a repository's short name, or `cache`.
    pub origin: String,
    /// The name it has there, relative to the repository's address; absent in a cache.
    pub path: Option<String>,
}

impl Closure {
    /// The canonical bytes.
    ///
    /// # Errors
    /// When a number is too large for canonical JSON.
    pub fn bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        to_canonical(self)
    }

    /// Its name in host entries.
    ///
    /// # Errors
    /// When a number is too large for canonical JSON.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Ok(Digest::of(&self.bytes()?))
    }

    /// Whether every change has a way back.
    #[must_use]
    pub fn is_reversible(&self) -> bool {
        self.changes.iter().all(Change::is_reversible)
    }

    /// The closure that takes this one back; `None` when a change has no way back.
    #[must_use]
    pub fn reversed(&self) -> Option<Self> {
        let changes = self.changes.iter().map(Change::reversed);
        Some(Self {
            manager: self.manager.clone(),
            changes: changes.collect::<Option<_>>()?,
        })
    }

    /// What the host fetches, in the order of the changes.
    pub fn artifacts(&self) -> impl Iterator<Item = (&Change, &Artifact)> {
        self.changes
            .iter()
            .filter_map(|change| change.artifact().map(|artifact| (change, artifact)))
    }
}

impl Change {
    /// `name:arch`, as dpkg writes it.
    #[must_use]
    pub fn spec(&self) -> String {
        format!("{}:{}", self.name, self.arch)
    }

    /// The change that takes this one back; `None` when there is no way back.
    #[must_use]
    pub fn reversed(&self) -> Option<Self> {
        let action = match self.action.clone() {
            Action::Install { to, artifact } => Action::Remove {
                from: to,
                back: Some(artifact),
            },
            Action::Replace {
                from,
                to,
                artifact,
                back,
            } => Action::Replace {
                from: to,
                to: from,
                artifact: back?,
                back: Some(artifact),
            },
            Action::Remove { from, back } => Action::Install {
                to: from,
                artifact: back?,
            },
        };
        Some(Self {
            action,
            ..self.clone()
        })
    }

    /// Version before; `None` when it was not installed.
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        match &self.action {
            Action::Install { .. } => None,
            Action::Replace { from, .. } | Action::Remove { from, .. } => Some(from),
        }
    }

    /// Version after; `None` when it is removed.
    #[must_use]
    pub fn to(&self) -> Option<&str> {
        match &self.action {
            Action::Install { to, .. } | Action::Replace { to, .. } => Some(to),
            Action::Remove { .. } => None,
        }
    }

    /// What is installed; `None` for a removal.
    #[must_use]
    pub fn artifact(&self) -> Option<&Artifact> {
        match &self.action {
            Action::Install { artifact, .. } | Action::Replace { artifact, .. } => Some(artifact),
            Action::Remove { .. } => None,
        }
    }

    /// The artifact of the version before.
    #[must_use]
    pub fn back(&self) -> Option<&Artifact> {
        match &self.action {
            Action::Install { .. } => None,
            Action::Replace { back, .. } | Action::Remove { back, .. } => back.as_ref(),
        }
    }

    /// Whether the version before can be put back: from an artifact, or by removing what is new.
    #[must_use]
    pub fn is_reversible(&self) -> bool {
        match &self.action {
            Action::Install { .. } => true,
            Action::Replace { back, .. } | Action::Remove { back, .. } => back.is_some(),
        }
    }
}
