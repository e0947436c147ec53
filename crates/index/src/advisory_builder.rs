//! Building the advisory table of one ecosystem.

use crate::IndexError;
use crate::advisory::{DisclosureRow, MAGIC, PackageRow, ResolutionRow, StatusWord, prefix};
use crate::layout::{assemble, stable_hash};
use crate::strings::{NONE, StringId, Strings, StringsBuilder};
use overlock_model::advisory::{Disclosure, Resolution, VendorStatus};
use overlock_versions::Scheme;
use std::collections::{BTreeMap, BTreeSet};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{I64, U32, U64};

/// Collects statements and writes the table.
#[derive(Debug)]
pub struct AdvisoryBuilder {
    scheme: Scheme,
    fixed_only: bool,
    strings: StringsBuilder,
    feeds: BTreeSet<String>,
    channels: BTreeSet<String>,
    disclosures: Vec<PendingDisclosure>,
    resolutions: Vec<PendingResolution>,
    unparsable: BTreeMap<String, u64>,
}

/// A finished table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The file's content.
    pub bytes: Vec<u8>,
    /// Packages in it.
    pub packages: usize,
    /// Resolutions in it.
    pub resolutions: usize,
    /// Resolutions left out because no parser knows their version, by feed: they count as quarantined.
    pub unparsable: BTreeMap<String, u64>,
}

/// A row with provisional string numbers, and the package it belongs to.
#[derive(Debug)]
struct PendingDisclosure {
    package: StringId,
    vulnerability: StringId,
    aliases: StringId,
    severity: StringId,
    summary: StringId,
    cvss: StringId,
    published: i64,
}

#[derive(Debug)]
struct PendingResolution {
    package: StringId,
    prefix: u64,
    key: StringId,
    vulnerability: StringId,
    bound: StringId,
    introduced: StringId,
    introduced_key: StringId,
    channel: StringId,
    module: StringId,
    arches: StringId,
    words: StringId,
    advisory: StringId,
    feed: StringId,
    status: StatusWord,
    issued: i64,
}

