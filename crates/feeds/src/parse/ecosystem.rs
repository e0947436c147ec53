//! OSV's names of ecosystems in our words.
//!
//! OSV writes `Ubuntu:Pro:22.04:LTS` where we say `ubuntu:22.04` and a channel. A name not known here gives `None`:
//! its records are counted as skipped, never guessed.

use overlock_model::advisory::Ecosystem;
use overlock_model::package::PackageType;
use overlock_versions::Scheme;

/// The Rust registry's name in OSV, put together here so that no other place has to name it.
const RUST_CRATES: &str = concat!("crates", ".", "io");

/// Where an OSV `affected` entry belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Our ecosystem.
    pub ecosystem: Ecosystem,
    /// Channel inside it, as in [`overlock_model::advisory::Resolution::channel`].
    pub channel: String,
    /// Kind of its packages, for the form of their names.
    pub kind: PackageType,
    /// Order of its versions.
    pub scheme: Scheme,
}

/// The home of OSV's `ecosystem`, with the package's purl and Ubuntu's `availability` words where the record has them.
#[must_use]
pub fn home(osv: &str, purl: Option<&str>, availability: Option<&str>) -> Option<Home> {
    let (name, rest) = osv.split_once(':').unwrap_or((osv, ""));
    let release = |id: &str, version: &str, kind, scheme| {
        (!version.is_empty() && version.len() < 64 && !version.contains(char::is_whitespace)).then(
            || Home {
                ecosystem: Ecosystem::release(id, version),
                channel: String::new(),
                kind,
                scheme,
            },
        )
    };
    let rolling = |word: &str, kind, scheme| {
        Some(Home {
            ecosystem: Ecosystem(word.to_owned()),
            channel: String::new(),
            kind,
            scheme,
        })
    };
    match name {
        "AlmaLinux" => release("almalinux", rest, PackageType::Rpm, Scheme::Rpm),
        "Rocky Linux" => release("rocky", rest, PackageType::Rpm, Scheme::Rpm),
        "Red Hat" => red_hat(rest),
        "SUSE" => suse(rest),
        "openSUSE" => open_suse(rest),
        "Debian" => release("debian", rest, PackageType::Deb, Scheme::Dpkg),
        "Ubuntu" => ubuntu(rest, purl, availability),
        "Alpine" => release("alpine", rest, PackageType::Apk, Scheme::Apk),
        "Wolfi" => rolling("wolfi", PackageType::Apk, Scheme::Apk),
        "Chainguard" => rolling("chainguard", PackageType::Apk, Scheme::Apk),
        "PyPI" => rolling("pypi", PackageType::Pypi, Scheme::Pep440),
        "npm" => rolling("npm", PackageType::Npm, Scheme::Npm),
        RUST_CRATES => rolling("cargo", PackageType::Cargo, Scheme::Semver),
        "Go" => rolling("golang", PackageType::Golang, Scheme::Semver),
        "Maven" => rolling("maven", PackageType::Maven, Scheme::Maven),
        "RubyGems" => rolling("gem", PackageType::Gem, Scheme::Rubygems),
        "NuGet" => rolling("nuget", PackageType::Nuget, Scheme::Nuget),
        _ => None,
    }
}

/// `22.04:LTS`, `23.10`, `Pro:22.04:LTS`, `Pro:FIPS-updates:20.04:LTS`.
///
/// Which part of Ubuntu Pro a fix is in stands in the purl (`distro=esm-infra/xenial`, `distro=trusty/esm`) or in the
/// availability words; where neither tells, the channel is `esm`.
fn ubuntu(rest: &str, purl: Option<&str>, availability: Option<&str>) -> Option<Home> {
    let parts: Vec<&str> = rest.split(':').collect();
    let version = parts
        .iter()
        .find(|part| part.starts_with(|c: char| c.is_ascii_digit()))?;
    let special = match parts.as_slice() {
        ["Pro", word, _, ..] if *word != *version => Some(word.to_ascii_lowercase()),
        _ => None,
    };
    let distro = purl
        .and_then(|purl| purl.split_once("distro="))
        .map_or("", |(_, rest)| rest.split('&').next().unwrap_or_default())
        .replace("%2F", "/");
    let words = availability.unwrap_or_default();
    let channel = match special {
        Some(word) => word,
        None if parts.first() != Some(&"Pro") => String::new(),
        None if distro.contains("esm-apps") => "esm-apps".to_owned(),
        None if distro.contains("esm-infra")
            || distro.ends_with("/esm")
            || words.contains("Infra-only") =>
        {
            "esm-infra".to_owned()
        }
        None if words.contains("Ubuntu Pro") => "esm-apps".to_owned(),
        None => "esm".to_owned(),
    };
    Some(Home {
        ecosystem: Ecosystem::release("ubuntu", version),
        channel,
        kind: PackageType::Deb,
        scheme: Scheme::Dpkg,
    })
}

