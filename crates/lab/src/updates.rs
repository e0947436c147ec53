//! Real security updates: what Debian's security archive offers today for the packages of a base root.
//!
//! Hosts of the lab reach nothing outside, so the packages are fetched here, on the outer machine, from where it gets
//! its own, checked by apt against the signed lists, and kept. The former versions come too: a way back needs them.

use crate::apt_sources::AptSources;
use crate::root::Root;
use crate::tool;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One pending update of a base root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Binary package.
    pub package: String,
    /// Version in the base root; none where the update brings a package that was not there.
    pub from: Option<String>,
    /// Version in the security archive.
    pub to: String,
    /// Package file of the former version, as long as the archive still has it.
    pub old: Option<PathBuf>,
    /// Package file of the new version.
    pub new: PathBuf,
}

/// All pending updates of a base root, by package.
#[derive(Debug, Clone, Default)]
pub struct Updates {
    /// In the order of the packages' names.
    pub all: Vec<Update>,
}

impl Updates {
    /// Files of the former versions: what `main` of the release offers.
    #[must_use]
    pub fn former(&self) -> Vec<&Path> {
        self.all
            .iter()
            .filter_map(|one| one.old.as_deref())
            .collect()
    }

    /// Files of the new versions: what the security archive offers.
    #[must_use]
    pub fn latest(&self) -> Vec<&Path> {
        self.all.iter().map(|one| one.new.as_path()).collect()
    }
}

/// Fetches what is pending in `root`: all of it, or `only` these packages with what they need besides.
///
/// # Errors
/// When this machine takes no security updates itself, or apt fails.
pub fn real_security_updates(root: &Root, only: &[&str]) -> Result<Updates> {
    let sources = AptSources::of_this_machine()?;
    let security = sources
        .security
        .context("apt has no security suite configured here")?;
    let state = AptState::new(root, &[&sources.main, &security])?;
    let pending = parse(&state.simulate(only)?);
    let debs = crate::folder().join("debs");
    fs::create_dir_all(&debs)?;
    let lock = fs::File::create(debs.join("lock"))?;
    lock.lock()?;
    let new = pending
        .iter()
        .map(|one| (one.package.as_str(), one.to.as_str()));
    state.download(&debs, new)?;
    let old = pending
        .iter()
        .filter_map(|one| Some((one.package.as_str(), one.from.as_deref()?)));
    // A version that the archive no longer has is a fact to report, not an error.
    let former = state.download(&debs, old);
    let files = Kept::in_folder(&debs)?;
    let mut all = Vec::new();
    for one in pending {
        let new = files.find(&one.package, &one.to);
        let new = new.with_context(|| format!("`{}` {} was not fetched", one.package, one.to))?;
        let old = one
            .from
            .as_deref()
            .and_then(|version| files.find(&one.package, version));
        all.push(Update {
            old,
            new,
            package: one.package,
            from: one.from,
            to: one.to,
        });
    }
    if all.iter().all(|one| one.old.is_none()) {
        former.context("no former version can be fetched")?;
    }
    all.sort_by(|one, other| one.package.cmp(&other.package));
    Ok(Updates { all })
}

/// A line of apt's simulation.
#[derive(Debug, PartialEq, Eq)]
struct Pending {
    package: String,
    from: Option<String>,
    to: String,
}

/// Lines `Inst NAME [OLD] (NEW ORIGIN [ARCH])`; `[OLD]` is missing for a package that was not there.
fn parse(simulation: &str) -> Vec<Pending> {
    simulation
        .lines()
        .filter_map(|line| {
            let line = line.strip_prefix("Inst ")?;
            let (before, after) = line.split_once('(')?;
            let mut words = before.split_whitespace();
            let package = words.next()?.to_owned();
            let from = words.next().map(|word| word.trim_matches(['[', ']']));
            Some(Pending {
                package,
                from: from.map(str::to_owned),
                to: after.split(' ').next()?.to_owned(),
            })
        })
        .collect()
}

/// apt with lists and caches of its own, that looks at the packages of a base root and changes nothing there.
struct AptState {
    options: Vec<String>,
    folder: PathBuf,
}

