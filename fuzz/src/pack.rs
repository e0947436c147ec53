//! Seeds that are packed: compression, tar, zip, and the databases of rpm.

use crate::parts;
use std::io::{Cursor, Write};

/// As it is, and by each method that is written here.
pub fn packed(bytes: &[u8]) -> Vec<Vec<u8>> {
    vec![bytes.to_vec(), gz(bytes), zst(bytes), lz4(bytes)]
}

pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut writer = lz4_flex::frame::FrameEncoder::new(Vec::new());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// The word `overlock` and a line feed, by xz and by bzip2: their encoders are not among our dependencies.
pub const XZ: &[u8] = b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4F\x02\0!\x01\x16\0\0\0t/\xe5\xa3\x01\0\x08overlock\n\0\0\0\0~;8\xb2\xf59\xba\xdf\0\x01!\x09l\x18\xc5\xd5\x1f\xb6\xf3}\x01\0\0\0\0\x04YZ";
pub const BZIP2: &[u8] = b"BZh91AY&SY\xbd2W\xce\0\0\x03A\x80\0\x10\n\x0c\x91\0 \0\x22\x1ah\xda\x840!\xf1\xa1\x09\xe2\xeeH\xa7\n\x12\x17\xa6J\xf9\xc0";

/// A tar of regular files.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in files {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend(header);
        out.extend(*bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

/// A zip archive whose members are stored as they are.
pub fn zip<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    method: zip::CompressionMethod,
) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        writer.start_file(name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// An rpm header: string tags and number tags (rpm's "Header format").
pub fn rpm_header() -> Vec<u8> {
    let texts = [
        (1000, "bash"),
        (1001, "5.1.8"),
        (1002, "9.el9"),
        (1011, "Example"),
        (1022, "x86_64"),
        (1044, "bash-5.1.8-9.el9.src.rpm"),
        (5096, "nodejs:18:9030020231213:rhel9"),
    ];
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, number) in [(1003u32, 1u32), (1008, 1_700_000_000)] {
        for word in [tag, 4, store.len() as u32, 1] {
            index.extend(word.to_be_bytes());
        }
        store.extend(number.to_be_bytes());
    }
    for (tag, text) in texts {
        for word in [tag, 6, store.len() as u32, 1] {
            index.extend(word.to_be_bytes());
        }
        store.extend(text.as_bytes());
        store.push(0);
    }
    let counts = [(index.len() / 16) as u32, store.len() as u32].map(u32::to_be_bytes);
    [counts.concat(), index, store].concat()
}

/// An `.rpm` file up to the payload.
pub fn rpm_file() -> Vec<u8> {
    let mut lead = vec![0; 96];
    lead[..4].copy_from_slice(&[0xed, 0xab, 0xee, 0xdb]);
    let header = [&[0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0][..], &rpm_header()].concat();
    let mut out = [lead, header.clone()].concat();
    out.resize(out.len().next_multiple_of(8), 0);
    out.extend(header);
    out
}

/// `Packages.db` with one package.
pub fn ndb() -> Vec<u8> {
    let word = |text: &[u8; 4]| u32::from_le_bytes(*text);
    let content = rpm_header();
    let blocks = (16 + content.len() + 12).div_ceil(16);
    let mut out = [word(b"RpmP"), 0, 1, 1, 2, 0, 0, 0]
        .map(u32::to_le_bytes)
        .concat();
    out.extend(
        [word(b"Slot"), 1, 256, blocks as u32]
            .map(u32::to_le_bytes)
            .concat(),
    );
    while out.len() < 4096 {
        out.extend([word(b"Slot"), 0, 0, 0].map(u32::to_le_bytes).concat());
    }
    let mut blob = [word(b"BlbS"), 1, 1, content.len() as u32]
        .map(u32::to_le_bytes)
        .concat();
    blob.extend(&content);
    blob.resize(blocks * 16 - 12, 0);
    let (low, high) = blob.iter().fold((1u32, 0u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65521;
        (low, (high + low) % 65521)
    });
    blob.extend(
        [high << 16 | low, content.len() as u32, word(b"BlbE")]
            .map(u32::to_le_bytes)
            .concat(),
    );
    [out, blob].concat()
}

/// `rpmdb.sqlite` and its `-wal`, written by SQLite itself: one row in the file, one in the log, a blob that overflows.
pub fn sqlite() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rpmdb.sqlite");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "PRAGMA page_size = 512; CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);",
        )
        .unwrap();
    let add = |blob: &[u8]| {
        connection
            .execute("INSERT INTO Packages (blob) VALUES (?1)", [blob])
            .unwrap()
    };
    add(&rpm_header());
    add(&[rpm_header(), vec![0; 2000]].concat());
    let plain = std::fs::read(&path).unwrap();
    connection
        .pragma_update(None, "journal_mode", "wal")
        .unwrap();
    add(&rpm_header());
    let (file, log) = (
        std::fs::read(&path).unwrap(),
        std::fs::read(folder.path().join("rpmdb.sqlite-wal")).unwrap(),
    );
    vec![plain, parts::join([&file[..], &log])]
}
