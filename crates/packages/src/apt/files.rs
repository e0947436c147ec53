//! Which files of a configuration directory apt reads, and how it names what it fetched.

use crate::error::PackagesError;
use overlock_rootfs::Root;

const FILES_MAX: usize = 4_096;

/// An ending that files of a directory may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extension {
    /// No dot in the name.
    None,
    /// This word after the last dot.
    Is(&'static str),
}

/// Paths of the files in `directory` that apt reads, sorted by name: no hidden ones, only letters, digits, `-`, `_`,
/// `:` and dots in the name, and one of the endings (apt.conf(5), sources.list(5), apt_preferences(5)).
pub(super) fn listed(
    root: &Root,
    directory: &str,
    endings: &[Extension],
) -> Result<Vec<String>, PackagesError> {
    let entries = root
        .list_optional(directory, FILES_MAX)
        .map_err(|error| PackagesError::read(directory, error))?;
    let mut names: Vec<String> = entries
        .into_iter()
        .map(|entry| entry.name)
        .filter(|name| is_read(name, endings))
        .collect();
    names.sort();
    Ok(names
        .into_iter()
        .map(|name| format!("{directory}/{name}"))
        .collect())
}

fn is_read(name: &str, endings: &[Extension]) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.');
    if name.starts_with('.') || !name.chars().all(plain) {
        return false;
    }
    endings.iter().any(|ending| match ending {
        Extension::None => !name.contains('.'),
        Extension::Is(word) => name.rsplit_once('.').is_some_and(|(_, last)| last == *word),
    })
}

/// The name under which apt stores what it fetched from `uri` in its lists directory.
///
/// Scheme and credentials are dropped, characters that are unsafe in a file name and the underscore itself become
/// `%` and two lower-case hexadecimal digits, and slashes become underscores.
///
/// ```
/// use overlock_packages::apt::list_name;
/// assert_eq!(list_name("http://u:p@example.org:80/a_b/dists/x/InRelease"), "example.org:80_a%5fb_dists_x_InRelease");
/// ```
#[must_use]
pub fn list_name(uri: &str) -> String {
    let rest = match uri.split_once(':') {
        Some((_, rest)) => rest.strip_prefix("//").unwrap_or(rest),
        None => uri,
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let mut name = String::with_capacity(uri.len());
    for &byte in host.as_bytes().iter().chain(path.as_bytes()) {
        match byte {
            b'/' => name.push('_'),
            b'\\' | b'|' | b'{' | b'}' | b'[' | b']' | b'<' | b'>' | b'"' | b'^' | b'~' | b'_'
            | b'=' | b'!' | b'@' | b'#' | b'$' | b'%' | b'&' | b'*' => {
                name.push_str(&format!("%{byte:02x}"))
            }
            0x21..=0x7e => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    name
}

/// The host of an address, empty for files; apt calls it the site or origin of a source.
pub(super) fn host(uri: &str) -> &str {
    let Some((_, rest)) = uri.split_once("://") else {
        return "";
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// An address without user and password.
pub(super) fn without_credentials(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return uri.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_names_follow_apts_escaping() {
        for (uri, name) in [
            (
                "http://example.org/debian/dists/bookworm/InRelease",
                "example.org_debian_dists_bookworm_InRelease",
            ),
            (
                "https://example.org/u_x/./Packages",
                "example.org_u%5fx_._Packages",
            ),
            ("file:/srv/a/Packages", "_srv_a_Packages"),
            ("file:///srv/a/Packages", "_srv_a_Packages"),
            (
                "https://user:pw@example.org:8080/~me/Packages",
                "example.org:8080_%7eme_Packages",
            ),
        ] {
            assert_eq!(list_name(uri), name);
        }
    }

    #[test]
    fn credentials_never_leave() {
        assert_eq!(
            without_credentials("https://u:p@example.org/x"),
            "https://example.org/x"
        );
        assert_eq!(host("https://u:p@example.org:81/x"), "example.org");
        assert_eq!(host("file:/srv"), "");
    }

    #[test]
    fn only_names_that_apt_reads_are_listed() {
        let endings = [Extension::None, Extension::Is("pref")];
        assert!(is_read("00default", &endings) && is_read("a.pref", &endings));
        for name in [".x", "a.bak", "a~", "a.pref.dpkg-old", "a b"] {
            assert!(!is_read(name, &endings), "{name}");
        }
    }
}
