//! How dnf, yum and zypper are configured: which repositories, with which priority, what is excluded, and where
//! their metadata lies.

use crate::ini::{self, Section};
use crate::survey::{Survey, without_credentials};
use jiff::Timestamp;
use overlock_rootfs::{EntryKind, Root};

const FILE_BYTES: u64 = 4 << 20;
const MAX_FILES: usize = 10_000;
const MAIN_FILES: [&str; 2] = ["/etc/dnf/dnf.conf", "/etc/yum.conf"];
const DNF_FOLDERS: [&str; 3] = [
    "/etc/yum.repos.d",
    "/etc/distro.repos.d",
    "/usr/share/dnf5/repos.d",
];
/// Later sections of the same repository replace keys of earlier ones.
const OVERRIDES: &str = "/etc/dnf/repos.override.d";
const ZYPP_FOLDER: &str = "/etc/zypp/repos.d";
const VARIABLES: [&str; 3] = ["/etc/yum/vars", "/etc/dnf/vars", "/usr/share/dnf5/vars.d"];
const DNF_CACHES: [&str; 2] = ["/var/cache/dnf", "/var/cache/libdnf5"];
const ZYPP_CACHE: &str = "/var/cache/zypp/raw";
/// Priority where none is configured; smaller is preferred (dnf.conf(5), zypper(8)).
const DEFAULT_PRIORITY: i32 = 99;

/// One enabled repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Configured {
    pub id: String,
    pub uri: String,
    pub priority: i32,
    pub manager: Manager,
    pub excludes: Vec<String>,
    /// When not empty, only these names are seen.
    pub includes: Vec<String>,
    pub is_module_hotfix: bool,
    pub checks_packages: bool,
    /// Folder that holds `repomd.xml`, when metadata was fetched.
    pub cache: Option<String>,
    /// When it was fetched.
    pub fetched: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    Dnf,
    Zypp,
}

/// Reads the enabled repositories of a root in the order of their files.
pub(super) fn repositories(root: &Root, survey: &mut Survey) -> Vec<Configured> {
    let main = main_section(root, survey);
    let variables = variables(root);
    let mut sections: Vec<Section> = Vec::new();
    for folder in DNF_FOLDERS.into_iter().chain([OVERRIDES]) {
        for section in sections_in(root, folder, ".repo", survey) {
            match sections.iter_mut().find(|known| known.name == section.name) {
                Some(known) => known.entries.extend(section.entries),
                None if folder != OVERRIDES => sections.push(section),
                None => {}
            }
        }
    }
    let caches: Vec<_> = main
        .get("cachedir")
        .into_iter()
        .chain(DNF_CACHES)
        .flat_map(|path| folders(root, path))
        .collect();
    let mut found: Vec<_> = sections
        .iter()
        .filter(|section| section.switch("enabled") != Some(false))
        .map(|section| {
            let mut configured = configured(section, &main, &variables, Manager::Dnf);
            let own = caches
                .iter()
                .filter(|(_, name)| is_cache_of(name, &configured.id));
            let fetched = own.filter_map(|(path, _)| fetched(root, format!("{path}/repodata")));
            (configured.fetched, configured.cache) = fetched
                .max()
                .map_or((None, None), |(at, path)| (Some(at), Some(path)));
            configured
        })
        .collect();
    for section in sections_in(root, ZYPP_FOLDER, ".repo", survey) {
        if section.switch("enabled") == Some(false) {
            continue;
        }
        let mut configured = configured(&section, &Section::default(), &variables, Manager::Zypp);
        if let Some((at, path)) = fetched(root, format!("{ZYPP_CACHE}/{}/repodata", section.name)) {
            (configured.fetched, configured.cache) = (Some(at), Some(path));
        }
        found.push(configured);
    }
    found
}

/// Files `*.module` of `/etc/dnf/modules.d`, read.
pub(super) fn module_files(root: &Root, survey: &mut Survey) -> Vec<Vec<u8>> {
    files_in(root, "/etc/dnf/modules.d", ".module", survey)
}

