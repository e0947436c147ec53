//! What is judged, once for the whole fleet: subjects, and the parts of package sets that stand for them.

use crate::interner::{Interner, Pool};
use overlock_matching::{Subject, scheme_of};
use overlock_model::advisory::Ecosystem;
use overlock_model::coverage::NotCovered;
use overlock_model::package::{Package, PackageType};
use std::sync::Arc;

/// All that a verdict depends on, and nothing else: two hosts with equal subjects get equal verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SubjectKey {
    pub ecosystem: Option<Ecosystem>,
    pub kind: PackageType,
    pub name: Arc<str>,
    pub version: Arc<str>,
    /// Source package: joins what is built together, and names the episode.
    pub source: Arc<str>,
    /// `None` for what every architecture gets.
    pub arch: Option<Arc<str>>,
    pub module: Option<Arc<str>>,
    pub kernel_image: Option<bool>,
    pub not_covered: Option<NotCovered>,
}

/// One installed binary package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Binary {
    pub name: Arc<str>,
    pub version: Arc<str>,
}

/// A subject with the binary packages that one package set has of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Part {
    pub subject: u32,
    /// Sorted, without repeats.
    pub binaries: Box<[Binary]>,
    /// Packages it stands for; more than binaries where one is there for several architectures.
    pub packages: u32,
}

impl SubjectKey {
    pub fn of(subject: &Subject<'_>, pool: &mut Pool) -> Self {
        let kind = subject
            .packages
            .first()
            .map_or(PackageType::Other(String::new()), |package| {
                package.kind.clone()
            });
        Self {
            ecosystem: subject.ecosystem.clone(),
            kind,
            name: pool.get(&subject.name),
            version: pool.get(&subject.version),
            source: pool.get(subject.source()),
            arch: subject
                .arch()
                .filter(|arch| !matches!(*arch, "noarch" | "all" | "any"))
                .map(|arch| pool.get(arch)),
            module: subject.module().map(|module| pool.get(module)),
            kernel_image: subject.kernel_image,
            not_covered: subject.not_covered,
        }
    }

    /// Lends the subject as the matcher knows it, with these packages, or one that stands for any.
    pub fn lend<R>(&self, binaries: &[Binary], use_it: impl FnOnce(&Subject<'_>) -> R) -> R {
        let package = |name: &str, version: &str| {
            let mut package = Package::new(self.kind.clone(), name, version);
            package.arch = self.arch.as_deref().map(str::to_owned);
            package.module = self.module.as_deref().map(str::to_owned);
            package.source = Some(self.source.as_ref().to_owned());
            package
        };
        let packages: Vec<Package> = if binaries.is_empty() {
            vec![package(&self.name, &self.version)]
        } else {
            binaries
                .iter()
                .map(|binary| package(&binary.name, &binary.version))
                .collect()
        };
        let scheme = scheme_of(&self.kind);
        use_it(&Subject {
            packages: packages.iter().collect(),
            name: self.name.as_ref().to_owned(),
            version: self.version.as_ref().to_owned(),
            key: overlock_versions::key(scheme, &self.version).ok(),
            scheme,
            ecosystem: self.ecosystem.clone(),
            not_covered: self.not_covered,
            kernel_image: self.kernel_image,
            steps: Vec::new(),
        })
    }
}

impl Part {
    pub fn of(subject: &Subject<'_>, id: u32, pool: &mut Pool) -> Self {
        let mut binaries: Vec<Binary> = subject
            .packages
            .iter()
            .map(|package| Binary {
                name: pool.get(&package.name),
                version: pool.get(&package.version),
            })
            .collect();
        binaries.sort();
        binaries.dedup();
        Self {
            subject: id,
            binaries: binaries.into(),
            packages: u32::try_from(subject.packages.len()).unwrap_or(u32::MAX),
        }
    }
}

/// All subjects and parts that some package set has.
#[derive(Debug, Default)]
pub(crate) struct Subjects {
    pub keys: Interner<SubjectKey>,
    pub parts: Interner<Part>,
}

impl Subjects {
    /// The part for a subject of an inventory, held once; the subject's number when it was not known before.
    pub fn hold(&mut self, subject: &Subject<'_>, pool: &mut Pool) -> (u32, Option<u32>) {
        let (id, new) = self.keys.hold(SubjectKey::of(subject, pool));
        let (part, first) = self.parts.hold(Part::of(subject, id, pool));
        if !first {
            // The part that was there holds its subject already.
            self.keys.release(id);
        }
        (part, new.then_some(id))
    }

    /// Lets go of a part; gives back the subject that nobody has any more.
    pub fn release(&mut self, part: u32) -> Option<u32> {
        let dropped = self.parts.release(part)?;
        self.keys.release(dropped.subject).map(|_| dropped.subject)
    }

    pub fn subject_of(&self, part: u32) -> Option<u32> {
        self.parts.get(part).map(|part| part.subject)
    }
}
