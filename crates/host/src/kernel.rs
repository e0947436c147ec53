//! Which kernels are installed, which one was booted, and whether a newer one waits for a reboot.
//!
//! The scan calls [`kernels`] once the packages are known; matching asks [`running`] to keep findings of the running
//! kernel apart from those of old ones on disk. Everything but [`uname`] is pure, so a saved inventory is judged the
//! same way as this host. Order is the order of package versions, never of strings.

use crate::kernel_release::{flavour, of_package, stream};
use overlock_model::effective::RebootReason;
use overlock_model::os::{InstalledKernel, Kernel};
use overlock_model::package::{Package, PackageType};
use overlock_versions::{Scheme, compare};
use std::cmp::Ordering;

/// What the running system says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uname {
    /// `uname -r`
    pub release: String,
    /// `uname -v`
    pub version: String,
    /// `uname -m`
    pub machine: String,
}

/// Asks the running kernel. In a container this is the host's kernel.
#[must_use]
pub fn uname() -> Uname {
    let uname = rustix::system::uname();
    let text = |field: &std::ffi::CStr| field.to_string_lossy().into_owned();
    Uname {
        release: text(uname.release()),
        version: text(uname.version()),
        machine: text(uname.machine()),
    }
}

/// The kernels of a host: what runs (`None` for a root that does not run) and what its packages installed.
#[must_use]
pub fn kernels(uname: Option<&Uname>, packages: &[Package]) -> Kernel {
    Kernel {
        running: uname.map(|uname| uname.release.clone()),
        running_version: uname.and_then(|uname| booted_version(&uname.release, &uname.version)),
        installed: installed(packages),
    }
}

/// Installed kernels, newest first; each release once.
#[must_use]
pub fn installed(packages: &[Package]) -> Vec<InstalledKernel> {
    let mut found: Vec<(Scheme, InstalledKernel)> = packages
        .iter()
        .filter_map(|package| {
            let kernel = InstalledKernel {
                release: of_package(package)?,
                package: package.name.clone(),
                version: package.version.clone(),
            };
            Some((scheme(&package.kind)?, kernel))
        })
        .collect();
    // Within one release the package that holds the image (`kernel-core`) comes before those that only need it.
    found.sort_by(|(scheme, a), (_, b)| {
        let newest_first = order(*scheme, &b.version, &a.version);
        newest_first
            .then_with(|| a.release.cmp(&b.release))
            .then_with(|| b.package.len().cmp(&a.package.len()))
    });
    let mut kernels: Vec<InstalledKernel> = Vec::with_capacity(found.len());
    for (_, kernel) in found {
        if !kernels.iter().any(|known| known.release == kernel.release) {
            kernels.push(kernel);
        }
    }
    kernels
}

fn scheme(kind: &PackageType) -> Option<Scheme> {
    Some(match kind {
        PackageType::Deb => Scheme::Dpkg,
        PackageType::Rpm => Scheme::Rpm,
        PackageType::Apk => Scheme::Apk,
        PackageType::Alpm => Scheme::Alpm,
        _ => return None,
    })
}

/// Versions that no scheme reads keep an order, if only that of their bytes: the sort has to be total.
fn order(scheme: Scheme, a: &str, b: &str) -> Ordering {
    compare(scheme, a, b).unwrap_or_else(|_| a.cmp(b))
}

/// Where the running kernel comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running<'a> {
    /// Nothing runs in this root, or nothing was told.
    Unknown,
    /// No package of this root holds a kernel: a container, or a kernel from outside the package manager.
    NoKernelPackage,
    /// Kernels of this flavour are installed, but not the one that runs: it was removed or replaced since boot.
    Replaced,
    /// Kernels are installed, but none of this flavour: the running one comes from elsewhere.
    OtherFlavour,
    /// It belongs to this installed kernel.
    Installed(&'a InstalledKernel),
}

/// Finds the installed kernel that runs, or the reason why there is none.
#[must_use]
pub fn running(kernel: &Kernel) -> Running<'_> {
    let Some(release) = kernel
        .running
        .as_deref()
        .filter(|release| !release.is_empty())
    else {
        return Running::Unknown;
    };
    if let Some(installed) = kernel
        .installed
        .iter()
        .find(|installed| is_same(release, &installed.release))
    {
        return Running::Installed(installed);
    }
    if kernel.installed.is_empty() {
        Running::NoKernelPackage
    } else if kernel
        .installed
        .iter()
        .any(|installed| flavour(&installed.release) == flavour(release))
    {
        Running::Replaced
    } else {
        Running::OtherFlavour
    }
}

/// An inventory without architectures knows only the part before it.
fn is_same(running: &str, installed: &str) -> bool {
    running
        .strip_prefix(installed)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether a newer kernel of the running one's flavour is installed than the one that runs.
#[must_use]
pub fn reboot_pending(kernel: &Kernel) -> Option<RebootReason> {
    let release = kernel.running.as_deref()?;
    let reason =
        |running: String, installed: String| Some(RebootReason::Kernel { running, installed });
    match running(kernel) {
        Running::Installed(current) => {
            let newest = kernel.installed.iter().find(|other| {
                flavour(&other.release) == flavour(&current.release)
                    && stream(&other.package) == stream(&current.package)
            })?;
            if newest.release != current.release {
                return reason(release.to_owned(), newest.release.clone());
            }
            let booted = kernel.running_version.as_deref()?;
            let is_newer =
                order(Scheme::Dpkg, without_signing(&current.version), booted) == Ordering::Greater;
            is_newer.then_some(())?;
            reason(
                format!("{release} ({booted})"),
                format!("{} ({})", current.release, current.version),
            )
        }
        Running::Replaced => {
            let newest = kernel
                .installed
                .iter()
                .find(|other| flavour(&other.release) == flavour(release))?;
            // There is no package version for what is gone, so the two release strings are compared, by rpm's rules:
            // they take numbers as numbers and need no scheme to be known.
            let is_newer = order(Scheme::Rpm, &newest.release, release) == Ordering::Greater;
            is_newer.then_some(())?;
            reason(release.to_owned(), newest.release.clone())
        }
        Running::Unknown | Running::NoKernelPackage | Running::OtherFlavour => None,
    }
}

/// Signed images have `+1` behind the version of the source they were built from.
fn without_signing(version: &str) -> &str {
    version.split_once('+').map_or(version, |(built, rest)| {
        if rest.bytes().all(|byte| byte.is_ascii_digit()) {
            built
        } else {
            version
        }
    })
}

/// The package version that `uname -v` states: Debian writes it out (`#1 SMP … Debian 6.1.123-1 (2025-01-02)`),
/// Ubuntu gives the upload number (`#76~20.04.1-Ubuntu`) to be added to the release's own.
#[must_use]
pub fn booted_version(release: &str, uname_version: &str) -> Option<String> {
    let mut words = uname_version.split_whitespace();
    if words.any(|word| word == "Debian") {
        let version = words.next()?;
        return version
            .starts_with(|first: char| first.is_ascii_digit())
            .then(|| version.to_owned());
    }
    let upload = uname_version
        .split_whitespace()
        .next()?
        .strip_prefix('#')?
        .strip_suffix("-Ubuntu")?;
    let built = release.strip_suffix(flavour(release))?.strip_suffix('-')?;
    Some(format!("{built}.{upload}"))
}

#[cfg(test)]
mod tests;
