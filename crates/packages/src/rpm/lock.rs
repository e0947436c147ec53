//! Versions that the administrator keeps: dnf's versionlock in both forms, and zypper's locks.

use crate::{PackagesError, glob, ini};
use overlock_model::inventory::Unseen;
use overlock_model::package::{Hold, Package};
use overlock_rootfs::Root;
use overlock_versions::{Scheme, compare};
use serde::Deserialize;
use std::cmp::Ordering;

const FILE_BYTES: u64 = 4 << 20;
const DNF4_LIST: &str = "/etc/dnf/plugins/versionlock.list";
/// Before dnf the plugin belonged to yum.
const YUM_LIST: &str = "/etc/yum/pluginconf.d/versionlock.list";
const DNF5_FILE: &str = "/etc/dnf/versionlock.toml";
const ZYPP_FILE: &str = "/etc/zypp/locks";

/// All locks of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Locks(Vec<Lock>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Lock {
    /// Only versions that match may be installed.
    Only(String),
    /// Versions that match may not be installed.
    Never(String),
    /// dnf 5: only versions for which all conditions hold.
    Conditions {
        name: String,
        conditions: Vec<(Ordering, bool, String)>,
    },
    /// zypper: no other version than the installed one.
    Installed(String),
}

impl Locks {
    /// Reads the lock files of a root; a file that cannot be read is noted, since an update may then be held unseen.
    pub(super) fn read(root: &Root, unseen: &mut Vec<Unseen>) -> Self {
        type Parse = fn(&[u8]) -> Result<Vec<Lock>, PackagesError>;
        let files: [(&str, Parse); 4] = [
            (DNF4_LIST, |bytes| Ok(list(bytes))),
            (YUM_LIST, |bytes| Ok(list(bytes))),
            (DNF5_FILE, toml_file),
            (ZYPP_FILE, |bytes| Ok(zypp_file(bytes))),
        ];
        let mut locks = Vec::new();
        for (path, parse) in files {
            let bytes = root
                .read_optional(path, FILE_BYTES)
                .map_err(|error| PackagesError::read(path, error));
            match bytes.and_then(|bytes| parse(&bytes.unwrap_or_default())) {
                Ok(found) => locks.extend(found),
                Err(error) => unseen.push(Unseen {
                    what: path.to_owned(),
                    why: error.to_string(),
                }),
            }
        }
        Self(locks)
    }

    /// Sets the hold of each package that a lock keeps at its version.
    pub(super) fn hold(&self, packages: &mut [Package]) {
        for package in packages {
            let own = |lock: &&Lock| match lock {
                Lock::Only(pattern) => forms(package, &package.version)
                    .iter()
                    .any(|form| glob::matches(pattern, form)),
                Lock::Never(_) => false,
                Lock::Conditions { name, .. } => glob::matches(name, &package.name),
                Lock::Installed(name) => glob::matches(name, &package.name),
            };
            if let Some(lock) = self.0.iter().find(own) {
                let is_zypp = matches!(lock, Lock::Installed(_));
                package.hold = Some(if is_zypp {
                    Hold::Hold
                } else {
                    Hold::Versionlock
                });
            }
        }
    }

    /// Whether the locks let this version of a package be installed.
    pub(super) fn allow(&self, package: &Package, version: &str) -> bool {
        let forms = forms(package, version);
        let (mut is_locked, mut is_allowed) = (false, false);
        for lock in &self.0 {
            let (concerns, allows) = match lock {
                Lock::Only(pattern) => {
                    let matching = forms.iter().any(|form| glob::matches(pattern, form));
                    (
                        matching || names(pattern).any(|name| glob::matches(name, &package.name)),
                        matching,
                    )
                }
                Lock::Never(pattern) if forms.iter().any(|form| glob::matches(pattern, form)) => {
                    return false;
                }
                Lock::Never(_) => (false, false),
                Lock::Conditions { name, conditions } => (
                    glob::matches(name, &package.name),
                    conditions.iter().all(|condition| holds(condition, version)),
                ),
                Lock::Installed(name) => (
                    glob::matches(name, &package.name),
                    version == package.version,
                ),
            };
            is_locked |= concerns;
            is_allowed |= concerns && allows;
        }
        !is_locked || is_allowed
    }
}

/// The ways in which dnf lets a package be written, with and without version, epoch and architecture.
fn forms(package: &Package, version: &str) -> [String; 6] {
    let name = &package.name;
    let arch = package.arch.as_deref().unwrap_or("noarch");
    let (epoch, bare) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, _) = bare.rsplit_once('-').unwrap_or((bare, ""));
    [
        name.clone(),
        format!("{name}.{arch}"),
        format!("{name}-{upstream}"),
        format!("{name}-{bare}"),
        format!("{name}-{bare}.{arch}"),
        format!("{name}-{epoch}:{bare}.{arch}"),
    ]
}

/// The names a pattern may mean: itself, and what is left when a version, or version and release, are cut off.
fn names(pattern: &str) -> impl Iterator<Item = &str> {
    let one = pattern.rsplit_once('-');
    let two = one.and_then(|(rest, _)| rest.rsplit_once('-'));
    let is_version = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || c == '*');
    let named = [one, two]
        .into_iter()
        .flatten()
        .filter(move |(_, version)| is_version(version));
    std::iter::once(pattern).chain(named.map(|(name, _)| name))
}

