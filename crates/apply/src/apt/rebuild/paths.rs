//! Which files a package has, and where they really are.

use super::LEFT_OUT;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Folders and files of a package's list. What something else lies in is a folder, also where the root has a link by that
/// name (`/lib`).
pub(super) fn split(list: &str) -> (Vec<&Path>, Vec<&Path>) {
    let all: BTreeSet<&Path> = list
        .lines()
        .filter(|line| line.starts_with('/') && *line != "/." && *line != "/")
        .map(Path::new)
        .collect();
    let parents: BTreeSet<&Path> = all.iter().filter_map(|path| path.parent()).collect();
    let is_folder = |path: &&Path| {
        parents.contains(path) || path.symlink_metadata().is_ok_and(|of| of.is_dir())
    };
    let (folders, files): (Vec<&Path>, Vec<&Path>) = all.iter().copied().partition(is_folder);
    (folders, files)
}

/// The path of a line of `dpkg --verify` that tells of a change that matters.
pub(super) fn changed(line: &str) -> Option<&str> {
    let path = line
        .split_once(" /")
        .map(|(head, _)| line.get(head.len() + 1..))??;
    let is_left_out = LEFT_OUT.iter().any(|start| path.starts_with(start));
    (!(line.starts_with("missing") && is_left_out)).then_some(path)
}

/// Files that lie elsewhere because another package asked for that (`dpkg-divert(1)`).
#[derive(Debug, Default)]
pub(super) struct Diversions {
    /// From path to place and the package that diverts all others.
    by_path: HashMap<PathBuf, (PathBuf, String)>,
}

impl Diversions {
    /// Three lines each: path, place, package; `:` for one of the administrator.
    pub fn parse(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let by_path = lines.chunks_exact(3).filter_map(|three| match three {
            [path, place, by] => Some((path.into(), (place.into(), (*by).to_owned()))),
            _ => None,
        });
        Self {
            by_path: by_path.collect(),
        }
    }

    /// Where the file of a package really is.
    pub fn place(&self, path: &Path, package: &str) -> PathBuf {
        match self.by_path.get(path) {
            Some((place, by)) if by != package => place.clone(),
            _ => path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_something_lies_in_is_a_folder() {
        let (folders, files) = split("/.\n/lib\n/lib/absent\n/lib/absent/a.so\n/absent-link\n");
        assert_eq!(folders, [Path::new("/lib"), Path::new("/lib/absent")]);
        assert_eq!(
            files,
            [Path::new("/absent-link"), Path::new("/lib/absent/a.so")]
        );
    }

    #[test]
    fn missing_pages_do_not_count_and_changed_files_do() {
        for (line, told) in [
            ("missing     /usr/share/doc/a/copyright", None),
            ("missing     /usr/bin/a", Some("/usr/bin/a")),
            ("missing   c /etc/a", Some("/etc/a")),
            ("??5?????? c /etc/a", Some("/etc/a")),
            ("??5??????   /usr/share/doc/a/x", Some("/usr/share/doc/a/x")),
            ("", None),
        ] {
            assert_eq!(changed(line), told, "{line}");
        }
    }

    #[test]
    fn diverted_file_is_where_it_was_moved_to_unless_by_its_own_package() {
        let diversions = Diversions::parse("/usr/bin/a\n/usr/bin/a.distrib\nother\n/b\n/c\n:\n");
        let place = |path, package| diversions.place(Path::new(path), package);
        assert_eq!(place("/usr/bin/a", "a"), Path::new("/usr/bin/a.distrib"));
        assert_eq!(place("/usr/bin/a", "other"), Path::new("/usr/bin/a"));
        assert_eq!(place("/b", "b"), Path::new("/c"));
        assert_eq!(place("/d", "b"), Path::new("/d"));
    }
}
