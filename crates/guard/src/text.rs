//! What each text of a plan may hold.
//!
//! Names, versions and paths end up in arguments of package managers and `systemctl`, which are started by argv and
//! never through a shell (R2, T5). What is left to guard against is a word that such a program reads as something else:
//! an option, a pattern, a path, a removal. So each field takes the characters of its own standard and no others.

use crate::refusal::TextFault;
use overlock_versions::{Scheme, key};

type Fault = Result<(), TextFault>;

/// Bytes of a name or a version. dpkg and rpm put all three parts into one file name, whose bound is 255.
const NAME_BYTES_MAX: usize = 255;
/// Bytes of an architecture; the longest of dpkg's table has 22.
const ARCH_BYTES_MAX: usize = 32;
/// Bytes of a vulnerability's id.
const ID_BYTES_MAX: usize = 128;

/// A package manager that closures may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manager {
    Deb,
    Rpm,
}

impl Manager {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "deb" => Some(Self::Deb),
            "rpm" => Some(Self::Rpm),
            _ => None,
        }
    }

    pub(crate) fn scheme(self) -> Scheme {
        match self {
            Self::Deb => Scheme::Dpkg,
            Self::Rpm => Scheme::Rpm,
        }
    }

    /// Debian Policy, section 5.6.1; for rpm the characters that `rpmbuild` lets into a name (`Name` tag).
    ///
    /// Narrower than both in one point: apt reads `NAME-` as "remove NAME", so no name ends so. (`NAME+` asks to install,
    /// which is what we do anyway, and `g++` is a name.)
    pub(crate) fn package_name(self, name: &str) -> Fault {
        match self {
            Self::Deb => {
                let first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
                let rest = |byte| first(byte) || b"+.-".contains(&byte);
                of(name, NAME_BYTES_MAX, first, rest)?;
                if name.len() < 2 {
                    return Err(TextFault::TooShort);
                }
            }
            Self::Rpm => {
                let first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                of(name, NAME_BYTES_MAX, first, |byte| {
                    first(byte) || b"+.-".contains(&byte)
                })?;
            }
        }
        no_dash_at_end(name)
    }

    /// Debian Policy, section 5.6.12; for rpm `[epoch:]version-release` with the characters of both tags.
    pub(crate) fn version(self, version: &str) -> Fault {
        let more: &[u8] = match self {
            Self::Deb => b".+~:-",
            Self::Rpm => b".+~:-_^",
        };
        let first = |byte: u8| byte.is_ascii_alphanumeric();
        of(version, NAME_BYTES_MAX, first, |byte| {
            first(byte) || more.contains(&byte)
        })?;
        no_dash_at_end(version)?;
        key(self.scheme(), version)
            .map(drop)
            .map_err(|_| TextFault::NoVersion)
    }
}

/// An architecture in dpkg's or rpm's word.
pub(crate) fn arch(arch: &str) -> Fault {
    let first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    of(arch, ARCH_BYTES_MAX, first, |byte| {
        first(byte) || b"_-".contains(&byte)
    })
}

/// A host's name: RFC 1123, section 2.1, and the `_` that some have. It is for people only, and may be empty.
pub(crate) fn host_name(name: &str) -> Fault {
    if name.is_empty() {
        return Ok(());
    }
    word(name)
}

/// A fleet's name, or a release such as `debian:12`.
pub(crate) fn word(word: &str) -> Fault {
    let first = |byte: u8| byte.is_ascii_alphanumeric();
    of(word, NAME_BYTES_MAX, first, |byte| {
        first(byte) || b"._:-".contains(&byte)
    })
}

/// `CVE-2026-1`, `GHSA-…`, `DSA-5999-1`, `RUSTSEC-…`.
pub(crate) fn vulnerability(id: &str) -> Fault {
    let first = |byte: u8| byte.is_ascii_alphanumeric();
    of(id, ID_BYTES_MAX, first, |byte| {
        first(byte) || b"._:-".contains(&byte)
    })
}

/// A package of any ecosystem (`openssl`, `@scope/name`, `group:artifact`, `example.org/module`); it is only compared.
pub(crate) fn any_package(name: &str) -> Fault {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || b"@_".contains(&byte);
    of(name, NAME_BYTES_MAX, first, |byte| {
        first(byte) || b"._+~:/-".contains(&byte)
    })?;
    no_traversal(name)
}

/// A repository's short name, as `example.org/bookworm-security/main`.
pub(crate) fn origin(origin: &str) -> Fault {
    let first = |byte: u8| byte.is_ascii_alphanumeric();
    of(origin, NAME_BYTES_MAX, first, |byte| {
        first(byte) || b"._+~:@/=,-".contains(&byte)
    })?;
    no_traversal(origin)
}

