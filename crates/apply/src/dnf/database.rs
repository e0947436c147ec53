//! What rpm has installed, and what package files are, by rpm's own queries.

use super::table::without_zero;
use crate::Simulated;
use crate::program::{Call, Program, ProgramError};
use overlock_model::plan::{Change, Closure};
use overlock_model::run::Standing;
use overlock_versions::{Scheme, compare};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// Files in one call of rpm.
const FILES_AT_ONCE: usize = 500;
/// A package that says one of these is kept in several versions (dnf.conf(5), `installonlypkgs`).
const SEVERAL: [&str; 4] = [
    "installonlypkg(kernel)",
    "installonlypkg(kernel-module)",
    "installonlypkg(vm)",
    "multiversion(kernel)",
];

/// Versions by name and architecture.
#[derive(Debug, Default)]
pub(super) struct Database(BTreeMap<(String, String), Vec<String>>);

/// What a package file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub name: String,
    pub arch: String,
    pub version: String,
    /// Kept in several versions, so installed beside and not over.
    pub installonly: bool,
    /// Name, comparison, version.
    obsoletes: Vec<(String, String, String)>,
}

/// Asks rpm what these files are, in their order.
pub(super) fn headers(files: &[PathBuf]) -> Result<Vec<Header>, ProgramError> {
    let format = "--queryformat=%{NAME}\\t%{ARCH}\\t%{EVR}\\t[%{PROVIDENAME} ]\\t\
                  [%{OBSOLETENAME}|%{OBSOLETEFLAGS:depflags}|%{OBSOLETEVERSION}\\x20]\\n";
    let mut found = Vec::new();
    for some in files.chunks(FILES_AT_ONCE) {
        let arguments = ["--query", "--package", format, "--"]
            .map(OsString::from)
            .into_iter()
            .chain(some.iter().map(OsString::from));
        let text = Call::new(Program::Rpm, arguments).output()?;
        found.extend(String::from_utf8_lossy(&text).lines().filter_map(header));
    }
    if found.len() != files.len() {
        return Err(ProgramError::Failed {
            line: "rpm --query --package".to_owned(),
            how: format!("described {} of {} files", found.len(), files.len()),
        });
    }
    Ok(found)
}

fn header(line: &str) -> Option<Header> {
    let mut fields = line.split('\t');
    let (name, arch, version) = (fields.next()?, fields.next()?, fields.next()?);
    let (provides, obsoletes) = (fields.next()?, fields.next()?);
    let obsolete = |text: &str| {
        let mut parts = text.split('|').map(|part| part.trim().to_owned());
        Some((parts.next()?, parts.next()?, parts.next()?))
    };
    Some(Header {
        name: name.to_owned(),
        arch: arch.to_owned(),
        version: without_zero(version).to_owned(),
        installonly: provides.split(' ').any(|name| SEVERAL.contains(&name)),
        obsoletes: obsoletes.split(' ').filter_map(obsolete).collect(),
    })
}

impl Header {
    /// Whether a package of this name and version is obsolete once this one is there.
    fn is_instead_of(&self, name: &str, version: &str) -> bool {
        self.obsoletes.iter().any(|(obsolete, comparison, than)| {
            if obsolete != name || name == self.name {
                return false;
            }
            if than.is_empty() {
                return true;
            }
            // Without a release, only what is before it counts (rpm's dependency rules).
            let bare = match (than.contains('-'), version.rsplit_once('-')) {
                (false, Some((bare, _))) => bare,
                _ => version,
            };
            match compare(Scheme::Rpm, bare, than) {
                Ok(Ordering::Less) => comparison.contains('<'),
                Ok(Ordering::Equal) => comparison.contains('='),
                Ok(Ordering::Greater) => comparison.contains('>'),
                // What cannot be compared is taken for the worse.
                Err(_) => true,
            }
        })
    }
}

impl Database {
    /// Asks rpm for everything that is installed.
    pub fn read() -> Result<Self, ProgramError> {
        let format = "--queryformat=%{NAME}\\t%{ARCH}\\t%{EVR}\\n";
        let text = Call::new(Program::Rpm, ["--query", "--all", format]).output()?;
        Ok(Self::of(&String::from_utf8_lossy(&text)))
    }

    fn of(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines() {
            let mut fields = line.split('\t');
            if let (Some(name), Some(arch), Some(version)) =
                (fields.next(), fields.next(), fields.next())
                && name != "gpg-pubkey"
            {
                found
                    .0
                    .entry((name.to_owned(), arch.to_owned()))
                    .or_default()
                    .push(without_zero(version).to_owned());
            }
        }
        found
    }

    /// Versions of a package.
    pub fn versions(&self, name: &str, arch: &str) -> Vec<&str> {
        let key = (name.to_owned(), arch.to_owned());
        let versions = self.0.get(&key).map(Vec::as_slice).unwrap_or_default();
        versions.iter().map(String::as_str).collect()
    }

    /// Whether just this version is there.
    pub fn is_at(&self, header: &Header) -> bool {
        let versions = self.versions(&header.name, &header.arch);
        if header.installonly {
            return versions.contains(&header.version.as_str());
        }
        versions == [header.version.as_str()]
    }

