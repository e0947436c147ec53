//! sources.list(5): which repositories the host is configured with.
//!
//! Both spellings are read: one line for each source (`.list`), and paragraphs (`.sources`). Only `deb` entries count;
//! `deb-src` offers nothing to install.

use super::conf::{Conf, switch};
use super::files::{Extension, listed};
use crate::deb::control::{cut_line, paragraphs, without_comments};
use crate::error::PackagesError;
use overlock_model::inventory::Unseen;
use overlock_rootfs::Root;

const SOURCES_LIMIT_BYTES: u64 = 8 << 20;
/// More (suite, component) pairs than this in one file is not a configuration but an attack.
const SOURCES_MAX: usize = 10_000;

/// One suite of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Address, always with a slash at its end.
    pub uri: String,
    /// Suite or codename as written; a flat repository's ends in a slash.
    pub suite: String,
    /// Components; empty for a flat repository.
    pub components: Vec<String>,
    /// Architectures to use, where the entry says so.
    pub architectures: Architectures,
    /// Which keys may sign.
    pub signed_by: SignedBy,
}

/// The architectures that an entry asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Architectures {
    /// Instead of the host's.
    pub only: Vec<String>,
    /// Besides them.
    pub add: Vec<String>,
    /// Without these.
    pub remove: Vec<String>,
}

impl Architectures {
    /// What is used on a host with these architectures.
    #[must_use]
    pub fn of(&self, host: &[String]) -> Vec<String> {
        let mut all: Vec<String> = if self.only.is_empty() {
            host.to_vec()
        } else {
            self.only.clone()
        };
        all.extend(self.add.iter().cloned());
        all.retain(|arch| !self.remove.contains(arch));
        let mut seen = Vec::new();
        all.retain(|arch| {
            !seen.contains(arch) && {
                seen.push(arch.clone());
                true
            }
        });
        all
    }
}

/// Which keys may sign a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SignedBy {
    /// All keys in `trusted.gpg` and `trusted.gpg.d`.
    #[default]
    Trusted,
    /// The keys in these files and, where there are no files, the trusted ones with these fingerprints.
    Named {
        /// Key ring files, absolute paths.
        files: Vec<String>,
        /// Fingerprints, upper-case hex.
        fingerprints: Vec<String>,
    },
    /// The armored key in the entry itself.
    Inline(String),
}

impl Source {
    /// Whether the repository has no `dists` tree.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.suite.ends_with('/')
    }

    /// The address under which Release files lie, with a slash at its end.
    #[must_use]
    pub fn base(&self) -> String {
        match self.suite.as_str() {
            "/" => self.uri.clone(),
            flat if flat.ends_with('/') => format!("{}{flat}", self.uri),
            suite => format!("{}dists/{suite}/", self.uri),
        }
    }
}

/// All configured sources of `root`, with what could not be understood.
///
/// # Errors
/// When a file is there and cannot be read.
pub fn read(root: &Root, native_arch: &str) -> Result<(Vec<Source>, Vec<Unseen>), PackagesError> {
    let mut paths = vec!["etc/apt/sources.list".to_owned()];
    paths.extend(listed(
        root,
        "etc/apt/sources.list.d",
        &[Extension::Is("list"), Extension::Is("sources")],
    )?);
    let (mut sources, mut unseen) = (Vec::new(), Vec::new());
    for path in paths {
        let bytes = root
            .read_optional(&path, SOURCES_LIMIT_BYTES)
            .map_err(|error| PackagesError::read(&path, error))?;
        let Some(bytes) = bytes else { continue };
        let parsed = if path.ends_with(".sources") {
            parse_paragraphs(&bytes)
        } else {
            parse_lines(&bytes)
        };
        sources.extend(parsed.sources);
        unseen.extend(parsed.problems.into_iter().map(|why| Unseen {
            what: path.clone(),
            why,
        }));
    }
    for source in &mut sources {
        source.suite = source.suite.replace("$(ARCH)", native_arch);
        source.uri = source.uri.replace("$(ARCH)", native_arch);
    }
    Ok((sources, unseen))
}

