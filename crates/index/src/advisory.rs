//! Reading the advisory table of one ecosystem.

use crate::IndexError;
use crate::layout::{self, stable_hash};
use crate::strings::{NONE, StringsRef};
use overlock_versions::Scheme;
use zerocopy::little_endian::{I64, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub(crate) const MAGIC: [u8; 8] = *b"OVLKADV1";

/// A vendor's position, as the table keeps it; the words of [`overlock_model::advisory::VendorStatus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum StatusWord {
    /// Affected below the bound.
    Fixed = 0,
    /// Affected up to and including the bound.
    LastAffected = 1,
    /// Exactly this one version is affected.
    ExactVersion = 2,
    /// Affected, no fix.
    Affected = 3,
    /// Will not fix.
    WillNotFix = 4,
    /// Fixed later.
    Postponed = 5,
    /// Not affected.
    NotAffected = 6,
    /// Not known yet.
    UnderInvestigation = 7,
    /// Support ended.
    EndOfLife = 8,
}

impl StatusWord {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Fixed,
            1 => Self::LastAffected,
            2 => Self::ExactVersion,
            3 => Self::Affected,
            4 => Self::WillNotFix,
            5 => Self::Postponed,
            6 => Self::NotAffected,
            7 => Self::UnderInvestigation,
            8 => Self::EndOfLife,
            _ => return None,
        })
    }
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(crate) struct PackageRow {
    pub name: U32,
    pub disclosures: U32,
    /// Rows with status `Fixed`, sorted by key.
    pub fixed: U32,
    /// All other rows, sorted by vulnerability.
    pub other: U32,
    /// Largest key prefix among the `Fixed` rows: a version above it has reached every fix.
    pub highest_fixed: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(crate) struct DisclosureRow {
    pub vulnerability: U32,
    pub aliases: U32,
    pub severity: U32,
    pub summary: U32,
    pub cvss: U32,
    pub published: I64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(crate) struct ResolutionRow {
    /// First eight bytes of the bound's key, so that most comparisons stay in this row.
    pub prefix: U64,
    pub key: U32,
    pub vulnerability: U32,
    pub bound: U32,
    pub introduced: U32,
    pub introduced_key: U32,
    pub channel: U32,
    pub module: U32,
    pub arches: U32,
    pub words: U32,
    pub advisory: U32,
    pub feed: U32,
    pub status: u8,
    pub issued: I64,
}

/// The advisory table of one ecosystem.
#[derive(Debug, Clone, Copy)]
pub struct AdvisoryIndex<'a> {
    scheme: Scheme,
    fixed_only: bool,
    overlays: bool,
    strings: StringsRef<'a>,
    buckets: &'a [U32],
    packages: &'a [PackageRow],
    disclosures: &'a [DisclosureRow],
    resolutions: &'a [ResolutionRow],
    feeds: &'a str,
}

impl std::fmt::Debug for PackageRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PackageRow({})", self.name)
    }
}

impl std::fmt::Debug for DisclosureRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DisclosureRow({})", self.vulnerability)
    }
}

impl std::fmt::Debug for ResolutionRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ResolutionRow({})", self.vulnerability)
    }
}

impl<'a> AdvisoryIndex<'a> {
    /// Opens a table; only the header and the section lengths are looked at.
    ///
    /// # Errors
    /// When the bytes are not such a table, or a section does not fit.
    pub fn open(bytes: &'a [u8]) -> Result<Self, IndexError> {
        let (
            facts,
            [
                offsets,
                text,
                buckets,
                packages,
                disclosures,
                resolutions,
                feeds,
                _,
            ],
        ) = layout::disassemble(bytes, MAGIC, "advisory")?;
        let damaged = |what| IndexError::Damaged {
            what,
            length: bytes.len(),
        };
        let [scheme, fixed_only, overlays, ..] = facts;
        Ok(Self {
            scheme: *Scheme::ALL
                .get(usize::from(scheme))
                .ok_or_else(|| damaged("the version scheme"))?,
            fixed_only: fixed_only != 0,
            overlays: overlays != 0,
            strings: StringsRef::open(offsets, text)?,
            buckets: layout::rows(buckets, "the buckets")?,
            packages: layout::rows(packages, "the packages")?,
            disclosures: layout::rows(disclosures, "the disclosures")?,
            resolutions: layout::rows(resolutions, "the resolutions")?,
            feeds: std::str::from_utf8(feeds).map_err(|_| damaged("the feed names"))?,
        })
    }

    /// Version order of this ecosystem.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether the feeds behind it know only vulnerabilities that have a fix.
    #[must_use]
    pub fn fixed_only(&self) -> bool {
        self.fixed_only
    }

    /// Whether several update channels state fixes for the same vulnerability (Ubuntu Pro, EUS).
    #[must_use]
    pub fn has_overlays(&self) -> bool {
        self.overlays
    }

