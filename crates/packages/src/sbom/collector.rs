//! Parts in, one inventory out, with everything counted that is not simply a package.

use super::distribution;
use super::json::Word;
use super::part::{OPERATING_SYSTEM, Part};
use super::purl::PurlForm;
use jiff::Timestamp;
use overlock_model::inventory::{Inventory, InventorySource, Unseen};
use overlock_model::os::Os;
use overlock_model::package::{Package, PackageType};
use std::collections::BTreeMap;

/// Most parts of one document; an image with all its files has some 100,000.
pub(super) const PARTS_MAX: u64 = 1_000_000;

/// How many parts were what.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// Parts in all.
    pub parts: u64,
    /// Packages, before equal ones were merged.
    pub packages: u64,
    /// Files: no packages.
    pub files: u64,
    /// Operating systems.
    pub systems: u64,
    /// Parts without a name.
    pub nameless: u64,
    /// Parts with a text longer than the limit.
    pub oversized: u64,
    /// Packages without a Package URL.
    pub unnamed: u64,
    /// Package URLs that are slightly wrong.
    pub lenient: u64,
    /// Package URLs that cannot be read.
    pub unreadable: u64,
    /// Packages without a version.
    pub versionless: u64,
}

/// Takes the parts of a document.
#[derive(Debug, Default)]
pub(super) struct Collector {
    packages: Vec<Package>,
    counts: Counts,
    /// Operating systems that are parts of their own, and whether we know them.
    systems: Vec<(Os, bool)>,
    /// Operating systems that packages name or point to, with how many do.
    stated: BTreeMap<(String, String), (Os, u64)>,
    guessed: BTreeMap<(String, String), (Os, u64)>,
    host: Option<String>,
    collected: Option<Timestamp>,
}

impl Collector {
    /// Takes the time at which the document was written.
    pub fn written(&mut self, time: Word) {
        self.collected = time.text().and_then(|time| time.parse().ok());
    }

    /// Takes the name of what the document describes.
    pub fn named(&mut self, name: Word) {
        self.host = name.said().filter(|name| name.len() <= 256);
    }

    /// Takes the part that the document describes. It is itself a package only where a Package URL says which.
    pub fn subject(&mut self, part: Part) -> Result<(), String> {
        self.host = part.name.clone().filter(|name| name.len() <= 256);
        if part.purls.is_empty() && part.role != OPERATING_SYSTEM {
            Ok(())
        } else {
            self.add(part)
        }
    }

    /// Takes a part.
    ///
    /// # Errors
    /// When there are more of them than the limit.
    pub fn add(&mut self, part: Part) -> Result<(), String> {
        self.counts.parts += 1;
        if self.counts.parts > PARTS_MAX || self.counts.packages > PARTS_MAX {
            return Err(format!("it holds more than {PARTS_MAX} components"));
        }
        if part.is_oversized() {
            self.counts.oversized += 1;
        } else if part.role == OPERATING_SYSTEM {
            self.counts.systems += 1;
            if let Some(name) = part.name.as_deref().filter(|_| self.systems.len() < 1000) {
                self.systems
                    .push(distribution::of_component(name, part.version.as_deref()));
            }
        } else if part.role == "file" && part.purls.is_empty() {
            self.counts.files += 1;
        } else {
            self.add_packages(&part);
        }
        Ok(())
    }

    fn add_packages(&mut self, part: &Part) {
        let (packages, unreadable) = part.packages();
        self.counts.unreadable += unreadable;
        if packages.is_empty() {
            self.counts.nameless += 1;
        }
        for named in packages {
            self.counts.packages += 1;
            self.counts.lenient += u64::from(named.form == PurlForm::Lenient);
            self.counts.unnamed += u64::from(named.purl.is_none());
            self.counts.versionless += u64::from(named.package.version.is_empty());
            if let Some(purl) = &named.purl {
                if let Some(os) = distribution::of_qualifier(purl) {
                    vote(&mut self.stated, os);
                } else if let Some(os) = distribution::of_release_tag(purl) {
                    vote(&mut self.guessed, os);
                }
            }
            self.packages.push(named.package);
        }
    }

