//! Names and versions of packages, by the rules of each package manager.

use super::{Fault, NAME_BYTES_MAX, of};
use crate::refusal::TextFault;
use overlock_versions::{Scheme, key};

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

fn no_dash_at_end(text: &str) -> Fault {
    if text.ends_with('-') {
        return Err(TextFault::DashAtEnd);
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
}
