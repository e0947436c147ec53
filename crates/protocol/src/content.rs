//! What the lines of each section are: from an inventory to sections, and back.
//!
//! The agent calls [`sections`], the server [`inventory`]. Whatever changes without meaning anything is left out here
//! (counts of processes, of directory entries), since each change would be sent and stored.

use crate::Limits;
use crate::section::{Section, SectionContent};
use overlock_model::effective::{Effective, RebootReason, StaleProcess};
use overlock_model::inventory::{Inventory, InventorySource, SearchRoot, Unseen};
use overlock_model::os::{Kernel, Os};
use overlock_model::package::Package;
use overlock_model::plan::CanonicalError;
use overlock_model::repository::{Offer, Repository};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The sections of one host.
pub type Sections = BTreeMap<Section, SectionContent>;

/// Labels that the host's owner set, by name.
pub type Labels = BTreeMap<String, String>;

/// The one line of [`Section::System`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct System {
    /// Name of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Operating system release.
    pub os: Os,
    /// Architecture in the package manager's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// Kernels.
    #[serde(default)]
    pub kernel: Kernel,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LanguageLine {
    Package(Package),
    SearchRoot(SearchRoot),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ProcessLine {
    Stale(StaleProcess),
    Reboot(RebootReason),
    /// There is exactly one of these: whether every process could be looked into.
    Complete(bool),
}

#[derive(Serialize, Deserialize)]
struct LabelLine {
    label: String,
    value: String,
}

/// An inventory as sections.
///
/// # Errors
/// When a number in it is no safe integer (RFC 7493), which no inventory of ours has.
pub fn sections(inventory: &Inventory, labels: &Labels) -> Result<Sections, CanonicalError> {
    let system = System {
        name: inventory.host.clone(),
        os: inventory.os.clone(),
        arch: inventory.arch.clone(),
        kernel: inventory.kernel.clone(),
    };
    let (of_system, of_languages): (Vec<&Package>, Vec<&Package>) = inventory
        .packages
        .iter()
        .partition(|package| package.kind.is_os());
    let languages = of_languages
        .into_iter()
        .map(|package| LanguageLine::Package(package.clone()))
        .chain(inventory.search_roots.iter().map(|root| {
            LanguageLine::SearchRoot(SearchRoot {
                entries: 0,
                ..root.clone()
            })
        }));
    let mut sections = Sections::from([
        (Section::System, SectionContent::of([system])?),
        (Section::Packages, SectionContent::of(of_system)?),
        (Section::Languages, SectionContent::of(languages)?),
        (
            Section::Repositories,
            SectionContent::of(&inventory.repositories)?,
        ),
        (Section::Offers, SectionContent::of(&inventory.offers)?),
        (Section::Unseen, SectionContent::of(&inventory.unseen)?),
    ]);
    if let Some(effective) = &inventory.effective {
        sections.insert(Section::Processes, processes(effective)?);
    }
    let labels = labels.iter().map(|(label, value)| LabelLine {
        label: label.clone(),
        value: value.clone(),
    });
    sections.insert(Section::Labels, SectionContent::of(labels)?);
    Ok(sections)
}

/// What runs, as lines.
///
/// # Errors
/// As [`sections`].
pub fn processes(effective: &Effective) -> Result<SectionContent, CanonicalError> {
    SectionContent::of(
        effective
            .stale
            .iter()
            .cloned()
            .map(ProcessLine::Stale)
            .chain(
                effective
                    .reboot_required
                    .iter()
                    .cloned()
                    .map(ProcessLine::Reboot),
            )
            .chain([ProcessLine::Complete(effective.processes_unseen == 0)]),
    )
}

/// A section whose lines are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// A line cannot be read.
    #[error("section `{section}`, line {line}: {cause}")]
    Line {
        /// Which section.
        section: Section,
        /// Which line, from 1.
        line: usize,
        /// What the parser says.
        cause: String,
    },
    /// The section `system` does not have exactly one line.
    #[error("section `system` has {0} lines instead of one")]
    System(usize),
    /// More labels, or longer ones, than may be.
    #[error("section `labels` holds more or longer labels than may be")]
    Labels,
}