    /// Whether what a change replaces or removes is there.
    pub fn has(&self, change: &Change) -> bool {
        let versions = self.versions(&change.name, &change.arch);
        change.from().is_some_and(|from| versions.contains(&from))
    }

    /// What files would change, with what they make obsolete.
    pub fn simulated(&self, headers: &[Header]) -> Vec<Simulated> {
        let mut found: Vec<Simulated> = headers
            .iter()
            .filter(|header| !self.is_at(header))
            .map(|header| {
                let versions = self.versions(&header.name, &header.arch);
                let from = versions.first().filter(|_| !header.installonly);
                Simulated {
                    name: header.name.clone(),
                    arch: header.arch.clone(),
                    from: from.map(|&from| from.to_owned()),
                    to: Some(header.version.clone()),
                }
            })
            .collect();
        for ((name, arch), versions) in &self.0 {
            for version in versions {
                if headers
                    .iter()
                    .any(|header| header.is_instead_of(name, version))
                {
                    found.push(Simulated {
                        name: name.clone(),
                        arch: arch.clone(),
                        from: Some(version.clone()),
                        to: None,
                    });
                }
            }
        }
        found.sort();
        found
    }

    /// Packages that are there in two versions and should not be: what a cut transaction leaves.
    pub fn twice(&self) -> Result<Vec<String>, ProgramError> {
        let mut notes = Vec::new();
        for ((name, arch), versions) in self.0.iter().filter(|(_, versions)| versions.len() > 1) {
            let package = format!("{name}.{arch}");
            let provides = Call::new(Program::Rpm, ["--query", "--provides", &package]).output()?;
            let provides = String::from_utf8_lossy(&provides);
            let several = provides
                .lines()
                .any(|line| SEVERAL.iter().any(|several| line.starts_with(several)));
            if !several {
                notes.push(format!(
                    "{package} is there in {} versions: {}",
                    versions.len(),
                    versions.join(", ")
                ));
            }
        }
        Ok(notes)
    }

    /// Where whole packages are.
    pub fn standing(&self, closure: &Closure) -> (Standing, Vec<String>) {
        let at = |change: &Change, after: bool| {
            let versions = self.versions(&change.name, &change.arch);
            match (change.from(), change.to()) {
                // Installed anew, perhaps beside others.
                (None, Some(to)) => versions.contains(&to) == after,
                (Some(from), None) => versions.contains(&from) != after,
                (Some(from), Some(to)) => versions == [if after { to } else { from }],
                (None, None) => true,
            }
        };
        if closure.changes.iter().all(|change| at(change, true)) {
            return (Standing::Target, Vec::new());
        }
        if closure.changes.iter().all(|change| at(change, false)) {
            return (Standing::Prior, Vec::new());
        }
        let differing = closure.changes.iter().filter(|change| !at(change, true));
        let notes = differing.map(|change| {
            let versions = self.versions(&change.name, &change.arch);
            let versions = if versions.is_empty() {
                "nothing".to_owned()
            } else {
                versions.join(" and ")
            };
            format!("{} is at {versions}", change.spec())
        });
        (Standing::Mixed, notes.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Database {
        Database::of(
            "bash\tx86_64\t5.1-1\nkernel-core\tx86_64\t5.14-1\nlab-plain\tnoarch\t1.0-1\n\
             zero\tnoarch\t0:1-1\ngpg-pubkey\t(none)\t7aa8436e-6b04535e\n",
        )
    }

    #[test]
    fn what_makes_others_obsolete_announces_that() {
        // As rpm 4.18 prints it.
        let line = "lab-rival\tnoarch\t2.0-1\tlab-rival \tbar|<=|1:2-3 foo|| lab-plain|<|3 ";
        let rival = header(line).unwrap();
        let simulated = database().simulated(&[rival]);
        let gone: Vec<&Simulated> = simulated.iter().filter(|one| one.to.is_none()).collect();
        assert_eq!(gone.len(), 1, "{simulated:?}");
        assert_eq!(gone[0].name, "lab-plain");
        let older = header("lab-rival\tnoarch\t2.0-1\tlab-rival \tlab-plain|<|1.0-1 ").unwrap();
        let simulated = database().simulated(&[older]);
        assert!(
            simulated.iter().all(|one| one.to.is_some()),
            "{simulated:?}"
        );
    }

    #[test]
    fn kernels_are_installed_beside_each_other() {
        let line = "kernel-core\tx86_64\t5.14-2\tkernel-core installonlypkg(kernel) \t";
        let kernel = header(line).unwrap();
        assert!(kernel.installonly);
        let simulated = database().simulated(&[kernel]);
        assert_eq!(simulated[0].from, None);
    }

    #[test]
    fn epoch_of_zero_is_none_and_keys_are_no_packages() {
        let database = database();
        assert_eq!(database.versions("zero", "noarch"), ["1-1"]);
        assert!(database.versions("gpg-pubkey", "(none)").is_empty());
    }
}
