//! Questions about the fleet: which hosts, which vulnerabilities.
//!
//! ```text
//! vulnerability ─► claims ─► subjects ─► package sets ─► cohorts ─► words of host numbers
//!                               ▲
//!         package, version ─────┘
//! ```

use crate::claim::Claim;
use crate::fleet::{Fleet, HostEntry};
use crate::subject::SubjectKey;
use overlock_matching::scheme_of;
use overlock_model::episode::EpisodeKey;
use overlock_model::package::PackageType;
use overlock_model::plan::HostId;
use overlock_versions::SortKey;
use roaring::RoaringBitmap;
use std::sync::Arc;

/// Which versions of a package are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Versions {
    /// All.
    Any,
    /// Those before this one, in the order of the package's type.
    Below(String),
    /// This one.
    Exactly(String),
}

/// The version cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{version}` is no version of a `{kind}` package")]
pub struct VersionsError {
    /// Kind of package.
    pub kind: PackageType,
    /// What was given.
    pub version: String,
}

impl Fleet {
    /// Hosts that a vulnerability is in force on, or may be: exposed, unknown, or fixed on disk while the old code still
    /// runs. By any of its identifiers.
    #[must_use]
    pub fn hosts_of_vulnerability(&self, vulnerability: &str) -> RoaringBitmap {
        let claims = self.claims.named(vulnerability);
        let mut hosts = self.hosts_of_claims(claims.iter().copied());
        if !self.lingering.is_empty() {
            let mains = claims
                .iter()
                .filter_map(|claim| self.claims.get(*claim))
                .filter_map(|claim| self.claims.vulnerability(claim.vulnerability))
                .map(|known| known.name.as_ref());
            let mut names: Vec<&str> = mains.chain([vulnerability]).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                hosts |= self.lingering_of(name);
            }
        }
        hosts
    }

    /// Hosts of one exposure: a vulnerability in one source.
    #[must_use]
    pub fn hosts_of_exposure(&self, key: &EpisodeKey) -> RoaringBitmap {
        let claims = self.claims.named(&key.vulnerability);
        let of_source = claims.into_iter().filter(|claim| {
            self.claims.get(*claim).is_some_and(|claim| {
                claim.finding.kind == key.kind && claim.finding.source == key.source
            })
        });
        let mut hosts = self.hosts_of_claims(of_source);
        if let Some(lingering) = self.lingering.get(key) {
            hosts |= lingering;
        }
        hosts
    }

    fn lingering_of(&self, vulnerability: &str) -> RoaringBitmap {
        let from = EpisodeKey {
            vulnerability: vulnerability.to_owned(),
            kind: PackageType::Deb,
            source: String::new(),
        };
        let mut hosts = RoaringBitmap::new();
        for (key, of_key) in self.lingering.range(Arc::new(from)..) {
            if key.vulnerability != vulnerability {
                break;
            }
            hosts |= of_key;
        }
        hosts
    }

    pub(crate) fn hosts_of_claims(&self, claims: impl IntoIterator<Item = u32>) -> RoaringBitmap {
        let mut plain = RoaringBitmap::new();
        let mut kernels = RoaringBitmap::new();
        for claim in claims
            .into_iter()
            .filter_map(|claim| self.claims.get(claim))
        {
            if claim.finding.kernel {
                kernels |= &claim.subjects;
            } else {
                plain |= &claim.subjects;
            }
        }
        let booted = self.cohorts_awake(&kernels);
        self.cohorts.hosts(&self.sets_of_subjects(&plain), &booted)
    }

    /// Hosts on which a subject is in force.
    pub(crate) fn hosts_of_subject(&self, subject: u32) -> RoaringBitmap {
        let cohorts = self.cohorts_awake(&[subject].into_iter().collect());
        self.cohorts.hosts(&RoaringBitmap::new(), &cohorts)
    }

    /// Cohorts on which one of these subjects is in force.
    pub(crate) fn cohorts_awake(&self, subjects: &RoaringBitmap) -> RoaringBitmap {
        let mut cohorts = RoaringBitmap::new();
        for subject in subjects {
            for set in self.sets.of_subject(subject).into_iter().flatten() {
                let of_set = self.sets.facts(set).into_iter();
                cohorts.extend(
                    of_set
                        .flat_map(|facts| facts.cohorts.iter().copied())
                        .filter(|cohort| !self.sleeps(*cohort, subject)),
                );
            }
        }
        cohorts
    }

    /// Whether a subject is a kernel image that does not run on these hosts.
    pub(crate) fn sleeps(&self, cohort: u32, subject: u32) -> bool {
        self.cohorts
            .get(cohort)
            .is_some_and(|cohort| cohort.asleep.binary_search(&subject).is_ok())
    }

    pub(crate) fn sets_of_subjects(&self, subjects: &RoaringBitmap) -> RoaringBitmap {
        let mut sets = RoaringBitmap::new();
        for subject in subjects {
            if let Some(of_subject) = self.sets.of_subject(subject) {
                sets |= of_subject;
            }
        }
        sets
    }

    /// Hosts that have a package, by the name of a binary package or of its source.
    ///
    /// # Errors
    /// When the version asked for is none of this kind.
    pub fn hosts_of_package(
        &self,
        kind: &PackageType,
        name: &str,
        versions: &Versions,
    ) -> Result<RoaringBitmap, VersionsError> {
        let sets = self.sets_with(kind, name, versions)?;
        Ok(self.cohorts.hosts(&sets, &RoaringBitmap::new()))
    }

    fn sets_with(
        &self,
        kind: &PackageType,
        name: &str,
        versions: &Versions,
    ) -> Result<RoaringBitmap, VersionsError> {
        let wanted = Wanted::new(kind, versions)?;
        let name = kind.normalise(name);
        let mut sets = RoaringBitmap::new();
        // A name that no package has is in no pool.
        if self.sets.pool.find(&name).is_none() {
            return Ok(sets);
        }
        let mut by_binary = RoaringBitmap::new();
        for (id, key) in self.sets.subjects.keys.iter() {
            if key.kind == *kind
                && (*key.name == *name || *key.source == *name)
                && wanted.has(&key.version)
                && let Some(of_subject) = self.sets.of_subject(id)
            {
                sets |= of_subject;
            }
        }
        for (id, part) in self.sets.subjects.parts.iter() {
            let has = part
                .binaries
                .iter()
                .any(|binary| *binary.name == *name && wanted.has(&binary.version));
            if has
                && self
                    .sets
                    .subjects
                    .keys
                    .get(part.subject)
                    .is_some_and(|key| key.kind == *kind)
            {
                by_binary.insert(id);
            }
        }
        for part in &by_binary {
            let Some(subject) = self.sets.subjects.subject_of(part) else {
                continue;
            };
            for set in self.sets.of_subject(subject).into_iter().flatten() {
                let content = self.sets.content(set);
                if content.is_some_and(|content| content.parts.binary_search(&part).is_ok()) {
                    sets.insert(set);
                }
            }
        }
        Ok(sets)
    }

    /// What is wrong with a host, by name of vulnerability, as its packages and its kernel say.
    #[must_use]
    pub fn vulnerabilities_of_host(&self, id: &HostId) -> Vec<&str> {
        let Some(host) = self.host(id) else {
            return Vec::new();
        };
        let mut names: Vec<&str> = self
            .findings_in_force(host)
            .filter_map(|(_, claim)| self.claims.vulnerability(claim.vulnerability))
            .map(|known| known.name.as_ref())
            .chain(
                host.record
                    .lingering
                    .iter()
                    .flatten()
                    .map(|key| key.vulnerability.as_str()),
            )
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(crate) fn findings_in_force<'a>(
        &'a self,
        host: HostEntry<'a>,
    ) -> impl Iterator<Item = (&'a SubjectKey, &'a Claim)> {
        let cohort = host.record.cohort;
        host.key()
            .and_then(|key| key.set)
            .into_iter()
            .flat_map(move |set| self.sets.parts(set))
            .filter(move |part| !self.sleeps(cohort, part.subject))
            .filter_map(|part| Some((part.subject, self.sets.subjects.keys.get(part.subject)?)))
            .flat_map(move |(subject, key)| {
                self.claims
                    .rows(subject)
                    .iter()
                    .filter(|row| !row.is_vouched())
                    .filter_map(move |row| Some((key.as_ref(), self.claims.get(row.claim())?)))
            })
    }

    /// The ids of hosts, by name and id.
    #[must_use]
    pub fn ids(&self, hosts: &RoaringBitmap) -> Vec<HostId> {
        let mut found: Vec<_> = hosts
            .iter()
            .filter_map(|number| self.numbered(number))
            .collect();
        found.sort_by(|a, b| (a.name(), a.record.id).cmp(&(b.name(), b.record.id)));
        found.iter().filter_map(HostEntry::id).collect()
    }

    /// One more than the largest number a host can have now.
    #[must_use]
    pub fn numbers(&self) -> usize {
        self.cohorts.bound()
    }
}

/// [`Versions`] ready to compare.
struct Wanted {
    scheme: overlock_versions::Scheme,
    versions: Bound,
}

enum Bound {
    Any,
    Below(SortKey),
    Exactly(SortKey),
}

impl Wanted {
    fn new(kind: &PackageType, versions: &Versions) -> Result<Self, VersionsError> {
        let scheme = scheme_of(kind);
        let key = |version: &String| {
            overlock_versions::key(scheme, version).map_err(|_| VersionsError {
                kind: kind.clone(),
                version: version.clone(),
            })
        };
        Ok(Self {
            scheme,
            versions: match versions {
                Versions::Any => Bound::Any,
                Versions::Below(version) => Bound::Below(key(version)?),
                Versions::Exactly(version) => Bound::Exactly(key(version)?),
            },
        })
    }

    fn has(&self, version: &str) -> bool {
        let key = || overlock_versions::key(self.scheme, version).ok();
        match &self.versions {
            Bound::Any => true,
            Bound::Below(bound) => key().is_some_and(|key| key < *bound),
            Bound::Exactly(bound) => key().is_some_and(|key| key == *bound),
        }
    }
}
