//! Which builds a repository's `updateinfo.xml` calls security updates.
//!
//! The advisories themselves are read by the feeds crate; this answers only the question an [`Offer`] asks, so that a
//! host without any feed still knows its security updates.
//!
//! [`Offer`]: overlock_model::repository::Offer

use super::xml::{Node, XmlError, attribute, walk};
use std::collections::HashSet;
use std::io::Read;

/// Most builds kept.
const MAX_BUILDS: usize = 500_000;

/// Reads an `updateinfo.xml`, compressed or not: `name-epoch:version-release.arch` of each build in an advisory of type
/// `security`, for the names `wanted`.
///
/// # Errors
/// When it is not well-formed or breaks a bound.
pub fn security_builds(
    source: impl Read,
    wanted: impl Fn(&str) -> bool,
) -> Result<HashSet<String>, XmlError> {
    let mut builds = HashSet::new();
    let mut is_security = false;
    walk(source, |node| match node {
        Node::Open("update", element) => {
            is_security = attribute(element, "type").as_deref() == Some("security")
        }
        Node::Open("package", element) if is_security && builds.len() < MAX_BUILDS => {
            let part = |name| attribute(element, name);
            let Some(name) = part("name").filter(|name| wanted(name)) else {
                return;
            };
            if let (Some(version), Some(release), Some(arch)) =
                (part("version"), part("release"), part("arch"))
            {
                let epoch = part("epoch")
                    .filter(|epoch| !epoch.is_empty())
                    .unwrap_or_else(|| "0".to_owned());
                builds.insert(format!("{name}-{epoch}:{version}-{release}.{arch}"));
            }
        }
        _ => {}
    })?;
    Ok(builds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_security_advisories_count() {
        let xml = br#"<updates><update type="security"><pkglist><collection>
            <package name="a" version="1" release="2" epoch="0" arch="x86_64"/>
            <package name="z" version="1" release="2" epoch="0" arch="x86_64"/></collection></pkglist></update>
            <update type="bugfix"><pkglist><collection><package name="a" version="1" release="3" arch="x86_64"/>
            </collection></pkglist></update></updates>"#;
        let builds = security_builds(&xml[..], |name| name == "a").unwrap();
        assert_eq!(builds.into_iter().collect::<Vec<_>>(), ["a-0:1-2.x86_64"]);
    }
}