/// A file's name below a repository's address. `./` in front is how flat repositories write it.
///
/// Escapes are looked through: `%2e%2e%2f` must not become `../` in whatever decodes it later.
pub(crate) fn path(path: &str, bytes_max: usize) -> Fault {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || b"._".contains(&byte);
    if path.starts_with('/') {
        return Err(TextFault::Absolute);
    }
    of(path, bytes_max, first, |byte| {
        byte.is_ascii_alphanumeric() || b"._+~:@/=,^%-".contains(&byte)
    })?;
    let path = path.strip_prefix("./").unwrap_or(path);
    if path.split('/').any(|part| part.starts_with('-')) {
        return Err(TextFault::LeadingDash);
    }
    no_traversal(path)?;
    let mut escapes = path.split('%');
    let _before = escapes.next();
    for escape in escapes {
        let byte = escape
            .get(..2)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .ok_or(TextFault::Character('%'))?;
        if !byte.is_ascii_graphic() || b"./\\%".contains(&byte) {
            return Err(TextFault::Traversal);
        }
    }
    Ok(())
}

/// A sentence for people: anything printable.
pub(crate) fn prose(text: &str, bytes_max: usize) -> Fault {
    if text.len() > bytes_max {
        return Err(TextFault::TooLong { bytes_max });
    }
    if text.trim().is_empty() {
        return Err(TextFault::Empty);
    }
    if text.starts_with('-') {
        return Err(TextFault::LeadingDash);
    }
    match text.chars().find(|character| !is_printable(*character)) {
        Some(character) => Err(TextFault::Character(character)),
        None => Ok(()),
    }
}

/// Neither a control character nor one that turns or hides what stands beside it.
fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Types of units that run programs of packages. `systemctl restart` of any other type mounts, unmounts, stops or
/// reboots: `restart poweroff.target` is a way to switch a host off.
const UNIT_TYPES: [&str; 4] = [".service", ".socket", ".timer", ".path"];
/// Services whose start ends the running system or opens it; none of them has anything of a package to renew.
const UNITS_REFUSED: [&str; 17] = [
    "debug-shell.service",
    "emergency.service",
    "rescue.service",
    "halt-local.service",
    "systemd-exit.service",
    "systemd-factory-reset.service",
    "systemd-factory-reset-complete.service",
    "systemd-factory-reset-request.service",
    "systemd-halt.service",
    "systemd-hibernate.service",
    "systemd-hybrid-sleep.service",
    "systemd-kexec.service",
    "systemd-poweroff.service",
    "systemd-reboot.service",
    "systemd-soft-reboot.service",
    "systemd-suspend.service",
    "systemd-suspend-then-hibernate.service",
];
/// The same for whole families: they switch the root or hand the host to another installation.
const UNIT_PREFIXES_REFUSED: [&str; 1] = ["initrd-"];

/// A unit that a step may restart: a valid name (`systemd.unit(5)`, "Description"), of a type that runs programs.
pub(crate) fn unit(unit: &str) -> Fault {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    of(unit, NAME_BYTES_MAX, first, |byte| {
        byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte)
    })?;
    let stem = UNIT_TYPES
        .iter()
        .find_map(|suffix| unit.strip_suffix(suffix));
    // `name@.service` is a template: there is nothing of it to restart.
    if stem.is_none_or(|stem| stem.is_empty() || stem.ends_with('@')) {
        return Err(TextFault::NoUnit);
    }
    let refused = UNITS_REFUSED.contains(&unit)
        || UNIT_PREFIXES_REFUSED
            .iter()
            .any(|prefix| unit.starts_with(prefix));
    if refused {
        return Err(TextFault::UnitRefused);
    }
    Ok(())
}

/// Not empty, bounded, the first byte and each other one from its own set.
fn of(
    text: &str,
    bytes_max: usize,
    first: impl Fn(u8) -> bool,
    rest: impl Fn(u8) -> bool,
) -> Fault {
    if text.len() > bytes_max {
        return Err(TextFault::TooLong { bytes_max });
    }
    if text.starts_with('-') {
        return Err(TextFault::LeadingDash);
    }
    let mut characters = text.chars();
    let Some(start) = characters.next() else {
        return Err(TextFault::Empty);
    };
    let within = |character: char, set: &dyn Fn(u8) -> bool| {
        character.is_ascii() && u8::try_from(character).is_ok_and(set)
    };
    if !within(start, &first) {
        return Err(TextFault::Character(start));
    }
    match characters.find(|character| !within(*character, &rest)) {
        Some(character) => Err(TextFault::Character(character)),
        None => Ok(()),
    }
}

