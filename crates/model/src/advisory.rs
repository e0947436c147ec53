//! What publishers say: disclosures and resolutions, kept apart (facts, not verdicts).
//!
//! A *disclosure* says that a package has a vulnerability; a *resolution* says, for one release, channel, module
//! stream and architecture, how it ends. A verdict is computed per host from both, never stored.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A namespace in which package names and versions mean one thing: a distribution release or a language ecosystem.
///
/// Written `debian:12`, `ubuntu:22.04`, `almalinux:9`, `alpine:v3.19`, `pypi`, `npm`, `cargo`, `golang`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ecosystem(pub String);

impl Ecosystem {
    /// The namespace of a distribution release.
    #[must_use]
    pub fn release(id: &str, version: &str) -> Self {
        Self(format!("{id}:{version}"))
    }

    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// That a package has a vulnerability, whoever fixes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosure {
    /// Where the name is valid.
    pub ecosystem: Ecosystem,
    /// Source package for dpkg and apk, binary package for rpm, module for languages.
    pub package: String,
    /// Main identifier; a CVE where there is one.
    pub vulnerability: String,
    /// Other identifiers of the same vulnerability (GHSA, PYSEC, RUSTSEC …), without the main one.
    pub aliases: Vec<String>,
    /// The vendor's own rating in the vendor's word (`unimportant`, `low`, `important` …).
    pub severity: Option<String>,
    /// One line of what it is, at most a few hundred bytes.
    pub summary: Option<String>,
    /// CVSS vectors that this publisher gives.
    pub cvss: Vec<String>,
    /// When it was made public, where the publisher says.
    pub published: Option<Timestamp>,
}

/// How a vulnerability ends for one release, channel, stream and architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Where the name and the versions are valid.
    pub ecosystem: Ecosystem,
    /// As in [`Disclosure::package`].
    pub package: String,
    /// As in [`Disclosure::vulnerability`].
    pub vulnerability: String,
    /// Which stream of updates states this: `security`, `updates`, `lts`, `esm-infra`, `eus`; empty for the main one.
    pub channel: String,
    /// Module and stream (`nodejs:18`) that the fix was built for; `None` is a non-modular build.
    pub module: Option<String>,
    /// Architectures it holds for; empty means all.
    pub arches: Vec<String>,
    /// First version that is affected; `None` means from the beginning.
    pub introduced: Option<String>,
    /// What the vendor says.
    pub status: VendorStatus,
    /// Advisory that states it (`DSA-5678-1`, `ALSA-2024:1234`), where one does.
    pub advisory: Option<String>,
    /// When the advisory was published.
    pub issued: Option<Timestamp>,
    /// Feed it was read from, as in [`crate::feed::FeedId`].
    pub feed: String,
}

/// A vendor's statement about one vulnerability in one package of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VendorStatus {
    /// Affected below this version; this version and later ones are not.
    Fixed(String),
    /// Affected up to and including this version; nothing is said of a fix (OSV `last_affected`).
    LastAffected(String),
    /// Exactly these versions are affected (OSV `versions` without ranges).
    Versions(Vec<String>),
    /// Affected, and no fix yet.
    Affected,
    /// The vendor will not fix it (won't-fix, ignored, out of support scope); with the vendor's words.
    WillNotFix(String),
    /// The vendor fixes it later, with a point release or another advisory (postponed, no-dsa); with its words.
    Postponed(String),
    /// Not affected.
    NotAffected,
    /// Not yet known (undetermined, under investigation, needs triage).
    UnderInvestigation,
    /// The package's support in this release has ended.
    EndOfLife,
}

/// What a feed's parser hands on, one record at a time.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// A package has a vulnerability.
    Disclosure(Disclosure),
    /// How it ends.
    Resolution(Resolution),
    /// Something about a vulnerability itself, whatever package it is in.
    Threat {
        /// Identifier, a CVE.
        vulnerability: String,
        /// What is said.
        part: ThreatPart,
    },
    /// Rejected or withdrawn by the one who gave the identifier: it must not be reported from this feed.
    Withdrawn {
        /// Identifier.
        vulnerability: String,
    },
}

/// One fact about a vulnerability.
#[derive(Debug, Clone, PartialEq)]
pub enum ThreatPart {
    /// A CVSS vector (with `CVSS:` prefix from v3 on) and who assessed it.
    Cvss {
        /// Assessor, such as `CISA-ADP`, `nvd`, or the CNA's short name.
        source: String,
        /// The vector as received.
        vector: String,
    },
    /// EPSS score and percentile; model and date stand once per feed in its [`FeedFacts`].
    Epss {
        /// 0.0 to 1.0.
        score: f64,
        /// 0.0 to 1.0.
        percentile: f64,
    },
    /// KEV entry.
    Kev(crate::threat::Kev),
    /// SSVC decision points.
    Ssvc(crate::threat::Ssvc),
    /// Date of publication.
    Published(jiff::civil::Date),
}

/// Facts that stand once in a feed's file and hold for all its records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedFacts {
    /// The date the publisher gives the content.
    pub dated: Option<Timestamp>,
    /// EPSS model version.
    pub epss_model: Option<String>,
}