/// The architectures of the host: the native one, and those added by `dpkg --add-architecture`.
pub(super) fn host_architectures(root: &Root, conf: &Conf, native: Option<&str>) -> Vec<String> {
    let configured: Vec<String> = conf
        .list("APT::Architectures")
        .into_iter()
        .map(str::to_owned)
        .collect();
    if !configured.is_empty() {
        return configured;
    }
    let mut all: Vec<String> = conf
        .get("APT::Architecture")
        .or(native)
        .map(str::to_owned)
        .into_iter()
        .collect();
    let added = root
        .read_optional("var/lib/dpkg/arch", 1 << 16)
        .ok()
        .flatten()
        .unwrap_or_default();
    for arch in String::from_utf8_lossy(&added).split_whitespace() {
        if !all.iter().any(|known| known == arch) {
            all.push(arch.to_owned());
        }
    }
    all
}

/// The sources of one file, and what was not understood.
#[derive(Debug, Default)]
pub struct Parsed {
    /// In the order of the file.
    pub sources: Vec<Source>,
    /// One sentence for each entry that was passed over.
    pub problems: Vec<String>,
}

/// Parses the one-line style.
#[must_use]
pub fn parse_lines(bytes: &[u8]) -> Parsed {
    let mut parsed = Parsed::default();
    let (mut rest, mut number) = (bytes, 0);
    while let Some((line, after)) = cut_line(rest) {
        rest = after;
        number += 1;
        let line = String::from_utf8_lossy(line);
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() || parsed.sources.len() >= SOURCES_MAX {
            continue;
        }
        match parse_line(line) {
            Ok(Some(source)) => parsed.sources.push(source),
            Ok(None) => {}
            Err(why) => parsed.problems.push(format!("line {number}: {why}")),
        }
    }
    parsed
}

fn parse_line(line: &str) -> Result<Option<Source>, &'static str> {
    let (kind, mut rest) = line
        .split_once(char::is_whitespace)
        .ok_or("it has only one word")?;
    match kind {
        "deb" => {}
        "deb-src" => return Ok(None),
        _ => return Err("it begins with neither `deb` nor `deb-src`"),
    }
    rest = rest.trim_start();
    let mut architectures = Architectures::default();
    let mut signed_by = SignedBy::default();
    if let Some(options) = rest.strip_prefix('[') {
        let (options, after) = options.split_once(']').ok_or("its options have no end")?;
        for option in options.split_whitespace() {
            let Some((name, values)) = option.split_once('=') else {
                continue;
            };
            let values = || {
                values
                    .split(',')
                    .filter(|value| !value.is_empty())
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            match name {
                "arch" => architectures.only = values(),
                "arch+" => architectures.add = values(),
                "arch-" => architectures.remove = values(),
                "signed-by" => signed_by = named(&values()),
                _ => {}
            }
        }
        rest = after.trim_start();
    }
    // Only the address of a CD-ROM has blanks, inside brackets.
    let end = match (rest.starts_with("cdrom:["), rest.find(']')) {
        (true, Some(end)) => {
            end + rest
                .get(end..)
                .unwrap_or_default()
                .find(char::is_whitespace)
                .unwrap_or(0)
        }
        _ => rest.find(char::is_whitespace).unwrap_or(rest.len()),
    };
    let (uri, words) = rest.split_at(end);
    let mut words = words.split_whitespace().map(str::to_owned);
    let suite = words.next().ok_or("it has no suite")?;
    let components: Vec<String> = words.collect();
    source(uri, suite, components, architectures, signed_by).map(Some)
}

fn source(
    uri: &str,
    suite: String,
    components: Vec<String>,
    architectures: Architectures,
    signed_by: SignedBy,
) -> Result<Source, &'static str> {
    if !uri.contains(':') {
        return Err("its address has no scheme");
    }
    if components.is_empty() != suite.ends_with('/') {
        return Err("a suite needs components, and a flat path (ending in `/`) has none");
    }
    let uri = format!("{}/", uri.trim_end_matches('/'));
    Ok(Source {
        uri,
        suite,
        components,
        architectures,
        signed_by,
    })
}

fn named(words: &[String]) -> SignedBy {
    let is_file = |word: &&String| word.starts_with('/');
    SignedBy::Named {
        files: words.iter().filter(is_file).cloned().collect(),
        fingerprints: words
            .iter()
            .filter(|word| !is_file(word))
            .map(|word| word.to_ascii_uppercase())
            .collect(),
    }
}

