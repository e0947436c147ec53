//! What repositories state of exact versions: `apt-cache show NAME:ARCH=VERSION`.

use crate::Listed;
use overlock_model::plan::{Artifact, Digest};

/// Stanzas that name an artifact; those of the dpkg database do not and are left out.
#[must_use]
pub fn parse(text: &str) -> Vec<Listed> {
    text.split("\n\n").filter_map(stanza).collect()
}

fn stanza(text: &str) -> Option<Listed> {
    let field = |name: &str| {
        text.lines().find_map(|line| {
            line.strip_prefix(name)?
                .strip_prefix(':')
                .map(|value| value.trim().to_owned())
        })
    };
    let sha256: Digest = field("SHA256")?.parse().ok()?;
    Some(Listed {
        name: field("Package")?,
        arch: field("Architecture")?,
        version: field("Version")?,
        artifact: Artifact {
            sha256,
            size: field("Size")?.parse().ok()?,
            origin: "repository".to_owned(),
            path: field("Filename"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stanzas_with_an_artifact_count() {
        let hash = "a".repeat(64);
        let text = format!(
            "Package: jq\nVersion: 1.6-2\nArchitecture: amd64\nFilename: pool/j/jq.deb\nSize: 12\nSHA256: {hash}\n\n\
             Package: jq\nStatus: install ok installed\nVersion: 1.6-1\nArchitecture: amd64\n"
        );
        let found = parse(&text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].artifact.size, 12);
        assert_eq!(found[0].artifact.path.as_deref(), Some("pool/j/jq.deb"));
        assert!(parse("").is_empty());
    }
}
