//! The fleet in memory alone.

use super::checked::{Checked, json_lines, last};
use crate::{command, workspace};
use anyhow::{Result, ensure};

/// The fleet in one process: what a million hosts cost, and how that grows.
pub(super) fn in_memory(most: usize) -> Result<Vec<Checked>> {
    let data = workspace::root().join("target/bench/data");
    ensure!(
        data.join("index/current").is_file(),
        "no tables in `{}`; `cargo xtask bench scan` makes them",
        data.display()
    );
    let mut checked =
        Checked::new("hosts in memory, package sets of 700 packages drawn from real hosts");
    for (hosts, sets) in [(most / 100, 200), (most / 10, 2_000), (most, 10_000)] {
        println!("  {hosts} hosts in memory");
        let mut cargo = command::cargo(&["run", "--release", "--locked", "-p", "overlock-fleet"]);
        cargo.args(["--example", "million", "--"]).arg(&data);
        cargo.args([hosts.to_string(), sets.to_string()]);
        let figures = json_lines(&command::output(&mut cargo)?);
        let value = |name: &str| last(&figures, name);
        checked.tell(
            &format!("{hosts} hosts with {sets} distinct sets"),
            format!(
                "{:.0} bytes a host, peak {:.0} MiB, full match {:.0} ms",
                value("bytes_per_host")?,
                value("memory_peak_at_end_MiB")?,
                value("match_all_ms")?
            ),
        );
        if hosts == most {
            checked.most("peak MiB", value("memory_peak_at_end_MiB")?, 2048.0);
            checked.least(
                "full match, times faster than host by host",
                value("times_faster")?,
                100.0,
            );
            checked.most(
                "one new advisory to its hosts, ms",
                value("new_advisory_ms")?,
                50.0,
            );
            checked.tell(
                "vulnerability to hosts, median, µs",
                format!("{:.0}", value("cve_to_hosts_median_us")?),
            );
            checked.most(
                "vulnerability to hosts, slowest of all, ms",
                value("cve_to_hosts_max_us")? / 1000.0,
                1.0,
            );
        }
    }
    Ok(vec![checked])
}
