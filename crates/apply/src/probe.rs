//! What a host must not lose by a patch: addresses, routes, name servers, mounts, listening sockets; and what it must not
//! gain: failed units (REQ-15).
//!
//! A probe is a set of lines, so that two of them are compared by what is gone and what is new.

use crate::program::{Call, Program};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Ports from here on are given out by the kernel (`net.ipv4.ip_local_port_range`'s usual start): a program that listens
/// there gets another one after each restart.
const EPHEMERAL: u16 = 32_768;

/// The state of a host at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    lines: BTreeSet<String>,
}

impl Probe {
    /// Looks at the running host.
    #[must_use]
    pub fn now() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let mut lines = BTreeSet::new();
        lines.extend(addresses(&read("/proc/net/fib_trie")));
        lines.extend(routes(&read("/proc/net/route")));
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            lines.extend(listening(&read(table)));
        }
        lines.extend(mounts(&read("/proc/self/mountinfo")));
        lines.extend(name_servers(&read("/etc/resolv.conf")));
        lines.extend(failed_units());
        Self { lines }
    }

    /// Whether a line is in it.
    #[must_use]
    pub fn has(&self, line: &str) -> bool {
        self.lines.contains(line)
    }

    /// As a text to be kept.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// From a kept text.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self {
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    /// What was lost since `before`, and which units failed since.
    #[must_use]
    pub fn harm_since(&self, before: &Self) -> Vec<String> {
        let lost = before
            .lines
            .difference(&self.lines)
            .filter(|line| !line.starts_with("failed "))
            .map(|line| format!("lost: {line}"));
        let failed = self
            .lines
            .difference(&before.lines)
            .filter(|line| line.starts_with("failed "))
            .cloned();
        lost.chain(failed).collect()
    }
}

/// Local IPv4 addresses: a leaf of the local table is an address line followed by its kind.
fn addresses(trie: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut address = "";
    for line in trie.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("|-- ") {
            address = rest;
        } else if line.contains("host LOCAL") {
            found.insert(format!("address {address}"));
        }
    }
    found
}

/// `Iface Destination Gateway …`, addresses as little-endian hex.
fn routes(table: &str) -> BTreeSet<String> {
    let address = |hex: &str| {
        u32::from_str_radix(hex, 16)
            .map(|bits| std::net::Ipv4Addr::from(bits.swap_bytes()).to_string())
            .ok()
    };
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            Some(format!(
                "route {}/{} via {} by {}",
                address(fields.get(1)?)?,
                address(fields.get(7)?)?,
                address(fields.get(2)?)?,
                fields.first()?
            ))
        })
        .collect()
}

/// Sockets in state 0A, LISTEN, on ports that are somebody's choice.
fn listening(table: &str) -> BTreeSet<String> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (_, port) = fields.get(1)?.rsplit_once(':')?;
            let port = u16::from_str_radix(port, 16).ok()?;
            (*fields.get(3)? == "0A" && port < EPHEMERAL).then(|| format!("listening tcp {port}"))
        })
        .collect()
}

/// Mount points of real file systems; what containers and sessions mount comes and goes.
fn mounts(info: &str) -> BTreeSet<String> {
    info.lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let point = left.split(' ').nth(4)?;
            let kind = right.split(' ').next()?;
            let passing = ["/run/", "/proc/", "/sys/", "/dev/", "/tmp/", "/var/lib/"]
                .iter()
                .any(|prefix| point.starts_with(prefix));
            (!passing && kind != "autofs").then(|| format!("mount {point}"))
        })
        .collect()
}

fn name_servers(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .map(|server| format!("name server {}", server.trim()))
        .collect()
}

fn failed_units() -> BTreeSet<String> {
    if !Path::new("/run/systemd/system").is_dir() {
        return BTreeSet::new();
    }
    let arguments = [
        "list-units",
        "--state=failed",
        "--plain",
        "--no-legend",
        "--full",
    ];
    let text = Call::new(Program::Systemctl, arguments)
        .output()
        .unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(|unit| format!("failed unit {unit}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_new_failures_are_harm_and_gain_is_not() {
        let before = Probe::from_text("listening tcp 22\nfailed unit old.service\nroute x\n");
        let after = Probe::from_text("listening tcp 80\nfailed unit new.service\nroute x\n");
        assert_eq!(
            after.harm_since(&before),
            ["lost: listening tcp 22", "failed unit new.service"]
        );
        assert!(before.harm_since(&before).is_empty());
        assert_eq!(Probe::from_text(&before.to_text()), before);
    }

    #[test]
    fn tables_of_the_kernel_are_read() {
        let route = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                     eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
        assert_eq!(
            routes(route).into_iter().collect::<Vec<_>>(),
            ["route 0.0.0.0/0.0.0.0 via 10.0.0.1 by eth0"]
        );
        let tcp = "  sl  local_address rem_address   st\n\
                   0: 00000000:0016 00000000:0000 0A 00\n\
                   1: 00000000:9C40 00000000:0000 0A 00\n\
                   2: 0100007F:0016 0100007F:D431 01 00\n";
        assert_eq!(
            listening(tcp).into_iter().collect::<Vec<_>>(),
            ["listening tcp 22"]
        );
        let trie = "Main:\n  +-- 0.0.0.0/0\n     |-- 10.0.0.5\n        /32 host LOCAL\n     |-- 10.0.0.255\n        /32 link BROADCAST\n";
        assert_eq!(
            addresses(trie).into_iter().collect::<Vec<_>>(),
            ["address 10.0.0.5"]
        );
        let info = "22 28 0:21 / /sys rw - sysfs sysfs rw\n29 28 8:2 / /boot rw - ext4 /dev/sda2 rw\n30 28 0:5 / /run/user/0 rw - tmpfs tmpfs rw\n";
        assert_eq!(
            mounts(info).into_iter().collect::<Vec<_>>(),
            ["mount /boot", "mount /sys"]
        );
    }

    #[test]
    fn this_machine_has_something_to_lose() {
        assert!(!Probe::now().to_text().is_empty());
    }
}
