//! Which operating system a bill of materials describes, in the words of `os-release(5)`.
//!
//! Producers name it as a component, as the `distro` qualifier of each package, or not at all; and each has its own
//! spelling.

use super::purl::Purl;
use overlock_model::os::{Os, debian_version_of, ubuntu_version_of};

/// `ID`s that some advisory feed speaks of, with the spellings that producers use for them.
const KNOWN: [(&str, &[&str]); 18] = [
    ("debian", &["debian", "debian gnu/linux"]),
    ("ubuntu", &["ubuntu"]),
    (
        "rhel",
        &[
            "rhel",
            "redhat",
            "red hat enterprise linux",
            "red hat enterprise linux server",
        ],
    ),
    ("centos", &["centos", "centos linux", "centos stream"]),
    ("almalinux", &["almalinux", "alma"]),
    ("rocky", &["rocky", "rocky linux", "rockylinux"]),
    (
        "ol",
        &[
            "ol",
            "oracle",
            "oracle linux",
            "oracle linux server",
            "oraclelinux",
        ],
    ),
    ("fedora", &["fedora", "fedora linux"]),
    ("amzn", &["amzn", "amazon", "amazon linux", "amazonlinux"]),
    ("alpine", &["alpine", "alpine linux"]),
    ("wolfi", &["wolfi"]),
    ("chainguard", &["chainguard"]),
    (
        "sles",
        &[
            "sles",
            "suse linux enterprise server",
            "suse.linux.enterprise.server",
        ],
    ),
    ("sled", &["sled"]),
    (
        "opensuse-leap",
        &["opensuse-leap", "opensuse.leap", "opensuse leap"],
    ),
    (
        "opensuse-tumbleweed",
        &[
            "opensuse-tumbleweed",
            "opensuse.tumbleweed",
            "opensuse tumbleweed",
        ],
    ),
    ("arch", &["arch", "archlinux", "arch linux"]),
    ("photon", &["photon"]),
];

/// The `ID` for a producer's word, if it is one that we know.
fn known_id(word: &str) -> Option<&'static str> {
    let word = word.trim().to_lowercase();
    KNOWN
        .iter()
        .find(|(_, spellings)| spellings.contains(&word.as_str()))
        .map(|(id, _)| *id)
}

/// The system that a component with the role `operating-system` names, and whether we know it.
pub(super) fn of_component(name: &str, version: Option<&str>) -> (Os, bool) {
    let version = version.unwrap_or_default();
    match known_id(name) {
        Some(id) => (os(id, version), true),
        None => (
            os(
                &name.trim().to_lowercase().replace(char::is_whitespace, "-"),
                version,
            ),
            false,
        ),
    }
}

/// The system that a package's `distro` qualifier names.
pub(super) fn of_qualifier(purl: &Purl) -> Option<Os> {
    if let (Some(name), Some(version)) = (purl.qualifier("os_name"), purl.qualifier("os_version")) {
        return Some(of_component(name, Some(version)).0);
    }
    let distro = purl.qualifier("distro")?.trim();
    let vendor = purl.namespace.as_deref().and_then(known_id);
    // `3.16.0`, the vendor being the namespace.
    if distro.starts_with(|first: char| first.is_ascii_digit()) {
        return vendor.map(|id| os(id, distro));
    }
    // `focal`.
    if let Some(os) = of_codename(distro) {
        return Some(os);
    }
    // `almalinux-9.4`, `opensuse-leap-15.5`, `debian-bookworm`, `arch`.
    if let Some(id) = known_id(distro) {
        return Some(os(id, ""));
    }
    let (word, version) = distro.rsplit_once('-')?;
    if let Some(os) = of_codename(version) {
        return Some(os);
    }
    Some(of_component(word, Some(version)).0)
}

/// The system that vendor and release tag of an rpm point to: `redhat` and `.el9_2` are RHEL 9. A guess, to be told.
pub(super) fn of_release_tag(purl: &Purl) -> Option<Os> {
    let id = purl.namespace.as_deref().and_then(known_id)?;
    let version = purl.version.as_deref()?;
    let tag = match id {
        "fedora" => ".fc",
        "amzn" => ".amzn",
        "rhel" | "centos" | "almalinux" | "rocky" | "ol" => ".el",
        _ => return None,
    };
    let (_, after) = version.rsplit_once(tag)?;
    let digits = after
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(after.len());
    let major = after.get(..digits).filter(|major| !major.is_empty())?;
    Some(os(id, major))
}

