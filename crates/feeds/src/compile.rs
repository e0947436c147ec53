//! From the last good feeds to the tables that a scan maps into memory.
//!
//! ```text
//! DIR/index/current                  names the generation in use; replaced by rename, the one point of commit
//! DIR/index/<generation>/manifest.json
//! DIR/index/<generation>/debian-12.adv …    one advisory table per release or ecosystem
//! DIR/index/<generation>/threats.thr        CVSS, EPSS, KEV and SSVC of every CVE
//! ```
//!
//! The generation's name follows from the feeds' hashes and the format, so the same feeds give the same folder and
//! compiling again is nothing. A reader that has mapped an older generation keeps it: unlinked files live on.

use crate::error::Kind;
use crate::format::FeedFormat;
use crate::parse::{Limits, ParseError, eol, parse};
use crate::store::{Good, Locked, StoreError};
use aws_lc_rs::digest;
use overlock_index::{AdvisoryBuilder, IndexError, ThreatBuilder};
use overlock_model::advisory::{Ecosystem, Statement};
use overlock_model::feed::FeedStatus;
use overlock_model::os::{ReleaseDates, SupportProgramme};
use overlock_versions::Scheme;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Version of `manifest.json`, and with it of the tables' layout.
pub const MANIFEST_SCHEMA: &str = "overlock.index/1";
pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const CURRENT: &str = "current";
pub(crate) const THREATS: &str = "threats.thr";

/// What a generation holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_SCHEMA`].
    pub schema: String,
    /// Feeds it was compiled from, with their age.
    pub feeds: Vec<FeedStatus>,
    /// Advisory tables.
    pub tables: Vec<TableEntry>,
    /// Vulnerabilities in the threat table.
    pub threats: u64,
    /// Size of the threat table in bytes.
    pub threats_bytes: u64,
    /// Statements about ecosystems whose version order is not known.
    pub skipped: u64,
    /// Dates of releases, from the publishers.
    pub release_dates: Vec<ReleaseDates>,
    /// Source packages out of security support, by release (`debian:12`).
    pub support_ended: BTreeMap<String, Vec<String>>,
}

/// One advisory table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// Ecosystem.
    pub ecosystem: Ecosystem,
    /// File name in the generation's folder.
    pub file: String,
    /// Packages named.
    pub packages: u64,
    /// Resolutions.
    pub resolutions: u64,
    /// Resolutions left out because no parser knows their version.
    pub unparsable: u64,
    /// Size in bytes.
    pub bytes: u64,
}

/// Why the tables could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The store of feeds.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A good feed that does not parse any more: the file was changed, or the parser is stricter now.
    #[error("feed `{feed}` cannot be compiled")]
    Feed {
        /// Which one.
        feed: String,
        /// Why.
        #[source]
        source: ParseError,
    },
    /// A table would be too large.
    #[error("table `{table}` cannot be made")]
    Table {
        /// Which one.
        table: String,
        /// Why.
        #[source]
        source: IndexError,
    },
    /// A file operation failed.
    #[error("`{path}` cannot be written")]
    Disk {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl CompileError {
    /// Environment or input, for the exit code.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Store(_) | Self::Disk { .. } => Kind::Environment,
            Self::Feed { .. } | Self::Table { .. } => Kind::Input,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Store(error) => error.hint(),
            Self::Disk { .. } => {
                "check the free space and that you may write to the data directory"
            }
            Self::Feed { .. } | Self::Table { .. } => {
                "fetch it again with `overlock feeds sync`; the older tables stay in use"
            }
        }
    }
}

/// When to make tables that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remake {
    /// Never: the same feeds give the same tables.
    IfChanged,
    /// Always: to replace damaged ones.
    Always,
}

/// Compiles all good feeds of a locked store into `data/index` and makes the result current.
///
/// # Errors
/// A feed that no longer parses, a table too large, the disk. The generation in use stays in use.
pub fn compile(
    locked: &Locked<'_>,
    data: &Path,
    limits: &Limits,
    remake: Remake,
) -> Result<Manifest, CompileError> {
    let feeds = locked.store().all_good()?;
    let index = data.join("index");
    let generation = generation(&feeds);
    let folder = index.join(&generation);
    if let Some(manifest) = crate::tables::manifest(&folder)
        && remake == Remake::IfChanged
        && folder.join(THREATS).is_file()
    {
        // Ages are no part of the tables: an unchanged feed that was asked for again is fresher now.
        let manifest = Manifest {
            feeds: statuses(&feeds),
            ..manifest
        };
        write_manifest(&folder, &manifest)?;
        make_current(&index, &generation)?;
        return Ok(manifest);
    }
    fs::create_dir_all(&folder).map_err(disk(&folder))?;
    let mut compiler = Compiler::default();
    for feed in &feeds {
        compiler.take_in(feed, limits)?;
    }
    let manifest = compiler.write(&folder, statuses(&feeds))?;
    write_manifest(&folder, &manifest)?;
    make_current(&index, &generation)?;
    sweep(&index, &generation);
    Ok(manifest)
}

fn statuses(feeds: &[Good]) -> Vec<FeedStatus> {
    feeds.iter().map(|feed| feed.state.status.clone()).collect()
}

