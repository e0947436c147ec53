//! Kernels: only an image is the kernel, and only the one that runs is in force.

use crate::finding::Finding;
use crate::subject::Subject;
use overlock_model::exposure::ExposureState;
use overlock_model::inventory::Inventory;
use overlock_model::package::{Package, PackageType};
use overlock_versions::SortKey;

/// What a package is to the kernel: `None` has nothing to do with it, `Some(true)` is an image (or the modules that
/// belong to one), `Some(false)` comes from the kernel's source without being the kernel.
pub(crate) fn role(kind: &PackageType, subject_name: &str, package: &Package) -> Option<bool> {
    match kind {
        PackageType::Deb => {
            // Other sources have names like a kernel's (`linux-firmware`, `linux-atm`): a binary must look like one too.
            let packaged = [
                "linux-image-",
                "linux-modules-",
                "linux-headers-",
                "linux-libc-dev",
                "linux-kbuild-",
            ];
            let of_kernel = subject_name == "linux"
                || subject_name.starts_with("linux-")
                    && packaged
                        .iter()
                        .any(|prefix| package.name.starts_with(prefix));
            let image = package.name.starts_with("linux-image-")
                || package.name.starts_with("linux-modules-");
            // `linux-image-amd64` has no release in its name: it only depends on the newest image.
            let has_release = package
                .name
                .split('-')
                .any(|part| part.starts_with(|c: char| c.is_ascii_digit()));
            of_kernel.then_some(image && has_release)
        }
        PackageType::Rpm => {
            let source = package.source_name();
            let kernel_source = |name: &str| {
                matches!(
                    name,
                    "kernel"
                        | "kernel-rt"
                        | "kernel-uek"
                        | "kernel-default"
                        | "kernel-lt"
                        | "kernel-ml"
                ) || name.starts_with("kernel6.")
            };
            if !kernel_source(source) && !kernel_source(&package.name) {
                return None;
            }
            let other = [
                "headers",
                "devel",
                "doc",
                "tools",
                "srpm-macros",
                "abi",
                "cross",
                "selftests",
                "syms",
                "source",
            ];
            let is_kernel = package.name.starts_with("kernel");
            Some(is_kernel && !other.iter().any(|word| package.name.contains(word)))
        }
        PackageType::Alpm | PackageType::Apk => {
            let of_kernel = subject_name == "linux" || subject_name.starts_with("linux-");
            let image = matches!(
                package.name.as_str(),
                "linux"
                    | "linux-lts"
                    | "linux-zen"
                    | "linux-hardened"
                    | "linux-virt"
                    | "linux-rpi"
                    | "linux-edge"
            );
            let other = ["-headers", "-dev", "-doc", "-docs", "-tools"]
                .iter()
                .any(|end| package.name.ends_with(end));
            (image || of_kernel && other).then_some(image)
        }
        _ => None,
    }
}

/// The kernel images of a host, as subjects see them.
#[derive(Debug, Clone, Default)]
pub struct Kernels<'a> {
    /// Release of the kernel that runs; `None` where nothing runs in this root.
    pub running: Option<&'a str>,
    /// The images.
    pub images: Vec<Image<'a>>,
}

/// One kernel image.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// Source package.
    pub source: &'a str,
    /// Version that is compared.
    pub version: &'a str,
    /// Its key.
    pub key: Option<&'a SortKey>,
    /// Whether it is the one that runs ([`boots_as`]).
    pub runs: bool,
}

impl<'a> Kernels<'a> {
    /// Of an inventory and its subjects.
    #[must_use]
    pub fn new(inventory: &'a Inventory, subjects: &'a [Subject<'_>]) -> Self {
        let running = inventory.kernel.running.as_deref();
        let images = subjects
            .iter()
            .filter(|subject| subject.kernel_image == Some(true))
            .map(|subject| Image {
                source: subject.source(),
                version: &subject.version,
                key: subject.key.as_ref(),
                runs: running.is_some_and(|running| {
                    subject
                        .packages
                        .iter()
                        .any(|package| boots_as(package, running))
                }),
            })
            .collect();
        Self { running, images }
    }

    /// Whether the image of this source and version is the one that runs, or will be booted.
    #[must_use]
    pub fn in_force(&self, source: &str, version: &str) -> bool {
        let mine = |image: &&Image<'_>| image.version == version;
        match self.running {
            Some(_) => self.images.iter().filter(mine).any(|image| image.runs),
            // Nothing runs in this root: the newest image of this source is the one that will be booted.
            None => {
                let newest = self.images_of(source).max_by_key(|image| image.key);
                newest.is_none_or(|newest| newest.version == version)
            }
        }
    }

    /// Gives a kernel finding its state: in force, fixed and waiting for a reboot, or in an image that does not run.
    pub fn settle(&self, finding: &mut Finding) {
        if let Some(running) = self.running {
            finding
                .evidence
                .notes
                .push(if self.images.iter().any(|image| image.runs) {
                    format!("running kernel {running}")
                } else {
                    format!(
                        "the running kernel {running} comes from none of the installed packages"
                    )
                });
        }
        finding.state = match self.in_force(&finding.source, &finding.installed) {
            false => ExposureState::Dormant,
            true if self.fix_waits(finding) => ExposureState::Installed,
            true => finding.state,
        };
    }

    /// Whether an image with the fix is installed beside the running one.
    fn fix_waits(&self, finding: &Finding) -> bool {
        let fixed = finding
            .fixed
            .as_deref()
            .and_then(|fixed| overlock_versions::key(finding.scheme, fixed).ok());
        let (Some(fixed), Some(_)) = (fixed, self.running) else {
            return false;
        };
        self.images_of(&finding.source)
            .any(|image| image.key.is_some_and(|key| *key >= fixed))
    }

    fn images_of(&self, source: &str) -> impl Iterator<Item = &Image<'a>> {
        self.images
            .iter()
            .filter(move |image| image.source == source)
    }
}

/// Whether a package's image is what `uname -r` names.
#[must_use]
pub fn boots_as(package: &Package, running: &str) -> bool {
    match package.kind {
        PackageType::Deb => [
            "linux-image-",
            "linux-image-unsigned-",
            "linux-modules-",
            "linux-modules-extra-",
        ]
        .iter()
        .any(|prefix| package.name.strip_prefix(prefix) == Some(running)),
        PackageType::Rpm => rpm_boots_as(package, running),
        // `6.6.1.arch1-1` boots as `6.6.1-arch1-1`, with the flavour at the end for all but the plain kernel.
        PackageType::Alpm => running.starts_with(
            &package
                .version
                .replace(".arch", "-arch")
                .replace(".zen", "-zen"),
        ),
        // `6.6.1-r0` of `linux-lts` boots as `6.6.1-0-lts`.
        PackageType::Apk => running.starts_with(&package.version.replace("-r", "-")),
        _ => false,
    }
}

/// `5.14.0-70.13.1.el9_0` boots as that, with the architecture and `+debug` or `+rt` behind it; SUSE's
/// `5.3.18-59.37.2` boots as `5.3.18-59.37-default`: the last number counts rebuilds and is left out.
fn rpm_boots_as(package: &Package, running: &str) -> bool {
    let version = package
        .version
        .split_once(':')
        .map_or(package.version.as_str(), |(_, rest)| rest);
    if let Some(rest) = running.strip_prefix(version) {
        return rest.is_empty() || rest.starts_with(['.', '+', '-']);
    }
    let base = running.rsplit_once('-').map_or(running, |(base, _)| base);
    version
        .strip_prefix(base)
        .is_some_and(|rest| rest.starts_with('.'))
}
