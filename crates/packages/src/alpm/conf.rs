//! `pacman.conf`: repositories in their order, ignored packages, where the databases are.

use crate::survey::{Survey, without_credentials};
use crate::{glob, ini};
use overlock_rootfs::Root;

const PATH: &str = "/etc/pacman.conf";
const FILE_BYTES: u64 = 4 << 20;
/// Most files that `Include` may pull in.
const MAX_INCLUDES: usize = 100;
const MAX_DEPTH: usize = 8;
const DATABASE: &str = "/var/lib/pacman";

/// The part of the configuration that a scan needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Conf {
    /// Folder of `local` and `sync`.
    pub(super) database: String,
    /// `IgnorePkg` patterns.
    pub(super) ignored: Vec<String>,
    /// Repositories, the preferred first.
    pub(super) repositories: Vec<Configured>,
}

/// One repository section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Configured {
    pub(super) id: String,
    /// The first server, variables as written, credentials removed.
    pub(super) uri: String,
    /// Its `SigLevel`, or that of `[options]`.
    pub(super) signature_level: String,
}

impl Conf {
    /// Reads the configuration; without one the built-in places hold and there is no repository.
    pub(super) fn read(root: &Root, survey: &mut Survey) -> Self {
        let mut sections = Vec::new();
        let mut reader = Reader {
            root,
            survey,
            left: MAX_INCLUDES,
        };
        reader.file(PATH, 0, &mut sections);
        let options = sections
            .iter()
            .find(|section: &&ini::Section| section.name == "options")
            .cloned()
            .unwrap_or_default();
        let level = options
            .get("SigLevel")
            .unwrap_or("Required DatabaseOptional");
        let mut conf = Self {
            database: options
                .get("DBPath")
                .unwrap_or(DATABASE)
                .trim_end_matches('/')
                .to_owned(),
            ignored: options.list("IgnorePkg").map(str::to_owned).collect(),
            repositories: Vec::new(),
        };
        for section in sections
            .iter()
            .filter(|section| !matches!(section.name.as_str(), "" | "options"))
        {
            // pacman takes `/` in a section name for no repository either; it would leave the sync folder.
            if section.name.contains('/')
                || conf
                    .repositories
                    .iter()
                    .any(|known| known.id == section.name)
            {
                continue;
            }
            let server = section.entries.iter().find(|(key, _)| key == "Server");
            conf.repositories.push(Configured {
                id: section.name.clone(),
                uri: without_credentials(server.map_or("", |(_, value)| value)),
                signature_level: section.get("SigLevel").unwrap_or(level).to_owned(),
            });
        }
        conf
    }
}

struct Reader<'a> {
    root: &'a Root,
    survey: &'a mut Survey,
    left: usize,
}

impl Reader<'_> {
    /// Reads one file; an `Include` inside a section adds to that section, as pacman does.
    fn file(&mut self, path: &str, depth: usize, sections: &mut Vec<ini::Section>) {
        if depth > MAX_DEPTH || self.left == 0 {
            self.survey.miss(path, "too many files are included");
            return;
        }
        self.left -= 1;
        let bytes = match self.root.read_optional(path, FILE_BYTES) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(error) => return self.survey.miss(path, error.to_string()),
        };
        for mut section in ini::parse(&bytes) {
            let entries = std::mem::take(&mut section.entries);
            // The nameless first part of an included file belongs to the section that includes it.
            if !section.name.is_empty() || sections.is_empty() {
                sections.push(section);
            }
            for (key, value) in entries {
                if key == "Include" {
                    for included in self.expand(&value) {
                        self.file(&included, depth + 1, sections);
                    }
                } else if let Some(open) = sections.last_mut() {
                    open.entries.push((key, value));
                }
            }
        }
    }

    /// The files a pattern means; pacman allows shell patterns, in practice in the last part.
    fn expand(&mut self, pattern: &str) -> Vec<String> {
        let Some((folder, name)) = pattern
            .rsplit_once('/')
            .filter(|(_, name)| name.contains(['*', '?', '[']))
        else {
            return vec![pattern.to_owned()];
        };
        let entries = self.root.list_optional(folder, 10_000).unwrap_or_default();
        let matching = entries
            .into_iter()
            .filter(|entry| glob::matches(name, &entry.name));
        matching
            .map(|entry| format!("{folder}/{}", entry.name))
            .collect()
    }
}