/// Name of the generation that these feeds make.
fn generation(feeds: &[Good]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(MANIFEST_SCHEMA.as_bytes());
    context.update(env!("CARGO_PKG_VERSION").as_bytes());
    for feed in feeds {
        for part in [
            Some(&feed.state.status.id),
            feed.state.status.sha256.as_ref(),
        ]
        .into_iter()
        .flatten()
        {
            context.update(part.as_bytes());
            context.update(b"\0");
        }
    }
    let digest = context.finish();
    digest
        .as_ref()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[derive(Default)]
struct Compiler {
    tables: BTreeMap<Ecosystem, AdvisoryBuilder>,
    threats: ThreatBuilder,
    release_dates: Vec<ReleaseDates>,
    support_ended: BTreeMap<String, Vec<String>>,
    skipped: u64,
}

impl Compiler {
    fn take_in(&mut self, feed: &Good, limits: &Limits) -> Result<(), CompileError> {
        let id = feed.state.status.id.as_str();
        let failed = |source| CompileError::Feed {
            feed: id.to_owned(),
            source,
        };
        let open = || {
            File::open(&feed.path)
                .map(io::BufReader::new)
                .map_err(disk(&feed.path))
        };
        match feed.state.format {
            FeedFormat::DistroInfo => {
                let os = id.strip_prefix("eol-").unwrap_or(id);
                let rows = eol::release_dates(&mut open()?, limits).map_err(failed)?;
                self.release_dates
                    .extend(rows.into_iter().map(|row| release_dates(os, row)));
                return Ok(());
            }
            FeedFormat::DebianSupport => {
                if let Some(release) = id.strip_prefix("debian-support-ended-") {
                    let rows = eol::support_ended(&mut open()?, limits).map_err(failed)?;
                    let names = rows
                        .iter()
                        .map(|row| row.package.as_str().to_owned())
                        .collect();
                    self.support_ended
                        .insert(format!("debian:{release}"), names);
                }
                return Ok(());
            }
            _ => {}
        }
        let fixed_only = fixed_only(feed.state.format, id);
        let mut seen: BTreeMap<Ecosystem, ()> = BTreeMap::new();
        let mut threats_said = false;
        let ecosystem = feed.state.ecosystem.as_ref();
        let (tables, threats, skipped) = (&mut self.tables, &mut self.threats, &mut self.skipped);
        let mut withdrawn = Vec::new();
        let parsed = parse(
            feed.state.format,
            &mut open()?,
            id,
            ecosystem,
            limits,
            &mut |statement| match statement {
                Statement::Disclosure(disclosure) => {
                    match table(tables, &mut seen, &disclosure.ecosystem) {
                        Some(table) => table.disclose(&disclosure),
                        None => *skipped += 1,
                    }
                }
                Statement::Resolution(resolution) => {
                    match table(tables, &mut seen, &resolution.ecosystem) {
                        Some(table) => table.resolve(&resolution),
                        None => *skipped += 1,
                    }
                }
                Statement::Threat {
                    vulnerability,
                    part,
                } => {
                    threats_said = true;
                    if !threats.add(&vulnerability, &part) {
                        *skipped += 1;
                    }
                }
                Statement::Withdrawn { vulnerability } => withdrawn.push(vulnerability),
            },
        )
        .map_err(failed)?;
        for ecosystem in seen.into_keys() {
            if let Some(table) = self.tables.get_mut(&ecosystem) {
                table.add_feed(id, fixed_only);
            }
        }
        if threats_said {
            self.threats.add_feed(id);
        }
        // Only the one who gives CVE identifiers can reject one for everybody; a publisher that withdraws its own
        // record has simply not stated it.
        if feed.state.format == FeedFormat::VulnrichmentZip {
            for vulnerability in withdrawn {
                self.threats.reject(&vulnerability);
            }
        }
        if feed.state.format == FeedFormat::Epss {
            let date = parsed
                .facts
                .dated
                .map(|dated| dated.to_zoned(jiff::tz::TimeZone::UTC).date());
            self.threats.set_epss(parsed.facts.epss_model, date);
        }
        Ok(())
    }

    fn write(self, folder: &Path, feeds: Vec<FeedStatus>) -> Result<Manifest, CompileError> {
        let mut tables = Vec::new();
        for (ecosystem, builder) in self.tables {
            let file = format!("{}.adv", file_stem(&ecosystem));
            let failed = |source| CompileError::Table {
                table: ecosystem.to_string(),
                source,
            };
            let built = builder.finish().map_err(failed)?;
            write_file(&folder.join(&file), &built.bytes)?;
            tables.push(TableEntry {
                ecosystem,
                file,
                packages: built.packages as u64,
                resolutions: built.resolutions as u64,
                unparsable: built.unparsable,
                bytes: built.bytes.len() as u64,
            });
        }
        let threats_count = self.threats.len() as u64;
        let failed = |source| CompileError::Table {
            table: "threats".to_owned(),
            source,
        };
        let threats = self.threats.finish().map_err(failed)?;
        write_file(&folder.join(THREATS), &threats)?;
        Ok(Manifest {
            schema: MANIFEST_SCHEMA.to_owned(),
            feeds,
            tables,
            threats: threats_count,
            threats_bytes: threats.len() as u64,
            skipped: self.skipped,
            release_dates: self.release_dates,
            support_ended: self.support_ended,
        })
    }
}

/// A publisher's row in the words of the model.
fn release_dates(os: &str, row: eol::ReleaseDates) -> ReleaseDates {
    let programme = |name: &str, until: Option<jiff::civil::Date>, paid| {
        until.map(|until| SupportProgramme {
            name: name.to_owned(),
            until,
            paid,
        })
    };
    let programmes = [
        programme("Debian LTS", row.eol_lts, false),
        programme("Debian ELTS", row.eol_elts, true),
        programme("Ubuntu Pro (ESM)", row.eol_esm, true),
        programme("Ubuntu Pro (Legacy add-on)", row.eol_legacy, true),
    ];
    ReleaseDates {
        os: os.to_owned(),
        // `22.04 LTS` is `22.04` in `os-release(5)`.
        version: row.version.split(' ').next().unwrap_or_default().to_owned(),
        codename: Some(row.series),
        released: row.release,
        // Where Ubuntu's server edition lived longer, servers are what is patched.
        eol: row.eol_server.or(row.eol),
        programmes: programmes.into_iter().flatten().collect(),
        rolling: false,
    }
}

fn table<'t>(
    tables: &'t mut BTreeMap<Ecosystem, AdvisoryBuilder>,
    seen: &mut BTreeMap<Ecosystem, ()>,
    ecosystem: &Ecosystem,
) -> Option<&'t mut AdvisoryBuilder> {
    if !tables.contains_key(ecosystem) {
        tables.insert(ecosystem.clone(), AdvisoryBuilder::new(scheme(ecosystem)?));
    }
    if !seen.contains_key(ecosystem) {
        seen.insert(ecosystem.clone(), ());
    }
    tables.get_mut(ecosystem)
}

