//! Kernels: the one kind of package that is updated by another one coming beside it.

use overlock_model::package::{Package, PackageType};

/// Whether it is a kernel image, or the package that depends on the newest one.
pub(crate) fn is_kernel(package: &Package) -> bool {
    let name = package.name.as_str();
    match package.kind {
        PackageType::Deb => name.starts_with("linux-image-"),
        PackageType::Rpm => {
            matches!(
                name,
                "kernel"
                    | "kernel-core"
                    | "kernel-default"
                    | "kernel-rt"
                    | "kernel-rt-core"
                    | "kernel-uek"
            ) || ["kernel-uek-core", "kernel6."]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        }
        PackageType::Apk | PackageType::Alpm => {
            matches!(
                name,
                "linux" | "linux-lts" | "linux-virt" | "linux-zen" | "linux-hardened"
            )
        }
        _ => false,
    }
}

/// The flavour of a kernel that has its release in its name: `cloud-amd64` of `linux-image-6.1.0-28-cloud-amd64`, and
/// of `linux-image-cloud-amd64`, which brings the next one. Other kernels keep their name and need no flavour.
pub(crate) fn flavour(package: &Package) -> Option<&str> {
    if package.kind != PackageType::Deb {
        return None;
    }
    let mut rest = package.name.strip_prefix("linux-image-")?;
    while rest.starts_with(|first: char| first.is_ascii_digit()) {
        rest = rest.split_once('-').map_or("", |(_, rest)| rest);
    }
    let rest = rest.strip_suffix("-dbg").unwrap_or(rest);
    Some(rest.strip_suffix("-unsigned").unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flavour_is_what_follows_the_release() {
        for (name, expected) in [
            ("linux-image-amd64", Some("amd64")),
            ("linux-image-6.1.0-28-amd64", Some("amd64")),
            ("linux-image-6.1.0-28-amd64-unsigned", Some("amd64")),
            ("linux-image-6.1.0-28-cloud-amd64", Some("cloud-amd64")),
            ("linux-image-cloud-amd64", Some("cloud-amd64")),
            ("linux-image-6.12.43+deb13-rt-amd64", Some("rt-amd64")),
            ("linux-image-6.1.0-0.deb11.28-amd64", Some("amd64")),
            ("linux-image-686-pae", Some("pae")),
            ("linux-image-6.1.0-28-686-pae", Some("pae")),
            ("linux-image-6.1", Some("")),
            ("linux-headers-6.1.0-28-amd64", None),
            ("linux-libc-dev", None),
        ] {
            let package = Package::new(PackageType::Deb, name, "1");
            assert_eq!(flavour(&package), expected, "{name}");
        }
        assert_eq!(
            flavour(&Package::new(PackageType::Rpm, "linux-image-amd64", "1")),
            None
        );
    }
}