/// Lines of patterns; `!` in front forbids instead; `#` comments.
fn list(bytes: &[u8]) -> Vec<Lock> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    lines
        .filter(|line| !line.is_empty())
        .map(|line| match line.strip_prefix('!') {
            Some(pattern) => Lock::Never(pattern.to_owned()),
            None => Lock::Only(line.to_owned()),
        })
        .collect()
}

#[derive(Deserialize)]
struct Dnf5File {
    #[serde(default)]
    packages: Vec<Dnf5Package>,
}

#[derive(Deserialize)]
struct Dnf5Package {
    name: String,
    #[serde(default)]
    conditions: Vec<Dnf5Condition>,
}

#[derive(Deserialize)]
struct Dnf5Condition {
    key: String,
    comparator: String,
    value: String,
}

fn toml_file(bytes: &[u8]) -> Result<Vec<Lock>, PackagesError> {
    let file: Dnf5File =
        toml::from_slice(bytes).map_err(|error| PackagesError::read(DNF5_FILE, error))?;
    file.packages.into_iter().map(dnf5_lock).collect()
}

fn dnf5_lock(package: Dnf5Package) -> Result<Lock, PackagesError> {
    let unknown = |what: &str| {
        Err(PackagesError::format(
            DNF5_FILE,
            format!("`{what}` is not known"),
        ))
    };
    let mut conditions = Vec::new();
    for condition in package.conditions {
        let (order, or_equal) = match condition.comparator.as_str() {
            "=" => (Ordering::Equal, true),
            "<" => (Ordering::Less, false),
            "<=" => (Ordering::Less, true),
            ">" => (Ordering::Greater, false),
            ">=" => (Ordering::Greater, true),
            other => return unknown(other),
        };
        match condition.key.as_str() {
            "evr" => conditions.push((order, or_equal, condition.value)),
            // The architecture is no reason to keep a version.
            "arch" => {}
            other => return unknown(other),
        }
    }
    Ok(Lock::Conditions {
        name: package.name,
        conditions,
    })
}

fn holds((order, or_equal, value): &(Ordering, bool, String), version: &str) -> bool {
    match compare(Scheme::Rpm, version, value) {
        Ok(Ordering::Equal) => *or_equal,
        Ok(found) => found == *order,
        Err(_) => false,
    }
}

/// Blocks of `key: value` lines; only package locks by exact name or glob without a version are understood.
fn zypp_file(bytes: &[u8]) -> Vec<Lock> {
    let text = String::from_utf8_lossy(bytes);
    let blocks = text.split("\n\n").map(|block| {
        let lines = block.lines().filter_map(|line| line.split_once(':'));
        ini::Section {
            name: String::new(),
            entries: lines
                .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
                .collect(),
        }
    });
    blocks
        .filter(|block| block.get("type").is_none_or(|kind| kind == "package"))
        .filter_map(|block| Some(Lock::Installed(block.get("solvable_name")?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::package::PackageType;

    fn package(name: &str, version: &str) -> Package {
        let mut package = Package::new(PackageType::Rpm, name, version);
        package.arch = Some("x86_64".to_owned());
        package
    }

    #[test]
    fn dnf4_patterns_hold_exactly_their_package() {
        let locks = Locks(list(
            b"# note\nbash-0:5.1.8-9.el9.*\ncurl-7.*\nvim # all\n!zsh-5.9-1*\n",
        ));
        let bash = package("bash", "5.1.8-9.el9");
        assert!(locks.allow(&bash, "5.1.8-9.el9"));
        assert!(!locks.allow(&bash, "5.1.8-10.el9"));
        let curl = package("curl", "7.76-1");
        assert!(locks.allow(&curl, "7.80-1") && !locks.allow(&curl, "8.0-1"));
        assert!(locks.allow(&package("curl-devel", "7"), "8.0-1"));
        assert!(locks.allow(&package("bash-completion", "1-1"), "2-1"));
        let zsh = package("zsh", "5.8-1");
        assert!(!locks.allow(&zsh, "5.9-1") && locks.allow(&zsh, "5.9-2"));

        let mut packages = [bash, package("bash", "5.2-1"), zsh];
        locks.hold(&mut packages);
        assert_eq!(
            packages.map(|package| package.hold),
            [Some(Hold::Versionlock), None, None]
        );
    }

    #[test]
    fn dnf5_conditions_compare_versions() {
        let file = b"version = \"1.0\"\n[[packages]]\nname = \"bash\"\ncomment = \"x\"\n[[packages.conditions]]\n\
            key = \"evr\"\ncomparator = \"<\"\nvalue = \"0:5.3-1\"\n";
        let locks = Locks(toml_file(file).unwrap());
        let bash = package("bash", "5.1-1");
        assert!(locks.allow(&bash, "5.2-1"));
        assert!(!locks.allow(&bash, "5.3-1"));
        assert!(toml_file(b"[[packages]]\nname = 3").is_err());
    }

    #[test]
    fn zypp_locks_keep_the_installed_version() {
        let locks = Locks(zypp_file(b"\ntype: package\nmatch_type: glob\nsolvable_name: kernel-*\n\ntype: patch\nsolvable_name: p\n"));
        let mut packages = [package("kernel-default", "1-1"), package("p", "1-1")];
        locks.hold(&mut packages);
        assert_eq!(packages[0].hold, Some(Hold::Hold));
        assert!(locks.allow(&packages[0], "1-1") && !locks.allow(&packages[0], "2-1"));
        assert_eq!(packages[1].hold, None);
    }
}
