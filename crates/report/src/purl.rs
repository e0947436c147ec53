//! Package URLs: one name for a package that every other tool understands.
//!
//! Built after the Package URL specification (ECMA-427) and its type definitions; the distribution's release goes into
//! the `distro` qualifier, which is what consumers need to pick the right advisories.

use overlock_model::os::Os;
use overlock_model::package::{Package, PackageType};

/// The Package URL of an installed package, such as `pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12`.
#[must_use]
pub fn purl(package: &Package, os: &Os) -> String {
    let kind = &package.kind;
    let name = kind_name(kind, &package.name);
    let (namespace, name) = split(kind, &name, os);
    let (epoch, version) = version(package);

    let mut url = format!("pkg:{}", scheme(kind));
    for segment in namespace.split('/').filter(|segment| !segment.is_empty()) {
        url.push('/');
        encode(segment, &mut url);
    }
    url.push('/');
    encode(name, &mut url);
    if !version.is_empty() {
        url.push('@');
        encode(version, &mut url);
    }
    // Qualifiers stand in the order of their keys.
    let mut mark = '?';
    let mut qualify = |key: &str, value: &str| {
        if !value.is_empty() {
            url.push(mark);
            url.push_str(key);
            url.push('=');
            encode(value, &mut url);
            mark = '&';
        }
    };
    qualify("arch", package.arch.as_deref().unwrap_or_default());
    if kind.is_os() {
        qualify("distro", &distro(os));
    }
    qualify("epoch", &epoch);
    if *kind == PackageType::Rpm {
        qualify("rpmmod", package.module.as_deref().unwrap_or_default());
    }
    url
}

/// `pkg:` type; an unknown word that is no valid type becomes `generic`.
fn scheme(kind: &PackageType) -> &str {
    let word = kind.as_str();
    let starts = word.starts_with(|first: char| first.is_ascii_lowercase());
    let rest = word
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'));
    if starts && rest { word } else { "generic" }
}

/// Types with names that compare without case are written in lower case.
fn kind_name(kind: &PackageType, name: &str) -> String {
    match kind {
        PackageType::Pypi => name.to_lowercase().replace('_', "-"),
        PackageType::Deb | PackageType::Apk | PackageType::Alpm | PackageType::Golang => {
            name.to_lowercase()
        }
        _ => name.to_owned(),
    }
}

/// Namespace and name.
fn split<'a>(kind: &PackageType, name: &'a str, os: &'a Os) -> (&'a str, &'a str) {
    match kind {
        kind if kind.is_os() => (vendor(os), name),
        PackageType::Maven => name.rsplit_once([':', '/']).unwrap_or(("", name)),
        PackageType::Npm | PackageType::Golang => name.rsplit_once('/').unwrap_or(("", name)),
        _ => ("", name),
    }
}

/// The vendor's word in the type definitions, which for Red Hat is not its `ID`.
fn vendor(os: &Os) -> &str {
    if os.id == "rhel" { "redhat" } else { &os.id }
}

fn distro(os: &Os) -> String {
    if os.id.is_empty() || os.version_id.is_empty() {
        os.id.clone()
    } else {
        format!("{}-{}", os.id, os.version_id)
    }
}

/// rpm keeps the epoch out of the version and in a qualifier; dpkg has it in the version.
fn version(package: &Package) -> (String, &str) {
    if package.kind != PackageType::Rpm {
        return (String::new(), &package.version);
    }
    let stated = package
        .epoch
        .filter(|epoch| *epoch > 0)
        .map(|epoch| epoch.to_string());
    match package.version.split_once(':') {
        Some((epoch, version))
            if !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            let written = if epoch.bytes().all(|digit| digit == b'0') {
                ""
            } else {
                epoch
            };
            (stated.unwrap_or_else(|| written.to_owned()), version)
        }
        _ => (stated.unwrap_or_default(), &package.version),
    }
}

/// Percent-encodes all but the unreserved characters and the colon, which the specification leaves as it is.
fn encode(text: &str, url: &mut String) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let digit = |nibble: u8| HEX.get(usize::from(nibble & 15)).copied().unwrap_or('0');
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.extend(['%', digit(byte >> 4), digit(byte)]);
        }
    }
}
