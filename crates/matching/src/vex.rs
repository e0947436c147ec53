//! VEX statements against findings: what somebody vouches is not affected.
//!
//! A statement ends a finding as *not affected*, which is another end than fixed. It must name the vulnerability and,
//! by Package URL, the package: a name alone is too little to close anything by. One made *within* another product says
//! nothing about the same package elsewhere. Of several that apply the newest counts (an "affected" takes an older
//! "not affected" back).

use crate::finding::Finding;
use overlock_model::exposure::ExposureState;
use overlock_model::package::PackageType;
use overlock_model::vex::{VexProduct, VexStatement, VexStatus};

/// Applies statements to findings: one that somebody vouches for ends as not affected.
pub fn apply_vex(findings: &mut [Finding], statements: &[VexStatement]) {
    for finding in findings {
        let newest = statements
            .iter()
            .filter(|statement| names(statement, finding))
            .filter(|statement| {
                statement
                    .products
                    .iter()
                    .any(|product| is(product, finding))
            })
            .max_by_key(|statement| statement.timestamp);
        let Some(statement) = newest else { continue };
        let said = match statement.status {
            VexStatus::NotAffected => "not affected",
            VexStatus::Fixed => "fixed in this version",
            VexStatus::Affected => "affected",
            VexStatus::UnderInvestigation => "under investigation",
        };
        let by = statement.author.as_deref().unwrap_or("an unnamed author");
        let on = statement
            .timestamp
            .map(|time| format!(" on {}", time.strftime("%F")))
            .unwrap_or_default();
        let why = statement
            .justification
            .as_deref()
            .map(|why| format!(" ({why})"))
            .unwrap_or_default();
        finding
            .evidence
            .notes
            .push(format!("VEX: {said}{why}, says {by}{on}"));
        if matches!(statement.status, VexStatus::NotAffected | VexStatus::Fixed) {
            finding.state = ExposureState::NotAffected;
        }
    }
}

fn names(statement: &VexStatement, finding: &Finding) -> bool {
    statement.vulnerability == finding.vulnerability
        || finding.aliases.contains(&statement.vulnerability)
}

fn is(product: &VexProduct, finding: &Finding) -> bool {
    let Some(purl) = product.purl.as_deref().and_then(Parts::of) else {
        return false;
    };
    let same_version = |version: &str| {
        purl.version
            .as_deref()
            .is_none_or(|stated| without_epoch_zero(stated) == without_epoch_zero(version))
    };
    let binary = finding
        .binaries
        .iter()
        .any(|(name, version)| *name == purl.name && same_version(version));
    let source = finding.source == purl.name && same_version(&finding.installed);
    product.within.is_none()
        && PackageType::from_word(purl.kind) == finding.kind
        && (binary || source)
}

fn without_epoch_zero(version: &str) -> &str {
    version.strip_prefix("0:").unwrap_or(version)
}

/// The parts of a Package URL that matter here; namespace and qualifiers only narrow where the statement came from.
struct Parts<'a> {
    kind: &'a str,
    name: String,
    version: Option<String>,
}

impl<'a> Parts<'a> {
    fn of(purl: &'a str) -> Option<Self> {
        let (path, _) = purl
            .strip_prefix("pkg:")?
            .split_once(['?', '#'])
            .unwrap_or((purl.strip_prefix("pkg:")?, ""));
        let (kind, rest) = path.trim_start_matches('/').split_once('/')?;
        let (name, version) = match rest.rsplit_once('@') {
            // `@scope/name` has its sign at the start of a part.
            Some((name, version)) if !name.is_empty() && !version.contains('/') => {
                (name, Some(decoded(version)?))
            }
            _ => (rest, None),
        };
        // Scoped npm packages and Go modules are named with their namespace; distributions' packages are not.
        let whole = matches!(kind, "npm" | "golang" | "maven");
        let name = if whole {
            name
        } else {
            name.rsplit('/').next()?
        };
        Some(Self {
            kind,
            name: decoded(name)?,
            version,
        })
    }
}

/// Percent-encoding undone; `None` where it is broken.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let value = digit(rest.next())? * 16 + digit(rest.next())?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_urls_are_taken_apart() {
        let parts = |purl| Parts::of(purl).map(|parts| (parts.kind, parts.name, parts.version));
        let some = |kind, name: &str, version: Option<&str>| {
            Some((kind, name.to_owned(), version.map(str::to_owned)))
        };
        assert_eq!(
            parts("pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=amd64"),
            some("deb", "openssl", Some("3.0.11-1~deb12u2"))
        );
        assert_eq!(
            parts("pkg:deb/debian/zlib1g@1%3A1.2.13"),
            some("deb", "zlib1g", Some("1:1.2.13"))
        );
        assert_eq!(
            parts("pkg:npm/%40angular/core@1.0.0"),
            some("npm", "@angular/core", Some("1.0.0"))
        );
        assert_eq!(
            parts("pkg:npm/@angular/core"),
            some("npm", "@angular/core", None)
        );
        assert_eq!(parts("pkg:rpm/almalinux/bash"), some("rpm", "bash", None));
        assert!(parts("deb/debian/openssl").is_none());
        assert!(parts("pkg:deb/a@%zz").is_none());
    }
}
