//! Which version apt would install: priorities, pins and candidates (apt_preferences(5)).
//!
//! Pure: lists, pins and versions in, one choice out. Agreement with apt is a test against `apt-cache policy`.

use super::conf::Conf;
use super::pattern::matches;
use super::phased;
use super::preferences::{Choice, NEVER, Pin, Pins, ReleaseChoice, version_matches};
use crate::deb::order;
use std::cmp::Ordering;

/// Where versions come from: a package list, or dpkg's status file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// Host of its address, empty for files.
    pub site: String,
    /// `Suite` of its Release file; `now` for the status file.
    pub archive: Option<String>,
    /// `Codename`
    pub codename: Option<String>,
    /// `Version`
    pub version: Option<String>,
    /// `Origin`
    pub origin: Option<String>,
    /// `Label`
    pub label: Option<String>,
    /// Component.
    pub component: Option<String>,
    /// Architecture of the list.
    pub architecture: Option<String>,
    /// `NotAutomatic`
    pub not_automatic: bool,
    /// `ButAutomaticUpgrades`
    pub but_automatic_upgrades: bool,
    /// The status file, from which nothing can be installed.
    pub is_status: bool,
}

impl List {
    /// dpkg's status file.
    #[must_use]
    pub fn status() -> Self {
        Self {
            archive: Some("now".to_owned()),
            is_status: true,
            ..Self::default()
        }
    }

    fn fits(&self, choice: &Choice) -> bool {
        match choice {
            Choice::Version(_) => false,
            Choice::Release(release) => self.fits_release(release),
            // The status file has no site, but is not meant by "no site".
            Choice::Origin(site) if site.is_empty() => self.site.is_empty() && !self.is_status,
            Choice::Origin(site) => matches(site, &self.site),
        }
    }

    fn fits_release(&self, wanted: &ReleaseChoice) -> bool {
        if wanted.all {
            return true;
        }
        if *wanted == ReleaseChoice::default() {
            return false;
        }
        let fits = |pattern: &Option<String>, value: &Option<String>| match (pattern, value) {
            (None, _) => true,
            (Some(pattern), Some(value)) => matches(pattern, value),
            (Some(_), None) => false,
        };
        let version_fits = match (&wanted.version, &self.version) {
            (None, _) => true,
            (Some(wanted), Some(version)) => version_matches(wanted, version),
            (Some(_), None) => false,
        };
        let either = wanted.either.is_none()
            || fits(&wanted.either, &self.archive)
            || fits(&wanted.either, &self.codename);
        version_fits
            && either
            && fits(&wanted.origin, &self.origin)
            && fits(&wanted.archive, &self.archive)
            && fits(&wanted.codename, &self.codename)
            && fits(&wanted.label, &self.label)
            && fits(&wanted.component, &self.component)
            && fits(&wanted.architecture, &self.architecture)
    }
}

/// One version of a package that some list or the status file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Version text.
    pub version: String,
    /// Source name.
    pub source: String,
    /// Source version.
    pub source_version: String,
    /// Indexes of the lists that have it, in the order of the configuration.
    pub lists: Vec<usize>,
    /// Share of machines that get it, 100 for all.
    pub phased_percent: u8,
}

/// The rules of one host.
#[derive(Debug)]
pub struct Policy {
    lists: Vec<List>,
    list_priorities: Vec<i32>,
    default_priorities: Vec<i32>,
    pins: Pins,
    native_arch: String,
    phasing: Phasing,
}

/// How the host treats phased updates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Phasing {
    mode: PhasingMode,
    machine_id: Option<String>,
    by_priority: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum PhasingMode {
    #[default]
    ByMachine,
    Always,
    Never,
}

