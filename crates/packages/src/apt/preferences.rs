//! apt_preferences(5): pins.

use super::files::{Extension, listed};
use super::pattern::{is_pattern, matches};
use crate::deb::control::{paragraphs, without_comments};
use crate::error::PackagesError;
use overlock_model::inventory::Unseen;
use overlock_rootfs::Root;

const PREFERENCES_LIMIT_BYTES: u64 = 4 << 20;
/// `Pin-Priority: never`
pub const NEVER: i32 = -32_768;

/// The pins in the order in which apt takes them; the first that fits counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins {
    /// Pins of `Package: *`: they set the priority of whole package lists.
    pub lists: Vec<Pin>,
    /// Pins of named packages: they set the priority of single versions.
    pub packages: Vec<(Names, Pin)>,
}

/// What a pin chooses, and how it ranks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// What it chooses.
    pub choice: Choice,
    /// Priority, never 0.
    pub priority: i32,
}

/// What a pin chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// `version`: a version, a beginning with `*`, or a pattern.
    Version(String),
    /// `release`: properties of the Release file.
    Release(ReleaseChoice),
    /// `origin`: the host a list came from; empty for local files.
    Origin(String),
}

/// The properties that `Pin: release` may ask for; all that are given must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseChoice {
    /// `*`: everything, the installed packages too.
    pub all: bool,
    /// `v=`
    pub version: Option<String>,
    /// `o=`
    pub origin: Option<String>,
    /// `a=`
    pub archive: Option<String>,
    /// `n=`
    pub codename: Option<String>,
    /// `l=`
    pub label: Option<String>,
    /// `c=`
    pub component: Option<String>,
    /// `b=`
    pub architecture: Option<String>,
    /// A word without `=`: archive or codename.
    pub either: Option<String>,
}

/// Which packages a pin is for: one word of its `Package` field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    name: String,
    arch: Option<String>,
    by_source: bool,
}