    /// Feeds it was compiled from, sorted.
    pub fn feeds(&self) -> impl Iterator<Item = &'a str> {
        self.feeds.split('\n').filter(|feed| !feed.is_empty())
    }

    /// Number of packages that some advisory names.
    #[must_use]
    pub fn package_count(&self) -> usize {
        // One sentinel row closes the last package.
        self.packages.len().saturating_sub(1)
    }

    /// Number of resolutions.
    #[must_use]
    pub fn resolution_count(&self) -> usize {
        self.resolutions.len()
    }

    /// What is said of one package; `None` when no advisory names it.
    #[must_use]
    pub fn package(&self, name: &str) -> Option<PackageRows<'a>> {
        let mask = self.buckets.len().checked_sub(1)?;
        let hash = stable_hash(name.as_bytes());
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits pick the bucket"
        )]
        let mut at = hash as usize & mask;
        for _ in 0..self.buckets.len() {
            let row = self.buckets.get(at)?.get();
            if row == NONE {
                return None;
            }
            let package = self.packages.get(row as usize)?;
            if self.strings.bytes(package.name.get())? == name.as_bytes() {
                return self.rows(row as usize);
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// All packages with what is said of them, by name.
    pub fn packages(&self) -> impl Iterator<Item = PackageRows<'a>> {
        let index = *self;
        (0..self.package_count()).filter_map(move |row| index.rows(row))
    }

    fn rows(&self, row: usize) -> Option<PackageRows<'a>> {
        let package = self.packages.get(row)?;
        let next = self.packages.get(row + 1)?;
        let range = |from: U32, to: U32| from.get() as usize..to.get() as usize;
        Some(PackageRows {
            strings: self.strings,
            name: self.strings.text(package.name.get())?,
            highest_fixed: package.highest_fixed.get(),
            disclosures: self
                .disclosures
                .get(range(package.disclosures, next.disclosures))?,
            fixed: self.resolutions.get(range(package.fixed, package.other))?,
            other: self.resolutions.get(range(package.other, next.fixed))?,
        })
    }
}

/// What is said of one package.
#[derive(Debug, Clone, Copy)]
pub struct PackageRows<'a> {
    strings: StringsRef<'a>,
    name: &'a str,
    highest_fixed: u64,
    disclosures: &'a [DisclosureRow],
    fixed: &'a [ResolutionRow],
    other: &'a [ResolutionRow],
}

/// The first eight bytes of a key as a number of the same order.
pub(crate) fn prefix(key: &[u8]) -> u64 {
    let mut first = [0_u8; 8];
    for (slot, byte) in first.iter_mut().zip(key) {
        *slot = *byte;
    }
    u64::from_be_bytes(first)
}

impl<'a> PackageRows<'a> {
    /// The package's name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Resolutions whose fixed version lies above `installed`, lowest fix first: what the version has not reached.
    #[must_use]
    pub fn unreached(
        &self,
        installed: &[u8],
    ) -> impl ExactSizeIterator<Item = ResolutionRef<'a>> + use<'a> {
        let start = if prefix(installed) > self.highest_fixed {
            self.fixed.len()
        } else {
            let first = prefix(installed);
            self.fixed.partition_point(|row| {
                let prefix = row.prefix.get();
                // Equal prefixes decide nothing: the whole keys do.
                prefix < first
                    || (prefix == first
                        && self
                            .strings
                            .bytes(row.key.get())
                            .is_some_and(|key| key <= installed))
            })
        };
        let strings = self.strings;
        let rows = self.fixed.get(start..).unwrap_or_default();
        rows.iter().map(move |row| ResolutionRef { strings, row })
    }

    /// All resolutions with a fixed version, lowest fix first.
    #[must_use]
    pub fn fixed(&self) -> impl ExactSizeIterator<Item = ResolutionRef<'a>> + use<'a> {
        let strings = self.strings;
        self.fixed
            .iter()
            .map(move |row| ResolutionRef { strings, row })
    }

    /// All other resolutions, by vulnerability.
    #[must_use]
    pub fn other(&self) -> impl ExactSizeIterator<Item = ResolutionRef<'a>> + use<'a> {
        let strings = self.strings;
        self.other
            .iter()
            .map(move |row| ResolutionRef { strings, row })
    }

    /// The disclosure of one vulnerability in this package.
    #[must_use]
    pub fn disclosure(&self, vulnerability: &str) -> Option<DisclosureRef<'a>> {
        let strings = self.strings;
        let at = self
            .disclosures
            .binary_search_by(|row| {
                strings
                    .bytes(row.vulnerability.get())
                    .unwrap_or_default()
                    .cmp(vulnerability.as_bytes())
            })
            .ok()?;
        self.disclosures
            .get(at)
            .map(|row| DisclosureRef { strings, row })
    }

    /// All disclosures, by vulnerability.
    pub fn disclosures(&self) -> impl ExactSizeIterator<Item = DisclosureRef<'a>> + use<'a> {
        let strings = self.strings;
        self.disclosures
            .iter()
            .map(move |row| DisclosureRef { strings, row })
    }
}

