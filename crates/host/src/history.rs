//! What dpkg upgraded and when, so that a scan can say which version a stale process still runs.
//!
//! A process that was started before an upgrade executes the version from before it; the log (dpkg(1), `--log`) tells
//! which that was. It holds local time without an offset, so the caller says which zone the host is in. Only the end
//! of the log is read: what matters is newer than the oldest running process.

use crate::printable::printable;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use overlock_rootfs::Root;
use std::io::{Read, Seek, SeekFrom};

/// Most bytes that are read of each log, from its end: about 60,000 lines, or months.
pub const LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// One upgrade of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// Package name.
    pub package: String,
    /// Architecture.
    pub arch: String,
    /// Version before.
    pub from: String,
    /// Version after.
    pub to: String,
    /// When dpkg began it, to the second.
    pub at: Timestamp,
}

/// What the logs tell of the time since some instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Upgrades in the order of the log.
    pub upgrades: Vec<Upgrade>,
    /// Whether the logs reach back to the instant that was asked for. Where they do not, a package without an entry
    /// may have been upgraded all the same.
    pub reaches_back: bool,
}

impl History {
    /// The version of a package at `at`, which a process started then still runs; `None` where no later upgrade of it
    /// is known, so that the installed version is the answer.
    #[must_use]
    pub fn version_at(&self, package: &str, arch: Option<&str>, at: Timestamp) -> Option<&str> {
        self.upgrades
            .iter()
            .filter(|upgrade| {
                upgrade.package == package && arch.is_none_or(|arch| arch == upgrade.arch)
            })
            .find(|upgrade| upgrade.at >= at)
            .map(|upgrade| upgrade.from.as_str())
    }
}

/// Upgrades since `since`, from `/var/log/dpkg.log` and, where that begins later, the `.1` before it.
///
/// `zone` is the time zone of the host: in the hour that a clock is set back twice the earlier reading is taken.
/// Logs that are missing or not permitted give an empty history that does not reach back.
#[must_use]
pub fn upgrades_since(root: &Root, since: Timestamp, zone: &TimeZone) -> History {
    let mut history = History::default();
    for path in ["/var/log/dpkg.log", "/var/log/dpkg.log.1"] {
        let Some(text) = tail(root, path) else { break };
        let mut log = parse_dpkg_log(&text, zone);
        history.reaches_back = log.first_entry.is_some_and(|first| first <= since);
        log.upgrades.append(&mut history.upgrades);
        history.upgrades = log.upgrades;
        if history.reaches_back {
            break;
        }
    }
    history.upgrades.retain(|upgrade| upgrade.at >= since);
    history
}

/// The whole lines at the end of a log.
fn tail(root: &Root, path: &str) -> Option<Vec<u8>> {
    let mut file = root.open_file(path).ok()?;
    let size = file.metadata().ok()?.len();
    let start = size.saturating_sub(LOG_BYTES_MAX);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut text = Vec::with_capacity(usize::try_from(size - start).ok()?);
    file.take(LOG_BYTES_MAX).read_to_end(&mut text).ok()?;
    if start > 0 {
        let line_end = memchr::memchr(b'\n', &text)?;
        text.drain(..=line_end);
    }
    Some(text)
}

/// A log as parsed.
#[derive(Debug, Default)]
pub struct DpkgLog {
    /// Time of the first entry that has one.
    pub first_entry: Option<Timestamp>,
    /// Its upgrades, in order.
    pub upgrades: Vec<Upgrade>,
}

/// Parses the text of a dpkg log: `DATE TIME upgrade PACKAGE[:ARCH] FROM TO`. Lines of other kinds and damaged ones
/// are left out.
#[must_use]
pub fn parse_dpkg_log(text: &[u8], zone: &TimeZone) -> DpkgLog {
    let mut log = DpkgLog::default();
    for line in text.split(|byte| *byte == b'\n') {
        let is_upgrade = line.get(20..28) == Some(b"upgrade ");
        // Times are costly to read, so only upgrades and the first entry have theirs read.
        if !is_upgrade && log.first_entry.is_some() {
            continue;
        }
        let Some(at) = line.get(..19).and_then(|time| parse_time(time, zone)) else {
            continue;
        };
        log.first_entry = log.first_entry.or(Some(at));
        if let Some(rest) = line.get(28..).filter(|_| is_upgrade) {
            log.upgrades.extend(parse_upgrade(rest, at));
        }
    }
    log
}

fn parse_time(text: &[u8], zone: &TimeZone) -> Option<Timestamp> {
    let time: DateTime = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(time.to_zoned(zone.clone()).ok()?.timestamp())
}

