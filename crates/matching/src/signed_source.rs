//! The source behind a signed package.
//!
//! Boot loaders and kernels that are signed for Secure Boot are built from a second source package which only wraps
//! the first one's binaries. Advisories name the first. A plain join on the source name loses every kernel advisory
//! (`linux-image-*` comes from `linux-signed-amd64`).

use std::borrow::Cow;

/// Maps a signed source and its version to the source and version that advisories name; `None` when it is not one.
///
/// The wrapper writes the original version with `+` for `-`, since its own version must be native.
///
/// ```
/// use overlock_matching::unsigned_source;
/// let (source, version) = unsigned_source("linux-signed-amd64", "6.1.123+1").unwrap();
/// assert_eq!((source.as_ref(), version.as_str()), ("linux", "6.1.123-1"));
/// assert!(unsigned_source("openssl", "3.0.15-1").is_none());
/// ```
#[must_use]
pub fn unsigned_source<'a>(source: &'a str, version: &str) -> Option<(Cow<'a, str>, String)> {
    if let Some(flavour) = source.strip_prefix("linux-signed") {
        return Some((linux(flavour), first_plus_to_minus(version)));
    }
    if source.starts_with("grub-") && source.ends_with("-signed") {
        // `1+2.06+13+deb12u1`: the wrapper's own version, then the original one.
        let original = version
            .split_once('+')
            .map_or(version, |(_, original)| original);
        return Some((Cow::Borrowed("grub2"), first_plus_to_minus(original)));
    }
    if matches!(source, "grub2-signed" | "grub2-unsigned") {
        let original = version
            .split_once('+')
            .map_or(version, |(_, original)| original);
        return Some((Cow::Borrowed("grub2"), original.to_owned()));
    }
    if source == "shim-signed" {
        return Some((Cow::Borrowed("shim"), shim_version(version)?.to_owned()));
    }
    if source.starts_with("fwupd-") && source.ends_with("-signed") {
        let original = version
            .split_once('+')
            .map_or(version, |(_, original)| original);
        let name = if source.contains("efi") {
            "fwupd-efi"
        } else {
            "fwupd"
        };
        return Some((Cow::Borrowed(name), first_plus_to_minus(original)));
    }
    None
}

/// `-amd64` is Debian's `linux`; `-5.10-amd64` its `linux-5.10`; Ubuntu's `linux-signed-hwe-6.5` is `linux-hwe-6.5`.
fn linux(flavour: &str) -> Cow<'static, str> {
    const ARCHES: [&str; 6] = [
        "-amd64", "-arm64", "-i386", "-armhf", "-loong64", "-riscv64",
    ];
    let flavour = ARCHES
        .iter()
        .find_map(|arch| flavour.strip_suffix(arch))
        .unwrap_or(flavour);
    if flavour.is_empty() {
        Cow::Borrowed("linux")
    } else {
        Cow::Owned(format!("linux{flavour}"))
    }
}

fn first_plus_to_minus(version: &str) -> String {
    if version.contains('-') {
        version.to_owned()
    } else {
        version.replacen('+', "-", 1)
    }
}

/// `1.44~1+deb12u1+15.8-1~deb12u1` wraps shim `15.8-1~deb12u1`: the part that begins like `N.N` and has a revision.
fn shim_version(version: &str) -> Option<&str> {
    version
        .match_indices('+')
        .map(|(at, _)| version.get(at + 1..).unwrap_or_default())
        .find(|rest| {
            let upstream = rest.split('-').next().unwrap_or_default();
            rest.contains('-')
                && upstream.contains('.')
                && upstream.starts_with(|first: char| first.is_ascii_digit())
        })
}
