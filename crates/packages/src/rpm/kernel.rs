//! Which installed packages hold a kernel image, and what `uname -r` prints once each is booted.

use overlock_model::os::InstalledKernel;
use overlock_model::package::{Package, PackageType};
use overlock_versions::{Evr, Scheme, key};

/// Variants in package names; `uname -r` shows them behind the architecture after a plus (Red Hat's kernel.spec).
const VARIANTS: [&str; 7] = [
    "rt-64k-debug",
    "rt-64k",
    "64k-debug",
    "rt-debug",
    "rt",
    "64k",
    "debug",
];
/// Packages of SUSE kernels; what follows `kernel-` is the flavour at the end of `uname -r`.
const SUSE_FLAVOURS: [&str; 7] = [
    "default",
    "default-base",
    "azure",
    "rt",
    "preempt",
    "64kb",
    "pae",
];
/// Names before `-core` or alone that stand for a kernel in the Red Hat family (mainline and long-term ones of
/// third parties, Oracle's, Amazon's).
const FAMILIES: [&str; 7] = [
    "kernel",
    "kernel-uek",
    "kernel-ml",
    "kernel-lt",
    "kernel-plus",
    "kernel6.12",
    "kernel6.18",
];

/// The installed kernels, newest first. A kernel whose version no rule can order comes last.
#[must_use]
pub fn kernels(packages: &[Package]) -> Vec<InstalledKernel> {
    let mut found: Vec<_> = packages
        .iter()
        .filter(|package| package.kind == PackageType::Rpm)
        .filter_map(|package| {
            let release = boot_release(package)?;
            let kernel = InstalledKernel {
                release,
                package: package.name.clone(),
                version: package.version.clone(),
            };
            Some((key(Scheme::Rpm, &package.version).ok(), kernel))
        })
        .collect();
    // The image is in `kernel-core` where that exists; `kernel` of the same release is then only a set of names.
    found.sort_by(|(a_key, a), (b_key, b)| {
        (b_key, &b.release, b.package.ends_with("-core")).cmp(&(
            a_key,
            &a.release,
            a.package.ends_with("-core"),
        ))
    });
    found.dedup_by(|(_, a), (_, b)| a.release == b.release);
    found.into_iter().map(|(_, kernel)| kernel).collect()
}

