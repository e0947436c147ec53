//! Which kernel a closure makes the host boot: the one that it brings, or the one that is left when it takes one away.
//!
//! The boot loader has the last word; what it booted is compared afterwards.

use overlock_host::kernel::{Running, installed, running};
use overlock_host::kernel_release::flavour;
use overlock_model::os::Kernel;
use overlock_model::package::{Package, PackageType};
use overlock_model::plan::Closure;

/// A closure takes the only kernel away.
#[derive(Debug, thiserror::Error)]
#[error("no kernel would be left to boot: `{0}` is the only one")]
pub struct NoKernel(String);

/// Release of the kernel that boots once a closure is installed; `None` where it brings none for the running flavour.
#[must_use]
pub fn kernel_of(closure: &Closure, running: &str) -> Option<String> {
    let kind = match closure.manager.as_str() {
        "deb" => PackageType::Deb,
        "rpm" => PackageType::Rpm,
        _ => return None,
    };
    let packages: Vec<Package> = closure
        .changes
        .iter()
        .filter_map(|change| {
            Some(Package {
                arch: Some(change.arch.clone()),
                ..Package::new(kind.clone(), &change.name, change.to()?)
            })
        })
        .collect();
    // Newest first.
    installed(&packages)
        .into_iter()
        .map(|kernel| kernel.release)
        .find(|release| flavour(release) == flavour(running))
}

/// Release of the kernel that boots once a closure has taken the running one away; `None` where that one stays.
///
/// # Errors
/// When no other kernel of its flavour is installed.
pub fn kernel_without(closure: &Closure, kernels: &Kernel) -> Result<Option<String>, NoKernel> {
    let goes = |package: &str, version: &str| {
        closure.changes.iter().any(|change| {
            change.name == package && change.from() == Some(version) && change.to().is_none()
        })
    };
    let Running::Installed(current) = running(kernels) else {
        return Ok(None);
    };
    if !goes(&current.package, &current.version) {
        return Ok(None);
    }
    kernels
        .installed
        .iter()
        .find(|other| {
            flavour(&other.release) == flavour(&current.release)
                && !goes(&other.package, &other.version)
        })
        .map(|other| Some(other.release.clone()))
        .ok_or_else(|| NoKernel(current.release.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::os::InstalledKernel;
    use overlock_model::plan::{Action, Artifact, Change, Digest};

    #[test]
    fn kernel_is_the_newest_of_the_running_flavour() {
        let change = |name: &str, to: &str| Change {
            name: name.to_owned(),
            arch: "amd64".to_owned(),
            action: Action::Install {
                to: to.to_owned(),
                artifact: Artifact {
                    sha256: Digest::of(b""),
                    size: 1,
                    origin: "main".to_owned(),
                    path: None,
                },
            },
        };
        let closure = Closure {
            manager: "deb".to_owned(),
            changes: vec![
                change("linux-image-6.1.0-50-cloud-amd64", "6.1.176-1"),
                change("linux-image-6.1.0-56-amd64", "6.1.192-2"),
                change("linux-image-6.1.0-56-cloud-amd64", "6.1.192-2"),
                change("linux-image-cloud-amd64", "6.1.192-2"),
            ],
        };
        let of = |running| kernel_of(&closure, running);
        assert_eq!(
            of("6.1.0-47-cloud-amd64").as_deref(),
            Some("6.1.0-56-cloud-amd64")
        );
        assert_eq!(of("6.1.0-47-amd64").as_deref(), Some("6.1.0-56-amd64"));
        assert_eq!(of("6.1.0-47-rt-amd64"), None);
    }

    #[test]
    fn kernel_that_is_left_boots_and_one_must_be_left() {
        let image = |release: &str, version: &str| InstalledKernel {
            release: release.to_owned(),
            package: format!("linux-image-{release}"),
            version: version.to_owned(),
        };
        let (new, old) = ("6.1.0-56-amd64", "6.1.0-50-amd64");
        let mut kernels = Kernel {
            running: Some(new.to_owned()),
            running_version: None,
            installed: vec![image(new, "6.1.192-2"), image(old, "6.1.176-1")],
        };
        let closure = Closure {
            manager: "deb".to_owned(),
            changes: vec![Change {
                name: format!("linux-image-{new}"),
                arch: "amd64".to_owned(),
                action: Action::Remove {
                    from: "6.1.192-2".to_owned(),
                    back: None,
                },
            }],
        };
        let left = kernel_without(&closure, &kernels).unwrap();
        assert_eq!(left.as_deref(), Some(old));
        kernels.running = Some(old.to_owned());
        assert_eq!(kernel_without(&closure, &kernels).unwrap(), None);
        kernels.running = Some(new.to_owned());
        kernels.installed.pop();
        assert!(kernel_without(&closure, &kernels).is_err());
    }
}
