//! A host as the fleet knows it.

use crate::interner::Map;
use overlock_model::Timestamp;
use overlock_model::asset::{HostFacts, Standing};
use overlock_model::effective::{Effective, RebootReason};
use overlock_model::episode::EpisodeKey;
use overlock_model::facts::Facts;
use overlock_model::os::{Kernel, Os};
use overlock_model::plan::HostId;
use overlock_protocol::Section;
use overlock_protocol::content::Labels;
use serde::Serialize;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// All that the fleet is told of a host besides its packages.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Who.
    pub id: HostId,
    /// Its name; not unique.
    pub name: String,
    /// Operating system release.
    pub os: Os,
    /// Architecture in the package manager's word.
    pub arch: Option<String>,
    /// Kernels.
    pub kernel: Kernel,
    /// Standing with the server.
    pub standing: Standing,
    /// What people say of it.
    pub facts: HostFacts,
    /// What it says of itself.
    pub labels: Labels,
    /// The group it was enrolled into.
    pub group: Option<String>,
    /// Version of its agent; empty without one.
    pub agent: String,
    /// Sections that its owner switched off.
    pub switched_off: BTreeSet<Section>,
    /// Sections that it has as of its last report. What is neither here nor switched off is not known either.
    pub sections: BTreeSet<Section>,
    /// What runs on it; `None` when it never said so, or no longer does.
    pub running: Option<Running>,
    /// When what happened.
    pub dates: HostDates,
}

/// Dates of a host, by the server's clock but for `metadata`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HostDates {
    /// Last contact.
    pub seen: Option<Timestamp>,
    /// Last report that was accepted.
    pub reported: Option<Timestamp>,
    /// Last report that changed its packages.
    pub packages: Option<Timestamp>,
    /// Last look at its processes that we know of. An agent looks at everything at once, so this is its last report if it
    /// sends them; a poll tells only what it saw before.
    pub processes: Option<Timestamp>,
    /// Date of the oldest metadata among its repositories.
    pub metadata: Option<Timestamp>,
}

/// What runs on a host, as far as verdicts go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Running {
    /// Binary packages of which replaced files are still mapped by some process.
    pub stale: BTreeSet<String>,
    /// Whether something asks for a reboot.
    pub reboot: bool,
    /// Binary packages that ask for it.
    pub reboot_for: BTreeSet<String>,
    /// Whether every process could be looked into.
    pub complete: bool,
}

impl Running {
    /// Of what a host reported.
    #[must_use]
    pub fn of(effective: &Effective) -> Self {
        let mut running = Self {
            complete: effective.processes_unseen == 0,
            reboot: !effective.reboot_required.is_empty(),
            ..Self::default()
        };
        for process in &effective.stale {
            running.stale.extend(process.packages.iter().cloned());
            // A replaced file that no package owns leaves open what it was part of.
            running.complete &= !process.packages.is_empty() || process.files.is_empty();
        }
        for reason in &effective.reboot_required {
            if let RebootReason::Marker { packages, .. } = reason {
                running.reboot_for.extend(packages.iter().cloned());
            }
        }
        running
    }
}

/// The kernel that was booted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Booted {
    pub release: Option<String>,
    /// Package and version in memory, where the image on disk was replaced under the same release name.
    pub replaced: Option<(String, String)>,
}

impl Booted {
    pub fn of(kernel: &Kernel) -> Self {
        let replaced = || {
            let (release, booted) = (kernel.running.as_ref()?, kernel.running_version.as_ref()?);
            let image = kernel
                .installed
                .iter()
                .find(|image| image.release == *release)?;
            (image.version != *booted).then(|| (image.package.clone(), booted.clone()))
        };
        Self {
            release: kernel.running.clone(),
            replaced: replaced(),
        }
    }
}

/// Release and architecture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct System {
    pub os: Os,
    pub arch: Option<String>,
}

/// What is said of a host, by people and by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Class {
    pub facts: HostFacts,
    pub labels: Labels,
    pub group: Option<String>,
}

/// The facts that decisions depend on; who owns a host is none of them.
pub(crate) fn judged_facts(facts: &Facts) -> Facts {
    Facts {
        environment: None,
        owner: None,
        ..facts.clone()
    }
}

/// A value that is told apart by its JSON text, for types that cannot be hashed.
#[derive(Debug)]
pub(crate) struct Keyed<T> {
    text: Box<str>,
    pub value: T,
}

impl<T: Serialize> Keyed<T> {
    pub fn of(value: T) -> Self {
        Self {
            // Maps of texts and plain enums always have a JSON form.
            text: serde_json::to_string(&value).unwrap_or_default().into(),
            value,
        }
    }
}