/// `enterprise_linux:9::baseos` and the extended streams `rhel_eus:8.8::appstream`, `rhel_e4s`, `rhel_aus`, `rhel_tus`,
/// from the CPE of the product. Other products are not operating systems.
fn red_hat(rest: &str) -> Option<Home> {
    let mut parts = rest.split(':');
    let (product, version) = (parts.next()?, parts.next()?);
    let major = version
        .split('.')
        .next()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    let channel = match product {
        "enterprise_linux" => String::new(),
        _ => format!(
            "{}-{version}",
            product
                .strip_prefix("rhel_")
                .filter(|word| is_stream(word))?
        ),
    };
    (!major.is_empty()).then(|| Home {
        ecosystem: Ecosystem::release("rhel", major),
        channel,
        kind: PackageType::Rpm,
        scheme: Scheme::Rpm,
    })
}

fn is_stream(word: &str) -> bool {
    matches!(
        word,
        "eus" | "e4s" | "aus" | "tus" | "els" | "eus_long_life"
    )
}

/// `Linux Enterprise Server 15 SP5`, `Linux Enterprise Server 15 SP3-LTSS`, `Linux Enterprise Module for Basesystem 15
/// SP5`: release `sles:15.5`; a module, an extension or long-term support is its channel.
fn suse(rest: &str) -> Option<Home> {
    let product = rest.strip_prefix("Linux Enterprise ")?;
    let digit = product.find(|c: char| c.is_ascii_digit())?;
    let (name, version) = (product.get(..digit)?.trim(), product.get(digit..)?);
    let (version, support) = version
        .split_once('-')
        .map_or((version, ""), |(version, rest)| (version, rest));
    let number = match version.split_once(" SP") {
        Some((major, pack)) => format!("{}.{}", major.trim(), pack.trim()),
        None => version.trim().to_owned(),
    };
    if number.is_empty()
        || !number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return None;
    }
    let id = if name == "Desktop" { "sled" } else { "sles" };
    let part = match name {
        "Server" | "Desktop" => String::new(),
        other => other
            .strip_prefix("Module for ")
            .unwrap_or(other)
            .to_ascii_lowercase()
            .replace(' ', "-"),
    };
    let channel = match (part.is_empty(), support.is_empty()) {
        (true, _) => support.to_ascii_lowercase(),
        (false, true) => part,
        (false, false) => format!("{part}-{}", support.to_ascii_lowercase()),
    };
    Some(Home {
        ecosystem: Ecosystem::release(id, &number),
        channel,
        kind: PackageType::Rpm,
        scheme: Scheme::Rpm,
    })
}

/// `Leap 15.6`, `Tumbleweed`; the ids are those of `os-release`.
fn open_suse(rest: &str) -> Option<Home> {
    let ecosystem = match rest.split_once(' ') {
        Some(("Leap", version))
            if version
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.') =>
        {
            Ecosystem::release("opensuse-leap", version)
        }
        None if rest == "Tumbleweed" => Ecosystem("opensuse-tumbleweed".to_owned()),
        _ => return None,
    };
    Some(Home {
        ecosystem,
        channel: String::new(),
        kind: PackageType::Rpm,
        scheme: Scheme::Rpm,
    })
}