/// What `uname -r` prints for the kernel in this package; `None` when it holds none.
fn boot_release(package: &Package) -> Option<String> {
    let evr = Evr::parse(&package.version).ok()?;
    let (version, release) = (evr.version, evr.release?);
    let is_suse = package
        .origin
        .as_deref()
        .is_some_and(|vendor| vendor.contains("SUSE"));
    if let Some(flavour) = package.name.strip_prefix("kernel-")
        && SUSE_FLAVOURS.contains(&flavour)
        && (is_suse || flavour.starts_with("default"))
    {
        // A reduced image has its own release behind the kernel's; both begin with the same number.
        let again = release
            .split_once('.')
            .and_then(|(first, _)| release.find(&format!(".{first}.")));
        let release = again.and_then(|at| release.get(..at)).unwrap_or(release);
        // SUSE counts rebuilds in the last part of the release, which the kernel does not know of.
        let (release, _) = release.rsplit_once('.').unwrap_or((release, ""));
        return Some(format!(
            "{version}-{release}-{}",
            flavour.trim_end_matches("-base")
        ));
    }
    let arch = package.arch.as_deref()?;
    // Where there is a `kernel-core` it holds the image; before, `kernel` did.
    let name = package.name.strip_suffix("-core").unwrap_or(&package.name);
    let split = VARIANTS
        .iter()
        .find_map(|variant| Some((name.strip_suffix(variant)?.strip_suffix('-')?, *variant)));
    let (family, variant) = split.unwrap_or((name, ""));
    if !FAMILIES.contains(&family) {
        return None;
    }
    // Up to release 8 the real-time kernel said so in its release and not as a variant.
    let variant = match variant.strip_prefix("rt") {
        Some(rest) if release.contains(".rt") => rest.trim_start_matches('-'),
        _ => variant,
    };
    let plus = if variant.is_empty() { "" } else { "+" };
    Some(format!("{version}-{release}.{arch}{plus}{variant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, arch: &str, vendor: &str) -> Package {
        let mut package = Package::new(PackageType::Rpm, name, version);
        package.arch = Some(arch.to_owned());
        package.origin = Some(vendor.to_owned());
        package
    }

    #[test]
    fn releases_are_what_uname_prints() {
        for (name, version, arch, vendor, uname) in [
            (
                "kernel-core",
                "5.14.0-427.13.1.el9_4",
                "x86_64",
                "AlmaLinux",
                "5.14.0-427.13.1.el9_4.x86_64",
            ),
            (
                "kernel",
                "3.10.0-1160.el7",
                "x86_64",
                "CentOS",
                "3.10.0-1160.el7.x86_64",
            ),
            (
                "kernel-debug-core",
                "5.14.0-427.el9",
                "x86_64",
                "Red Hat, Inc.",
                "5.14.0-427.el9.x86_64+debug",
            ),
            (
                "kernel-64k-core",
                "5.14.0-427.el9",
                "aarch64",
                "Red Hat, Inc.",
                "5.14.0-427.el9.aarch64+64k",
            ),
            (
                "kernel-rt-core",
                "5.14.0-427.el9",
                "x86_64",
                "Red Hat, Inc.",
                "5.14.0-427.el9.x86_64+rt",
            ),
            (
                "kernel-rt-core",
                "4.18.0-553.rt7.342.el8_10",
                "x86_64",
                "Red Hat, Inc.",
                "4.18.0-553.rt7.342.el8_10.x86_64",
            ),
            (
                "kernel-uek-core",
                "5.15.0-200.131.27.el9uek",
                "x86_64",
                "Oracle America",
                "5.15.0-200.131.27.el9uek.x86_64",
            ),
            (
                "kernel-default",
                "5.3.18-59.37.2",
                "x86_64",
                "SUSE LLC <https://www.suse.com/>",
                "5.3.18-59.37-default",
            ),
            (
                "kernel-default-base",
                "5.3.18-150300.59.93.1.150300.18.54.1",
                "x86_64",
                "openSUSE",
                "5.3.18-150300.59.93-default",
            ),
            (
                "kernel",
                "6.1.79-99.164.amzn2023",
                "aarch64",
                "Amazon Linux",
                "6.1.79-99.164.amzn2023.aarch64",
            ),
        ] {
            let kernels = kernels(&[package(name, version, arch, vendor)]);
            assert_eq!(kernels[0].release, uname, "{name}");
        }
    }

    #[test]
    fn headers_tools_and_firmware_are_no_kernels() {
        for name in [
            "kernel-headers",
            "kernel-devel",
            "kernel-modules-core",
            "kernel-tools",
            "kernel-srpm-macros",
            "kernel-modules",
            "kernel-firmware-all",
            "kernel-debug-devel",
        ] {
            assert_eq!(
                kernels(&[package(name, "5.14.0-1.el9", "x86_64", "x")]),
                [],
                "{name}"
            );
        }
    }

    #[test]
    fn newest_comes_first_and_a_name_package_is_no_second_kernel() {
        let kernels = kernels(&[
            package("kernel", "5.14.0-70.el9", "x86_64", "x"),
            package("kernel-core", "5.14.0-70.el9", "x86_64", "x"),
            package("kernel-core", "5.14.0-427.el9", "x86_64", "x"),
            package("kernel", "5.14.0-427.el9", "x86_64", "x"),
        ]);
        let shown: Vec<_> = kernels
            .iter()
            .map(|k| (k.package.as_str(), k.version.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("kernel-core", "5.14.0-427.el9"),
                ("kernel-core", "5.14.0-70.el9")
            ]
        );
    }
}
