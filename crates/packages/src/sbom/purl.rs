//! Package URLs (ECMA-427) as producers really write them.

use std::collections::BTreeMap;
use std::str::FromStr;

/// A Package URL taken apart and decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purl {
    /// Type, lower case.
    pub kind: String,
    /// Namespace, segments joined by `/`.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Version.
    pub version: Option<String>,
    /// Qualifiers with a value, keys in lower case.
    pub qualifiers: BTreeMap<String, String>,
    /// Path inside the package.
    pub subpath: Option<String>,
}

/// How well a Package URL was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurlForm {
    /// As the specification says.
    Valid,
    /// Wrong in a way that leaves no doubt about what is meant.
    Lenient,
}

impl Purl {
    /// Takes a Package URL apart; `None` where even a lenient reader finds no type and name in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<(Self, PurlForm)> {
        match strict(text) {
            // A `?` in the value of a qualifier (an address) misleads a reader that looks for the last one.
            Some(purl) if text.matches('?').count() <= 1 => Some((purl, PurlForm::Valid)),
            _ => lenient(text).map(|purl| (purl, PurlForm::Lenient)),
        }
    }

    /// A qualifier.
    #[must_use]
    pub fn qualifier(&self, key: &str) -> Option<&str> {
        self.qualifiers.get(key).map(String::as_str)
    }

    /// The name by which the type's own tools and advisories know the package.
    #[must_use]
    pub fn full_name(&self) -> String {
        let namespace = self
            .namespace
            .as_deref()
            .filter(|namespace| !namespace.is_empty());
        match (self.kind.as_str(), namespace) {
            // The namespace of these names a vendor, not a part of the package's name.
            (
                "deb" | "rpm" | "apk" | "alpm" | "pypi" | "cargo" | "gem" | "nuget" | "oci"
                | "generic",
                _,
            )
            | (_, None) => self.name.clone(),
            ("maven", Some(group)) => format!("{group}:{}", self.name),
            (_, Some(namespace)) => format!("{namespace}/{}", self.name),
        }
    }
}

fn strict(text: &str) -> Option<Purl> {
    let purl = packageurl::PackageUrl::from_str(text).ok()?;
    Some(Purl {
        kind: purl.ty().to_owned(),
        namespace: purl.namespace().map(ToOwned::to_owned),
        name: purl.name().to_owned(),
        version: purl.version().map(ToOwned::to_owned),
        qualifiers: purl
            .qualifiers()
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
        subpath: purl.subpath().map(ToOwned::to_owned),
    })
}

/// Accepts spaces around it, a scheme in capitals, missing percent codes, doubled slashes and odd qualifiers.
fn lenient(text: &str) -> Option<Purl> {
    let text = text.trim();
    let (scheme, rest) = text.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("pkg") {
        return None;
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (query, fragment) = query.split_once('#').unwrap_or((query, ""));
    let (rest, fragment) = if query.is_empty() {
        rest.split_once('#').unwrap_or((rest, ""))
    } else {
        (rest, fragment)
    };
    let (kind, path) = rest.trim_start_matches('/').split_once('/')?;
    let of_type = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    if kind.is_empty() || !kind.bytes().all(of_type) {
        return None;
    }
    let at = path
        .rfind('@')
        .filter(|at| *at > 0 && !path.get(at + 1..).unwrap_or_default().contains('/'));
    let (path, version) = match at {
        Some(at) => (path.get(..at)?, path.get(at + 1..)),
        None => (path, None),
    };
    let mut segments: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(decoded)
        .collect();
    let name = segments.pop().filter(|name| !name.trim().is_empty())?;
    let qualifiers = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(key, value)| !key.is_empty() && !value.is_empty())
        .map(|(key, value)| (key.to_ascii_lowercase(), decoded(value)))
        .collect();
    Some(Purl {
        kind: kind.to_ascii_lowercase(),
        namespace: (!segments.is_empty()).then(|| segments.join("/")),
        name,
        version: version.filter(|version| !version.is_empty()).map(decoded),
        qualifiers,
        subpath: Some(decoded(fragment.trim_matches('/'))).filter(|subpath| !subpath.is_empty()),
    })
}

/// Percent codes replaced by their bytes; what is no code stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail
            .split_at_checked(2)
            .filter(|_| *first == b'%')
            .and_then(|(digits, after)| {
                let digits = std::str::from_utf8(digits).ok()?;
                let valid = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                Some((valid.then(|| u8::from_str_radix(digits, 16).ok())??, after))
            });
        let (byte, after) = code.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, String, PurlForm) {
        let (purl, form) = Purl::parse(text).unwrap();
        (purl.full_name(), purl.version.unwrap_or_default(), form)
    }

    #[test]
    fn names_are_those_of_the_types_own_tools() {
        for (text, name, version) in [
            (
                "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie",
                "curl",
                "7.50.3-1",
            ),
            (
                "pkg:deb/ubuntu/pcre3@2%3A8.39-12ubuntu0.1?arch=amd64",
                "pcre3",
                "2:8.39-12ubuntu0.1",
            ),
            (
                "pkg:npm/%40angular/animation@12.3.1",
                "@angular/animation",
                "12.3.1",
            ),
            (
                "pkg:maven/org.apache.xmlgraphics/batik-anim@1.9.1?type=pom",
                "org.apache.xmlgraphics:batik-anim",
                "1.9.1",
            ),
            (
                "pkg:golang/github.com/gorilla/mux@v1.8.0",
                "github.com/gorilla/mux",
                "v1.8.0",
            ),
            ("pkg:pypi/django@1.11.1", "django", "1.11.1"),
            ("pkg:composer/pear/log@1.13.1", "pear/log", "1.13.1"),
            (
                "pkg:rpm/redhat/bash@5.1.8-9.el9?arch=x86_64&epoch=1",
                "bash",
                "5.1.8-9.el9",
            ),
        ] {
            assert_eq!(
                read(text),
                (name.to_owned(), version.to_owned(), PurlForm::Valid),
                "{text}"
            );
        }
    }

    #[test]
    fn slightly_wrong_ones_are_read_and_told() {
        for (text, name, version) in [
            (" pkg:npm/lodash@4.17.21 ", "lodash", "4.17.21"),
            ("PKG:deb/debian/curl@1", "curl", "1"),
            (
                "pkg:generic/openssl@3.0.7?download_url=https://example.org/a?b=c",
                "openssl",
                "3.0.7",
            ),
            (
                "pkg:deb/debian/curl@1?=x&arch=amd64&&bad key=1",
                "curl",
                "1",
            ),
        ] {
            assert_eq!(
                read(text),
                (name.to_owned(), version.to_owned(), PurlForm::Lenient),
                "{text}"
            );
        }
        for text in [
            "",
            "pkg:",
            "pkg:deb",
            "pkg:deb/",
            "invalid purl",
            "cpe:/a:b",
            "pkg:/x",
            "pkg:de b/x",
        ] {
            assert_eq!(Purl::parse(text), None, "{text}");
        }
    }

    #[test]
    fn broken_percent_codes_stay_as_they_are() {
        assert_eq!(decoded("a%2Bb%zz%2"), "a+b%zz%2");
        assert_eq!(decoded("%+1"), "%+1");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(pkg:)?[ -~é%@/?#&=:]{0,60}") {
            if let Some((purl, _)) = Purl::parse(&text) {
                proptest::prop_assert!(!purl.full_name().is_empty());
            }
        }
    }
}