impl AdvisoryBuilder {
    /// An empty table for one version order.
    #[must_use]
    pub fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            fixed_only: true,
            strings: StringsBuilder::default(),
            feeds: BTreeSet::new(),
            channels: BTreeSet::new(),
            disclosures: Vec::new(),
            resolutions: Vec::new(),
            unparsable: BTreeMap::new(),
        }
    }

    /// Names a feed that the table is made from, and whether it knows only vulnerabilities that have a fix.
    pub fn add_feed(&mut self, feed: &str, fixed_only: bool) {
        self.feeds.insert(feed.to_owned());
        self.fixed_only &= fixed_only;
    }

    /// Takes in a disclosure; several for one package and vulnerability are merged by [`Self::finish`].
    pub fn disclose(&mut self, disclosure: &Disclosure) {
        let mut aliases: Vec<&str> = disclosure
            .aliases
            .iter()
            .map(String::as_str)
            .filter(|alias| *alias != disclosure.vulnerability)
            .collect();
        aliases.sort_unstable();
        aliases.dedup();
        let row = PendingDisclosure {
            package: self.strings.add(disclosure.package.as_bytes()),
            vulnerability: self.strings.add(disclosure.vulnerability.as_bytes()),
            aliases: self.joined(&aliases),
            severity: self
                .strings
                .add_optional(disclosure.severity.as_deref().map(str::as_bytes)),
            summary: self
                .strings
                .add_optional(disclosure.summary.as_deref().map(str::as_bytes)),
            cvss: self.joined(&disclosure.cvss),
            published: disclosure
                .published
                .map_or(i64::MIN, |time| time.as_microsecond()),
        };
        self.disclosures.push(row);
    }

    /// Takes in a resolution; one whose version no parser knows is counted and left out.
    pub fn resolve(&mut self, resolution: &Resolution) {
        let (status, words) = match &resolution.status {
            VendorStatus::Fixed(version) => {
                return self.bounded(resolution, StatusWord::Fixed, version);
            }
            VendorStatus::LastAffected(version) => {
                return self.bounded(resolution, StatusWord::LastAffected, version);
            }
            VendorStatus::Versions(versions) => {
                for version in versions {
                    self.bounded(resolution, StatusWord::ExactVersion, version);
                }
                return;
            }
            VendorStatus::Affected => (StatusWord::Affected, None),
            VendorStatus::WillNotFix(words) => (StatusWord::WillNotFix, Some(words)),
            VendorStatus::Postponed(words) => (StatusWord::Postponed, Some(words)),
            VendorStatus::NotAffected => (StatusWord::NotAffected, None),
            VendorStatus::UnderInvestigation => (StatusWord::UnderInvestigation, None),
            VendorStatus::EndOfLife => (StatusWord::EndOfLife, None),
        };
        self.push(resolution, status, None, words.map(String::as_str));
    }

    fn bounded(&mut self, resolution: &Resolution, status: StatusWord, version: &str) {
        self.push(resolution, status, Some(version), None);
    }

    fn push(
        &mut self,
        resolution: &Resolution,
        status: StatusWord,
        bound: Option<&str>,
        words: Option<&str>,
    ) {
        let key_of = |version: &str| overlock_versions::key(self.scheme, version);
        let (Ok(key), Ok(introduced_key)) = (
            bound.map(key_of).transpose(),
            resolution.introduced.as_deref().map(key_of).transpose(),
        ) else {
            *self.unparsable.entry(resolution.feed.clone()).or_default() += 1;
            return;
        };
        if !resolution.channel.is_empty() && !self.channels.contains(&resolution.channel) {
            self.channels.insert(resolution.channel.clone());
        }
        let strings = &mut self.strings;
        let row = PendingResolution {
            package: strings.add(resolution.package.as_bytes()),
            prefix: key.as_ref().map_or(0, |key| prefix(key.as_bytes())),
            key: strings.add_optional(key.as_ref().map(|key| key.as_bytes())),
            vulnerability: strings.add(resolution.vulnerability.as_bytes()),
            bound: strings.add_optional(bound.map(str::as_bytes)),
            introduced: strings.add_optional(resolution.introduced.as_deref().map(str::as_bytes)),
            introduced_key: strings.add_optional(introduced_key.as_ref().map(|key| key.as_bytes())),
            channel: strings.add_optional(
                Some(resolution.channel.as_bytes()).filter(|channel| !channel.is_empty()),
            ),
            module: strings.add_optional(resolution.module.as_deref().map(str::as_bytes)),
            arches: NONE,
            words: strings.add_optional(words.map(str::as_bytes)),
            advisory: strings.add_optional(resolution.advisory.as_deref().map(str::as_bytes)),
            feed: strings.add(resolution.feed.as_bytes()),
            status,
            issued: resolution
                .issued
                .map_or(i64::MIN, |time| time.as_microsecond()),
        };
        let arches = self.joined(&resolution.arches);
        self.resolutions.push(PendingResolution { arches, ..row });
    }

    fn joined<S: AsRef<str>>(&mut self, parts: &[S]) -> StringId {
        match parts {
            [] => NONE,
            [one] => self.strings.add(one.as_ref().as_bytes()),
            many => {
                let joined: Vec<&str> = many.iter().map(AsRef::as_ref).collect();
                self.strings.add(joined.join("\n").as_bytes())
            }
        }
    }

    /// Sorts everything and writes the file.
    ///
    /// # Errors
    /// When there are more rows or text than 32-bit numbers can address.
    pub fn finish(self) -> Result<Built, IndexError> {
        // Channels that follow one another on one line of versions are no overlay; only a fix that a host may not
        // be entitled to is.
        let overlays = self.channels.iter().any(|channel| is_overlay(channel));
        let strings = self.strings.finish()?;
        let disclosures = final_disclosures(self.disclosures, &strings);
        let resolutions = final_resolutions(self.resolutions, &strings);
        let packages = package_rows(&disclosures, &resolutions)?;
        let buckets = buckets(&packages, &strings);
        let disclosure_rows: Vec<DisclosureRow> =
            disclosures.into_iter().map(|(_, row)| row).collect();
        let resolution_rows: Vec<ResolutionRow> =
            resolutions.into_iter().map(|(_, row)| row).collect();
        let feeds = self.feeds.into_iter().collect::<Vec<_>>().join("\n");

        let mut facts = [0_u8; 16];
        let scheme = Scheme::ALL
            .iter()
            .position(|scheme| *scheme == self.scheme)
            .unwrap_or(0);
        facts[0] = u8::try_from(scheme).unwrap_or(0);
        facts[1] = u8::from(self.fixed_only);
        facts[2] = u8::from(overlays);
        let bytes = assemble(
            MAGIC,
            facts,
            &[
                &strings.offsets,
                &strings.text,
                buckets.as_bytes(),
                packages.as_bytes(),
                disclosure_rows.as_bytes(),
                resolution_rows.as_bytes(),
                feeds.as_bytes(),
                &[],
            ],
        );
        Ok(Built {
            bytes,
            packages: packages.len().saturating_sub(1),
            resolutions: resolution_rows.len(),
            unparsable: self.unparsable,
        })
    }
}

