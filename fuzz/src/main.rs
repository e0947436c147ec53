//! The long run: libFuzzer over one target, which `OVERLOCK_FUZZ_TARGET` names.
//!
//! `cargo xtask fuzz` builds and starts it. With `OVERLOCK_FUZZ_SEEDS` it only writes the seeds of all targets into that
//! folder, one sub-folder each, and ends.

#![no_main]
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a program for developers that ends by panicking"
)]

use overlock_fuzz::{Target, targets};
use std::path::Path;
use std::sync::OnceLock;

static TARGET: OnceLock<&'static Target> = OnceLock::new();

fn begin() {
    if let Some(folder) = std::env::var_os("OVERLOCK_FUZZ_SEEDS") {
        write_seeds(Path::new(&folder)).expect("a folder for seeds");
        std::process::exit(0);
    }
    let name = std::env::var("OVERLOCK_FUZZ_TARGET").unwrap_or_default();
    let Some(target) = targets().find(|target| target.name == name) else {
        eprintln!("no fuzz target `{name}`");
        std::process::exit(2);
    };
    TARGET.get_or_init(|| target);
}

fn write_seeds(folder: &Path) -> std::io::Result<()> {
    for target in targets() {
        let folder = folder.join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}

libfuzzer_sys::fuzz_target!(init: begin(), |input: &[u8]| {
    TARGET.get().expect("set before the first input").check(input);
});