fn no_dash_at_end(text: &str) -> Fault {
    if text.ends_with('-') {
        return Err(TextFault::DashAtEnd);
    }
    Ok(())
}

/// Parts between `/` that are empty, `.` or `..`.
fn no_traversal(text: &str) -> Fault {
    if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(TextFault::Traversal);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_of_both_managers_pass() {
        for name in [
            "g++",
            "libstdc++6",
            "0ad",
            "libapache2-mod-php8.2",
            "linux-image-6.1.0-31-amd64",
        ] {
            assert_eq!(Manager::Deb.package_name(name), Ok(()), "{name}");
            assert_eq!(Manager::Rpm.package_name(name), Ok(()), "{name}");
        }
        assert_eq!(Manager::Rpm.package_name("NetworkManager"), Ok(()));
        assert!(Manager::Deb.package_name("NetworkManager").is_err());
        assert_eq!(Manager::Deb.package_name("x"), Err(TextFault::TooShort));
        for version in ["1:2.3~rc1-1+deb12u1", "3.0.15-1~deb12u1", "2023c-5+deb12u1"] {
            assert_eq!(Manager::Deb.version(version), Ok(()), "{version}");
        }
        for version in ["1:5.1.8-9.el9_4", "5.1^git20240101-1.fc40", "0:2-1"] {
            assert_eq!(Manager::Rpm.version(version), Ok(()), "{version}");
        }
    }

    /// T5: apt takes `NAME-` for a removal.
    #[test]
    fn word_that_apt_reads_as_a_removal_is_refused() {
        assert_eq!(
            Manager::Deb.package_name("libc6-"),
            Err(TextFault::DashAtEnd)
        );
        assert_eq!(Manager::Deb.version("2.36-"), Err(TextFault::DashAtEnd));
        assert_eq!(
            Manager::Rpm.package_name("glibc-"),
            Err(TextFault::DashAtEnd)
        );
    }

    /// REQ-3: there is no verb that stops a host, and none hidden in the name of a unit.
    #[test]
    fn unit_that_would_stop_the_host_is_refused() {
        for unit_name in [
            "ssh.service",
            "cron.timer",
            "dbus.socket",
            "getty@tty1.service",
            "foo\\x2dbar.service",
        ] {
            assert_eq!(unit(unit_name), Ok(()), "{unit_name}");
        }
        for unit_name in [
            "poweroff.target",
            "reboot.target",
            "ctrl-alt-del.target",
            "-.mount",
            "-.slice",
            "home.mount",
            "user-1000.slice",
            "dev-sda1.device",
            "swap.swap",
            "session-1.scope",
        ] {
            assert!(unit(unit_name).is_err(), "{unit_name}");
        }
        for unit_name in [
            "systemd-reboot.service",
            "emergency.service",
            "initrd-switch-root.service",
            "debug-shell.service",
        ] {
            assert_eq!(unit(unit_name), Err(TextFault::UnitRefused), "{unit_name}");
        }
        for unit_name in [
            "getty@.service",
            ".service",
            "ssh",
            "/etc/systemd/system/x.service",
            "*.service",
            "a b.service",
        ] {
            assert!(unit(unit_name).is_err(), "{unit_name}");
        }
    }

    #[test]
    fn path_stays_below_its_repository() {
        for good in [
            "pool/main/o/openssl/openssl_3.0.15-1~deb12u1_amd64.deb",
            "./openssl_1%3a3_amd64.deb",
            "Packages/g/glibc-2.34-100.el9_4.2.x86_64.rpm",
            "pool/main/g/g++/a^b=c,d@e.deb",
        ] {
            assert_eq!(path(good, 4096), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a/./b",
            "a//b",
            "a/",
            ".",
            "..",
            "././x",
            "./../x",
            "-o/x",
            "a/-x",
            "%2e%2e/x",
            "a%2Fb",
            "a%5cb",
            "a%00b",
            "a%252e",
            "a%",
            "a%g0",
            "a\\b",
            "a b",
            "a\nb",
            "a?b",
            "a#b",
            "é",
        ] {
            assert!(path(bad, 4096).is_err(), "{bad:?}");
        }
        assert!(path(&"a".repeat(4097), 4096).is_err());
    }

    #[test]
    fn prose_is_printable_and_bounded() {
        assert_eq!(
            prose("BOD 26-04: exploited, on the internet; keep evidence", 100),
            Ok(())
        );
        assert_eq!(prose("für Menschen", 100), Ok(()));
        for bad in [
            "",
            " ",
            "--option",
            "a\nb",
            "a\u{1b}[2J",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{e0041}b",
            &"a".repeat(101),
        ] {
            assert!(prose(bad, 100).is_err(), "{bad:?}");
        }
    }
}