impl Names {
    fn parse(word: &str) -> Self {
        let (by_source, word) = match word.strip_prefix("src:") {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let (name, arch) = match word.rsplit_once(':') {
            Some((name, arch)) => (name, Some(arch.to_owned())),
            None => (word, None),
        };
        Self {
            name: name.to_owned(),
            arch,
            by_source,
        }
    }

    /// Whether they include a version of a package. Without an architecture a name means the native one.
    #[must_use]
    pub fn include(&self, package: &str, source: &str, arch: &str, native: &str) -> bool {
        let name = if self.by_source { source } else { package };
        let named = name == self.name || (is_pattern(&self.name) && matches(&self.name, name));
        named
            && match self.arch.as_deref() {
                None => arch == native,
                Some("any" | "*") => true,
                Some(wanted) => arch == wanted,
            }
    }
}

/// Reads `preferences`, then `preferences.d/*`.
///
/// # Errors
/// When a file is there and cannot be read.
pub fn read(root: &Root) -> Result<(Pins, Vec<Unseen>), PackagesError> {
    let mut paths = vec!["etc/apt/preferences".to_owned()];
    paths.extend(listed(
        root,
        "etc/apt/preferences.d",
        &[Extension::None, Extension::Is("pref")],
    )?);
    let (mut pins, mut unseen) = (Pins::default(), Vec::new());
    for path in paths {
        let bytes = root
            .read_optional(&path, PREFERENCES_LIMIT_BYTES)
            .map_err(|error| PackagesError::read(&path, error))?;
        if let Some(bytes) = bytes {
            for why in pins.add(&bytes) {
                unseen.push(Unseen {
                    what: path.clone(),
                    why,
                });
            }
        }
    }
    Ok((pins, unseen))
}

impl Pins {
    /// Adds the pins of one file's text; the answer is one sentence for each record that was passed over. At a record
    /// that apt refuses, the rest of the file is left, as apt does.
    pub fn add(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut problems = Vec::new();
        let text = without_comments(bytes);
        for (number, paragraph) in paragraphs(&text).enumerate() {
            let mut problem = |why: &str| problems.push(format!("record {}: {why}", number + 1));
            let get = |name: &str| paragraph.get(name).map(|field| field.text());
            let Some(package) = get("Package").filter(|package| !package.is_empty()) else {
                problem("it has no `Package`; apt refuses the file");
                break;
            };
            let Some(pin) = get("Pin") else { continue };
            let (kind, data) = pin.split_once(char::is_whitespace).unwrap_or((&pin, ""));
            let everything = package == "*";
            let Some(choice) = Choice::parse(kind, data.trim(), everything) else {
                problem("its `Pin` is of a kind that is not known here");
                continue;
            };
            let priority = match get("Pin-Priority").as_deref().map(str::trim) {
                Some("never") if everything => NEVER,
                Some(number) => match number.parse::<i32>() {
                    Ok(number) if number != 0 && (-32_768..=32_767).contains(&number) => {
                        number.max(NEVER + 1)
                    }
                    _ => {
                        problem(
                            "its priority is no number from -32768 to 32767 other than 0; apt refuses the file",
                        );
                        break;
                    }
                },
                None => {
                    problem("it has no priority; apt refuses the file");
                    break;
                }
            };
            let pin = Pin { choice, priority };
            if everything {
                self.lists.push(pin);
            } else {
                self.packages.extend(
                    package
                        .split_whitespace()
                        .map(|word| (Names::parse(word), pin.clone())),
                );
            }
        }
        problems
    }
}

impl Choice {
    fn parse(kind: &str, data: &str, everything: bool) -> Option<Self> {
        match kind.to_ascii_lowercase().as_str() {
            "version" if !everything => Some(Self::Version(data.to_owned())),
            "release" => Some(Self::Release(ReleaseChoice::parse(data))),
            "origin" => {
                let inner = data
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'));
                Some(Self::Origin(inner.unwrap_or(data).to_owned()))
            }
            _ => None,
        }
    }
}

impl ReleaseChoice {
    /// Reads what follows `Pin: release`, or the value of `APT::Default-Release`.
    #[must_use]
    pub fn parse(data: &str) -> Self {
        let mut choice = Self {
            all: data == "*",
            ..Self::default()
        };
        if choice.all {
            return choice;
        }
        if !data.contains('=') {
            let slot = if data.starts_with(|c: char| c.is_ascii_digit()) {
                &mut choice.version
            } else {
                &mut choice.either
            };
            *slot = (!data.is_empty()).then(|| data.to_owned());
            return choice;
        }
        for part in data.split(',') {
            let part = part.trim();
            let Some((key, value)) = part.split_once('=').filter(|(_, value)| !value.is_empty())
            else {
                continue;
            };
            let slot = match key.to_ascii_lowercase().as_str() {
                "v" => &mut choice.version,
                "o" => &mut choice.origin,
                "a" => &mut choice.archive,
                "n" => &mut choice.codename,
                "l" => &mut choice.label,
                "c" => &mut choice.component,
                "b" => &mut choice.architecture,
                _ => continue,
            };
            *slot = Some(value.to_owned());
        }
        choice
    }
}

/// Whether a version text is what a pin asks for: equal without case, a beginning before `*`, or a pattern.
#[must_use]
pub fn version_matches(wanted: &str, version: &str) -> bool {
    let (wanted, beginning) = match wanted.strip_suffix('*') {
        Some(beginning) => (beginning, true),
        None => (wanted, false),
    };
    let same = match version.get(..wanted.len()) {
        Some(start) => {
            start.eq_ignore_ascii_case(wanted) && (beginning || start.len() == version.len())
        }
        None => false,
    };
    same || matches(wanted, version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records_become_pins_for_lists_and_for_packages() {
        let mut pins = Pins::default();
        let problems = pins.add(
            b"Explanation: x\nPackage: *\nPin: release o=Debian, a=stable\nPin-Priority: 900\n\n# c\n\
              Package: linux-* src:openssl\nPin: version 3.0*\nPin-Priority: -1\n\nPackage: x\nPin: origin \"\"\nPin-Priority: 5\n",
        );
        assert!(problems.is_empty());
        assert_eq!((pins.lists.len(), pins.packages.len()), (1, 3));
        assert!(
            pins.packages[0]
                .0
                .include("linux-image", "linux", "amd64", "amd64")
        );
        assert!(
            !pins.packages[0]
                .0
                .include("linux-image", "linux", "i386", "amd64")
        );
        assert!(
            pins.packages[1]
                .0
                .include("libssl3", "openssl", "amd64", "amd64")
        );
        assert_eq!(pins.packages[2].1.choice, Choice::Origin(String::new()));
    }

    #[test]
    fn a_record_that_apt_refuses_is_told() {
        let mut pins = Pins::default();
        assert_eq!(pins.add(b"Package: a\nPin: version 1\nPin-Priority: 0\n\nPackage: b\nPin: version 1\nPin-Priority: 7\n").len(), 1);
        assert!(pins.packages.is_empty());
    }

    #[test]
    fn versions_match_by_text_beginning_or_pattern() {
        for (wanted, version, fits) in [
            ("1.0", "1.0", true),
            ("1.0", "1.0.1", false),
            ("1.0*", "1.0.1", true),
            ("1.?.1", "1.0.1", true),
            ("/^1/", "1.0", true),
        ] {
            assert_eq!(version_matches(wanted, version), fits, "{wanted}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            Pins::default().add(&bytes);
        }
    }
}
