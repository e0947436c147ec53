//! What `uname -r` prints for a kernel package, and which flavour a kernel release is. Pure.
//!
//! Each packaging family builds the release string its own way; this table of rules is what lets an inventory be read
//! without the host: Debian puts the string into the package's name, the rpm and apk families put version, release
//! and flavour together, SUSE leaves the last rebuild number out.

use overlock_model::package::{Package, PackageType};

/// The release that `uname -r` prints once the kernel of this package is booted; `None` where the package holds no
/// kernel image (headers, modules, tools, and packages that only depend on the current kernel).
#[must_use]
pub fn of_package(package: &Package) -> Option<String> {
    match package.kind {
        PackageType::Deb => deb(&package.name),
        PackageType::Rpm => rpm(package),
        PackageType::Apk => apk(package),
        PackageType::Alpm => alpm(package),
        _ => None,
    }
}

/// `linux-image-6.1.0-29-amd64`, `linux-image-unsigned-5.15.0-69-generic`, `proxmox-kernel-6.8.12-4-pve-signed`.
fn deb(name: &str) -> Option<String> {
    let image = [
        "linux-image-unsigned-",
        "linux-image-",
        "proxmox-kernel-",
        "pve-kernel-",
    ]
    .iter()
    .find_map(|prefix| name.strip_prefix(prefix))?;
    let image = image.strip_suffix("-signed").unwrap_or(image);
    let names_a_release = image.starts_with(|first: char| first.is_ascii_digit())
        // `linux-image-amd64` and `proxmox-kernel-6.8` stand for whichever is current.
        && image.contains('-')
        && !image.starts_with("2.6-")
        && !image.ends_with("-dbg")
        && !image.ends_with("-dbgsym");
    names_a_release.then(|| image.to_owned())
}

/// Flavours of the SUSE kernels, whose release strings end in them.
const SUSE: [&str; 9] = [
    "default",
    "default-base",
    "azure",
    "preempt",
    "vanilla",
    "kvmsmall",
    "64kb",
    "pae",
    "longterm",
];

/// Flavours of the Red Hat kernels. `core` packages hold the image from release 8 on.
const RED_HAT: [&str; 17] = [
    "",
    "uek",
    "uek64k",
    "uek-debug",
    "rt",
    "rt-debug",
    "rt-64k",
    "debug",
    "64k",
    "64k-debug",
    "16k",
    "lt",
    "ml",
    "PAE",
    "lpae",
    "xen",
    "zfcpdump",
];

fn rpm(package: &Package) -> Option<String> {
    let rest = package.name.strip_prefix("kernel")?;
    let (_, rest) = split_stream(rest);
    let flavour = rest.strip_prefix('-').unwrap_or(rest);
    let flavour = if flavour == "core" {
        ""
    } else {
        flavour.strip_suffix("-core").unwrap_or(flavour)
    };
    let (version, release) = without_epoch(&package.version).rsplit_once('-')?;
    let is_suse = SUSE.contains(&flavour) || (flavour == "rt" && !has_red_hat_tag(release));
    if is_suse {
        let (release, flavour) = match flavour {
            "default-base" => (base_of(release), "default"),
            flavour => (release, flavour),
        };
        let built = release
            .rsplit_once('.')
            .map_or(release, |(built, _rebuild)| built);
        return Some(format!("{version}-{built}-{flavour}"));
    }
    if !RED_HAT.contains(&flavour) {
        return None;
    }
    let arch = package
        .arch
        .as_deref()
        .map_or(String::new(), |arch| format!(".{arch}"));
    // The variants below keep their name out of version and release, so uname adds it.
    let separator = if [".el5", ".el6", ".el7"]
        .iter()
        .any(|tag| release.contains(tag))
    {
        '.'
    } else {
        '+'
    };
    let suffix = match flavour {
        "debug" | "64k" | "16k" | "64k-debug" | "PAE" | "lpae" | "xen" | "zfcpdump" => {
            format!("{separator}{flavour}")
        }
        "uek-debug" => format!("{separator}debug"),
        "uek64k" => "+64k".to_owned(),
        // Real-time kernels of release 8 have `.rt7.72` in their release, later ones add `+rt`.
        "rt" | "rt-debug" | "rt-64k" if !release.contains(".rt") => format!("+{flavour}"),
        _ => String::new(),
    };
    Some(format!("{version}-{release}{arch}{suffix}"))
}

fn has_red_hat_tag(release: &str) -> bool {
    [".el", ".fc", ".amzn", ".rt"]
        .iter()
        .any(|tag| release.contains(tag))
}

/// The release of the kernel that a `kernel-default-base` was cut from: `K.B`, where K and B begin with the same
/// product number (`150300.59.49.1.150300.18.31.1`).
fn base_of(release: &str) -> &str {
    let product = release.split('.').next().unwrap_or(release);
    if product.len() < 4 {
        return release;
    }
    let again = format!(".{product}.");
    release
        .find(&again)
        .and_then(|at| release.get(..at))
        .unwrap_or(release)
}