/// Channels whose fixes not every host of the release gets.
pub(crate) fn is_overlay(channel: &str) -> bool {
    channel.starts_with("esm")
        || channel.starts_with("eus")
        || channel.starts_with("fips")
        || channel == "realtime"
}

fn final_disclosures(
    pending: Vec<PendingDisclosure>,
    strings: &Strings,
) -> Vec<(StringId, DisclosureRow)> {
    let mut rows: Vec<(StringId, DisclosureRow)> = pending
        .into_iter()
        .map(|row| {
            let id = |provisional| U32::new(strings.id(provisional));
            let stored = DisclosureRow {
                vulnerability: id(row.vulnerability),
                aliases: id(row.aliases),
                severity: id(row.severity),
                summary: id(row.summary),
                cvss: id(row.cvss),
                published: I64::new(row.published),
            };
            (strings.id(row.package), stored)
        })
        .collect();
    // The order of all fields makes the result independent of the order in which feeds were read.
    rows.sort_unstable_by_key(|(package, row)| {
        (
            *package,
            row.vulnerability.get(),
            row.aliases.get(),
            row.severity.get(),
            row.summary.get(),
            row.cvss.get(),
            row.published.get(),
        )
    });
    rows.dedup_by(|later, kept| {
        let same = later.0 == kept.0 && later.1.vulnerability == kept.1.vulnerability;
        if same {
            merge(&mut kept.1, &later.1);
        }
        same
    });
    rows
}

/// Fills what the first feed did not say from the next one.
fn merge(kept: &mut DisclosureRow, other: &DisclosureRow) {
    let fill = |kept: &mut U32, other: U32| {
        if kept.get() == NONE {
            *kept = other;
        }
    };
    fill(&mut kept.aliases, other.aliases);
    fill(&mut kept.severity, other.severity);
    fill(&mut kept.summary, other.summary);
    fill(&mut kept.cvss, other.cvss);
    if kept.published.get() == i64::MIN {
        kept.published = other.published;
    }
}

