//! `/etc/apk/repositories`: one address a line, with an optional tag in front.

use crate::survey::without_credentials;
use aws_lc_rs::digest;

/// The name in `@name address`; such a repository serves only packages that ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag(pub(super) String);

/// One configured repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Configured {
    /// Release and name, such as `v3.19/main`.
    pub(super) id: String,
    /// As configured, credentials removed.
    pub(super) uri: String,
    pub(super) tag: Option<Tag>,
    /// Names under which apk may have cached the index.
    pub(super) cache_names: [String; 2],
}

/// Reads one file.
pub(super) fn parse(bytes: &[u8]) -> Vec<Configured> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (tag, uri) = match line
                .strip_prefix('@')
                .and_then(|rest| rest.split_once(char::is_whitespace))
            {
                Some((tag, uri)) => (Some(Tag(tag.to_owned())), uri.trim()),
                None => (None, line),
            };
            let bare = uri.trim_end_matches('/');
            let mut parts = bare.rsplit('/');
            let last = parts.next().unwrap_or(bare);
            let id = parts
                .next()
                .filter(|part| !part.is_empty())
                .map_or(last.to_owned(), |part| format!("{part}/{last}"));
            Configured {
                id,
                uri: without_credentials(uri),
                tag,
                cache_names: cache_names(uri),
            }
        })
        .collect()
}

/// apk names the cached index by the first four bytes of a digest over the address: SHA-1 in apk-tools 2, SHA-256 in
/// later ones.
fn cache_names(uri: &str) -> [String; 2] {
    [&digest::SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA256].map(|algorithm| {
        let digest = digest::digest(algorithm, uri.as_bytes());
        let hex: String = digest
            .as_ref()
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("APKINDEX.{hex}.tar.gz")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_tags_and_cache_names() {
        let found = parse(b"# c\nhttps://u:p@dl.example.org/alpine/v3.19/main\n@edge  https://dl.example.org/alpine/edge/testing/\n/media/apks\n");
        assert_eq!(found[0].id, "v3.19/main");
        assert_eq!(found[0].uri, "https://dl.example.org/alpine/v3.19/main");
        assert_eq!(
            (found[1].id.as_str(), &found[1].tag),
            ("edge/testing", &Some(Tag("edge".to_owned())))
        );
        assert_eq!(found[2].id, "media/apks");
        // `printf %s /media/apks | sha1sum`, `… | sha256sum`
        assert_eq!(found[2].cache_names, CACHE_NAMES);
    }
    const CACHE_NAMES: [&str; 2] = ["APKINDEX.aa5b5a80.tar.gz", "APKINDEX.aab91aee.tar.gz"];
}
