//! What is judged: one name and version as advisories speak of it, with the installed packages that stand for it.

use crate::kernel;
use crate::origin::{Builder, Proof, Publishers};
use crate::release::{Release, language_ecosystem};
use crate::signed_source::unsigned_source;
use overlock_model::advisory::Ecosystem;
use overlock_model::coverage::NotCovered;
use overlock_model::inventory::Inventory;
use overlock_model::package::{Package, PackageType};
use overlock_versions::{Scheme, SortKey};
use std::collections::BTreeMap;

/// One thing to judge.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// Installed packages that it stands for, in inventory order.
    pub packages: Vec<&'a Package>,
    /// Name that advisories use.
    pub name: String,
    /// Version that is compared, and its key.
    pub version: String,
    /// Key of `version`; `None` when no parser knows it.
    pub key: Option<SortKey>,
    /// Version order.
    pub scheme: Scheme,
    /// Where the name is valid; `None` for systems and types whose advisories we do not know.
    pub ecosystem: Option<Ecosystem>,
    /// Why it cannot be judged at all.
    pub not_covered: Option<NotCovered>,
    /// Whether this is kernel code: `None` is no kernel matter, `Some(false)` comes from the kernel's source and
    /// is not the kernel (headers, tools), `Some(true)` is an image.
    pub kernel_image: Option<bool>,
    /// How name and version were derived, one step a line.
    pub steps: Vec<String>,
}

impl Subject<'_> {
    /// The ecosystem whose table may judge it; `None` when nothing may be said of it.
    #[must_use]
    pub fn judgeable(&self) -> Option<&Ecosystem> {
        let judgeable =
            self.not_covered.is_none() && self.kernel_image != Some(false) && self.key.is_some();
        self.ecosystem.as_ref().filter(|_| judgeable)
    }

    /// Source package: for dpkg and apk it is the name that is judged, for rpm it joins what is built together.
    #[must_use]
    pub fn source(&self) -> &str {
        match self.packages.first() {
            Some(package)
                if package.kind == PackageType::Rpm || package.kind == PackageType::Alpm =>
            {
                package.source_name()
            }
            _ => &self.name,
        }
    }

    /// Architecture, where all its packages have one.
    #[must_use]
    pub fn arch(&self) -> Option<&str> {
        self.packages
            .first()
            .and_then(|package| package.arch.as_deref())
    }

    /// Modularity label.
    #[must_use]
    pub fn module(&self) -> Option<&str> {
        self.packages
            .first()
            .and_then(|package| package.module.as_deref())
            .filter(|label| !label.is_empty())
    }
}

/// Key by which packages become one subject.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct GroupKey {
    ecosystem: Option<Ecosystem>,
    name: String,
    version: String,
    arch: Option<String>,
    module: Option<String>,
    kernel_image: Option<bool>,
    third_party: Option<NotCovered>,
    kind: String,
}

/// Groups an inventory into subjects, sorted by ecosystem and name.
#[must_use]
pub fn subjects<'a>(inventory: &'a Inventory, release: &Release) -> Vec<Subject<'a>> {
    let publishers = Publishers::new(inventory, release);
    let mut groups: BTreeMap<GroupKey, Subject<'a>> = BTreeMap::new();
    for package in &inventory.packages {
        let subject = subject(package, release, &publishers);
        let by_binary = package.kind.is_os() && !release.by_source;
        let key = GroupKey {
            ecosystem: subject.ecosystem.clone(),
            name: subject.name.clone(),
            version: subject.version.clone(),
            arch: package.arch.clone().filter(|_| by_binary),
            module: package.module.clone(),
            kernel_image: subject.kernel_image,
            third_party: subject.not_covered,
            kind: package.kind.as_str().to_owned(),
        };
        match groups.entry(key) {
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                entry.get_mut().packages.push(package)
            }
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(subject);
            }
        }
    }
    groups.into_values().collect()
}

fn subject<'a>(
    package: &'a Package,
    release: &Release,
    publishers: &Publishers<'_>,
) -> Subject<'a> {
    let mut subject = Subject {
        packages: vec![package],
        name: package.kind.normalise(&package.name).into_owned(),
        version: package.version.clone(),
        key: None,
        scheme: scheme_of(&package.kind),
        ecosystem: None,
        not_covered: None,
        kernel_image: None,
        steps: Vec::new(),
    };
    if package.kind.is_os() {
        operating_system(&mut subject, package, release, publishers);
    } else {
        subject.ecosystem = language_ecosystem(&package.kind);
    }
    if subject.ecosystem.is_none() && subject.not_covered.is_none() {
        let known = package.kind.is_os() && release.kind.is_some();
        subject.not_covered = Some(if known {
            NotCovered::NoFeed
        } else {
            NotCovered::Unsupported
        });
    }
    match overlock_versions::key(subject.scheme, &subject.version) {
        Ok(key) => subject.key = Some(key),
        Err(error) => {
            subject.steps.push(error.to_string());
            subject
                .not_covered
                .get_or_insert(NotCovered::UnparsableVersion);
        }
    }
    subject
}