/// One disclosure.
#[derive(Debug, Clone, Copy)]
pub struct DisclosureRef<'a> {
    strings: StringsRef<'a>,
    row: &'a DisclosureRow,
}

impl<'a> DisclosureRef<'a> {
    /// Main identifier.
    #[must_use]
    pub fn vulnerability(&self) -> &'a str {
        self.strings
            .text(self.row.vulnerability.get())
            .unwrap_or_default()
    }

    /// Other identifiers, sorted.
    pub fn aliases(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        lines(self.strings.text(self.row.aliases.get()))
    }

    /// The vendor's rating.
    #[must_use]
    pub fn severity(&self) -> Option<&'a str> {
        self.strings.text(self.row.severity.get())
    }

    /// One line of what it is.
    #[must_use]
    pub fn summary(&self) -> Option<&'a str> {
        self.strings.text(self.row.summary.get())
    }

    /// CVSS vectors of this publisher.
    pub fn cvss(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        lines(self.strings.text(self.row.cvss.get()))
    }

    /// When it was made public, microseconds since 1970.
    #[must_use]
    pub fn published_us(&self) -> Option<i64> {
        stored_time(self.row.published)
    }
}

/// One resolution.
#[derive(Debug, Clone, Copy)]
pub struct ResolutionRef<'a> {
    strings: StringsRef<'a>,
    row: &'a ResolutionRow,
}

impl<'a> ResolutionRef<'a> {
    /// Main identifier of the vulnerability.
    #[must_use]
    pub fn vulnerability(&self) -> &'a str {
        self.strings
            .text(self.row.vulnerability.get())
            .unwrap_or_default()
    }

    /// The vendor's position; a byte that no version of ours wrote reads as "not known yet".
    #[must_use]
    pub fn status(&self) -> StatusWord {
        StatusWord::from_byte(self.row.status).unwrap_or(StatusWord::UnderInvestigation)
    }

    /// The version that the status speaks of (fixed, last affected, exact), as the publisher wrote it.
    #[must_use]
    pub fn bound(&self) -> Option<&'a str> {
        self.strings.text(self.row.bound.get())
    }

    /// Key of [`Self::bound`].
    #[must_use]
    pub fn bound_key(&self) -> Option<&'a [u8]> {
        self.strings.bytes(self.row.key.get())
    }

    /// First affected version.
    #[must_use]
    pub fn introduced(&self) -> Option<&'a str> {
        self.strings.text(self.row.introduced.get())
    }

    /// Key of [`Self::introduced`].
    #[must_use]
    pub fn introduced_key(&self) -> Option<&'a [u8]> {
        self.strings.bytes(self.row.introduced_key.get())
    }

    /// Update channel; empty for the main one.
    #[must_use]
    pub fn channel(&self) -> &'a str {
        self.strings
            .text(self.row.channel.get())
            .unwrap_or_default()
    }

    /// Whether only some hosts of the release get this channel (Ubuntu Pro, EUS).
    #[must_use]
    pub fn is_overlay(&self) -> bool {
        crate::advisory_builder::is_overlay(self.channel())
    }

    /// Module stream `name:stream`; `?` for a modular build whose stream the advisory does not name.
    #[must_use]
    pub fn module(&self) -> Option<&'a str> {
        self.strings.text(self.row.module.get())
    }

    /// Architectures it holds for; none means all.
    pub fn arches(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        lines(self.strings.text(self.row.arches.get()))
    }

    /// The vendor's words for `WillNotFix` and `Postponed`.
    #[must_use]
    pub fn words(&self) -> Option<&'a str> {
        self.strings.text(self.row.words.get())
    }

    /// Advisory that states it.
    #[must_use]
    pub fn advisory(&self) -> Option<&'a str> {
        self.strings.text(self.row.advisory.get())
    }

    /// Feed it was read from.
    #[must_use]
    pub fn feed(&self) -> &'a str {
        self.strings.text(self.row.feed.get()).unwrap_or_default()
    }

    /// When the advisory was published, microseconds since 1970.
    #[must_use]
    pub fn issued_us(&self) -> Option<i64> {
        stored_time(self.row.issued)
    }
}

fn lines<'a>(text: Option<&'a str>) -> impl Iterator<Item = &'a str> + use<'a> {
    text.unwrap_or_default()
        .split('\n')
        .filter(|line| !line.is_empty())
}

fn stored_time(stored: I64) -> Option<i64> {
    Some(stored.get()).filter(|time| *time != i64::MIN)
}
