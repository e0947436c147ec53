//! Links between documents: the file is there, and so is the heading.

use super::Complaints;
use crate::workspace::{self, TextFile};
use std::path::{Component, Path, PathBuf};

pub fn complaints(files: &[TextFile]) -> Complaints {
    files
        .iter()
        .filter(|file| file.extension() == "md")
        .flat_map(|file| {
            links(&file.text).into_iter().filter_map(|(line, target)| {
                broken(file, &target, files)
                    .map(|why| format!("{}:{line}: `{target}` {why}", file.path))
            })
        })
        .collect()
}

/// Why a link leads nowhere; `None` for one that holds or leaves the project.
fn broken(file: &TextFile, target: &str, files: &[TextFile]) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, heading) = target
        .split_once('#')
        .map_or((target, None), |(path, heading)| (path, Some(heading)));
    let path = if path.is_empty() {
        file.path.clone()
    } else {
        let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
        plain(&folder.join(path))?.to_string_lossy().into_owned()
    };
    if !workspace::root().join(&path).exists() {
        return Some("does not exist");
    }
    let page = files
        .iter()
        .find(|page| page.path == path && page.extension() == "md")?;
    let heading = heading?;
    (!headings(&page.text).iter().any(|slug| slug == heading)).then_some("has no such heading")
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(plain)
}

/// Targets of inline links with their line, outside of code.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        // Between backticks stands code: every second part.
        for part in line.split('`').step_by(2) {
            for tail in part.split("](").skip(1) {
                if let Some((target, _)) = tail.split_once(')') {
                    let target = target.split_whitespace().next().unwrap_or("");
                    links.push((number, target.to_owned()));
                }
            }
        }
    }
    links
}

/// Headings as the anchors that forges give them: lower case, no punctuation, `-` for a space.
fn headings(text: &str) -> Vec<String> {
    prose(text)
        .filter_map(|(_, line)| line.strip_prefix('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

/// Lines outside of fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    text.lines().enumerate().filter_map(move |(number, line)| {
        if line.trim_start().starts_with("```") {
            code = !code;
            return None;
        }
        (!code).then_some((number + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, text: &str) -> TextFile {
        TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn link_to_nothing_is_found_and_code_is_left_alone() {
        let file = page(
            "docs/page.md",
            "[a](gone.md)\n```\n[b](gone.md)\n```\n`[c](gone.md)` [d](https://example.org/)\n",
        );
        assert_eq!(
            complaints(&[file]),
            ["docs/page.md:1: `gone.md` does not exist"]
        );
    }

    #[test]
    fn heading_must_be_there() {
        let file = page(
            "Cargo.md",
            "# One two, three\n[a](#one-two-three) [b](#four)\n",
        );
        // The file itself is not on disk, which is said first: a page that exists is needed here.
        assert_eq!(headings(&file.text), ["one-two-three"]);
        let file = TextFile {
            path: "LICENSE".to_owned(),
            ..file
        };
        assert_eq!(broken(&file, "Cargo.toml", &[]), None);
        assert_eq!(
            plain(Path::new("docs/../a/./b.md")),
            Some(PathBuf::from("a/b.md"))
        );
    }
}
