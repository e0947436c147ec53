//! One record per line, read as a stream with bounded lines.

use anyhow::{Context, Result, ensure};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Longest record, in bytes; the longest real one has about 2 MB.
const LINE_BYTES_MAX: u64 = 32 << 20;

/// Calls `each` with every line of a `.jsonl.zst` file; answers how many there were.
pub fn each(path: &Path, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<u64> {
    let mut reader = BufReader::with_capacity(1 << 18, overlock_testkit::zstd_reader(path)?);
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        let read = reader
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(number);
        }
        number += 1;
        ensure!(
            (read as u64) < LINE_BYTES_MAX,
            "`{}` line {number} is too long",
            path.display()
        );
        let record = line.strip_suffix(b"\n").unwrap_or(&line);
        each(record).with_context(|| format!("`{}` line {number}", path.display()))?;
    }
}