impl<T> PartialEq for Keyed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> Eq for Keyed<T> {}

impl<T> Hash for Keyed<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// A host in memory: what it does not share with others.
#[derive(Debug)]
pub(crate) struct Record {
    pub id: u128,
    pub name: Arc<str>,
    pub number: u32,
    pub cohort: u32,
    pub system: u32,
    pub class: u32,
    pub agent: u32,
    /// `None` when unknown.
    pub running: Option<u32>,
    /// `None` stands for [`Standing::Active`].
    pub standing: Option<Box<Standing>>,
    pub switched_off: u8,
    pub sections: u8,
    pub dates: PackedDates,
    /// Episodes whose fix is installed and not in force.
    pub lingering: Option<Box<[Arc<EpisodeKey>]>>,
}

impl Record {
    pub fn standing(&self) -> &Standing {
        self.standing.as_deref().unwrap_or(&Standing::Active)
    }
}

/// [`HostDates`] in 20 bytes: seconds since 1970, 0 for none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PackedDates {
    pub seen: u32,
    pub reported: u32,
    pub packages: u32,
    pub processes: u32,
    pub metadata: u32,
}

pub(crate) fn seconds(time: Option<Timestamp>) -> u32 {
    // A time before 1970 is the earliest there is: known, and long ago.
    time.map_or(0, |time| {
        u32::try_from(time.as_second().max(1)).unwrap_or(u32::MAX)
    })
}

fn time(seconds: u32) -> Option<Timestamp> {
    (seconds != 0)
        .then(|| Timestamp::from_second(i64::from(seconds)).ok())
        .flatten()
}

impl PackedDates {
    pub fn of(dates: &HostDates) -> Self {
        Self {
            seen: seconds(dates.seen),
            reported: seconds(dates.reported),
            packages: seconds(dates.packages),
            processes: seconds(dates.processes),
            metadata: seconds(dates.metadata),
        }
    }

    pub fn unpack(&self) -> HostDates {
        HostDates {
            seen: time(self.seen),
            reported: time(self.reported),
            packages: time(self.packages),
            processes: time(self.processes),
            metadata: time(self.metadata),
        }
    }
}

/// A host id as the 16 bytes it stands for.
pub(crate) fn id_bits(id: &HostId) -> u128 {
    id.as_str()
        .bytes()
        .filter_map(|byte| char::from(byte).to_digit(16))
        .fold(0, |bits, digit| bits << 4 | u128::from(digit))
}

/// The id of 16 bytes.
pub(crate) fn host_id(bits: u128) -> Option<HostId> {
    let hex = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (at, digit) in hex.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    HostId::try_from(text).ok()
}

pub(crate) fn section_bits(sections: &BTreeSet<Section>) -> u8 {
    sections
        .iter()
        .filter_map(|section| Section::ALL.iter().position(|other| other == section))
        .fold(0, |bits, at| bits | 1 << at)
}

pub(crate) fn sections_of(bits: u8) -> BTreeSet<Section> {
    Section::ALL
        .into_iter()
        .enumerate()
        .filter(|(at, _)| bits >> at & 1 == 1)
        .map(|(_, section)| section)
        .collect()
}

/// Hosts by id.
pub(crate) type ById = Map<u128, u32>;

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::effective::StaleProcess;

    #[test]
    fn an_id_comes_back_from_its_bits() {
        let id = HostId::from_random(*b"\x01sixteen bytes..");
        assert_eq!(host_id(id_bits(&id)), Some(id));
    }

    #[test]
    fn sections_come_back_from_their_bits() {
        let some = BTreeSet::from([Section::Processes, Section::Unseen]);
        assert_eq!(sections_of(section_bits(&some)), some);
        let all: BTreeSet<Section> = Section::ALL.into();
        assert_eq!(sections_of(section_bits(&all)), all);
    }

    #[test]
    fn dates_come_back_to_the_second() {
        let dates = HostDates {
            seen: Some("2026-11-23T10:00:00Z".parse().unwrap()),
            metadata: Some("1970-01-01T00:00:01Z".parse().unwrap()),
            ..HostDates::default()
        };
        assert_eq!(PackedDates::of(&dates).unpack(), dates);
    }

    #[test]
    fn a_stale_file_of_no_known_package_leaves_the_look_incomplete() {
        let mut effective = Effective {
            stale: vec![StaleProcess {
                pid: 1,
                name: "nginx".into(),
                unit: None,
                started: None,
                files: vec!["/usr/lib/x".into()],
                packages: vec!["libx".into()],
            }],
            ..Effective::default()
        };
        assert!(Running::of(&effective).complete);
        effective.stale.first_mut().unwrap().packages.clear();
        assert!(!Running::of(&effective).complete);
    }
}