fn parse_upgrade(rest: &[u8], at: Timestamp) -> Option<Upgrade> {
    let mut words = rest.split(|byte| *byte == b' ').map(printable);
    let (name, from, to) = (words.next()?, words.next()?, words.next()?);
    let (package, arch) = name.split_once(':').unwrap_or((&name, ""));
    // `<none>` stands for no version: an installation, not an upgrade.
    if package.is_empty() || from.starts_with('<') || to.is_empty() {
        return None;
    }
    Some(Upgrade {
        package: package.to_owned(),
        arch: arch.to_owned(),
        from,
        to,
        at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    const LOG: &str = "\
2026-11-20 06:00:01 startup archives unpack
2026-11-20 06:00:02 upgrade openssl:amd64 3.0.15-1~deb12u1 3.0.16-1~deb12u1
2026-11-20 06:00:02 status half-configured openssl:amd64 3.0.15-1~deb12u1
2026-11-20 06:00:03 install new:amd64 <none> 1.0
garbage \u{1b}
2026-11-21 06:00:02 upgrade openssl:amd64 3.0.16-1~deb12u1 3.0.17-1~deb12u2
2026-11-21 06:00:04 upgrade tzdata:all 2025b-0 2026a-0
2026-13-41 06:00:04 upgrade bad:all 1 2
2026-11-21 06:00:05 upgrade cut:all
";

    fn root(logs: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("var/log")).unwrap();
        for (name, text) in logs {
            fs::write(folder.path().join("var/log").join(name), text).unwrap();
        }
        let root = Root::open(folder.path()).unwrap();
        (folder, root)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_stale_process_runs_the_version_from_before_the_next_upgrade() {
        let (_folder, root) = root(&[("dpkg.log", LOG)]);
        let history = upgrades_since(&root, at("2026-11-20T06:00:01Z"), &TimeZone::UTC);
        assert!(history.reaches_back);
        assert_eq!(history.upgrades.len(), 3);
        let version = |time: &str| history.version_at("openssl", Some("amd64"), at(time));
        assert_eq!(version("2026-11-20T06:00:01Z"), Some("3.0.15-1~deb12u1"));
        assert_eq!(version("2026-11-20T12:00:00Z"), Some("3.0.16-1~deb12u1"));
        assert_eq!(version("2026-11-22T00:00:00Z"), None);
        assert_eq!(
            history.version_at("openssl", Some("i386"), at("2026-11-20T12:00:00Z")),
            None
        );
    }

    #[test]
    fn local_time_is_read_in_the_hosts_zone() {
        let (_folder, root) = root(&[("dpkg.log", LOG)]);
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let history = upgrades_since(&root, at("2026-11-21T00:00:00Z"), &zone);
        assert_eq!(
            history.upgrades.first().unwrap().at,
            at("2026-11-21T04:00:02Z")
        );
    }

    #[test]
    fn the_log_before_is_read_only_where_it_is_needed() {
        let older = "2026-10-01 00:00:00 upgrade bash:amd64 5.2-1 5.2-2\n";
        let (_folder, root) = root(&[("dpkg.log", LOG), ("dpkg.log.1", older)]);
        let recent = upgrades_since(&root, at("2026-11-21T00:00:00Z"), &TimeZone::UTC);
        assert_eq!(recent.upgrades.len(), 2);
        let all = upgrades_since(&root, at("2026-10-01T00:00:00Z"), &TimeZone::UTC);
        assert_eq!(
            all.upgrades
                .iter()
                .map(|upgrade| upgrade.package.as_str())
                .collect::<Vec<_>>(),
            ["bash", "openssl", "openssl", "tzdata"]
        );
        assert!(all.reaches_back);
        assert!(!upgrades_since(&root, at("2020-01-01T00:00:00Z"), &TimeZone::UTC).reaches_back);
    }

    #[test]
    fn a_missing_log_is_a_history_that_does_not_reach_back() {
        let (_folder, root) = root(&[]);
        assert_eq!(
            upgrades_since(&root, Timestamp::UNIX_EPOCH, &TimeZone::UTC),
            History::default()
        );
    }

    #[test]
    fn a_huge_log_is_read_from_a_whole_line_near_its_end() {
        let line = "2026-11-20 06:00:02 upgrade openssl:amd64 1-1 1-2\n";
        let lines = usize::try_from(LOG_BYTES_MAX).unwrap() / line.len() + 1000;
        let (_folder, root) = root(&[("dpkg.log", &line.repeat(lines))]);
        let text = tail(&root, "/var/log/dpkg.log").unwrap();
        assert!(text.len() as u64 <= LOG_BYTES_MAX);
        assert!(text.starts_with(b"2026-11-20"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(parse_dpkg_log(&bytes, &TimeZone::UTC).upgrades.len() < 20);
            let mut line = b"2026-11-20 06:00:02 upgrade ".to_vec();
            line.extend(bytes);
            for upgrade in parse_dpkg_log(&line, &TimeZone::UTC).upgrades {
                let all = format!("{}{}{}", upgrade.package, upgrade.from, upgrade.to);
                prop_assert!(!all.contains(char::is_control));
            }
        }
    }
}
