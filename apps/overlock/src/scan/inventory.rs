//! What is on an asset: the running machine, a root, a bill of materials or a saved inventory.

use super::ownership;
use crate::cli::{Packages, Subject};
use crate::commands::read_input;
use crate::exit::Failure;
use crate::state::State;
use overlock_host::{architecture, kernel, release};
use overlock_model::inventory::{Inventory, InventorySource, Unseen};
use overlock_model::package::Package;
use overlock_packages::document::DocumentError;
use overlock_packages::{Survey, alpm, apk, apt, deb, language, rpm, sbom};
use overlock_rootfs::Root;
use std::collections::BTreeMap;
use std::path::Path;

/// Largest bill of materials or inventory that is read.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// Collects the inventory of what the command line names; the root too, where there is one to ask further.
pub fn collect(
    subject: &Subject,
    packages: Packages,
    state: &State,
) -> Result<(Inventory, Option<Root>), Failure> {
    if let Some(file) = &subject.sbom {
        let bytes = read_input(file, FILE_BYTES_MAX)?;
        let inventory = sbom::read(&bytes).map_err(|error| unreadable(file, error))?;
        return Ok((inventory, None));
    }
    if let Some(file) = &subject.inventory {
        let bytes = read_input(file, FILE_BYTES_MAX)?;
        let inventory =
            overlock_packages::inventory::parse(&bytes).map_err(|error| unreadable(file, error))?;
        return Ok((inventory, None));
    }
    let path = subject.root.as_deref().unwrap_or(Path::new("/"));
    let root = Root::open(path).map_err(|error| {
        Failure::input(error).hint("give a directory that holds a system's `/`")
    })?;
    let inventory = of_root(&root, packages, state)?;
    Ok((inventory, Some(root)))
}

fn unreadable(file: &Path, error: DocumentError) -> Failure {
    let hint = error.hint();
    let error = anyhow::Error::new(error).context(format!("cannot use `{}`", file.display()));
    Failure {
        hint: hint.map(str::to_owned),
        ..Failure::input(error)
    }
}

fn of_root(root: &Root, packages: Packages, state: &State) -> Result<Inventory, Failure> {
    let os = release::read(root).map_err(|error| {
        Failure::input(error).hint("point --root at a system's `/`, with its etc/os-release")
    })?;
    let uname = root.is_running().then(kernel::uname);
    let mut inventory = Inventory::new(os);
    inventory.collected = Some(state.now);
    inventory.source = if root.is_running() {
        InventorySource::RunningHost
    } else {
        InventorySource::Root {
            path: root.path().display().to_string(),
        }
    };
    inventory.host = hostname(root);
    inventory.arch = architecture::of_root(
        root,
        &inventory.os,
        uname.as_ref().map(|uname| uname.machine.as_str()),
    );
    operating_system(root, &mut inventory, state)?;
    // A root without a single program (an image of one static file) still has packages that name their architecture.
    if inventory.arch.is_none() {
        inventory.arch = commonest_arch(&inventory.packages);
    }
    if packages == Packages::All {
        language_packages(root, &mut inventory, state);
    }
    inventory.kernel = kernel::kernels(uname.as_ref(), &inventory.packages);
    match overlock_host::effective(root, &inventory.kernel) {
        Ok(effective) => inventory.effective = effective,
        Err(error) => miss(&mut inventory, "processes", &error),
    }
    if let Some(effective) = &inventory.effective
        && effective.processes_unseen > 0
    {
        inventory.unseen.push(Unseen {
            what: match effective.processes_unseen {
                1 => "1 process of another user".to_owned(),
                many => format!("{many} processes of other users"),
            },
            why: "permission: run as root to see which of them still use replaced files".to_owned(),
        });
    }
    ownership::of_stale_files(root, &mut inventory);
    inventory.unseen.sort();
    inventory.unseen.dedup();
    Ok(inventory)
}

/// Packages of languages; what could not be searched is said, and never ends the scan.
fn language_packages(root: &Root, inventory: &mut Inventory, state: &State) {
    let cache = state.cache();
    let options = language::Options {
        cache: cache.as_deref(),
        ..language::Options::default()
    };
    match language::survey(root, &options) {
        Ok(found) => {
            inventory.packages.extend(found.packages);
            inventory.search_roots = found.search_roots;
            inventory.unseen.extend(found.unseen);
        }
        Err(error) => miss(inventory, "language packages", &error),
    }
}

/// What a package manager's metadata says of its packages.
type SurveyOf = fn(&Root, &mut [Package]) -> Survey;

/// Every package manager's database that is there; a root may have several, and each is read.
fn operating_system(root: &Root, inventory: &mut Inventory, state: &State) -> Result<(), Failure> {
    let cache = state.cache();
    let machine_id = machine_id(root);
    let mut found_any = false;
    let mut failed = None;

    match deb::installed(root) {
        Ok(Some(found)) => {
            found_any = true;
            let mut packages = found.packages;
            inventory.unseen.extend(found.notes);
            match apt::survey(root, &mut packages, machine_id.as_deref(), cache.as_deref()) {
                Ok(survey) => take(inventory, survey),
                Err(error) => miss(inventory, "apt's repositories", &error),
            }
            inventory.packages.append(&mut packages);
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
    for (mut packages, unseen, survey) in others {
        found_any = true;
        inventory.unseen.extend(unseen);
        let survey = survey(root, &mut packages);
        take(inventory, survey);
        inventory.packages.append(&mut packages);
    }
    match failed {
        // Half an inventory would read like a whole one, so a damaged database ends the scan.
        Some(error) => {
            let hint = error.hint().map(str::to_owned);
            let error = anyhow::Error::new(error).context("the package database cannot be read");
            Err(Failure {
                hint,
                ..Failure::input(error)
            })
        }
        None if found_any => Ok(()),
        None => {
            inventory.unseen.push(Unseen {
                what: "operating-system packages".to_owned(),
                why: "no package database that is known was found in this root".to_owned(),
            });
            Ok(())
        }
    }
}

fn take(inventory: &mut Inventory, survey: Survey) {
    inventory.repositories.extend(survey.repositories);
    inventory.offers.extend(survey.offers);
    inventory.unseen.extend(survey.unseen);
}

fn miss(inventory: &mut Inventory, what: &str, error: &dyn std::error::Error) {
    inventory.unseen.push(Unseen {
        what: what.to_owned(),
        why: overlock_feeds::in_one_line(error),
    });
}

fn commonest_arch(packages: &[Package]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let own = |arch: &&str| !matches!(*arch, "all" | "noarch" | "any");
    for arch in packages
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

fn hostname(root: &Root) -> Option<String> {
    if root.is_running() {
        let name = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        return Some(name).filter(|name| !name.is_empty());
    }
    first_line(root, "/etc/hostname")
}

fn machine_id(root: &Root) -> Option<String> {
    first_line(root, "/etc/machine-id")
}

fn first_line(root: &Root, path: &str) -> Option<String> {
    let bytes = root.read_optional(path, 4096).ok()??;
    let text = String::from_utf8_lossy(&bytes);
    text.lines()
        .next()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
}