/// The inventory that sections stand for; what was switched off is empty, `effective` is absent.
///
/// # Errors
/// When a line cannot be read; unknown fields in it are passed over, since the agent may be newer.
pub fn inventory(sections: &Sections) -> Result<Inventory, InventoryError> {
    let system: Vec<System> = lines(sections, Section::System)?;
    let count = system.len();
    let Ok([system]) = <[System; 1]>::try_from(system) else {
        return Err(InventoryError::System(count));
    };
    let mut inventory = Inventory::new(system.os);
    inventory.source = InventorySource::RunningHost;
    inventory.host = system.name;
    inventory.arch = system.arch;
    inventory.kernel = system.kernel;
    inventory.packages = lines(sections, Section::Packages)?;
    for line in lines(sections, Section::Languages)? {
        match line {
            LanguageLine::Package(package) => inventory.packages.push(package),
            LanguageLine::SearchRoot(root) => inventory.search_roots.push(root),
        }
    }
    inventory.repositories = lines::<Repository>(sections, Section::Repositories)?;
    inventory.offers = lines::<Offer>(sections, Section::Offers)?;
    inventory.unseen = lines::<Unseen>(sections, Section::Unseen)?;
    if sections.contains_key(&Section::Processes) {
        let mut effective = Effective::default();
        for line in lines(sections, Section::Processes)? {
            match line {
                ProcessLine::Stale(process) => effective.stale.push(process),
                ProcessLine::Reboot(reason) => effective.reboot_required.push(reason),
                ProcessLine::Complete(complete) => {
                    effective.processes_unseen = u64::from(!complete);
                }
            }
        }
        inventory.effective = Some(effective);
    }
    Ok(inventory)
}

/// The labels of a host.
///
/// # Errors
/// When a line cannot be read, or there are more or longer labels than [`Limits`] allow.
pub fn labels(sections: &Sections, limits: &Limits) -> Result<Labels, InventoryError> {
    let labels: Labels = lines::<LabelLine>(sections, Section::Labels)?
        .into_iter()
        .map(|line| (line.label, line.value))
        .collect();
    let fits = labels.len() <= limits.labels
        && labels
            .iter()
            .all(|(label, value)| label.len().max(value.len()) <= limits.name_bytes);
    fits.then_some(labels).ok_or(InventoryError::Labels)
}

fn lines<T: DeserializeOwned>(
    sections: &Sections,
    section: Section,
) -> Result<Vec<T>, InventoryError> {
    let Some(content) = sections.get(&section) else {
        return Ok(Vec::new());
    };
    (1..)
        .zip(content.lines())
        .map(|(line, text)| {
            serde_json::from_str(text).map_err(|cause| InventoryError::Line {
                section,
                line,
                cause: cause.to_string(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::package::PackageType;

    fn host() -> Inventory {
        let mut inventory = Inventory::new(Os {
            id: "debian".into(),
            version_id: "12".into(),
            ..Os::default()
        });
        inventory.source = InventorySource::RunningHost;
        inventory.host = Some("web-1".into());
        inventory.packages = vec![
            Package::new(PackageType::Deb, "openssl", "3.0.11-1"),
            Package::new(PackageType::Pypi, "requests", "2.31.0"),
        ];
        inventory.effective = Some(Effective {
            processes_unseen: 1,
            reboot_required: vec![RebootReason::Marker {
                path: "/run/reboot-required".into(),
                packages: vec!["linux-base".into()],
            }],
            ..Effective::default()
        });
        inventory
    }

    #[test]
    fn an_inventory_comes_back_from_its_sections() {
        let labels = Labels::from([("site".into(), "north".into())]);
        let sections = sections(&host(), &labels).unwrap();
        assert_eq!(inventory(&sections), Ok(host()));
        assert_eq!(super::labels(&sections, &Limits::WIRE), Ok(labels));
        assert_eq!(
            sections.get(&Section::Packages).unwrap().text(),
            r#"{"name":"openssl","type":"deb","version":"3.0.11-1"}"#
        );
    }

    #[test]
    fn what_means_nothing_changes_no_digest() {
        let mut busier = host();
        busier.effective.as_mut().unwrap().processes_seen = 99;
        busier.effective.as_mut().unwrap().processes_unseen = 5;
        busier.packages.reverse();
        assert_eq!(
            sections(&busier, &Labels::new()).unwrap(),
            sections(&host(), &Labels::new()).unwrap()
        );
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        let mut sections = sections(&host(), &Labels::new()).unwrap();
        sections.insert(
            Section::Packages,
            SectionContent::checked(vec!["{}".into()], &Limits::WIRE).unwrap(),
        );
        let error = inventory(&sections).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("section `packages`, line 1: missing field"),
            "{error}"
        );
        sections.remove(&Section::System);
        assert_eq!(inventory(&sections), Err(InventoryError::System(0)));
    }
}
