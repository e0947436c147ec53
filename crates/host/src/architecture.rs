//! The architecture of a root in the words of its package manager.
//!
//! Advisories and repositories name an architecture as dpkg, rpm or apk does (`amd64`, `x86_64`, `armv7`), and a
//! 64-bit kernel may run a 32-bit system; so the package manager's own record comes first, then the ELF header of
//! one of the root's programs (read, never executed), and the running machine's word last.

use overlock_model::os::Os;
use overlock_rootfs::Root;
use std::io::Read;

/// One architecture in the words of each package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Architecture {
    deb: &'static str,
    rpm: &'static str,
    apk: &'static str,
}

const fn words(deb: &'static str, rpm: &'static str, apk: &'static str) -> Architecture {
    Architecture { deb, rpm, apk }
}

const X86_64: Architecture = words("amd64", "x86_64", "x86_64");
const X86: Architecture = words("i386", "i686", "x86");
const ARM64: Architecture = words("arm64", "aarch64", "aarch64");
const ARM_HARD: Architecture = words("armhf", "armv7hl", "armv7");
const ARM_SOFT: Architecture = words("armel", "armv5tel", "armel");
const PPC64LE: Architecture = words("ppc64el", "ppc64le", "ppc64le");
const PPC64: Architecture = words("ppc64", "ppc64", "ppc64");
const S390X: Architecture = words("s390x", "s390x", "s390x");
const RISCV64: Architecture = words("riscv64", "riscv64", "riscv64");
const LOONG64: Architecture = words("loong64", "loongarch64", "loongarch64");
const MIPS64LE: Architecture = words("mips64el", "mips64el", "mips64el");

impl Architecture {
    /// The word that the package manager of `os` uses.
    #[must_use]
    pub fn word(self, os: &Os) -> &'static str {
        let is = |id: &str| os.id == id || os.id_like.iter().any(|like| like == id);
        if is("debian") || is("ubuntu") {
            self.deb
        } else if is("alpine") || os.id == "wolfi" || os.id == "chainguard" {
            self.apk
        } else {
            self.rpm
        }
    }

    /// The architecture of a machine word as `uname -m` prints it.
    #[must_use]
    pub fn from_machine(machine: &str) -> Option<Self> {
        Some(match machine {
            "x86_64" => X86_64,
            "i386" | "i486" | "i586" | "i686" => X86,
            "aarch64" => ARM64,
            "armv7l" | "armv8l" => ARM_HARD,
            "armv5tel" | "armv5tejl" => ARM_SOFT,
            "ppc64le" => PPC64LE,
            "ppc64" => PPC64,
            "s390x" => S390X,
            "riscv64" => RISCV64,
            "loongarch64" => LOONG64,
            "mips64" => MIPS64LE,
            _ => return None,
        })
    }

    /// The architecture that an ELF file was built for, from its header (System V ABI, chapter 4, and the
    /// processors' supplements for `e_machine` and `e_flags`).
    #[must_use]
    pub fn from_elf(header: &[u8]) -> Option<Self> {
        let (magic, rest) = header.split_first_chunk::<4>()?;
        if magic != b"\x7fELF" {
            return None;
        }
        let (is_64, is_little) = match rest {
            [class @ (1 | 2), data @ (1 | 2), ..] => (*class == 2, *data == 1),
            _ => return None,
        };
        let half: [u8; 2] = header.get(18..20)?.try_into().ok()?;
        let machine = if is_little {
            u16::from_le_bytes(half)
        } else {
            u16::from_be_bytes(half)
        };
        Some(match (machine, is_64, is_little) {
            (62, true, _) => X86_64,
            (3, false, _) => X86,
            (183, true, true) => ARM64,
            (40, false, true) => {
                let flags = u32::from_le_bytes(header.get(36..40)?.try_into().ok()?);
                // EF_ARM_ABI_FLOAT_SOFT; files without either mark come from hard-float toolchains of today.
                if flags & 0x200 == 0 {
                    ARM_HARD
                } else {
                    ARM_SOFT
                }
            }
            (21, true, true) => PPC64LE,
            (21, true, false) => PPC64,
            (22, true, false) => S390X,
            (243, true, true) => RISCV64,
            (258, true, true) => LOONG64,
            (8, true, true) => MIPS64LE,
            _ => return None,
        })
    }
}

