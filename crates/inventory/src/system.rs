//! What package managers say: what is installed, and what their repositories offer for it.

use crate::{InventoryError, machine_id, missed};
use overlock_model::inventory::Unseen;
use overlock_model::package::Package;
use overlock_packages::{Survey, alpm, apk, apt, deb, rpm};
use overlock_rootfs::Root;
use std::collections::BTreeMap;
use std::path::Path;

/// Every package manager's answer; a root may have several, and each is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// Installed packages, each with its publisher where a repository states it.
    pub packages: Vec<Package>,
    /// What of the databases could not be seen.
    pub packages_unseen: Vec<Unseen>,
    /// Repositories, their offers, and what of them could not be seen.
    pub survey: Survey,
}

/// What a package manager's metadata says of its packages.
type SurveyOf = fn(&Root, &mut [Package]) -> Survey;

/// Reads every package database that is there, and the metadata of its repositories.
///
/// # Errors
/// When one of them is damaged.
pub fn operating_system(root: &Root, cache: Option<&Path>) -> Result<System, InventoryError> {
    let mut system = System::default();
    let mut found_any = false;
    let mut failed = None;

    match deb::installed(root) {
        Ok(Some(found)) => {
            found_any = true;
            let mut packages = found.packages;
            let machine_id = machine_id(root);
            let survey = apt::survey(root, &mut packages, machine_id.as_deref(), cache)
                .unwrap_or_else(|error| Survey {
                    unseen: vec![missed("apt's repositories", &error)],
                    ..Survey::default()
                });
            system.take(packages, found.notes, survey);
        }
        Ok(None) => {}
        Err(error) => failed = Some(error),
    }
    let mut others: Vec<(Vec<Package>, Vec<Unseen>, SurveyOf)> = Vec::new();
    match rpm::installed(root) {
        Ok(Some(found)) => others.push((found.packages, found.unseen, rpm::survey)),
        Ok(None) => {}
        Err(error) => failed = failed.or(Some(error)),
    }
    match apk::installed(root) {
        Ok(Some(found)) => others.push((found.packages, found.unseen, apk::survey)),
        Ok(None) => {}
        Err(error) => failed = failed.or(Some(error)),
    }
    match alpm::installed(root) {
        Ok(Some(found)) => others.push((found.packages, found.unseen, alpm::survey)),
        Ok(None) => {}
        Err(error) => failed = failed.or(Some(error)),
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    for (mut packages, unseen, survey) in others {
        found_any = true;
        let survey = survey(root, &mut packages);
        system.take(packages, unseen, survey);
    }
    if !found_any {
        system.packages_unseen.push(Unseen {
            what: "operating-system packages".to_owned(),
            why: "no package database that is known was found in this root".to_owned(),
        });
    }
    Ok(system)
}

impl System {
    fn take(&mut self, packages: Vec<Package>, unseen: Vec<Unseen>, survey: Survey) {
        self.packages.extend(packages);
        self.packages_unseen.extend(unseen);
        self.survey.repositories.extend(survey.repositories);
        self.survey.offers.extend(survey.offers);
        self.survey.unseen.extend(survey.unseen);
    }

    /// The architecture that most packages are built for.
    pub(crate) fn commonest_arch(&self) -> Option<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let own = |arch: &&str| !matches!(*arch, "all" | "noarch" | "any");
        for arch in self
            .packages
            .iter()
            .filter_map(|package| package.arch.as_deref())
            .filter(own)
        {
            *counts.entry(arch).or_default() += 1;
        }
        counts
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .map(|(arch, _)| arch.to_owned())
    }
}
