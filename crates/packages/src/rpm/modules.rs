//! dnf modules: which streams this host has enabled, and which packages each stream holds.
//!
//! A repository with modules lists the packages of all streams side by side; dnf shows only those of the enabled (or
//! default) stream, and hides plain packages that a shown stream replaces. Without this the newest `nodejs` of any
//! stream would look like an update (dnf's modularity documentation, "Modular filtering").

use crate::ini;
use std::collections::{HashMap, HashSet};

/// What the administrator chose for one module (`/etc/dnf/modules.d/NAME.module`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This stream.
    Enabled(String),
    /// No stream.
    Disabled,
}

/// Reads a `.module` file; a file may hold several modules.
#[must_use]
pub fn choices(bytes: &[u8]) -> Vec<(String, Choice)> {
    ini::parse(bytes)
        .into_iter()
        .filter_map(|section| {
            let name = section.get("name").unwrap_or(&section.name).to_owned();
            match (section.get("state"), section.get("stream")) {
                (Some("enabled" | "1"), Some(stream)) if !stream.is_empty() => {
                    Some((name, Choice::Enabled(stream.to_owned())))
                }
                (Some("disabled"), _) => Some((name, Choice::Disabled)),
                _ => None,
            }
        })
        .collect()
}

/// The streams of all repositories of a host.
#[derive(Debug, Clone, Default)]
pub struct Modules {
    choices: HashMap<String, Choice>,
    defaults: HashMap<String, String>,
    /// `name-epoch:version-release.arch` to the (module, stream) pairs that hold it.
    artifacts: HashMap<String, Vec<(String, String)>>,
}

/// What of the repositories' packages dnf shows; made once all metadata is read.
#[derive(Debug)]
pub struct Shown<'a> {
    modules: &'a Modules,
    /// Names that an active stream holds.
    replaced: HashSet<&'a str>,
}

impl Modules {
    /// Starts from the administrator's choices.
    #[must_use]
    pub fn new(choices: impl IntoIterator<Item = (String, Choice)>) -> Self {
        Self {
            choices: choices.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Adds a repository's `modules.yaml`, unpacked: documents `modulemd` and `modulemd-defaults`.
    ///
    /// This is a scanner for what libmodulemd writes, not a YAML reader: keys of `data` on their own lines, lists as
    /// `- item`. Lines that say nothing to it are passed over.
    pub fn add(&mut self, yaml: &str, wanted: impl Fn(&str) -> bool) {
        for document in documents(yaml) {
            let (Some(module), Some(stream)) = (document.module, document.stream) else {
                continue;
            };
            if document.is_defaults {
                self.defaults.insert(module, stream);
                continue;
            }
            for nevra in document.artifacts {
                if package_name(nevra).is_some_and(&wanted) {
                    self.artifacts
                        .entry(nevra.to_owned())
                        .or_default()
                        .push((module.clone(), stream.clone()));
                }
            }
        }
    }

    /// Prepares to ask what is shown.
    #[must_use]
    pub fn shown(&self) -> Shown<'_> {
        let active = self
            .artifacts
            .iter()
            .filter(|(_, streams)| self.any_active(streams));
        let replaced = active
            .filter_map(|(nevra, _)| package_name(nevra))
            .collect();
        Shown {
            modules: self,
            replaced,
        }
    }

    fn any_active(&self, streams: &[(String, String)]) -> bool {
        streams
            .iter()
            .any(|(module, stream)| match self.choices.get(module) {
                Some(Choice::Enabled(enabled)) => enabled == stream,
                Some(Choice::Disabled) => false,
                None => self.defaults.get(module) == Some(stream),
            })
    }
}

impl Shown<'_> {
    /// Whether dnf shows this package. A build that looks modular but that no stream holds is hidden: its stream is
    /// not known, so it may not be offered. `is_hotfix` is the repository's `module_hotfixes`, which lifts all of this.
    #[must_use]
    pub fn shows(&self, name: &str, nevra: &str, is_hotfix: bool) -> bool {
        if is_hotfix {
            return true;
        }
        match self.modules.artifacts.get(nevra) {
            Some(streams) => self.modules.any_active(streams),
            None => !self.replaced.contains(name) && !nevra.contains(".module"),
        }
    }
}

#[derive(Default)]
struct Document<'a> {
    is_defaults: bool,
    module: Option<String>,
    stream: Option<String>,
    artifacts: Vec<&'a str>,
}

