//! Executable file mappings of a process, from `/proc/PID/maps` (proc_pid_maps(5)).
//!
//! Called by [`crate::processes`] for each process, and by a fuzz target. Lines are read as bytes and borrowed, since
//! a busy host has a hundred thousand of them.

/// One executable mapping of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mapping<'a> {
    /// Path as the kernel prints it, without the mark of deletion.
    pub path: &'a [u8],
    /// Device: major and minor number.
    pub device: (u32, u32),
    /// Inode number, never 0.
    pub inode: u64,
    /// Whether the kernel marks the name as deleted. A file whose name really ends in ` (deleted)` looks the same.
    pub deleted: bool,
}

const DELETED: &[u8] = b" (deleted)";

/// Names that stand for memory, not for code that a package installed. `/tmp` and `/var/tmp` hold what just-in-time
/// compilers and installers write and unlink at once.
const NOT_INSTALLED: [&[u8]; 9] = [
    b"/dev/",
    b"/memfd:",
    b"/SYSV",
    b"/tmp/",
    b"/var/tmp/",
    b"/anon_hugepage",
    b"/[aio]",
    b"/proc/",
    b"/sys/",
];

/// The executable mappings of files that packages could have installed, in the order of the text.
///
/// Lines that do not fit the format are left out: the kernel writes none, so they say nothing.
pub fn parse_maps(text: &[u8]) -> impl Iterator<Item = Mapping<'_>> {
    text.split(|byte| *byte == b'\n').filter_map(parse_line)
}

/// `ADDRESS PERMS OFFSET MAJOR:MINOR INODE      PATH`
fn parse_line(line: &[u8]) -> Option<Mapping<'_>> {
    let space = memchr::memchr(b' ', line)?;
    // Most lines are not executable; they end here.
    if *line.get(space + 3)? != b'x' {
        return None;
    }
    let (_permissions, rest) = word(line.get(space + 1..)?)?;
    let (_offset, rest) = word(rest)?;
    let (device, rest) = word(rest)?;
    let (inode, rest) = word(rest)?;
    let path = rest.trim_ascii_start();
    if path.first() != Some(&b'/') || NOT_INSTALLED.iter().any(|prefix| path.starts_with(prefix)) {
        return None;
    }
    let colon = memchr::memchr(b':', device)?;
    let device = (
        number(device.get(..colon)?, 16)?,
        number(device.get(colon + 1..)?, 16)?,
    );
    let inode = std::str::from_utf8(inode)
        .ok()?
        .parse()
        .ok()
        .filter(|inode| *inode != 0)?;
    Some(match path.strip_suffix(DELETED) {
        Some(path) => Mapping {
            path,
            device,
            inode,
            deleted: true,
        },
        None => Mapping {
            path,
            device,
            inode,
            deleted: false,
        },
    })
}

/// The first word and what follows the space after it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr::memchr(b' ', text)?;
    Some((text.get(..space)?, text.get(space + 1..)?))
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REAL: &[u8] = b"\
56265fd71000-56265fd73000 r--p 00000000 fe:00 247030                     /usr/bin/cat\n\
56265fd73000-56265fd78000 r-xp 00002000 fe:00 247030                     /usr/bin/cat\n\
7f1c2a000000-7f1c2a021000 rw-p 00000000 00:00 0 \n\
7f1c2b000000-7f1c2b155000 r-xp 00026000 08:1a 9007199254740993           /usr/lib/x86_64-linux-gnu/libc.so.6 (deleted)\n\
7f1c2b200000-7f1c2b201000 r-xp 00000000 00:01 4                          /memfd:jit (deleted)\n\
7f1c2b300000-7f1c2b301000 rwxs 00000000 00:05 32769                      /SYSV00000000 (deleted)\n\
7f1c2b400000-7f1c2b401000 rwxs 00000000 00:01 5                          /dev/shm/pool (deleted)\n\
7f1c2b500000-7f1c2b501000 rwxp 00000000 fe:00 77                         /tmp/ffi123 (deleted)\n\
7f1c2b600000-7f1c2b601000 rwxs 00000000 00:0e 1025                       anon_inode:[perf_event]\n\
7f1c2b700000-7f1c2b701000 rwxs 00000000 00:12 9                          /[aio] (deleted)\n\
7f1c2b800000-7f1c2b801000 r-xp 00000000 fd:02 12                         /opt/with space/a b.so\n\
7ffd1c9f5000-7ffd1c9f7000 r-xp 00000000 00:00 0                          [vdso]\n";

    #[test]
    fn only_executable_files_that_a_package_could_own_are_kept() {
        let found: Vec<_> = parse_maps(REAL).collect();
        let expected = [
            (&b"/usr/bin/cat"[..], (0xfe, 0), 247_030, false),
            (
                b"/usr/lib/x86_64-linux-gnu/libc.so.6",
                (8, 0x1a),
                9_007_199_254_740_993,
                true,
            ),
            (b"/opt/with space/a b.so", (0xfd, 2), 12, false),
        ];
        let expected = expected.map(|(path, device, inode, deleted)| Mapping {
            path,
            device,
            inode,
            deleted,
        });
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn any_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            parse_maps(&bytes).for_each(|mapping| assert!(mapping.path.starts_with(b"/")));
        }

        #[test]
        fn damaged_lines_are_no_panic(cut in 0..REAL.len(), at in 0..REAL.len(), byte in any::<u8>()) {
            let mut text = REAL.to_vec();
            text[at] = byte;
            text.truncate(cut);
            parse_maps(&text).count();
        }

        #[test]
        fn every_path_that_is_printed_is_read_back(path in "/[a-z][a-z /().;]{0,30}[a-z]", inode in 1_u64.., major in 0_u32..0xfff, minor in 0_u32..0xf_ffff) {
            prop_assume!(!NOT_INSTALLED.iter().any(|prefix| path.as_bytes().starts_with(prefix)));
            let line = format!("1000-2000 r-xp 00000000 {major:02x}:{minor:02x} {inode} {path}");
            let found: Vec<_> = parse_maps(line.as_bytes()).collect();
            prop_assert_eq!(found, vec![Mapping { path: path.as_bytes(), device: (major, minor), inode, deleted: false }]);
        }
    }
}