impl Phasing {
    fn new(conf: &Conf, machine_id: Option<&str>) -> Self {
        let switch = |name: &str| {
            conf.switch(&format!("APT::Get::{name}"))
                .or_else(|| conf.switch(&format!("Update-Manager::{name}")))
                .unwrap_or(false)
        };
        let mode = match (
            switch("Always-Include-Phased-Updates"),
            switch("Never-Include-Phased-Updates"),
        ) {
            (true, _) => PhasingMode::Always,
            (false, true) => PhasingMode::Never,
            (false, false) => PhasingMode::ByMachine,
        };
        let machine_id = conf
            .get("APT::Machine-ID")
            .or(machine_id)
            .map(str::to_owned)
            .filter(|id| !id.is_empty());
        Self {
            mode,
            machine_id,
            by_priority: conf.switch("APT::Get::Phase-Policy").unwrap_or(false),
        }
    }

    fn excludes(&self, version: &Version) -> bool {
        if version.phased_percent == 100 {
            return false;
        }
        match (self.mode, &self.machine_id) {
            (PhasingMode::Always, _) => false,
            (PhasingMode::Never, _) => true,
            (PhasingMode::ByMachine, None) => false,
            (PhasingMode::ByMachine, Some(id)) => phased::is_excluded(
                &version.source,
                &version.source_version,
                id,
                version.phased_percent,
            ),
        }
    }
}

/// What apt would do with an installed package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choose {
    /// Install this version, which is the candidate; maybe the installed one.
    Candidate(usize),
    /// The candidate is this version, but it is phased and this machine's turn has not come.
    Phased(usize),
    /// Preferences keep the installed version; without them it would be this one, whose priority is given.
    Pinned(usize, i32),
    /// No version may be installed.
    Nothing,
}

impl Policy {
    /// Puts the rules together. The second part is what apt would complain of.
    #[must_use]
    pub fn new(
        lists: Vec<List>,
        pins: Pins,
        conf: &Conf,
        native_arch: &str,
        machine_id: Option<&str>,
    ) -> (Self, Option<String>) {
        let default_priorities: Vec<i32> = lists
            .iter()
            .map(|list| match list {
                List {
                    is_status: true, ..
                }
                | List {
                    but_automatic_upgrades: true,
                    ..
                } => 100,
                List {
                    not_automatic: true,
                    ..
                } => 1,
                _ => 500,
            })
            .collect();
        let mut problem = None;
        let mut list_pins: Vec<Pin> = Vec::new();
        if let Some(release) = conf.get("APT::Default-Release") {
            let pin = Pin {
                choice: Choice::Release(ReleaseChoice::parse(release)),
                priority: 990,
            };
            let names = |list: &List| {
                [&list.archive, &list.codename, &list.version]
                    .into_iter()
                    .flatten()
                    .any(|name| matches(release, name))
            };
            if release.get(1..2) == Some("=") || lists.iter().any(names) {
                list_pins.push(pin);
            } else {
                problem = Some(format!(
                    "APT::Default-Release `{release}` is in no source; apt refuses to work"
                ));
            }
        }
        list_pins.extend(pins.lists.iter().cloned());
        let list_priorities = lists
            .iter()
            .zip(&default_priorities)
            .map(|(list, &default)| {
                let mut fitting = list_pins
                    .iter()
                    .filter(|pin| list.fits(&pin.choice))
                    .map(|pin| pin.priority);
                // `never` wins over any pin before it.
                if fitting.clone().any(|priority| priority == NEVER) {
                    NEVER
                } else {
                    fitting.next().unwrap_or(default)
                }
            })
            .collect();
        let phasing = Phasing::new(conf, machine_id);
        let policy = Self {
            lists,
            list_priorities,
            default_priorities,
            pins,
            native_arch: native_arch.to_owned(),
            phasing,
        };
        (policy, problem)
    }

    /// The lists, as given.
    #[must_use]
    pub fn lists(&self) -> &[List] {
        &self.lists
    }