fn documents(yaml: &str) -> impl Iterator<Item = Document<'_>> {
    let mut lines = yaml.lines().peekable();
    std::iter::from_fn(move || {
        lines.peek()?;
        let mut document = Document::default();
        let (mut indent, mut section, mut in_rpms) = (0, "", false);
        for line in lines.by_ref().take_while(|line| line.trim_end() != "---") {
            let text = line.trim();
            let depth = line.len() - line.trim_start().len();
            if let Some(item) = text.strip_prefix("- ") {
                if in_rpms && section == "artifacts" {
                    document.artifacts.push(unquoted(item));
                }
                continue;
            }
            let Some((key, value)) = text.split_once(':') else {
                continue;
            };
            if depth == 0 {
                indent = 0;
                document.is_defaults |= key == "document" && value.trim() == "modulemd-defaults";
                continue;
            }
            if indent == 0 {
                indent = depth;
            }
            in_rpms = depth > indent && key == "rpms";
            if depth == indent {
                section = key;
                let value = unquoted(value.trim());
                match key {
                    "name" | "module" if !value.is_empty() => {
                        document.module = Some(value.to_owned())
                    }
                    "stream" if !value.is_empty() => document.stream = Some(value.to_owned()),
                    _ => {}
                }
            }
        }
        Some(document)
    })
}

fn unquoted(text: &str) -> &str {
    let inner = |quote| {
        text.strip_prefix(quote)
            .and_then(|rest: &str| rest.strip_suffix(quote))
    };
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// `nodejs` of `nodejs-1:18.2-3.el8.x86_64`.
fn package_name(nevra: &str) -> Option<&str> {
    let (rest, _) = nevra.rsplit_once('-')?;
    Some(rest.rsplit_once('-')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: nodejs\n  stream: \"18\"\n  description: >-\n    \
        name: not this\n  api:\n    rpms:\n    - nodejs\n  artifacts:\n    rpms:\n    \
        - nodejs-1:18.2-1.module_el8.x86_64\n...\n---\ndocument: modulemd\nversion: 2\ndata:\n  name: nodejs\n  \
        stream: 20\n  artifacts:\n    rpms:\n    - nodejs-1:20.1-1.module_el8.x86_64\n...\n---\n\
        document: modulemd-defaults\nversion: 1\ndata:\n  module: nodejs\n  stream: \"18\"\n...\n";
    const OLD: &str = "nodejs-1:18.2-1.module_el8.x86_64";
    const NEW: &str = "nodejs-1:20.1-1.module_el8.x86_64";

    fn modules(choice: Option<Choice>) -> Modules {
        let mut modules = Modules::new(choice.map(|choice| ("nodejs".to_owned(), choice)));
        modules.add(YAML, |_| true);
        modules
    }

    #[test]
    fn only_the_enabled_stream_is_shown() {
        let modules = modules(Some(Choice::Enabled("20".to_owned())));
        let shown = modules.shown();
        assert!(shown.shows("nodejs", NEW, false));
        assert!(!shown.shows("nodejs", OLD, false));
        assert!(
            shown.shows("nodejs", OLD, true),
            "a hot-fix repository lifts the filter"
        );
    }

    #[test]
    fn the_default_stream_is_shown_where_nothing_is_chosen() {
        let modules = modules(None);
        assert!(modules.shown().shows("nodejs", OLD, false));
        assert!(!modules.shown().shows("nodejs", NEW, false));
    }

    #[test]
    fn plain_builds_give_way_to_an_active_stream_only() {
        let plain = "nodejs-1:21.0-1.el8.x86_64";
        assert!(!modules(None).shown().shows("nodejs", plain, false));
        assert!(
            modules(Some(Choice::Disabled))
                .shown()
                .shows("nodejs", plain, false)
        );
    }

    #[test]
    fn a_modular_build_of_no_known_stream_is_hidden() {
        assert!(!Modules::default().shown().shows(
            "perl",
            "perl-4:5.26-1.module+el8.x86_64",
            false
        ));
        assert!(
            Modules::default()
                .shown()
                .shows("perl", "perl-4:5.26-1.el8.x86_64", false)
        );
    }

    #[test]
    fn choices_of_a_module_file() {
        let file = b"[nodejs]\nname=nodejs\nstream=18\nprofiles=common\nstate=enabled\n[php]\nname=php\nstate=disabled\n";
        assert_eq!(
            choices(file),
            [
                ("nodejs".to_owned(), Choice::Enabled("18".to_owned())),
                ("php".to_owned(), Choice::Disabled)
            ]
        );
    }
}
