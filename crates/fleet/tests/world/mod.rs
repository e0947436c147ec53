//! A small world: four editions of one table, and hosts with a few packages and a kernel.

#![allow(clippy::unwrap_used, reason = "a world for tests")]

use overlock_fleet::{Fleet, Host, HostDates, Knowledge, Running, SetKey};
use overlock_index::{AdvisoryBuilder, AdvisoryIndex};
use overlock_matching::{Advisories, Context, Finding, assess};
use overlock_model::Timestamp;
use overlock_model::advisory::{Disclosure, Ecosystem, Resolution, VendorStatus};
use overlock_model::asset::{HostFacts, Standing};
use overlock_model::facts::{Facts, SystemExposure};
use overlock_model::inventory::Inventory;
use overlock_model::os::{InstalledKernel, Kernel, Os};
use overlock_model::package::{Package, PackageType};
use overlock_model::plan::HostId;
use overlock_protocol::content::sections;
use overlock_protocol::{Section, SectionDigests};
use overlock_versions::Scheme;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const NAMES: [&str; 4] = ["openssl", "bash", "zlib", "curl"];

pub fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + hours * 3600).unwrap()
}

pub struct World {
    pub edition: u8,
    table: Vec<u8>,
}

impl World {
    /// Each edition knows something that the others do not.
    pub fn edition(edition: u8) -> Self {
        let mut builder = AdvisoryBuilder::new(Scheme::Dpkg);
        let fixed = |version: &str| VendorStatus::Fixed(version.to_owned());
        let mut say = |package: &str, vulnerability: &str, status: VendorStatus| {
            let ecosystem = Ecosystem("debian:12".into());
            builder.disclose(&Disclosure {
                ecosystem: ecosystem.clone(),
                package: package.into(),
                vulnerability: vulnerability.into(),
                aliases: Vec::new(),
                severity: Some(format!("edition {edition}")).filter(|_| package == "zlib"),
                summary: None,
                cvss: Vec::new(),
                published: Some(at(-1000)),
            });
            builder.resolve(&Resolution {
                ecosystem,
                package: package.into(),
                vulnerability: vulnerability.into(),
                channel: String::new(),
                module: None,
                arches: Vec::new(),
                introduced: None,
                status,
                advisory: Some(format!("DSA-{package}-{vulnerability}")),
                issued: Some(at(-500)),
                feed: "debian".into(),
            });
        };
        say("openssl", "CVE-2026-1", fixed("2"));
        say(
            "openssl",
            "CVE-2026-2",
            fixed(if edition == 1 { "3" } else { "4" }),
        );
        say("openssl", "CVE-2026-3", VendorStatus::Affected);
        say("zlib", "CVE-2026-4", fixed("3"));
        say("linux", "CVE-2026-5", fixed("6.1.3-1"));
        say("linux", "CVE-2026-6", VendorStatus::UnderInvestigation);
        if edition == 2 {
            say("bash", "CVE-2026-7", fixed("5"));
        }
        if edition != 3 {
            say("curl", "CVE-2026-1", fixed("3"));
        }
        builder.add_feed("debian", false);
        Self {
            edition,
            table: builder.finish().unwrap().bytes,
        }
    }

    pub fn vulnerabilities(&self) -> Vec<String> {
        (1..8).map(|number| format!("CVE-2026-{number}")).collect()
    }
}

impl Advisories for World {
    fn index(&self, ecosystem: &Ecosystem) -> Option<AdvisoryIndex<'_>> {
        (ecosystem.as_str() == "debian:12").then(|| AdvisoryIndex::open(&self.table).unwrap())
    }
}

impl Knowledge for World {}

pub fn assessed(world: &World, inventory: &Inventory) -> Vec<Finding> {
    assess(inventory, world, &Context::default()).findings
}

/// A host to be.
#[derive(Debug, Clone)]
pub struct Box {
    pub number: usize,
    pub packages: BTreeMap<String, String>,
    /// Kernels by the last number of their version, and which of them runs (a number of none runs a kernel of no package).
    pub kernels: BTreeSet<u8>,
    pub runs: Option<u8>,
    pub exposure: Option<SystemExposure>,
    pub tags: BTreeSet<String>,
    pub labels: BTreeMap<String, String>,
    pub processes_off: bool,
    /// As of its last report.
    pub sections: BTreeSet<Section>,
}