/// Parses the paragraph style.
#[must_use]
pub fn parse_paragraphs(bytes: &[u8]) -> Parsed {
    let mut parsed = Parsed::default();
    let text = without_comments(bytes);
    for (number, paragraph) in paragraphs(&text).enumerate() {
        if parsed.sources.len() >= SOURCES_MAX {
            break;
        }
        let mut add = |why: &str| parsed.problems.push(format!("entry {}: {why}", number + 1));
        let get = |name: &str| paragraph.get(name).map(|field| field.text());
        let words = |name: &str| {
            get(name)
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        if let Some(malformed) = paragraph.fields().find_map(Result::err) {
            add(&format!(
                "line {} (comments not counted) is no field",
                malformed.line
            ));
            continue;
        }
        if get("Enabled").and_then(|word| switch(&word)) == Some(false)
            || !words("Types").contains(&"deb".to_owned())
        {
            continue;
        }
        let architectures = Architectures {
            only: words("Architectures"),
            add: words("Architectures-Add"),
            remove: words("Architectures-Remove"),
        };
        let signed_by = match get("Signed-By") {
            None => SignedBy::Trusted,
            Some(key) if key.contains("-----BEGIN") => SignedBy::Inline(unfolded(&key)),
            Some(list) => named(
                &list
                    .split([',', ' ', '\n'])
                    .filter(|w| !w.is_empty())
                    .map(str::to_owned)
                    .collect::<Vec<_>>(),
            ),
        };
        for uri in words("URIs") {
            for suite in words("Suites") {
                match source(
                    &uri,
                    suite,
                    words("Components"),
                    architectures.clone(),
                    signed_by.clone(),
                ) {
                    Ok(source) => parsed.sources.push(source),
                    Err(why) => parsed.problems.push(format!("entry {}: {why}", number + 1)),
                }
            }
        }
    }
    parsed
}

/// The lines of a folded field; a dot alone stands for an empty line (Debian Policy 5.6.13).
fn unfolded(value: &str) -> String {
    value
        .lines()
        .map(str::trim)
        .map(|line| if line == "." { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
        + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_styles_say_the_same() {
        let lines = parse_lines(
            b"# c\ndeb [arch=amd64,i386 signed-by=/k.gpg] http://example.org/debian bookworm main contrib # x\n\
              deb-src http://example.org/debian bookworm main\n",
        );
        let paragraphs = parse_paragraphs(
            b"Types: deb deb-src\n# comment\nURIs: http://example.org/debian/\nSuites: bookworm\n\
              Components: main contrib\nArchitectures: amd64 i386\nSigned-By: /k.gpg\n\n\
              Types: deb\nEnabled: no\nURIs: http://example.org/x\nSuites: y\nComponents: z\n",
        );
        assert_eq!(lines.sources, paragraphs.sources);
        assert_eq!(
            lines.sources[0].base(),
            "http://example.org/debian/dists/bookworm/"
        );
        assert!(lines.problems.is_empty() && paragraphs.problems.is_empty());
    }

    #[test]
    fn flat_repositories_have_no_dists_tree() {
        let parsed = parse_lines(b"deb [trusted=yes] file:/srv/repo ./\ndeb http://example.org/r /\ndeb http://example.org/r bad\n");
        let bases: Vec<_> = parsed.sources.iter().map(Source::base).collect();
        assert_eq!(bases, ["file:/srv/repo/./", "http://example.org/r/"]);
        assert_eq!(parsed.problems.len(), 1);
    }

    #[test]
    fn an_inline_key_is_unfolded() {
        let parsed = parse_paragraphs(
            b"Types: deb\nURIs: http://example.org/\nSuites: a\nComponents: b\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n",
        );
        let SignedBy::Inline(key) = &parsed.sources[0].signed_by else {
            panic!("inline")
        };
        assert_eq!(
            key,
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse_lines(&bytes);
            let _ = parse_paragraphs(&bytes);
        }
        #[test]
        fn any_soup_of_syntax_is_read(text in "(deb|\\[|\\]|arch=|cdrom:|http://|/| |a|\n|Types: deb\n|URIs:|Suites:|Signed-By:){0,30}") {
            let _ = parse_lines(text.as_bytes());
            let _ = parse_paragraphs(text.as_bytes());
        }
    }
}
