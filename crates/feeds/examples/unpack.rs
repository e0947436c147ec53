//! Plain decompression of feeds, to measure the compiler against: `unpack FILE…` reads each to its end and drops it.

#![allow(clippy::print_stdout, reason = "a program for developers")]

use std::fs::File;
use std::io::{self, BufReader, Read};

fn main() -> io::Result<()> {
    let mut bytes = 0;
    for path in std::env::args().skip(1) {
        bytes += unpack(&path)?;
    }
    println!("bytes {bytes}");
    Ok(())
}

fn unpack(path: &str) -> io::Result<u64> {
    let mut file = BufReader::new(File::open(path)?);
    if path.ends_with(".zip") {
        let mut archive = zip::ZipArchive::new(file).map_err(io::Error::other)?;
        let mut bytes = 0;
        for member in 0..archive.len() {
            bytes += drain(&mut archive.by_index(member).map_err(io::Error::other)?)?;
        }
        return Ok(bytes);
    }
    if path.ends_with(".gz") {
        return drain(&mut flate2::bufread::MultiGzDecoder::new(file));
    }
    drain(&mut file)
}

fn drain(from: &mut dyn Read) -> io::Result<u64> {
    io::copy(from, &mut io::sink())
}