fn configured(
    section: &Section,
    main: &Section,
    variables: &[(String, String)],
    manager: Manager,
) -> Configured {
    let list = |keys: [&'static str; 2], of: &Section| -> Vec<String> {
        keys.into_iter()
            .flat_map(|key| of.list(key).map(str::to_owned).collect::<Vec<_>>())
            .collect()
    };
    let uri = ["baseurl", "mirrorlist", "metalink"]
        .into_iter()
        .find_map(|key| section.list(key).next());
    let mut excludes = list(["excludepkgs", "exclude"], section);
    excludes.extend(list(["excludepkgs", "exclude"], main));
    Configured {
        id: substituted(&section.name, variables),
        uri: without_credentials(&substituted(uri.unwrap_or_default(), variables)),
        priority: section
            .get("priority")
            .and_then(|number| number.parse().ok())
            .unwrap_or(DEFAULT_PRIORITY),
        manager,
        excludes,
        includes: list(["includepkgs", "includepkgs"], section),
        // zypper knows no modules.
        is_module_hotfix: manager == Manager::Zypp
            || section.switch("module_hotfixes") == Some(true),
        checks_packages: section
            .switch("gpgcheck")
            .or(main.switch("gpgcheck"))
            .unwrap_or(manager == Manager::Zypp),
        cache: None,
        fetched: None,
    }
}

fn main_section(root: &Root, survey: &mut Survey) -> Section {
    for path in MAIN_FILES {
        match root.read_optional(path, FILE_BYTES) {
            Ok(Some(bytes)) => {
                let main = ini::parse(&bytes)
                    .into_iter()
                    .find(|section| section.name == "main");
                return main.unwrap_or_default();
            }
            Ok(None) => {}
            Err(error) => survey.miss(path, error.to_string()),
        }
    }
    Section::default()
}

fn sections_in(root: &Root, folder: &str, ending: &str, survey: &mut Survey) -> Vec<Section> {
    let files = files_in(root, folder, ending, survey);
    files
        .iter()
        .flat_map(|bytes| ini::parse(bytes))
        .filter(|section| !matches!(section.name.as_str(), "" | "main"))
        .collect()
}

fn files_in(root: &Root, folder: &str, ending: &str, survey: &mut Survey) -> Vec<Vec<u8>> {
    let entries = match root.list_optional(folder, MAX_FILES) {
        Ok(entries) => entries,
        Err(error) => {
            survey.miss(folder, error.to_string());
            return Vec::new();
        }
    };
    let mut files = Vec::new();
    for entry in entries.iter().filter(|entry| entry.name.ends_with(ending)) {
        let path = format!("{folder}/{}", entry.name);
        match root.read(&path, FILE_BYTES) {
            Ok(bytes) => files.push(bytes),
            Err(error) => survey.miss(path, error.to_string()),
        }
    }
    files
}

/// Paths and names of the folders in a cache; a cache that is not there or may not be read has none.
fn folders(root: &Root, path: &str) -> Vec<(String, String)> {
    let entries = root.list_optional(path, MAX_FILES).unwrap_or_default();
    let folders = entries
        .into_iter()
        .filter(|entry| entry.kind == EntryKind::Directory);
    folders
        .map(|entry| (format!("{path}/{}", entry.name), entry.name))
        .collect()
}

/// dnf names a cache folder `ID-HASH`, the hash being sixteen digits over the repository's address. Where the address
/// changed there are several; the caller takes the one fetched last.
fn is_cache_of(folder: &str, id: &str) -> bool {
    let hash = folder
        .strip_prefix(id)
        .and_then(|rest| rest.strip_prefix('-'));
    hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn fetched(root: &Root, folder: String) -> Option<(Timestamp, String)> {
    let identity = root.identity(&format!("{folder}/repomd.xml"))?;
    Some((Timestamp::from_nanosecond(identity.mtime_ns).ok()?, folder))
}

/// Variables of the configuration and the release; those only the running dnf knows stay as written.
fn variables(root: &Root) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for folder in VARIABLES {
        for entry in root.list_optional(folder, MAX_FILES).unwrap_or_default() {
            if let Ok(bytes) = root.read(&format!("{folder}/{}", entry.name), 4096) {
                let value = String::from_utf8_lossy(&bytes)
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned();
                variables.push((entry.name, value));
            }
        }
    }
    // `$release` must not take the beginning of `$releasever`.
    variables.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    variables
}

fn substituted(text: &str, variables: &[(String, String)]) -> String {
    let mut text = text.to_owned();
    for (name, value) in variables {
        text = text
            .replace(&format!("${{{name}}}"), value)
            .replace(&format!("${name}"), value);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_folder_belongs_to_exactly_one_repository() {
        assert!(is_cache_of("appstream-0123456789abcdef", "appstream"));
        assert!(!is_cache_of(
            "appstream-source-0123456789abcdef",
            "appstream"
        ));
        assert!(!is_cache_of("appstream", "appstream"));
    }

    #[test]
    fn longer_variables_go_first() {
        let variables = [
            ("releasever".to_owned(), "9".to_owned()),
            ("release".to_owned(), "x".to_owned()),
        ];
        assert_eq!(substituted("a/$releasever/${release}", &variables), "a/9/x");
    }
}