/// `linux-lts` 6.6.7-r0 is `6.6.7-0-lts`.
fn apk(package: &Package) -> Option<String> {
    const FLAVOURS: [&str; 12] = [
        "lts",
        "virt",
        "stable",
        "edge",
        "vanilla",
        "hardened",
        "virthardened",
        "rpi",
        "rpi2",
        "rpi4",
        "openpax",
        "asahi",
    ];
    let flavour = package
        .name
        .strip_prefix("linux-")
        .filter(|flavour| FLAVOURS.contains(flavour))?;
    let (version, revision) = package.version.rsplit_once("-r")?;
    Some(format!("{version}-{revision}-{flavour}"))
}

/// `linux` 6.6.7.arch1-1 is `6.6.7-arch1-1`, `linux-lts` 6.6.7-1 is `6.6.7-1-lts`.
fn alpm(package: &Package) -> Option<String> {
    const NAMES: [&str; 6] = [
        "linux",
        "linux-lts",
        "linux-zen",
        "linux-hardened",
        "linux-rt",
        "linux-rt-lts",
    ];
    let name = NAMES.iter().find(|name| **name == package.name)?;
    let (version, revision) = without_epoch(&package.version).rsplit_once('-')?;
    let version = match version.rsplit_once('.') {
        Some((upstream, local)) if local.starts_with(|first: char| first.is_ascii_alphabetic()) => {
            format!("{upstream}-{local}")
        }
        _ => version.to_owned(),
    };
    let flavour = name.strip_prefix("linux").unwrap_or_default();
    Some(format!("{version}-{revision}{flavour}"))
}

fn without_epoch(version: &str) -> &str {
    version.split_once(':').map_or(version, |(_, rest)| rest)
}

/// The version stream that a distribution keeps in the package's name, apart from the rest of what follows `kernel`:
/// Amazon Linux ships `kernel` and `kernel6.12` side by side and the administrator chooses.
fn split_stream(after_kernel: &str) -> (&str, &str) {
    let end = after_kernel
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(after_kernel.len());
    after_kernel.split_at(end)
}

/// The stream in a kernel package's name; empty for nearly all.
#[must_use]
pub(crate) fn stream(package: &str) -> &str {
    package
        .strip_prefix("kernel")
        .map_or("", |rest| split_stream(rest).0)
}

/// The flavour of a kernel release: what has to be equal for one kernel to be the next version of another.
///
/// ```
/// use overlock_host::kernel_release::flavour;
/// assert_eq!(flavour("6.1.0-29-cloud-amd64"), "cloud-amd64");
/// assert_eq!(flavour("5.3.18-150300.59.49-default"), "default");
/// assert_eq!(flavour("5.4.17-2136.330.7.1.el7uek.x86_64"), "uek");
/// assert_eq!(flavour("5.14.0-70.13.1.el9_0.x86_64"), "");
/// ```
#[must_use]
pub fn flavour(release: &str) -> &str {
    const ARCHES: [&str; 8] = [
        ".x86_64", ".aarch64", ".ppc64le", ".ppc64", ".s390x", ".i686", ".armv7hl", ".riscv64",
    ];
    if let Some((built, after)) = ARCHES.iter().find_map(|arch| release.split_once(arch)) {
        let named = after.trim_start_matches(['+', '.']);
        let tags = [("uek", "uek"), (".rt", "rt"), ("elrepo", "elrepo")];
        return match tags.iter().find(|(tag, _)| built.contains(tag)) {
            Some((_, flavour)) if named.is_empty() => flavour,
            _ => named,
        };
    }
    let mut rest = release.split_once('-').map_or("", |(_upstream, rest)| rest);
    loop {
        let (part, next) = rest.split_once('-').unwrap_or((rest, ""));
        let next_is_number = next.starts_with(|first: char| first.is_ascii_digit());
        if part.is_empty()
            || !(is_build_number(part)
                || (is_local_version(part) && (next_is_number || part.starts_with("rc"))))
        {
            return rest;
        }
        rest = next;
    }
}

/// `29`, `0.bpo.15`, `150300.59.49`; but `686` and `4kc` are processors.
fn is_build_number(part: &str) -> bool {
    part.starts_with(|first: char| first.is_ascii_digit())
        && !matches!(part, "486" | "586" | "686" | "4kc" | "5kc")
}

/// `rc5`, `arch1`, `zen1`: letters, then digits.
fn is_local_version(part: &str) -> bool {
    let digits = part.trim_start_matches(|character: char| character.is_ascii_alphabetic());
    !digits.is_empty()
        && digits.len() < part.len()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
