//! Compression and tar as the package readers use them.

use crate::Target;
use crate::pack::{self, packed, tar};
use overlock_packages::archive::{TarReader, decoded};
use std::io::Read;

const LIMIT: u64 = 1 << 20;

pub const TARGETS: &[Target] = &[
    Target {
        name: "archive_decoded",
        seeds: || {
            let mut seeds = packed(b"overlock overlock overlock overlock\n");
            seeds.extend([pack::XZ.to_vec(), pack::BZIP2.to_vec()]);
            seeds
        },
        run: |input| {
            let mut sink = Vec::new();
            let _ = decoded(input, LIMIT).and_then(|mut reader| reader.read_to_end(&mut sink));
            assert!(sink.len() as u64 <= LIMIT);
        },
    },
    Target {
        name: "archive_tar",
        seeds: || {
            let plain = tar(&[
                ("a", b"1"),
                ("folder/b", &[7; 600]),
                ("././@PaxHeader", b"20 path=other/name\n"),
            ]);
            let mut long = tar(&[("././@LongLink", b"a/very/long/name"), ("short", b"2")]);
            long[156] = b'L';
            let mut pax = plain.clone();
            let at = pax.len() - 1024 - 1024 + 156;
            pax[at] = b'x';
            vec![plain, long, pax]
        },
        run: |input| {
            let mut reader = TarReader::new(input);
            let mut entries = 0;
            while let Ok(Some(_)) = reader.next_file() {
                entries += 1;
                assert!(
                    entries <= input.len() / 512 + 1,
                    "a member without a header"
                );
                if entries % 2 == 0 {
                    let _ = reader.read_file(LIMIT);
                }
            }
        },
    },
];
