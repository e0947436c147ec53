//! A module of the kernel that cannot be loaded, and is unloaded where nothing uses it.

use super::{Force, Former, MitigateError, Notes, lost};
use crate::durable;
use crate::program::{Call, Program};
use overlock_model::mitigation::Measure;
use overlock_model::run::RunId;
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = "/etc/modprobe.d";

pub(super) fn check(measure: &Measure, module: &str) -> Notes {
    let release = overlock_host::kernel::uname().release;
    let folder = Path::new("/lib/modules").join(release);
    let list = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
    if lists(&list("modules.builtin"), module) {
        let why = "it is built into the running kernel and cannot be kept out";
        return Err(MitigateError::unfit(measure, why));
    }
    let loadable = list("modules.dep");
    if !loadable.is_empty() && !lists(&loadable, module) && !is_loaded(module)? {
        return Ok(vec![format!(
            "the running kernel has no module {module}; another one may"
        )]);
    }
    Ok(Vec::new())
}

pub(super) fn former(module: &str) -> Result<Former, MitigateError> {
    Ok(Former::Module {
        loaded: is_loaded(module)?,
    })
}

pub(super) fn put(module: &str, run: RunId) -> Notes {
    let path = path(module, run);
    durable::write(&path, &text(module, run))
        .map_err(|source| MitigateError::file("write", &path, source))?;
    if !is_loaded(module)? {
        return Ok(vec![format!("{module} cannot be loaded")]);
    }
    if Program::Modprobe.is_here() {
        // In use is an answer, and told below.
        drop(Call::new(Program::Modprobe, ["-r", "--", module]).run());
    }
    Ok(vec![match is_loaded(module)? {
        false => format!("{module} was unloaded and cannot be loaded"),
        true => format!("{module} is in use: it cannot be loaded after a reboot"),
    }])
}

pub(super) fn take(module: &str, run: RunId) -> Notes {
    let path = path(module, run);
    durable::remove(&path).map_err(|source| MitigateError::file("remove", &path, source))?;
    Ok(vec![format!(
        "{module} is loaded again when something asks for it"
    )])
}

pub(super) fn force(module: &str, run: RunId) -> Result<Force, MitigateError> {
    let path = path(module, run);
    if fs::read_to_string(&path).ok() != Some(text(module, run)) {
        return Ok(lost(format!("`{}` is gone or was changed", path.display())));
    }
    Ok(match is_loaded(module)? {
        false => Force::Now,
        true => Force::AfterBoot {
            why: "it is loaded and could not be unloaded".to_owned(),
        },
    })
}

fn path(module: &str, run: RunId) -> PathBuf {
    Path::new(FOLDER).join(format!("overlock-run-{run}-{module}.conf"))
}

/// `blacklist` alone only keeps aliases from loading it; a load by name or as a dependency is stopped by `install`
/// (`modprobe.d(5)`).
fn text(module: &str, run: RunId) -> String {
    format!(
        "# Blocked by overlock run {run}: see `overlock mitigate --list`; `overlock revert {run}` takes it away.\n\
         blacklist {module}\ninstall {module} /bin/false\n"
    )
}

fn is_loaded(module: &str) -> Result<bool, MitigateError> {
    let path = Path::new("/proc/modules");
    match fs::read_to_string(path) {
        Ok(table) => Ok(table
            .lines()
            .filter_map(|line| line.split(' ').next())
            .any(|name| same(name, module))),
        // A kernel without modules has none loaded.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(MitigateError::file("read", path, source)),
    }
}

/// Whether a list of module files (`kernel/net/sctp/sctp.ko.xz: …`) has a module.
fn lists(list: &str, module: &str) -> bool {
    list.lines().any(|line| {
        let path = line.split(':').next().unwrap_or_default();
        let file = path.rsplit('/').next().unwrap_or_default();
        let name = file.split_once(".ko").map_or(file, |(name, _)| name);
        same(name, module)
    })
}

/// The kernel takes `-` and `_` in a module's name for the same.
fn same(a: &str, b: &str) -> bool {
    a.replace('-', "_") == b.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_is_known_by_its_file_whatever_it_is_packed_with() {
        let list =
            "kernel/net/sctp/sctp.ko.xz: kernel/lib/libcrc32c.ko\nkernel/net/dccp/dccp_ipv4.ko:\n";
        assert!(lists(list, "sctp") && lists(list, "dccp-ipv4"));
        assert!(!lists(list, "libcrc32c") && !lists(list, "sct"));
    }
}