/// Version order of an ecosystem.
fn scheme(ecosystem: &Ecosystem) -> Option<Scheme> {
    Some(
        match ecosystem.as_str().split(':').next().unwrap_or_default() {
            "debian" | "ubuntu" => Scheme::Dpkg,
            "almalinux"
            | "rocky"
            | "rhel"
            | "centos"
            | "ol"
            | "fedora"
            | "amzn"
            | "sles"
            | "sled"
            | "opensuse-leap"
            | "opensuse-tumbleweed"
            | "azurelinux"
            | "mariner" => Scheme::Rpm,
            "alpine" | "wolfi" | "chainguard" => Scheme::Apk,
            "arch" => Scheme::Alpm,
            "pypi" => Scheme::Pep440,
            "npm" => Scheme::Npm,
            "cargo" | "golang" => Scheme::Semver,
            "maven" => Scheme::Maven,
            "gem" => Scheme::Rubygems,
            "nuget" => Scheme::Nuget,
            _ => return None,
        },
    )
}

/// Whether a feed knows only vulnerabilities that have a fix, so that silence about others means nothing.
fn fixed_only(format: FeedFormat, id: &str) -> bool {
    match format {
        FeedFormat::DebianAdvisories | FeedFormat::AlpineSecdb | FeedFormat::Updateinfo => true,
        // Errata of rpm distributions; Red Hat's OSV export holds its advisories only.
        FeedFormat::OsvZip => [
            "almalinux",
            "rocky",
            "redhat",
            "suse",
            "opensuse",
            "alpine",
            "wolfi",
            "chainguard",
        ]
        .iter()
        .any(|name| id.ends_with(name)),
        _ => false,
    }
}

/// `debian:12` as a file name.
fn file_stem(ecosystem: &Ecosystem) -> String {
    ecosystem
        .as_str()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') {
                c
            } else {
                '-'
            }
        })
        .collect()
}

fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<(), CompileError> {
    let path = folder.join(MANIFEST);
    let text = serde_json::to_vec_pretty(manifest)
        .map_err(|error| disk(&path)(io::Error::other(error)))?;
    write_file(&path, &text)
}

fn make_current(index: &Path, generation: &str) -> Result<(), CompileError> {
    write_file(&index.join(CURRENT), generation.as_bytes())
}

/// Writes by rename, so that a reader sees the old content or the new one.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CompileError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let failed = disk(path);
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(folder)
        .map_err(&failed)?;
    file.write_all(bytes).map_err(&failed)?;
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file()
        .set_permissions(permissions)
        .map_err(&failed)?;
    file.as_file().sync_all().map_err(&failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Removes older generations; one that cannot be removed costs space and no more.
fn sweep(index: &Path, keep: &str) {
    let Ok(entries) = fs::read_dir(index) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name == keep || name == CURRENT {
            continue;
        }
        let _ = if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            fs::remove_dir_all(entry.path())
        } else {
            fs::remove_file(entry.path())
        };
    }
}

fn disk(path: &Path) -> impl Fn(io::Error) -> CompileError + use<> {
    let path = path.to_owned();
    move |source| CompileError::Disk {
        path: path.clone(),
        source,
    }
}
