//! Reading the table in which dnf announces a transaction.
//!
//! ```text
//! Upgrading:
//!  lab-pair             noarch          2.0-1             lab-main          6.0 k
//!      replacing  lab-plain.noarch 1.0-1
//! Installing dependencies:
//!  a-very-long-name-that-pushes-the-rest-into-the-next-line
//!                       noarch          1:1.0-1           lab-main          6.0 k
//! ```
//! Rows begin with one space; deeper lines go on with the row before. dnf 4 prints so whatever the width.

use super::database::Database;
use crate::Simulated;

/// What a section says of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Install,
    Replace,
    Remove,
}

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// Installed anew, or beside other versions.
    Installs(String, String, String),
    /// Another version of it is there.
    Replaces(String, String, String),
    /// Goes: name, architecture, version.
    Removes(String, String, String),
}

/// The rows of a table; none where dnf has nothing to do.
///
/// # Errors
/// The first line that is in the table and is no row.
pub(super) fn parse(text: &str) -> Result<Vec<Row>, String> {
    let mut section = None;
    let mut rows = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    // What comes before and after the table has lines of `=` in between.
    for line in text.lines().chain(["Transaction Summary"]) {
        let deeper = line.starts_with("  ");
        if !deeper {
            finish(section, &mut words, &mut rows)?;
        }
        if line.starts_with("Transaction Summary") {
            break;
        }
        if let Some(title) = line.strip_suffix(':').filter(|line| !line.starts_with(' ')) {
            section = of(title);
        } else if let Some(rest) = line.trim_start().strip_prefix("replacing  ") {
            let gone = obsoleted(rest).ok_or_else(|| shortened(line))?;
            rows.push(gone);
        } else if line.starts_with(' ') && section.is_some() {
            words.extend(line.split_whitespace());
        }
    }
    Ok(rows)
}

fn of(title: &str) -> Option<Section> {
    match title {
        "Installing"
        | "Installing dependencies"
        | "Installing weak dependencies"
        | "Installing group/module packages" => Some(Section::Install),
        "Upgrading" | "Downgrading" | "Reinstalling" => Some(Section::Replace),
        "Removing" | "Removing dependent packages" | "Removing unused dependencies" => {
            Some(Section::Remove)
        }
        // Modules, groups, skipped packages: nothing of the transaction.
        _ => None,
    }
}

/// A row has name, architecture, version, repository, size.
fn finish(
    section: Option<Section>,
    words: &mut Vec<&str>,
    rows: &mut Vec<Row>,
) -> Result<(), String> {
    let taken = std::mem::take(words);
    let (Some(section), Some(_)) = (section, taken.first()) else {
        return Ok(());
    };
    let [name, arch, version, _repository, ..] = taken.as_slice() else {
        return Err(shortened(&taken.join(" ")));
    };
    let (name, arch) = ((*name).to_owned(), (*arch).to_owned());
    let version = without_zero(version).to_owned();
    rows.push(match section {
        Section::Install => Row::Installs(name, arch, version),
        Section::Replace => Row::Replaces(name, arch, version),
        Section::Remove => Row::Removes(name, arch, version),
    });
    Ok(())
}

/// `NAME.ARCH VERSION`.
fn obsoleted(text: &str) -> Option<Row> {
    let (package, version) = text.trim().split_once(' ')?;
    let (name, arch) = package.rsplit_once('.')?;
    Some(Row::Removes(
        name.to_owned(),
        arch.to_owned(),
        without_zero(version.trim()).to_owned(),
    ))
}

/// An epoch of zero is no epoch.
pub(super) fn without_zero(version: &str) -> &str {
    version.strip_prefix("0:").unwrap_or(version)
}

fn shortened(line: &str) -> String {
    line.chars().take(200).collect()
}

/// Rows as changes, with the versions that are installed.
///
/// # Errors
/// A row that replaces what is not there: a package that changes its architecture.
pub(super) fn changes(rows: Vec<Row>, database: &Database) -> Result<Vec<Simulated>, String> {
    let mut found = Vec::new();
    for row in rows {
        found.push(match row {
            Row::Installs(name, arch, to) => Simulated {
                from: None,
                to: Some(to),
                name,
                arch,
            },
            Row::Replaces(name, arch, to) => match database.versions(&name, &arch).as_slice() {
                [from] => Simulated {
                    from: Some((*from).to_owned()),
                    to: Some(to),
                    name,
                    arch,
                },
                _ => return Err(format!("{name}.{arch} replaces no single version")),
            },
            Row::Removes(name, arch, from) => Simulated {
                from: Some(from),
                to: None,
                name,
                arch,
            },
        });
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TABLE: &str = "Last metadata expiration check: 0:00:02 ago on Mon Nov 23 14:53:22 2026.\n\
        Dependencies resolved.\n\
        ================================\n\
        \x20Package   Architecture  Version  Repository  Size\n\
        ================================\n\
        Upgrading:\n\
        \x20lab-rival  noarch  0:2.0-1  lab-main  6.1 k\n\
        \x20    replacing  lab-plain.noarch 1.0-1\n\
        \x20a-very-long-name-that-pushes-the-rest-away\n\
        \x20           x86_64  1:1.0-1.el9  lab-main  512  \n\
        Installing dependencies:\n\
        \x20libnew  x86_64  3-1  baseos  1.2 M\n\
        \n\
        Transaction Summary\n\
        ================================\n\
        Upgrade  2 Packages\n\n Total:\nOperation aborted.\n";

    fn owned(name: &str, arch: &str, version: &str) -> (String, String, String) {
        (name.to_owned(), arch.to_owned(), version.to_owned())
    }

    #[test]
    fn rows_of_every_kind_are_read() {
        let (a, b, c) = owned("lab-plain", "noarch", "1.0-1");
        let (d, e, f) = owned("lab-rival", "noarch", "2.0-1");
        let (g, h, i) = owned(
            "a-very-long-name-that-pushes-the-rest-away",
            "x86_64",
            "1:1.0-1.el9",
        );
        let (j, k, l) = owned("libnew", "x86_64", "3-1");
        let rows = parse(TABLE).unwrap();
        for row in [
            Row::Removes(a, b, c),
            Row::Replaces(d, e, f),
            Row::Replaces(g, h, i),
            Row::Installs(j, k, l),
        ] {
            assert!(rows.contains(&row), "{row:?} in {rows:?}");
        }
        assert_eq!(rows.len(), 4);
        assert_eq!(parse("Nothing to do.\nComplete!\n").unwrap(), []);
    }

    #[test]
    fn half_a_row_is_an_error() {
        assert!(parse("Upgrading:\n lab-rival noarch\n").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(Upgrading:|Removing:)?(\n {0,3}[a-z.:\\- ]{0,20}){0,4}") {
            drop(parse(&text));
        }
    }
}