fn of_codename(word: &str) -> Option<Os> {
    let (id, version) = debian_version_of(word)
        .map(|version| ("debian", version))
        .or_else(|| ubuntu_version_of(word).map(|version| ("ubuntu", version)))?;
    Some(Os {
        codename: Some(word.to_owned()),
        ..os(id, version)
    })
}

/// `VERSION_ID` as the distribution itself writes it: `2 (Karoo)` is `2`, Debian's `12.9` is `12`, Ubuntu's `22.04.2` is
/// `22.04`.
fn os(id: &str, version: &str) -> Os {
    let version = version.split_whitespace().next().unwrap_or_default();
    let parts = match id {
        "debian" => 1,
        "ubuntu" => 2,
        _ => usize::MAX,
    };
    let version: Vec<&str> = version.split('.').take(parts).collect();
    Os {
        id: id.to_owned(),
        version_id: version.join("."),
        ..Os::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualifiers_of_every_producer_are_understood() {
        for (purl, expected) in [
            ("pkg:deb/debian/a@1?distro=debian-12", "debian 12"),
            ("pkg:deb/debian/a@1?distro=debian-12.9", "debian 12"),
            ("pkg:deb/debian/a@1?distro=bookworm", "debian 12"),
            ("pkg:deb/debian/a@1?distro=debian-sid", "debian sid"),
            ("pkg:deb/ubuntu/a@1?distro=focal", "ubuntu 20.04"),
            ("pkg:deb/ubuntu/a@1?distro=ubuntu-22.04.2", "ubuntu 22.04"),
            (
                "pkg:rpm/almalinux/a@1?distro=almalinux-9.4",
                "almalinux 9.4",
            ),
            ("pkg:rpm/redhat/a@1?distro=redhat-8.5", "rhel 8.5"),
            (
                "pkg:rpm/opensuse/a@1?distro=opensuse-leap-15.5",
                "opensuse-leap 15.5",
            ),
            (
                "pkg:rpm/opensuse/a@1?distro=opensuse.leap-15.5",
                "opensuse-leap 15.5",
            ),
            ("pkg:rpm/amazon/a@1?distro=amazon-2%20%28Karoo%29", "amzn 2"),
            ("pkg:apk/alpine/a@1?distro=3.16.0", "alpine 3.16.0"),
            ("pkg:apk/alpine/a@1?distro=alpine-3.19", "alpine 3.19"),
            ("pkg:apk/wolfi/a@1?distro=wolfi-20230201", "wolfi 20230201"),
            ("pkg:alpm/arch/a@1?distro=arch", "arch "),
            (
                "pkg:docker/dhi/python@3?os_name=debian&os_version=13",
                "debian 13",
            ),
            ("pkg:rpm/new/a@1?distro=newos-7", "newos 7"),
        ] {
            let os = of_qualifier(&Purl::parse(purl).unwrap().0).unwrap();
            assert_eq!(format!("{} {}", os.id, os.version_id), expected, "{purl}");
        }
        assert_eq!(
            of_qualifier(&Purl::parse("pkg:apk/other/a@1?distro=3.16.0").unwrap().0),
            None
        );
    }

    #[test]
    fn release_tags_point_to_a_major_release() {
        for (purl, expected) in [
            ("pkg:rpm/redhat/a@1-2.el9_2.1", Some("9")),
            ("pkg:rpm/fedora/a@1-2.fc40", Some("40")),
            ("pkg:rpm/redhat/a@1-2.module+el8.9.0+1+abc", None),
            ("pkg:rpm/redhat/a@1-2", None),
            ("pkg:rpm/other/a@1-2.el9", None),
        ] {
            let os = of_release_tag(&Purl::parse(purl).unwrap().0);
            assert_eq!(
                os.as_ref().map(|os| os.version_id.as_str()),
                expected,
                "{purl}"
            );
        }
    }
}