pub fn host_id(number: usize) -> HostId {
    let mut bytes = [7; 16];
    bytes[0] = u8::try_from(number).unwrap();
    HostId::from_random(bytes)
}

impl Box {
    pub fn with(number: usize, packages: &[(&str, &str)]) -> Self {
        Self {
            number,
            packages: packages
                .iter()
                .map(|(name, version)| ((*name).into(), (*version).into()))
                .collect(),
            kernels: BTreeSet::new(),
            runs: None,
            exposure: None,
            tags: BTreeSet::new(),
            labels: BTreeMap::new(),
            processes_off: false,
            sections: Section::ALL.into(),
        }
    }

    pub fn name(&self) -> String {
        format!("box-{:02}", self.number)
    }

    pub fn id(&self) -> HostId {
        host_id(self.number)
    }

    pub fn inventory(&self) -> Inventory {
        let mut inventory = Inventory::new(Os {
            id: "debian".into(),
            version_id: "12".into(),
            ..Os::default()
        });
        for (name, version) in &self.packages {
            for binary in [name.clone(), format!("lib{name}")] {
                let mut package = Package::new(PackageType::Deb, binary, version.as_str());
                package.source = Some(name.clone());
                inventory.packages.push(package);
            }
        }
        for kernel in &self.kernels {
            let version = format!("6.1.{kernel}-1");
            let release = format!("6.1.0-{kernel}-amd64");
            let mut package =
                Package::new(PackageType::Deb, format!("linux-image-{release}"), &version);
            package.source = Some("linux".into());
            inventory.kernel.installed.insert(
                0,
                InstalledKernel {
                    release,
                    package: package.name.clone(),
                    version,
                },
            );
            inventory.packages.push(package);
        }
        inventory.kernel.running = self.runs.map(|kernel| format!("6.1.0-{kernel}-amd64"));
        inventory
    }

    pub fn host(&self) -> Host {
        let Inventory {
            os, arch, kernel, ..
        } = self.inventory();
        let kernel: Kernel = kernel;
        Host {
            id: self.id(),
            name: self.name(),
            os,
            arch,
            kernel,
            standing: Standing::Active,
            facts: HostFacts {
                facts: Facts {
                    exposure: self.exposure,
                    ..Facts::default()
                },
                tags: self.tags.clone(),
                ..HostFacts::default()
            },
            labels: self.labels.clone(),
            group: (self.number.is_multiple_of(8)).then(|| "canary".to_owned()),
            agent: "1".into(),
            switched_off: self
                .processes_off
                .then_some(Section::Processes)
                .into_iter()
                .collect(),
            sections: self.sections.clone(),
            running: (!self.processes_off).then(|| Running {
                complete: true,
                ..Running::default()
            }),
            dates: HostDates {
                seen: Some(at(0)),
                reported: Some(at(0)),
                packages: Some(at(0)),
                processes: Some(at(0)),
                metadata: Some(at(0)),
            },
        }
    }
}

/// As the server does it: packages are looked at only where their digest is not known.
pub fn put(fleet: &mut Fleet, world: &World, host: &Box) {
    let inventory = host.inventory();
    let digests: SectionDigests = sections(&inventory, &BTreeMap::new())
        .unwrap()
        .into_iter()
        .map(|(section, content)| (section, content.digest()))
        .collect();
    let key = SetKey::of(&inventory.os, &digests, &inventory.repositories);
    let set = fleet
        .set(key)
        .unwrap_or_else(|| fleet.intern(key, &inventory, world));
    fleet.put(host.host(), Some(set));
}

pub fn any_box() -> impl Strategy<Value = Box> {
    (
        0..8_usize,
        prop::collection::btree_map(prop::sample::select(&NAMES[..]), 1..6_u8, 0..4),
        prop::collection::btree_set(1..6_u8, 0..3),
        prop::option::of(1..6_u8),
        prop::option::of(Just(SystemExposure::Open)),
    )
        .prop_map(|(number, packages, kernels, runs, exposure)| Box {
            packages: packages
                .into_iter()
                .map(|(name, version)| (name.to_owned(), version.to_string()))
                .collect(),
            kernels,
            runs,
            exposure,
            ..Box::with(number, &[])
        })
}
