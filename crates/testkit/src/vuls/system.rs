//! Vuls' words for releases, architectures and kernels, turned into those of `os-release(5)` and of the packages.

use super::record::Record;
use super::{said, without_epoch};
use overlock_model::os::{InstalledKernel, Kernel, Os};
use overlock_model::package::{Package, PackageType};

/// What `os-release` of such a host says. Vuls keeps the point release where the vendor's `VERSION_ID` has none.
pub(super) fn os(record: &Record) -> Os {
    let release = record.release.as_str();
    let major = release.split('.').next().unwrap_or(release);
    let (id, version_id) = match record.family.as_str() {
        "alma" => ("almalinux", release),
        "amazon" if release == "1" => ("amzn", "2018.03"),
        "amazon" => ("amzn", major),
        "centos" => ("centos", major),
        "debian" => ("debian", major),
        "opensuse" => ("opensuse-tumbleweed", release),
        "opensuse.leap" => ("opensuse-leap", release),
        "oracle" => ("ol", release),
        "redhat" => ("rhel", release),
        "suse.linux.enterprise.server" => ("sles", release),
        // The build number is what Microsoft's advisories count by; the product's name goes into `name`.
        "windows" => ("windows", record.running_kernel.version.as_str()),
        other => (other, release),
    };
    Os {
        id: id.to_owned(),
        version_id: version_id.to_owned(),
        name: (id == "windows").then(|| release.to_owned()),
        ..Os::default()
    }
}

/// The package manager of a family.
pub(super) fn package_type(family: &str) -> PackageType {
    match family {
        "debian" | "ubuntu" => PackageType::Deb,
        "alpine" => PackageType::Apk,
        "windows" => PackageType::Other("windows".to_owned()),
        _ => PackageType::Rpm,
    }
}

/// The packages' own word, or the last part of a Debian kernel's name. Ubuntu's kernels do not say it.
pub(super) fn arch(record: &Record, packages: &[Package]) -> Option<String> {
    let of_packages = packages
        .iter()
        .filter_map(|package| package.arch.as_deref())
        .find(|arch| !matches!(*arch, "noarch" | "(none)"));
    let of_kernel = || match record.family.as_str() {
        "debian" => record
            .running_kernel
            .release
            .rsplit_once('-')
            .map(|(_, arch)| arch),
        _ => None,
    };
    of_packages.or_else(of_kernel).map(str::to_owned)
}

/// Running and installed kernels. An Alpine host is a container there: it runs a kernel that none of its packages holds.
pub(super) fn kernel(record: &Record, packages: &[Package]) -> Kernel {
    if record.family == "windows" {
        return Kernel::default();
    }
    Kernel {
        running: said(&record.running_kernel.release),
        running_version: said(&record.running_kernel.version),
        installed: packages
            .iter()
            .filter_map(|package| {
                Some(InstalledKernel {
                    release: kernel_release(package)?,
                    package: package.name.clone(),
                    version: package.version.clone(),
                })
            })
            .collect(),
    }
}

/// What `uname -r` prints when the kernel of this package runs; `None` for a package that holds no image.
fn kernel_release(package: &Package) -> Option<String> {
    match package.kind {
        PackageType::Deb => package
            .name
            .strip_prefix("linux-image-")
            .filter(|release| release.starts_with(|first: char| first.is_ascii_digit()))
            .map(str::to_owned),
        PackageType::Rpm => rpm_kernel_release(package),
        _ => None,
    }
}

fn rpm_kernel_release(package: &Package) -> Option<String> {
    let version = without_epoch(&package.version);
    match package.name.as_str() {
        // Where there is a `kernel-core`, `kernel` only requires it; the image lies in one of the two.
        "kernel" if is_split(version) => None,
        "kernel" | "kernel-core" | "kernel-uek" | "kernel-uek-core" => {
            Some(format!("{version}.{}", package.arch.as_deref()?))
        }
        // SUSE counts rebuilds in the last part of the release, which the kernel's own name leaves out.
        "kernel-default" => {
            let (version, _rebuild) = version.rsplit_once('.')?;
            Some(format!("{version}-default"))
        }
        // Its release is that of the kernel it was made from, twice: `160000.2.1.160000.2.1`.
        "kernel-default-base" => {
            let (version, release) = version.rsplit_once('-')?;
            let (first, _second) = release.split_at_checked(release.len() / 2)?;
            let (first, _rebuild) = first.rsplit_once('.')?;
            Some(format!("{version}-{first}-default"))
        }
        _ => None,
    }
}

/// From el8 and Fedora 21 on the image lies in `kernel-core`.
fn is_split(version: &str) -> bool {
    ["el8", "el9", "el10", ".fc"]
        .iter()
        .any(|release| version.contains(release))
}