fn operating_system(
    subject: &mut Subject<'_>,
    package: &Package,
    release: &Release,
    publishers: &Publishers<'_>,
) {
    if release.kind.as_ref() != Some(&package.kind) {
        // A foreign database in this root (rpm on Debian), or a system we do not know.
        return;
    }
    subject.ecosystem.clone_from(&release.ecosystem);
    match publishers.builder(package) {
        Builder::ThirdParty => subject.not_covered = Some(NotCovered::ThirdParty),
        Builder::Backport => subject.not_covered = Some(NotCovered::Backport),
        Builder::Distribution(Proof::Version) => {}
        Builder::Distribution(Proof::Name) => {
            subject.steps.push(
                "this version is in no index any more; its name is the distribution's".to_owned(),
            );
        }
        Builder::Distribution(Proof::Source) => {
            subject.steps.push(
                "this package is in no index any more; its source is the distribution's".to_owned(),
            );
        }
        Builder::Distribution(Proof::Assumed) => {
            subject
                .steps
                .push("no repositories known: taken as the distribution's own build".to_owned());
        }
    }
    if release.by_source {
        by_source(subject, package);
    } else if let Some(version) = with_epoch(package) {
        subject.steps.push(format!(
            "epoch {} from the package database",
            package.epoch.unwrap_or_default()
        ));
        subject.version = version;
    }
    subject.kernel_image = kernel::role(&package.kind, &subject.name, package);
}

fn by_source(subject: &mut Subject<'_>, package: &Package) {
    let source = package.source_name();
    let version = source_version(package);
    if version != package.version {
        subject.steps.push(format!(
            "source version {version} for binary version {}",
            package.version
        ));
    }
    let (name, judged) = source_judged(package);
    if name != source {
        subject.steps.push(format!(
            "signed source {source} {version} stands for {name} {judged}"
        ));
    } else if source != package.name {
        subject.steps.push(format!("source package {source}"));
    }
    (subject.name, subject.version) = (name, judged);
}

/// The source version of a dpkg or apk package; a binary-only rebuild (`+bN`) is not part of it.
fn source_version(package: &Package) -> &str {
    match (&package.kind, &package.source_version) {
        (PackageType::Deb, None) => overlock_versions::dpkg::source_version(&package.version),
        _ => package.source_version(),
    }
}

fn source_judged(package: &Package) -> (String, String) {
    let source = package.source_name();
    let version = source_version(package);
    // A signed package states its wrapper's version as source version; only a kernel's is the original one, all
    // others have it in the binary's own version.
    let wrapped = if source.starts_with("linux-signed") {
        version
    } else {
        &package.version
    };
    unsigned_source(source, wrapped).map_or_else(
        || (source.to_owned(), version.to_owned()),
        |(name, version)| (name.into_owned(), version),
    )
}

/// Name and version under which advisories would speak of a package, installed or on offer.
#[must_use]
pub fn judged_as(package: &Package) -> (String, String) {
    match package.kind {
        PackageType::Deb | PackageType::Apk => source_judged(package),
        PackageType::Rpm => (
            package.name.clone(),
            with_epoch(package).unwrap_or_else(|| package.version.clone()),
        ),
        _ => (
            package.kind.normalise(&package.name).into_owned(),
            package.version.clone(),
        ),
    }
}

/// The version with the database's epoch, where the version text lacks it.
fn with_epoch(package: &Package) -> Option<String> {
    let epoch = package.epoch.filter(|epoch| *epoch > 0)?;
    (!package.version.contains(':')).then(|| format!("{epoch}:{}", package.version))
}

/// The version order of a package type.
#[must_use]
pub fn scheme_of(kind: &PackageType) -> Scheme {
    match kind {
        PackageType::Deb => Scheme::Dpkg,
        PackageType::Rpm => Scheme::Rpm,
        PackageType::Apk => Scheme::Apk,
        PackageType::Alpm => Scheme::Alpm,
        PackageType::Pypi => Scheme::Pep440,
        PackageType::Npm => Scheme::Npm,
        PackageType::Maven => Scheme::Maven,
        PackageType::Gem => Scheme::Rubygems,
        PackageType::Nuget => Scheme::Nuget,
        PackageType::Cargo | PackageType::Golang | PackageType::Other(_) => Scheme::Semver,
    }
}
