//! Reading the feeds of one family into the tables of one kind.

use super::family::{Family, fixed_only, scheme};
use super::{CompileError, Manifest, THREATS, TableEntry, disk, sha256_hex, write_file};
use crate::format::FeedFormat;
use crate::parse::{Limits, ParseError, eol, parse};
use crate::store::Good;
use overlock_index::{AdvisoryBuilder, ThreatBuilder};
use overlock_model::advisory::{Ecosystem, Statement};
use overlock_model::os::{ReleaseDates, SupportProgramme};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::Path;

fn open(feed: &Good) -> Result<io::BufReader<File>, CompileError> {
    File::open(&feed.path)
        .map(io::BufReader::new)
        .map_err(disk(&feed.path))
}

fn id_of(feed: &Good) -> &str {
    &feed.state.status.id
}

fn failed(feed: &Good) -> impl Fn(ParseError) -> CompileError + use<> {
    let feed = id_of(feed).to_owned();
    move |source| CompileError::Feed {
        feed: feed.clone(),
        source,
    }
}

pub(super) fn releases(
    feeds: &[&Good],
    limits: &Limits,
    manifest: &mut Manifest,
) -> Result<(), CompileError> {
    for feed in feeds {
        let id = id_of(feed);
        if feed.state.format == FeedFormat::DistroInfo {
            let os = id.strip_prefix("eol-").unwrap_or(id);
            let rows = eol::release_dates(&mut open(feed)?, limits).map_err(failed(feed))?;
            manifest
                .release_dates
                .extend(rows.into_iter().map(|row| release_dates(os, row)));
        } else if let Some(release) = id.strip_prefix("debian-support-ended-") {
            let rows = eol::support_ended(&mut open(feed)?, limits).map_err(failed(feed))?;
            let names = rows
                .iter()
                .map(|row| row.package.as_str().to_owned())
                .collect();
            manifest
                .support_ended
                .insert(format!("debian:{release}"), names);
        }
    }
    Ok(())
}

pub(super) fn threats(
    feeds: &[&Good],
    folder: &Path,
    limits: &Limits,
    manifest: &mut Manifest,
) -> Result<(), CompileError> {
    let mut builder = ThreatBuilder::default();
    for feed in feeds {
        let id = id_of(feed);
        let mut skipped = 0;
        let mut input = open(feed)?;
        let mut sink = |statement| match statement {
            Statement::Threat {
                vulnerability,
                part,
            } => {
                if !builder.add(&vulnerability, &part) {
                    skipped += 1;
                }
            }
            // Only the one who gives CVE identifiers can reject one for everybody; a publisher that withdraws its
            // own record has simply not stated it.
            Statement::Withdrawn { vulnerability } => {
                if feed.state.format == FeedFormat::VulnrichmentZip {
                    builder.reject(&vulnerability);
                }
            }
            Statement::Disclosure(_) | Statement::Resolution(_) => skipped += 1,
        };
        let parsed = parse(feed.state.format, &mut input, id, None, limits, &mut sink)
            .map_err(failed(feed))?;
        manifest.skipped += skipped;
        builder.add_feed(id);
        if feed.state.format == FeedFormat::Epss {
            let date = parsed
                .facts
                .dated
                .map(|dated| dated.to_zoned(jiff::tz::TimeZone::UTC).date());
            builder.set_epss(parsed.facts.epss_model, date);
        }
    }
    manifest.threats = builder.len() as u64;
    let bytes = builder.finish().map_err(|source| CompileError::Table {
        table: "threats".to_owned(),
        source,
    })?;
    manifest.threats_bytes = bytes.len() as u64;
    manifest.threats_sha256 = sha256_hex(&bytes);
    write_file(&folder.join(THREATS), &bytes)
}

pub(super) fn advisories(
    feeds: &[&Good],
    folder: &Path,
    limits: &Limits,
    manifest: &mut Manifest,
) -> Result<(), CompileError> {
    let mut tables: BTreeMap<Ecosystem, AdvisoryBuilder> = BTreeMap::new();
    for feed in feeds {
        let id = id_of(feed);
        let family = Family::of(feed);
        let mut seen = BTreeSet::new();
        let mut skipped = 0;
        let mut input = open(feed)?;
        let mut sink = |statement| match statement {
            Statement::Disclosure(disclosure) => {
                match table(&mut tables, &mut seen, &family, &disclosure.ecosystem) {
                    Some(table) => table.disclose(&disclosure),
                    None => skipped += 1,
                }
            }
            Statement::Resolution(resolution) => {
                match table(&mut tables, &mut seen, &family, &resolution.ecosystem) {
                    Some(table) => table.resolve(&resolution),
                    None => skipped += 1,
                }
            }
            Statement::Threat { .. } | Statement::Withdrawn { .. } => {}
        };
        let ecosystem = feed.state.ecosystem.as_ref();
        parse(
            feed.state.format,
            &mut input,
            id,
            ecosystem,
            limits,
            &mut sink,
        )
        .map_err(failed(feed))?;
        manifest.skipped += skipped;
        let fixed_only = fixed_only(feed.state.format, id);
        for ecosystem in seen {
            if let Some(table) = tables.get_mut(&ecosystem) {
                table.add_feed(id, fixed_only);
            }
        }
    }
    // Each builder is gone before the next one is turned into a table.
    while let Some((ecosystem, builder)) = tables.pop_first() {
        let file = format!("{}.adv", file_stem(&ecosystem));
        let built = builder.finish().map_err(|source| CompileError::Table {
            table: ecosystem.to_string(),
            source,
        })?;
        write_file(&folder.join(&file), &built.bytes)?;
        for feed in &mut manifest.feeds {
            feed.quarantined += built.unparsable.get(&feed.id).copied().unwrap_or(0);
        }
        manifest.tables.push(TableEntry {
            ecosystem,
            file,
            packages: built.packages as u64,
            resolutions: built.resolutions as u64,
            unparsable: built.unparsable.values().sum(),
            bytes: built.bytes.len() as u64,
            sha256: sha256_hex(&built.bytes),
        });
    }
    Ok(())
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

/// The table of an ecosystem that this family speaks for.
fn table<'t>(
    tables: &'t mut BTreeMap<Ecosystem, AdvisoryBuilder>,
    seen: &mut BTreeSet<Ecosystem>,
    family: &Family,
    ecosystem: &Ecosystem,
) -> Option<&'t mut AdvisoryBuilder> {
    if !seen.contains(ecosystem) {
        if !family.speaks_for(ecosystem) {
            return None;
        }
        if !tables.contains_key(ecosystem) {
            tables.insert(ecosystem.clone(), AdvisoryBuilder::new(scheme(ecosystem)?));
        }
        seen.insert(ecosystem.clone());
    }
    tables.get_mut(ecosystem)
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
