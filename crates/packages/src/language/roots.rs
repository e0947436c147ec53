//! Where language packages are searched, and which sub-trees are left out, with the rule that leaves them out.

use crate::PackagesError;
use overlock_rootfs::Root;

/// Directories that hold installed software. `proc`, `sys`, `dev`, `run`, `tmp` and `mnt` are not among them.
const USUAL: [&str; 17] = [
    "app",
    "bin",
    "function",
    "home",
    "layers",
    "lib",
    "lib64",
    "opt",
    "root",
    "sbin",
    "srv",
    "usr",
    "usr/local",
    "var/lib",
    "var/opt",
    "var/task",
    "var/www",
];
const WORKSPACE: &str = "workspace";

/// Sub-trees left out by path.
const PATHS: [(&str, &str); 19] = [
    ("dev", "devices"),
    ("lib/modules", "kernel modules"),
    ("proc", "kernel state"),
    ("run", "state of this boot"),
    ("sys", "kernel state"),
    ("usr/include", "headers"),
    ("usr/lib/modules", "kernel modules"),
    ("usr/share/doc", "documentation"),
    ("usr/share/fonts", "fonts"),
    ("usr/share/icons", "pictures"),
    ("usr/share/locale", "translations"),
    ("usr/share/man", "documentation"),
    ("usr/share/zoneinfo", "time zones"),
    ("var/lib/apt", "package lists"),
    (
        "var/lib/containerd",
        "layers of containers, each judged as its own root",
    ),
    (
        "var/lib/containers",
        "layers of containers, each judged as its own root",
    ),
    (
        "var/lib/docker",
        "layers of containers, each judged as its own root",
    ),
    ("var/lib/dpkg", "package database"),
    ("var/lib/snapd", "snaps, updated by their own service"),
];

/// Directories left out wherever they are, by the end of their path.
const NAMES: [(&str, &str); 12] = [
    (".cache", "caches"),
    (".cargo/registry", "sources that are not installed"),
    (".git", "version control"),
    (".hg", "version control"),
    (
        ".local/share/containers",
        "layers of containers, each judged as its own root",
    ),
    (".local/share/Trash", "deleted files"),
    (".npm/_cacache", "caches"),
    (".svn", "version control"),
    ("__pycache__", "caches"),
    ("go/pkg/mod", "sources that are not installed"),
    ("lost+found", "repaired fragments"),
    ("share/doc/rust", "documentation"),
];

/// Why a directory is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prune {
    /// This one path.
    Path(&'static str),
    /// Every directory of this name: the name and the rule.
    Name(&'static str, &'static str),
}

/// The rule that leaves out `path`, a path without a leading slash.
pub(super) fn prune(path: &str) -> Option<Prune> {
    if let Ok(at) = PATHS.binary_search_by_key(&path, |(path, _)| path) {
        return PATHS.get(at).map(|(_, why)| Prune::Path(why));
    }
    NAMES
        .iter()
        .find(|(name, _)| {
            path.strip_suffix(name)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        })
        .map(|(name, why)| Prune::Name(name, why))
}

/// The usual directories that are there. One that is a link (`/lib` on a merged `/usr`) stands for its target, which
/// is searched only if no other entry covers it.
pub(super) fn usual(root: &Root) -> Vec<String> {
    let mut starts: Vec<String> = Vec::new();
    let mut linked = Vec::new();
    for path in USUAL.into_iter().chain([WORKSPACE]) {
        match root.link_target(path) {
            Some(target) => linked.push(absolute(path, &target)),
            None if root.exists(path) => starts.push(path.to_owned()),
            None => {}
        }
    }
    for target in linked {
        let covered = starts.iter().any(|start| is_below(&target, start));
        if !covered && !target.is_empty() && root.exists(&target) && prune(&target).is_none() {
            starts.push(target);
        }
    }
    starts
}

/// The directories that the caller named, without those that another one covers on the same path.
pub(super) fn named(root: &Root, names: &[String]) -> Result<Vec<String>, PackagesError> {
    let mut starts = Vec::new();
    for name in names {
        let path = absolute("", name);
        // Listing, not looking: a file is not a directory to search, and an unreadable one should be named at once.
        match root.list(&path, 200_000) {
            Ok(_) | Err(overlock_rootfs::RootError::TooLarge { .. }) => {}
            Err(error) => return Err(PackagesError::read(name.as_str(), error)),
        }
        if !starts.contains(&path) {
            starts.push(path);
        }
    }
    Ok(starts)
}

/// Whether `path` is `start` or lies in it.
pub(super) fn is_below(path: &str, start: &str) -> bool {
    start.is_empty()
        || path
            .strip_prefix(start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `target` as seen from the folder of `link`, without `.`, `..` and a leading slash.
fn absolute(link: &str, target: &str) -> String {
    let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
    let base = if target.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(target.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prune_rules_are_sorted_for_the_search() {
        assert!(PATHS.is_sorted());
    }

    #[test]
    fn names_are_pruned_at_any_depth_but_only_whole() {
        assert_eq!(
            prune("home/a/.git"),
            Some(Prune::Name(".git", "version control"))
        );
        assert!(prune("home/a/.cargo/registry").is_some());
        assert_eq!(prune("home/a/x.git"), None);
        assert_eq!(prune("home/a/registry"), None);
        assert!(prune("var/lib/docker").is_some());
        assert_eq!(prune("srv/var/lib/docker"), None);
    }

    #[test]
    fn links_are_resolved_by_text() {
        assert_eq!(absolute("lib", "usr/lib"), "usr/lib");
        assert_eq!(absolute("var/www", "../srv/./www"), "srv/www");
        assert_eq!(absolute("home", "/data/home"), "data/home");
        assert_eq!(absolute("a", "../../../x"), "x");
    }
}
