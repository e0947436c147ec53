//! A version that was taken back stays away from dnf: no timer of the host installs it again (F39a).
//!
//! dnf 4 has no folder for pieces of its configuration, and its versionlock is a plugin that may be missing; so exactly
//! these versions are excluded in `dnf.conf` itself, in a block of ours that says for which run and until when. All else
//! in the file stays as it is.

use crate::manager::Named;
use jiff::Timestamp;
use overlock_model::run::RunId;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const FILE: &str = "/etc/dnf/dnf.conf";
const BEGIN: &str = "# overlock: these versions were taken back, see `overlock history`";
const END: &str = "# overlock: end";
const RUN: &str = "# overlock-run ";
/// Both mean the same and dnf takes both, but each only once.
const KEYS: [&str; 2] = ["exclude", "excludepkgs"];

/// What one run took back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Away {
    run: String,
    until: String,
    packages: Vec<String>,
}

/// Excludes these versions until then; what the same run excluded is replaced.
pub(super) fn keep_away(
    run: RunId,
    versions: &[Named<'_>],
    until: Timestamp,
) -> io::Result<PathBuf> {
    let away = Away {
        run: run.to_string(),
        until: until.to_string(),
        packages: versions.iter().map(pattern).collect(),
    };
    change(Path::new(FILE), |all| {
        all.retain(|one| one.run != away.run);
        all.push(away.clone());
    })?;
    Ok(FILE.into())
}

/// Removes what has ended.
pub(super) fn let_come(now: Timestamp) -> io::Result<()> {
    change(Path::new(FILE), |all| {
        // One whose end cannot be read stays: it was somebody's decision.
        all.retain(|one| {
            one.until
                .parse()
                .map_or(true, |until: Timestamp| until > now)
        });
    })
}

/// `NAME-EPOCH:VERSION-RELEASE.ARCH`.
fn pattern((name, arch, version): &Named<'_>) -> String {
    let epoch = if version.contains(':') { "" } else { "0:" };
    format!("{name}-{epoch}{version}.{arch}")
}

fn change(file: &Path, act: impl Fn(&mut Vec<Away>)) -> io::Result<()> {
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let (rest, mut all) = taken_apart(&text);
    act(&mut all);
    let whole = put_together(&rest, &all)?;
    if whole == text {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = file.with_extension("conf.overlock-new");
    let mut opened = File::create(&new)?;
    opened.write_all(whole.as_bytes())?;
    opened.sync_all()?;
    fs::rename(new, file)
}

/// The file without our block, and what the block says.
fn taken_apart(text: &str) -> (String, Vec<Away>) {
    let (mut rest, mut all, mut inside) = (String::new(), Vec::new(), false);
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        if bare == BEGIN {
            inside = true;
        } else if bare == END {
            inside = false;
        } else if !inside {
            rest.push_str(line);
        } else if let Some(told) = bare.strip_prefix(RUN) {
            let mut words = told.split(' ').map(str::to_owned);
            if let (Some(run), Some(until)) = (words.next(), words.next()) {
                let packages = words.collect();
                all.push(Away {
                    run,
                    until,
                    packages,
                });
            }
        }
    }
    (rest, all)
}

fn put_together(rest: &str, all: &[Away]) -> io::Result<String> {
    if all.is_empty() {
        return Ok(rest.to_owned());
    }
    let uses = |key: &str| {
        rest.lines().any(|line| {
            line.split_once('=')
                .is_some_and(|(name, _)| name.trim() == key)
        })
    };
    let key = KEYS.into_iter().find(|key| !uses(key)).ok_or_else(|| {
        io::Error::other(format!(
            "`{FILE}` uses both `exclude` and `excludepkgs`; merge them into one"
        ))
    })?;
    let mut block = format!("{BEGIN}\n");
    for one in all {
        block.push_str(&format!(
            "{RUN}{} {} {}\n",
            one.run,
            one.until,
            one.packages.join(" ")
        ));
    }
    let packages: Vec<&str> = all
        .iter()
        .flat_map(|one| one.packages.iter().map(String::as_str))
        .collect();
    block.push_str(&format!("{key}={}\n{END}\n", packages.join(" ")));
    // Right behind the line that opens the section.
    let mut whole = String::new();
    let mut is_in = false;
    for line in rest.split_inclusive('\n') {
        whole.push_str(line);
        if !is_in && line.trim() == "[main]" {
            if !line.ends_with('\n') {
                whole.push('\n');
            }
            whole.push_str(&block);
            is_in = true;
        }
    }
    if !is_in {
        whole = format!("[main]\n{block}{whole}");
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONF: &str = "# mine\n[main]\ngpgcheck=1\nexclude=foo*\n[other]\nx=1\n";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn block_comes_and_goes_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dnf.conf");
        fs::write(&file, CONF).unwrap();
        for (run, until) in [("1", "2026-12-01T00:00:00Z"), ("2", "2026-12-02T00:00:00Z")] {
            let away = Away {
                run: run.to_owned(),
                until: until.to_owned(),
                packages: vec![pattern(&("lab", "noarch", "2.0-1"))],
            };
            change(&file, |all| all.push(away.clone())).unwrap();
        }
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# mine\n[main]\n# overlock"), "{text}");
        // The administrator has the other key.
        assert!(
            text.contains("\nexcludepkgs=lab-0:2.0-1.noarch lab-0:2.0-1.noarch\n"),
            "{text}"
        );
        assert_eq!(text.matches(BEGIN).count(), 1);
        let gone = |now: &str| {
            let now = at(now);
            change(&file, |all| {
                all.retain(|one| one.until.parse::<Timestamp>().unwrap() > now);
            })
            .unwrap();
            fs::read_to_string(&file).unwrap()
        };
        assert!(gone("2026-12-01T00:00:00Z").contains("overlock-run 2"));
        assert_eq!(gone("2026-12-03T00:00:00Z"), CONF);
    }

    #[test]
    fn file_without_a_section_gets_one() {
        let away = Away {
            run: "1".to_owned(),
            until: "x".to_owned(),
            packages: vec!["a-1:2-3.x86_64".to_owned()],
        };
        let text = put_together("", std::slice::from_ref(&away)).unwrap();
        assert!(text.starts_with("[main]\n"), "{text}");
        assert_eq!(
            taken_apart(&text),
            ("[main]\n".to_owned(), vec![away.clone()])
        );
        assert!(put_together("exclude=a\nexcludepkgs = b\n", &[away]).is_err());
    }
}
