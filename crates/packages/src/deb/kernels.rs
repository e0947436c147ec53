//! Which kernels are installed, by the packages that ship an image.

use super::order;
use overlock_model::os::InstalledKernel;
use overlock_model::package::Package;
use std::cmp::Ordering;

/// The installed kernels, newest first.
///
/// A package that ships an image is named `linux-image-RELEASE` or `linux-image-unsigned-RELEASE`, where RELEASE is
/// what `uname -r` prints and begins with a version (`6.1.0-29-amd64`). Names without one (`linux-image-amd64`) are
/// metapackages; debug symbols (`-dbg`) ship no bootable image.
#[must_use]
pub fn kernels(packages: &[Package]) -> Vec<InstalledKernel> {
    let mut kernels: Vec<InstalledKernel> = packages
        .iter()
        .filter_map(|package| {
            let release = release(&package.name)?;
            Some(InstalledKernel {
                release: release.to_owned(),
                package: package.name.clone(),
                version: package.version.clone(),
            })
        })
        .collect();
    kernels.sort_by(|a, b| newer(b, a).then_with(|| a.package.cmp(&b.package)));
    kernels
}

fn release(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("linux-image-")?;
    let rest = rest.strip_prefix("unsigned-").unwrap_or(rest);
    let begins_with_version = rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains('.');
    let debug = rest.ends_with("-dbg") || rest.ends_with("-dbgsym");
    (begins_with_version && !debug).then_some(rest)
}

fn newer(a: &InstalledKernel, b: &InstalledKernel) -> Ordering {
    order(&a.version, &b.version).then_with(|| order(&a.release, &b.release))
}

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::package::PackageType;

    #[test]
    fn metapackages_and_debug_symbols_are_not_kernels_and_the_newest_is_first() {
        let packages: Vec<_> = [
            ("linux-image-amd64", "6.1.123-1"),
            ("linux-image-6.1.0-9-amd64", "6.1.27-1"),
            ("linux-image-6.1.0-29-amd64", "6.1.123-1"),
            ("linux-image-6.1.0-29-amd64-dbg", "6.1.123-1"),
            ("linux-image-unsigned-6.8.0-51-generic", "6.8.0-51.52"),
            ("linux-image-generic", "6.8.0.51.52"),
            ("linux-headers-6.1.0-29-amd64", "6.1.123-1"),
        ]
        .map(|(name, version)| Package::new(PackageType::Deb, name, version))
        .into();
        let found: Vec<_> = kernels(&packages)
            .into_iter()
            .map(|kernel| kernel.release)
            .collect();
        assert_eq!(
            found,
            ["6.8.0-51-generic", "6.1.0-29-amd64", "6.1.0-9-amd64"]
        );
    }
}
