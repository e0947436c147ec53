//! The parsers against real files, hand-made good and bad ones, and noise.

mod bad_input;
mod debian;
mod osv_real;
mod real_feeds;
mod semver_sets;
mod small;

use super::{Limits, ParseError, Parsed, parse, unpack};
use crate::FeedFormat;
use overlock_model::advisory::{Disclosure, Ecosystem, Resolution, Statement, VendorStatus};
use std::io::{Cursor, Read, Write};

/// What a parser made of some bytes.
#[derive(Debug)]
struct Outcome {
    parsed: Parsed,
    statements: Vec<Statement>,
}

impl Outcome {
    fn resolutions(&self) -> impl Iterator<Item = &Resolution> {
        self.statements
            .iter()
            .filter_map(|statement| match statement {
                Statement::Resolution(resolution) => Some(resolution),
                _ => None,
            })
    }

    fn disclosures(&self) -> impl Iterator<Item = &Disclosure> {
        self.statements
            .iter()
            .filter_map(|statement| match statement {
                Statement::Disclosure(disclosure) => Some(disclosure),
                _ => None,
            })
    }

    /// `ecosystem[/channel] package[@module] vulnerability introduced..status` of each resolution.
    fn lines(&self) -> Vec<String> {
        self.resolutions()
            .map(|r| {
                let channel = if r.channel.is_empty() {
                    String::new()
                } else {
                    format!("/{}", r.channel)
                };
                let module = r
                    .module
                    .as_ref()
                    .map_or_else(String::new, |module| format!("@{module}"));
                let from = r.introduced.as_deref().unwrap_or("");
                let status = match &r.status {
                    VendorStatus::Fixed(version) => format!("<{version}"),
                    VendorStatus::LastAffected(version) => format!("<={version}"),
                    VendorStatus::Versions(versions) => format!("{{{}}}", versions.join(" ")),
                    other => format!("{other:?}"),
                };
                format!(
                    "{}{channel} {}{module} {} {from}..{status}",
                    r.ecosystem, r.package, r.vulnerability
                )
            })
            .collect()
    }
}

fn read(format: FeedFormat, bytes: &[u8]) -> Result<Outcome, ParseError> {
    read_as(
        format,
        bytes,
        &Ecosystem("test:1".to_owned()),
        &Limits::default(),
    )
}

fn read_as(
    format: FeedFormat,
    bytes: &[u8],
    ecosystem: &Ecosystem,
    limits: &Limits,
) -> Result<Outcome, ParseError> {
    let mut statements = Vec::new();
    let parsed = parse(
        format,
        &mut Cursor::new(bytes),
        "test",
        Some(ecosystem),
        limits,
        &mut |statement| {
            statements.push(statement);
        },
    )?;
    Ok(Outcome { parsed, statements })
}

/// A file of the shared data.
fn data(test: &str, name: &str) -> Option<Vec<u8>> {
    let path = overlock_testkit::shared(test)?.join("data").join(name);
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The same, unpacked.
fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut input = Cursor::new(packed);
    let unpack::Opened::Stream(mut stream) = unpack::open(&mut input, &unbounded()).unwrap() else {
        panic!("a zip")
    };
    let mut bytes = Vec::new();
    stream.mark.record();
    stream.reader.read_to_end(&mut bytes).unwrap();
    bytes
}

fn unbounded() -> Limits {
    Limits {
        record_bytes_max: u64::MAX / 2,
        ..Limits::default()
    }
}

/// Files of a tar archive of the shared data whose path ends with `suffix`.
fn samples(test: &str, archive: &str, suffix: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let packed = data(test, archive)?;
    let mut input = Cursor::new(packed);
    let mut opened = unpack::open(&mut input, &unbounded()).unwrap();
    let mut found = Vec::new();
    unpack::members(
        &mut opened,
        &unbounded(),
        &|name| name.ends_with(suffix),
        &mut |name, bytes| {
            found.push((name.to_owned(), bytes.unwrap().to_vec()));
        },
    )
    .unwrap();
    assert!(!found.is_empty(), "nothing in {archive} ends with {suffix}");
    Some(found)
}

fn zip_of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, bytes) in files {
        writer.start_file(name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}
