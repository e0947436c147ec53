//! Repositories a host is configured with, and what they offer for its packages.

use crate::run::RunId;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One configured package source with its metadata as found on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repository {
    /// Short stable name: apt `archive/component` (`bookworm-security/main`), dnf repository id, apk or pacman repository.
    pub id: String,
    /// Address as configured, credentials removed.
    pub uri: String,
    /// `Origin:` of the Release file, or the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// `Label:` of the Release file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// `Suite:` of the Release file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// `Codename:` of the Release file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codename: Option<String>,
    /// Whether this source publishes security updates.
    #[serde(default)]
    pub security: bool,
    /// What is known of the metadata's signature.
    pub signature: Signature,
    /// When the publisher made the metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated: Option<Timestamp>,
    /// Until when the publisher wants it trusted (`Valid-Until`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// When this host last fetched it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Timestamp>,
    /// How many packages it lists; absent when there is no metadata on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<u64>,
}

/// State of a repository signature, as checked by us and not as claimed by the package manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Signature {
    /// Signed by a key of the configured key ring, and the index has the hash that the signed file states.
    Verified {
        /// Fingerprint of the signing key, upper-case hex.
        key: String,
    },
    /// A signature is there and does not hold.
    Bad {
        /// What failed.
        why: String,
    },
    /// A signature is there but none of the configured keys made it.
    UnknownKey {
        /// Key id the signature names.
        key: String,
    },
    /// No signature.
    Unsigned,
    /// Not looked at: unreadable, unsupported kind of repository.
    Unchecked {
        /// Why not.
        why: String,
    },
}

/// What the repositories offer for one installed package, by the package manager's own rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    /// Binary package name.
    pub package: String,
    /// Architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// The version the package manager would install; equal to the installed one when there is nothing newer.
    pub version: String,
    /// Source name of that version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Source version of that version, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_version: Option<String>,
    /// `Repository::id` it comes from.
    pub repository: String,
    /// Whether some security repository holds this version.
    #[serde(default)]
    pub security: bool,
    /// Hash of the artifact, lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Size of the artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Packages that this version requires at exactly one version (`=` relations), as (name, version).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires_exactly: Vec<(String, String)>,
    /// Why the package manager would not take it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Blocked>,
}

/// Why an offered version is not the candidate right now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Blocked {
    /// The administrator's hold or version lock.
    Hold,
    /// A hold that a run of ours put in place.
    Mitigation {
        /// The run; reverting it ends the hold.
        run: RunId,
        /// Who answers for it.
        owner: String,
        /// Why.
        reason: String,
        /// When it ends by itself.
        expires: Timestamp,
    },
    /// A pin keeps the installed version; the newer version is in `version`.
    Pin {
        /// Priority of the newer version.
        priority: i32,
    },
    /// A phased update that has not reached this machine.
    Phased {
        /// Share of machines that get it now.
        percent: u8,
    },
}