fn final_resolutions(
    pending: Vec<PendingResolution>,
    strings: &Strings,
) -> Vec<(StringId, ResolutionRow)> {
    let mut rows: Vec<(StringId, ResolutionRow)> = pending
        .into_iter()
        .map(|row| {
            let id = |provisional| U32::new(strings.id(provisional));
            let stored = ResolutionRow {
                prefix: U64::new(row.prefix),
                key: id(row.key),
                vulnerability: id(row.vulnerability),
                bound: id(row.bound),
                introduced: id(row.introduced),
                introduced_key: id(row.introduced_key),
                channel: id(row.channel),
                module: id(row.module),
                arches: id(row.arches),
                words: id(row.words),
                advisory: id(row.advisory),
                feed: id(row.feed),
                status: row.status as u8,
                issued: I64::new(row.issued),
            };
            (strings.id(row.package), stored)
        })
        .collect();
    rows.sort_unstable_by(|(package_a, a), (package_b, b)| {
        let kind = |row: &ResolutionRow| row.status != StatusWord::Fixed as u8;
        // String numbers sort like the strings, so comparing key numbers is comparing keys.
        let fixed_order = |row: &ResolutionRow| if kind(row) { 0 } else { row.key.get() };
        (package_a, kind(a), fixed_order(a), a.vulnerability.get())
            .cmp(&(package_b, kind(b), fixed_order(b), b.vulnerability.get()))
            .then_with(|| a.as_bytes().cmp(b.as_bytes()))
    });
    rows.dedup_by(|a, b| a.0 == b.0 && a.1.as_bytes() == b.1.as_bytes());
    rows
}

fn package_rows(
    disclosures: &[(StringId, DisclosureRow)],
    resolutions: &[(StringId, ResolutionRow)],
) -> Result<Vec<PackageRow>, IndexError> {
    let names: BTreeSet<StringId> = disclosures
        .iter()
        .map(|(package, _)| *package)
        .chain(resolutions.iter().map(|(package, _)| *package))
        .collect();
    let number = |count: usize| {
        u32::try_from(count)
            .map(U32::new)
            .map_err(|_| IndexError::TooMany { what: "rows" })
    };
    let mut rows = Vec::with_capacity(names.len() + 1);
    let (mut disclosure, mut resolution) = (0, 0);
    for name in names {
        let (first_disclosure, first_fixed) = (disclosure, resolution);
        disclosure += disclosures
            .get(disclosure..)
            .unwrap_or_default()
            .partition_point(|(package, _)| *package <= name);
        let mine = resolutions.get(resolution..).unwrap_or_default();
        let mine = mine
            .get(..mine.partition_point(|(package, _)| *package <= name))
            .unwrap_or_default();
        let fixed = mine.partition_point(|(_, row)| row.status == StatusWord::Fixed as u8);
        let highest = fixed
            .checked_sub(1)
            .and_then(|last| mine.get(last))
            .map_or(0, |(_, row)| row.prefix.get());
        rows.push(PackageRow {
            name: U32::new(name),
            disclosures: number(first_disclosure)?,
            fixed: number(first_fixed)?,
            other: number(first_fixed + fixed)?,
            highest_fixed: U64::new(highest),
        });
        resolution += mine.len();
    }
    rows.push(PackageRow {
        name: U32::new(NONE),
        disclosures: number(disclosures.len())?,
        fixed: number(resolutions.len())?,
        other: number(resolutions.len())?,
        highest_fixed: U64::new(0),
    });
    Ok(rows)
}

/// Open addressing over the package rows, at most half full.
fn buckets(packages: &[PackageRow], strings: &Strings) -> Vec<U32> {
    let count = packages.len().saturating_sub(1);
    let size = (count * 2).next_power_of_two().max(2);
    let mut buckets = vec![U32::new(NONE); size];
    for (row, package) in packages.iter().take(count).enumerate() {
        let name = name_of(package, strings);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits pick the bucket"
        )]
        let mut at = stable_hash(name) as usize & (size - 1);
        while buckets.get(at).is_some_and(|bucket| bucket.get() != NONE) {
            at = (at + 1) & (size - 1);
        }
        if let (Some(bucket), Ok(row)) = (buckets.get_mut(at), u32::try_from(row)) {
            *bucket = U32::new(row);
        }
    }
    buckets
}

fn name_of<'s>(package: &PackageRow, strings: &'s Strings) -> &'s [u8] {
    strings.bytes(package.name.get())
}
