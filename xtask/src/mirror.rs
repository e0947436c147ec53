//! `cargo xtask mirror`: lays the shared data out as the publishers do, `<host>/<path>` in their own formats.
//!
//! The product knows only publishers; with `OVERLOCK_MIRROR=target/mirror` it syncs from here as from them. Tests and
//! benchmarks call it. Records are passed on one at a time, so the memory does not grow with the data. What we have
//! only in excerpts (Debian's tracker) or as an oracle (`debian-tracker-derived-fixed`) is not laid out.
//!
//! ```text
//! shared/data ──► sources (which file is which feed) ──► layout (paths of the publishers) ──► target/mirror
//!                             └─► records: one JSON line ──► one file of the publisher's archive
//! ```

mod layout;
mod lines;
mod records;
mod rustsec;
mod sources;

use anyhow::{Context, Result, bail};
use layout::Layout;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Instant;

/// Changes with the form of what is written, so that an older mirror is made anew.
const VERSION: u32 = 1;

/// Written last: a mirror that has it is whole.
const STAMP: &str = ".mirror";

/// Lays the mirror out below `to`, unless it is there and made from the same data.
pub fn run(to: &Path) -> Result<()> {
    let Some(shared) = overlock_testkit::shared_folder() else {
        bail!(
            "there is no shared data: neither `../shared` nor OVERLOCK_SHARED holds `data/README.md`"
        );
    };
    let data = shared.join("data");
    let stamp = stamp(&data)?;
    if fs::read_to_string(to.join(STAMP)).is_ok_and(|there| there == stamp) {
        println!("{} is current", to.display());
        return Ok(());
    }
    let start = Instant::now();
    fs::create_dir_all(to).with_context(|| format!("cannot make `{}`", to.display()))?;
    // A run that ends early must not leave the mark of an older whole one.
    if to.join(STAMP).exists() {
        fs::remove_file(to.join(STAMP))?;
    }
    let layout = Layout::new(to);
    let sources = sources::all();
    // The largest source takes as long as all others together: it gets a thread of its own.
    let (large, small): (Vec<_>, Vec<_>) = sources.iter().partition(|source| source.is_large());
    thread::scope(|scope| {
        let workers = [large, small].map(|part| {
            let (layout, data) = (&layout, &data);
            scope.spawn(move || {
                part.into_iter()
                    .try_for_each(|source| source.lay(data, layout))
            })
        });
        workers
            .into_iter()
            .try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })?;
    fs::write(to.join(STAMP), stamp)?;
    println!(
        "{} laid out in {:.1} s",
        to.display(),
        start.elapsed().as_secs_f32()
    );
    Ok(())
}

/// What the mirror is made from: the form, the data's own hashes, the publishers' paths.
fn stamp(data: &Path) -> Result<String> {
    let sums = data.join("SHA256SUMS");
    let sums =
        fs::read_to_string(&sums).with_context(|| format!("cannot read `{}`", sums.display()))?;
    let paths: Vec<String> = overlock_feeds::publishers::all()
        .iter()
        .filter_map(overlock_feeds::publishers::Publisher::mirror_path)
        .collect();
    Ok(format!(
        "overlock mirror {VERSION}\n{sums}\n{}\n",
        paths.join("\n")
    ))
}

#[cfg(test)]
mod tests;
