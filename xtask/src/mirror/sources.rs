//! Which file of the shared data is which feed.

use super::layout::{Layout, add};
use super::records::{self, Entry};
use super::{lines, rustsec};
use anyhow::{Context, Result, ensure};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufReader, Write};
use std::path::Path;

/// One file of the shared data, and the feed or feeds it becomes.
pub struct Source {
    file: &'static str,
    form: Form,
}

enum Form {
    /// The publisher's own bytes.
    Same(&'static str),
    /// The publisher's bytes, compressed by us.
    Gzip(&'static str),
    /// One record per line; the publisher has an archive with a file for each.
    Archive {
        feed: &'static str,
        entry: fn(&[u8]) -> Result<Entry>,
    },
    /// One branch and repository of Alpine per line, a feed each.
    AlpineBranches,
    /// Two files become one archive: records of packages, and this one of Node.js itself.
    Nodejs { core: &'static str },
}

/// All that is laid out.
pub fn all() -> Vec<Source> {
    use Form::{AlpineBranches, Archive, Gzip, Nodejs, Same};
    [
        (
            "vulnrichment-cve5.jsonl.zst",
            Archive {
                feed: "vulnrichment",
                entry: records::cve,
            },
        ),
        ("debian-DSA-list.txt.gz", Gzip("debian-dsa")),
        ("debian-DLA-list.txt.gz", Gzip("debian-dla")),
        ("cisa-kev.json.gz", Gzip("cisa-kev")),
        ("epss_scores-2026-08-16.csv.gz", Same("epss")),
        (
            "almalinux-osv.jsonl.zst",
            Archive {
                feed: "osv-almalinux",
                entry: records::osv,
            },
        ),
        (
            "pypa-osv.jsonl.zst",
            Archive {
                feed: "osv-pypi",
                entry: records::osv,
            },
        ),
        (
            "rustsec-advisories.jsonl.zst",
            Archive {
                feed: "rustsec",
                entry: rustsec::entry,
            },
        ),
        (
            "nodejs-security-wg-npm.jsonl.zst",
            Nodejs {
                core: "nodejs-core-vulns.json",
            },
        ),
        ("alpine-secdb-2020.jsonl.zst", AlpineBranches),
        ("eol/debian.csv", Same("eol-debian")),
        ("eol/ubuntu.csv", Same("eol-ubuntu")),
        (
            "eol/security-support-limited",
            Same("debian-support-limited"),
        ),
        (
            "eol/security-support-ended.deb9",
            Same("debian-support-ended-9"),
        ),
        (
            "eol/security-support-ended.deb10",
            Same("debian-support-ended-10"),
        ),
        (
            "eol/security-support-ended.deb11",
            Same("debian-support-ended-11"),
        ),
        (
            "eol/security-support-ended.deb12",
            Same("debian-support-ended-12"),
        ),
    ]
    .map(|(file, form)| Source { file, form })
    .into()
}

impl Source {
    /// Whether it holds more than all others together.
    pub fn is_large(&self) -> bool {
        self.file.starts_with("vulnrichment")
    }

    /// Writes its feed or feeds.
    pub fn lay(&self, data: &Path, layout: &Layout) -> Result<()> {
        let file = data.join(self.file);
        match self.form {
            Form::Same(feed) => copy(layout, feed, open(&file)?),
            Form::Gzip(feed) => copy(layout, feed, MultiGzDecoder::new(open(&file)?)),
            Form::Archive { feed, entry } => layout.archive(feed, |archive| {
                let mut seen = Seen::default();
                lines::each(&file, |line| {
                    let entry = entry(line)?;
                    if seen.is_new(&entry)? {
                        add(archive, &entry.name, &entry.content)
                    } else {
                        Ok(())
                    }
                })?;
                Ok(seen.len())
            }),
            Form::AlpineBranches => alpine(&file, layout),
            Form::Nodejs { core } => layout.archive("nodejs-security-wg", |archive| {
                let core = fs::read_to_string(data.join(core))
                    .context("cannot read the records of Node.js itself")?;
                let core = records::nodejs_core(&core)?;
                for Entry { name, content } in &core {
                    add(archive, name, content)?;
                }
                let packages = lines::each(&file, |line| {
                    let Entry { name, content } = records::npm(line)?;
                    add(archive, &name, &content)
                })?;
                Ok(packages + core.len() as u64)
            }),
        }
    }
}

/// Names in an archive with a hash of their content. AlmaLinux's repository repeats an advisory for each release it is
/// for, word for word; its archive at the publisher has it once.
#[derive(Default)]
struct Seen(BTreeMap<String, u64>);

impl Seen {
    /// Whether an entry is the first of its name; another one under the same name is an error.
    fn is_new(&mut self, entry: &Entry) -> Result<bool> {
        let mut hasher = DefaultHasher::new();
        entry.content.hash(&mut hasher);
        let hash = hasher.finish();
        match self.0.insert(entry.name.clone(), hash) {
            Some(earlier) => {
                ensure!(
                    earlier == hash,
                    "`{}` comes twice with different content",
                    entry.name
                );
                Ok(false)
            }
            None => Ok(true),
        }
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

fn alpine(file: &Path, layout: &Layout) -> Result<()> {
    #[derive(Deserialize)]
    struct Branch<'a> {
        distroversion: &'a str,
        reponame: &'a str,
    }
    let files = lines::each(file, |line| {
        let branch: Branch<'_> = serde_json::from_slice(line)?;
        let feed = format!("alpine-secdb-{}-{}", branch.distroversion, branch.reponame);
        layout.write(&feed, |out| Ok(out.write_all(line)?))
    })?;
    println!("alpine-secdb: {files} files");
    Ok(())
}

fn copy(layout: &Layout, feed: &str, mut from: impl std::io::Read) -> Result<()> {
    let mut bytes = 0;
    layout.write(feed, |out| {
        bytes = std::io::copy(&mut from, out)?;
        Ok(())
    })?;
    println!("{feed}: {bytes} bytes");
    Ok(())
}

fn open(path: &Path) -> Result<BufReader<File>> {
    Ok(BufReader::new(File::open(path).with_context(|| {
        format!("cannot open `{}`", path.display())
    })?))
}