impl AptState {
    fn new(root: &Root, sources: &[&str]) -> Result<Self> {
        let name = root.path().file_name().unwrap_or_default();
        let folder = crate::folder().join("apt").join(name);
        for below in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(below))?;
        }
        let list = folder.join("sources.list");
        fs::write(&list, sources.join("\n") + "\n")?;
        let at = |path: &Path| path.to_string_lossy().into_owned();
        let state = Self {
            options: vec![
                format!("Dir::Etc::sourcelist={}", at(&list)),
                "Dir::Etc::sourceparts=/dev/null".to_owned(),
                "Dir::Etc::preferences=/dev/null".to_owned(),
                "Dir::Etc::preferencesparts=/dev/null".to_owned(),
                format!("Dir::State={}", at(&folder.join("state"))),
                format!("Dir::Cache={}", at(&folder.join("cache"))),
                format!(
                    "Dir::State::status={}",
                    at(&root.path().join("var/lib/dpkg/status"))
                ),
                // Its folders belong to root.
                "APT::Sandbox::User=root".to_owned(),
            ],
            folder,
        };
        let updated = tool::succeed(&mut state.apt(&["-qq", "update"]));
        // Without a network, what was fetched before still serves.
        if !state.has_lists() {
            updated?;
        }
        Ok(state)
    }

    fn has_lists(&self) -> bool {
        let lists = fs::read_dir(self.folder.join("state/lists"));
        let mut names = lists
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name());
        names.any(|name| name.to_string_lossy().contains("_Packages"))
    }

    fn simulate(&self, only: &[&str]) -> Result<String> {
        let mut arguments = vec!["-qq", "--simulate", "--no-install-recommends"];
        if only.is_empty() {
            arguments.push("dist-upgrade");
        } else {
            arguments.extend(["--only-upgrade", "install"]);
            arguments.extend(only);
        }
        tool::output(&mut self.apt(&arguments))
    }

    /// Into `folder`, those that are not there yet.
    fn download<'a>(
        &self,
        folder: &Path,
        packages: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<()> {
        let kept = Kept::in_folder(folder)?;
        let missing: Vec<String> = packages
            .filter(|(package, version)| kept.find(package, version).is_none())
            .map(|(package, version)| format!("{package}={version}"))
            .collect();
        let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let all = [&["-qq", "download"], missing.as_slice()].concat();
        if tool::succeed(self.apt(&all).current_dir(folder)).is_ok() {
            return Ok(());
        }
        // One that is not to be had must not keep the others away.
        let mut result = Ok(());
        for package in missing {
            let one = tool::succeed(self.apt(&["-qq", "download", package]).current_dir(folder));
            result = result.and(one);
        }
        result
    }

    fn apt(&self, arguments: &[&str]) -> Command {
        let mut command = tool::command("apt-get", arguments);
        for option in &self.options {
            command.args(["-o", option]);
        }
        command
    }
}

/// The package files of a folder, by package and version.
struct Kept {
    files: BTreeMap<(String, String), PathBuf>,
}

impl Kept {
    fn in_folder(folder: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if let Some((package, version)) = parts(&name) {
                files.insert((package, version), path.clone());
            }
        }
        Ok(Self { files })
    }

    fn find(&self, package: &str, version: &str) -> Option<PathBuf> {
        let key = (package.to_owned(), version.to_owned());
        self.files.get(&key).cloned()
    }
}

/// Package and version of a file's name as apt writes it: `NAME_VERSION_ARCH.deb`, a colon as `%3a`.
fn parts(file_name: &str) -> Option<(String, String)> {
    let mut parts = file_name.strip_suffix(".deb")?.split('_');
    let (package, version) = (parts.next()?, parts.next()?);
    Some((package.to_owned(), version.replace("%3a", ":")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulation_tells_updates_from_additions() {
        let text = "\
Inst libssl3 [3.0.1-1] (3.0.2-1 Debian-Security:12/oldstable-security [amd64])
Inst liblab9 (9.0 Debian:12/oldstable [amd64])
Conf libssl3 (3.0.2-1 Debian-Security:12/oldstable-security [amd64])
";
        let pending = |package: &str, from: Option<&str>, to: &str| Pending {
            package: package.to_owned(),
            from: from.map(str::to_owned),
            to: to.to_owned(),
        };
        assert_eq!(
            parse(text),
            [
                pending("libssl3", Some("3.0.1-1"), "3.0.2-1"),
                pending("liblab9", None, "9.0")
            ]
        );
    }

    #[test]
    fn file_name_gives_the_epoch_back() {
        assert_eq!(
            parts("bind9-host_1%3a9.18.49-1~deb12u3_amd64.deb"),
            Some(("bind9-host".to_owned(), "1:9.18.49-1~deb12u3".to_owned()))
        );
        assert_eq!(parts("lock"), None);
    }
}