    /// Chooses for one package. `versions` must be sorted by [`newest_first`]; `installed` is the index in it.
    #[must_use]
    pub fn choose(
        &self,
        name: &str,
        arch: &str,
        versions: &[Version],
        installed: Option<usize>,
    ) -> Choose {
        let current = installed.and_then(|index| versions.get(index));
        let phased_out =
            |version: &Version| self.phasing.by_priority && self.phasing.excludes(version);
        let priority = |version: &Version| {
            let priority = self.priority(name, arch, version, current);
            if phased_out(version) {
                priority.min(1)
            } else {
                priority
            }
        };
        let Some(candidate) = candidate(versions, current, priority) else {
            return Choose::Nothing;
        };
        if Some(candidate) != installed {
            let held_back = versions.get(candidate).is_some_and(|version| {
                !self.phasing.by_priority
                    && self.phasing.excludes(version)
                    && !self.security_between(versions, candidate, installed)
            });
            return if installed.is_some() && held_back {
                Choose::Phased(candidate)
            } else {
                Choose::Candidate(candidate)
            };
        }
        let natural = candidate_by_default(self, versions, current);
        match natural.and_then(|index| versions.get(index).map(|version| (index, version))) {
            Some((index, version)) if Some(index) != installed => {
                if phased_out(version) {
                    Choose::Phased(index)
                } else {
                    Choose::Pinned(index, priority(version))
                }
            }
            _ => Choose::Candidate(candidate),
        }
    }

    /// Priority of a version: the first pin that names the package and fits, else the best of its lists.
    #[must_use]
    pub fn priority(
        &self,
        name: &str,
        arch: &str,
        version: &Version,
        installed: Option<&Version>,
    ) -> i32 {
        let pin = self.pins.packages.iter().find(|(names, pin)| {
            let fits = match &pin.choice {
                Choice::Version(wanted) => version_matches(wanted, &version.version),
                other => version
                    .lists
                    .iter()
                    .any(|&list| self.lists.get(list).is_some_and(|list| list.fits(other))),
            };
            fits && names.include(name, &version.source, arch, &self.native_arch)
        });
        let of_list = |list: &usize| self.list_priorities.get(*list).copied().unwrap_or(0);
        if let Some((_, pin)) = pin
            && version.lists.iter().any(|list| of_list(list) != NEVER)
        {
            return pin.priority;
        }
        self.best(version, installed, &self.list_priorities)
    }

    fn best(&self, version: &Version, installed: Option<&Version>, priorities: &[i32]) -> i32 {
        let of_list = |&list: &usize| {
            let status = self.lists.get(list).is_some_and(|list| list.is_status);
            if status && installed != Some(version) {
                -1
            } else {
                priorities.get(list).copied().unwrap_or(0)
            }
        };
        version.lists.iter().map(of_list).max().unwrap_or(0)
    }

    /// Whether a version between the installed and the candidate was a security update: then phasing does not hold.
    fn security_between(
        &self,
        versions: &[Version],
        candidate: usize,
        installed: Option<usize>,
    ) -> bool {
        let end = installed.unwrap_or(versions.len());
        let between = versions.get(candidate + 1..end).unwrap_or_default();
        between
            .iter()
            .flat_map(|version| &version.lists)
            .any(|&list| {
                self.lists
                    .get(list)
                    .and_then(|list| list.archive.as_deref())
                    .is_some_and(|archive| archive.ends_with("-security"))
            })
    }
}

/// The candidate that there would be without any preferences.
fn candidate_by_default(
    policy: &Policy,
    versions: &[Version],
    current: Option<&Version>,
) -> Option<usize> {
    candidate(versions, current, |version| {
        policy.best(version, current, &policy.default_priorities)
    })
}

/// The first version of the highest priority; older than the installed one only from priority 1000 on.
fn candidate(
    versions: &[Version],
    current: Option<&Version>,
    priority: impl Fn(&Version) -> i32,
) -> Option<usize> {
    let mut best: Option<(usize, i32)> = None;
    for (index, version) in versions.iter().enumerate() {
        let priority = priority(version);
        if priority <= 0 || best.is_some_and(|(_, best)| priority <= best) {
            continue;
        }
        let older = current
            .is_some_and(|current| order(&version.version, &current.version) == Ordering::Less);
        if older && priority < 1000 {
            continue;
        }
        best = Some((index, priority));
    }
    best.map(|(index, _)| index)
}

/// Sorts versions newest first, equal ones in the order they came.
pub fn newest_first(versions: &mut [Version]) {
    versions.sort_by(|a, b| order(&b.version, &a.version));
}