    /// The inventory, packages sorted by type, name and version, equal ones once.
    pub fn finish(mut self, format: String) -> (Inventory, Counts) {
        let mut unseen = Vec::new();
        let os = self.os(&mut unseen);
        let mut inventory = Inventory::new(os);
        inventory.source = InventorySource::Sbom { format };
        inventory.host = self.host.take();
        inventory.collected = self.collected;
        inventory.arch = main_arch(&self.packages);
        self.packages
            .sort_by(|one, other| facts_of(one).cmp(&facts_of(other)));
        self.packages.dedup();
        inventory.packages = self.packages;
        self.counts.tell(&mut unseen);
        inventory.unseen = unseen;
        (inventory, self.counts)
    }

    /// A system that is a part of its own counts most, then what most packages name, then what their releases tell.
    fn os(&self, unseen: &mut Vec<Unseen>) -> Os {
        let mut tell = |why: String| {
            unseen.push(Unseen {
                what: "operating system".to_owned(),
                why,
            })
        };
        let describe = |os: &Os| format!("`{} {}`", os.id, os.version_id);
        let known = || {
            self.systems
                .iter()
                .filter(|(_, known)| *known)
                .map(|(os, _)| os)
        };
        if let Some(os) = known().next() {
            if let Some(other) = known().find(|other| *other != os) {
                tell(format!(
                    "several are named; {} is taken, {} is not",
                    describe(os),
                    describe(other)
                ));
            }
            return os.clone();
        }
        if let Some(os) = most_votes(&self.stated) {
            if self.stated.len() > 1 {
                tell(format!(
                    "packages name {} releases; {}, which most of them name, is taken",
                    self.stated.len(),
                    describe(os)
                ));
            }
            return os.clone();
        }
        if let Some((os, _)) = self.systems.first() {
            return os.clone();
        }
        if let Some(os) = most_votes(&self.guessed) {
            tell(format!(
                "it is not stated; {} is taken from the packages' vendor and release tags",
                describe(os)
            ));
            return os.clone();
        }
        if self.packages.iter().any(|package| package.kind.is_os()) {
            tell("it is not stated, so its packages cannot be judged".to_owned());
        }
        Os::default()
    }
}

fn vote(votes: &mut BTreeMap<(String, String), (Os, u64)>, os: Os) {
    // A document that names a thousand releases is nonsense; one hundred are enough to find the most frequent.
    let key = (os.id.clone(), os.version_id.clone());
    if votes.len() < 100 || votes.contains_key(&key) {
        votes.entry(key).or_insert((os, 0)).1 += 1;
    }
}

fn most_votes(votes: &BTreeMap<(String, String), (Os, u64)>) -> Option<&Os> {
    votes
        .values()
        .max_by_key(|(_, count)| *count)
        .map(|(os, _)| os)
}

/// Everything in which packages of one document can differ.
fn facts_of(package: &Package) -> (&PackageType, &str, &str, [&Option<String>; 5]) {
    let facts = [
        &package.arch,
        &package.source,
        &package.source_version,
        &package.module,
        &package.path,
    ];
    (&package.kind, &package.name, &package.version, facts)
}

/// The architecture of most packages of the operating system; those that fit every one do not count.
fn main_arch(packages: &[Package]) -> Option<String> {
    let mut votes: BTreeMap<&str, u64> = BTreeMap::new();
    for arch in packages
        .iter()
        .filter_map(|package| package.arch.as_deref())
    {
        if !matches!(arch, "noarch" | "all" | "any" | "src" | "nosrc") {
            *votes.entry(arch).or_default() += 1;
        }
    }
    votes
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(arch, _)| arch.to_owned())
}

impl Counts {
    fn tell(&self, unseen: &mut Vec<Unseen>) {
        for (count, what, why) in [
            (self.files, "files", "are no packages and are not judged"),
            (self.nameless, "components", "have no name and are left out"),
            (
                self.oversized,
                "components",
                "have a text longer than 4096 bytes and are left out",
            ),
            (
                self.unnamed,
                "components",
                "have no Package URL that can be read, so nothing tells what they are",
            ),
            (
                self.versionless,
                "components",
                "have no version, so nothing tells whether they are vulnerable",
            ),
            (self.unreadable, "Package URLs", "cannot be read"),
            (
                self.lenient,
                "Package URLs",
                "are slightly wrong and were read by what they must mean",
            ),
        ] {
            if count > 0 {
                unseen.push(Unseen {
                    what: format!("{what} of the bill of materials"),
                    why: format!("{count} {what} {why}"),
                });
            }
        }
    }
}