/// Finds the architecture of a root. `machine` is `uname -m` of the running host, `None` for a root that does not run.
#[must_use]
pub fn of_root(root: &Root, os: &Os, machine: Option<&str>) -> Option<String> {
    // dpkg lists its own architecture before the foreign ones; the file exists only once one was added.
    for path in ["/var/lib/dpkg/arch", "/etc/apk/arch"] {
        if let Some(word) = first_word(root, path) {
            return Some(word);
        }
    }
    let found = PROGRAMS.iter().find_map(|path| elf_of(root, path));
    let found = found.or_else(|| Architecture::from_machine(machine?))?;
    Some(found.word(os).to_owned())
}

/// Programs that nearly every root has one of, and the package managers' own, which are never of a foreign
/// architecture.
const PROGRAMS: [&str; 8] = [
    "/usr/bin/dpkg",
    "/usr/bin/rpm",
    "/bin/rpm",
    "/sbin/apk",
    "/usr/bin/pacman",
    "/bin/sh",
    "/usr/bin/env",
    "/sbin/init",
];

fn first_word(root: &Root, path: &str) -> Option<String> {
    let bytes = root.read_optional(path, 4096).ok().flatten()?;
    let word = std::str::from_utf8(bytes.split(|byte| *byte == b'\n').next()?)
        .ok()?
        .trim();
    let is_word = !word.is_empty()
        && word.len() <= 32
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_word.then(|| word.to_owned())
}

fn elf_of(root: &Root, path: &str) -> Option<Architecture> {
    let mut header = Vec::with_capacity(64);
    root.open_file(path)
        .ok()?
        .take(64)
        .read_to_end(&mut header)
        .ok()?;
    Architecture::from_elf(&header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn os(id: &str, like: &str) -> Os {
        Os {
            id: id.into(),
            id_like: vec![like.into()],
            ..Os::default()
        }
    }

    fn header(class: u8, data: u8, machine: u16, flags: u32) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, data]);
        let (half, word) = if data == 1 {
            (machine.to_le_bytes(), flags.to_le_bytes())
        } else {
            (machine.to_be_bytes(), flags.to_be_bytes())
        };
        bytes[18..20].copy_from_slice(&half);
        bytes[36..40].copy_from_slice(&word);
        bytes
    }

    #[test]
    fn elf_headers_give_each_managers_word() {
        let table = [
            (header(2, 1, 62, 0), "amd64", "x86_64", "x86_64"),
            (header(1, 1, 3, 0), "i386", "i686", "x86"),
            (header(2, 1, 183, 0), "arm64", "aarch64", "aarch64"),
            (header(1, 1, 40, 0x500_0400), "armhf", "armv7hl", "armv7"),
            (header(1, 1, 40, 0x500_0200), "armel", "armv5tel", "armel"),
            (header(2, 1, 21, 2), "ppc64el", "ppc64le", "ppc64le"),
            (header(2, 2, 22, 0), "s390x", "s390x", "s390x"),
            (header(2, 1, 243, 0), "riscv64", "riscv64", "riscv64"),
        ];
        for (bytes, deb, rpm, apk) in table {
            let found = Architecture::from_elf(&bytes).unwrap();
            assert_eq!(found.word(&os("ubuntu", "debian")), deb);
            assert_eq!(found.word(&os("rocky", "rhel")), rpm);
            assert_eq!(found.word(&os("alpine", "")), apk);
        }
        assert_eq!(Architecture::from_elf(b"#!/bin/sh\n"), None);
    }

    #[test]
    fn the_package_managers_record_comes_before_elf_and_uname() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        assert_eq!(of_root(&root, &os("debian", ""), None), None);
        assert_eq!(
            of_root(&root, &os("debian", ""), Some("aarch64")).as_deref(),
            Some("arm64")
        );
        fs::create_dir_all(folder.path().join("bin")).unwrap();
        fs::write(folder.path().join("bin/sh"), header(1, 1, 3, 0)).unwrap();
        assert_eq!(
            of_root(&root, &os("debian", ""), Some("x86_64")).as_deref(),
            Some("i386")
        );
        fs::create_dir_all(folder.path().join("var/lib/dpkg")).unwrap();
        fs::write(folder.path().join("var/lib/dpkg/arch"), "amd64\ni386\n").unwrap();
        assert_eq!(
            of_root(&root, &os("debian", ""), Some("x86_64")).as_deref(),
            Some("amd64")
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Architecture::from_elf(&bytes);
            let mut elf = b"\x7fELF".to_vec();
            elf.extend(bytes);
            let _ = Architecture::from_elf(&elf);
        }
    }
}
