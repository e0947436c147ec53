//! Which package a file came from, by dpkg's own file lists.

use crate::error::PackagesError;
use overlock_model::package::Package;
use overlock_rootfs::Root;
use std::collections::BTreeMap;

/// The largest file list read; the longest real ones have 60,000 lines.
const LIST_LIMIT_BYTES: u64 = 32 << 20;

/// A file and the package it came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The path as asked for.
    pub path: String,
    /// Binary package name.
    pub package: String,
}

/// Says which of `packages` own which of `paths` (absolute, as in the tree).
///
/// Only the lists of the packages asked are read. On a merged `/usr` dpkg may have recorded `/lib/x` for `/usr/lib/x`
/// or the other way round, so both spellings count. Sorted by path; a path nobody owns is not in the answer.
///
/// # Errors
/// When a file list cannot be read; one that is not there is passed over.
pub fn owners(
    root: &Root,
    packages: &[&Package],
    paths: &[&str],
) -> Result<Vec<Owner>, PackagesError> {
    let wanted = wanted(paths);
    let mut found = Vec::new();
    for package in packages {
        let arch = package.arch.as_deref().unwrap_or_default();
        for file in [
            format!("{}.list", package.name),
            format!("{}:{arch}.list", package.name),
        ] {
            let file = format!("var/lib/dpkg/info/{file}");
            let list = root
                .read_optional(&file, LIST_LIMIT_BYTES)
                .map_err(|error| PackagesError::read(&file, error))?;
            if let Some(list) = list {
                collect(&list, &wanted, &package.name, &mut found);
                break;
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The paths of `paths` that the text of one file list names, as owned by `package`.
#[must_use]
pub fn owners_in_list(list: &[u8], package: &str, paths: &[&str]) -> Vec<Owner> {
    let mut found = Vec::new();
    collect(list, &wanted(paths), package, &mut found);
    found
}

/// Each spelling that dpkg may have recorded, to the path as asked for.
fn wanted<'a>(paths: &[&'a str]) -> BTreeMap<Vec<u8>, &'a str> {
    let mut wanted = BTreeMap::new();
    for &path in paths {
        wanted.insert(path.as_bytes().to_vec(), path);
        match path.strip_prefix("/usr") {
            Some(short) if short.starts_with('/') => {
                wanted.entry(short.as_bytes().to_vec()).or_insert(path)
            }
            _ => wanted
                .entry(format!("/usr{path}").into_bytes())
                .or_insert(path),
        };
    }
    wanted
}

fn collect(list: &[u8], wanted: &BTreeMap<Vec<u8>, &str>, package: &str, found: &mut Vec<Owner>) {
    for line in list.split(|&byte| byte == b'\n') {
        if let Some(&path) = wanted.get(line) {
            found.push(Owner {
                path: path.to_owned(),
                package: package.to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_under_both_spellings_of_a_merged_usr() {
        let list = b"/.\n/usr\n/lib/x86_64-linux-gnu/libssl.so.3\n/usr/bin/openssl\n";
        let asked = [
            "/usr/lib/x86_64-linux-gnu/libssl.so.3",
            "/bin/openssl",
            "/bin/other",
        ];
        let found: Vec<_> = owners_in_list(list, "p", &asked)
            .into_iter()
            .map(|owner| owner.path)
            .collect();
        assert_eq!(
            found,
            ["/usr/lib/x86_64-linux-gnu/libssl.so.3", "/bin/openssl"]
        );
    }
}
