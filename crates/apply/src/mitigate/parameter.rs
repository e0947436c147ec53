//! A parameter of the kernel: its value now, and a file of ours for the next boot.

use super::{Force, Former, MitigateError, Notes, lost};
use crate::durable;
use overlock_model::mitigation::Measure;
use overlock_model::run::RunId;
use std::fs;
use std::path::{Path, PathBuf};

const OURS: &str = "/etc/sysctl.d";
/// Read together, sorted by name alone (`sysctl.d(5)`).
const FOLDERS: [&str; 4] = [
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
];
/// procps reads it after all others when somebody calls `sysctl --system`; systemd only by a link in a folder.
const LAST: &str = "/etc/sysctl.conf";
/// Values that the kernel does not take back before a boot (`Documentation/admin-guide/sysctl/kernel.rst`, Yama's own).
const ONE_WAY: [(&str, i64); 3] = [
    ("kernel.kexec_load_disabled", 1),
    ("kernel.unprivileged_bpf_disabled", 1),
    ("kernel.yama.ptrace_scope", 3),
];
/// Parameters of which less is stricter; of all others that plans set (the guard's list) more is.
const LESS_IS_STRICTER: [&str; 12] = [
    "dev.tty.ldisc_autoload",
    "fs.suid_dumpable",
    "kernel.unprivileged_userns_clone",
    "net.core.bpf_jit_enable",
    "net.ipv4.conf.all.accept_redirects",
    "net.ipv4.conf.all.accept_source_route",
    "net.ipv4.tcp_sack",
    "net.ipv4.tcp_timestamps",
    "net.ipv6.conf.all.accept_ra",
    "net.ipv6.conf.all.accept_redirects",
    "user.max_user_namespaces",
    "vm.unprivileged_userfaultfd",
];
/// Larger than any file of parameters.
const FILE_BYTES_MAX: u64 = 1 << 20;

pub(super) fn is_one_way(key: &str, value: i64) -> bool {
    ONE_WAY.contains(&(key, value))
}

pub(super) fn check(measure: &Measure, key: &str, value: i64, run: RunId) -> Notes {
    if !proc(key).exists() {
        return Err(MitigateError::unfit(
            measure,
            "this kernel has no such parameter",
        ));
    }
    let now = read(key)?;
    if strictness(key, value) < strictness(key, now) {
        let why = format!("this host is stricter already: {key} = {now}");
        return Err(MitigateError::unfit(measure, why));
    }
    let later = FOLDERS
        .iter()
        .flat_map(|folder| later_files(Path::new(folder), &file_name(key, run)));
    for path in later {
        if let Some(line) = other_value(&path, key, value) {
            let why = format!("`{}` is read later and says `{line}`", path.display());
            return Err(MitigateError::unfit(measure, why));
        }
    }
    let last = Path::new(LAST);
    let note = other_value(last, key, value)
        .map(|line| format!("`{LAST}` says `{line}`: `sysctl --system` would take the measure back until the next boot"));
    let one_way = is_one_way(key, value)
        .then(|| format!("{key} = {value} stays until a reboot when the measure is taken away"));
    Ok(note.into_iter().chain(one_way).collect())
}

pub(super) fn former(key: &str) -> Result<Former, MitigateError> {
    Ok(Former::Parameter { value: read(key)? })
}

pub(super) fn put(key: &str, value: i64, run: RunId) -> Notes {
    let path = path(key, run);
    durable::write(&path, &text(key, value, run))
        .map_err(|source| MitigateError::file("write", &path, source))?;
    set(key, value)?;
    Ok(vec![format!("{key} = {value}, now and after a boot")])
}

pub(super) fn take(key: &str, value: i64, former: &Former, run: RunId) -> Notes {
    let Former::Parameter { value: before } = *former else {
        return Ok(Vec::new());
    };
    let path = path(key, run);
    durable::remove(&path).map_err(|source| MitigateError::file("remove", &path, source))?;
    let now = read(key)?;
    if now == before {
        return Ok(vec![format!("{key} = {before} again")]);
    }
    if now != value {
        return Ok(vec![format!(
            "{key} = {now} stays: somebody set it since, it was {before} before"
        )]);
    }
    match set(key, before) {
        Ok(()) => Ok(vec![format!("{key} = {before} again")]),
        Err(_) if is_one_way(key, value) => Ok(vec![format!(
            "{key} = {value} stays until a reboot: the kernel does not take it back"
        )]),
        Err(error) => Err(error),
    }
}

pub(super) fn force(key: &str, value: i64, run: RunId) -> Result<Force, MitigateError> {
    let path = path(key, run);
    if fs::read_to_string(&path).ok() != Some(text(key, value, run)) {
        return Ok(lost(format!("`{}` is gone or was changed", path.display())));
    }
    Ok(match read(key)? {
        now if now == value => Force::Now,
        now => lost(format!("it is {now}")),
    })
}

/// The larger, the more a value closes.
fn strictness(key: &str, value: i64) -> i64 {
    match (key, value) {
        // 1 and 2 forbid the same, but 1 cannot be taken back.
        ("kernel.unprivileged_bpf_disabled", 1) => 3,
        _ if LESS_IS_STRICTER.contains(&key) => value.saturating_neg(),
        _ => value,
    }
}

fn proc(key: &str) -> PathBuf {
    Path::new("/proc/sys").join(key.replace('.', "/"))
}

/// After every file that is named by a number.
fn file_name(key: &str, run: RunId) -> String {
    format!("zz-overlock-run-{run}-{key}.conf")
}

fn path(key: &str, run: RunId) -> PathBuf {
    Path::new(OURS).join(file_name(key, run))
}

fn text(key: &str, value: i64, run: RunId) -> String {
    format!(
        "# Set by overlock run {run}: see `overlock mitigate --list`; `overlock revert {run}` takes it away.\n\
         {key} = {value}\n"
    )
}

fn read(key: &str) -> Result<i64, MitigateError> {
    let path = proc(key);
    let text =
        fs::read_to_string(&path).map_err(|source| MitigateError::file("read", &path, source))?;
    text.trim().parse().map_err(|_| MitigateError::Unfit {
        measure: key.to_owned(),
        why: format!("its value `{}` is no number", text.trim()),
    })
}

fn set(key: &str, value: i64) -> Result<(), MitigateError> {
    let path = proc(key);
    fs::write(&path, format!("{value}\n"))
        .map_err(|source| MitigateError::file("write", &path, source))
}

fn later_files(folder: &Path, ours: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let later = entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".conf") && *name > *ours
    });
    later.collect()
}

/// The line of a file that sets a key to another value, if its last one does.
fn other_value(path: &Path, key: &str, value: i64) -> Option<String> {
    let is_bearable = fs::metadata(path).is_ok_and(|of| of.len() <= FILE_BYTES_MAX);
    let text = is_bearable.then(|| fs::read_to_string(path).ok())??;
    let line = text.lines().map(str::trim).rfind(|line| sets(line, key))?;
    let (_, set) = line.split_once('=')?;
    (set.trim() != value.to_string()).then(|| line.to_owned())
}

/// Whether a line is about a key: `a.b = 1`, `a/b=1`, `-a.b = 1` (errors ignored), `net.ipv4.conf.*.x = 1`.
fn sets(line: &str, key: &str) -> bool {
    if line.starts_with(['#', ';']) {
        return false;
    }
    let Some((name, _)) = line.split_once('=') else {
        return false;
    };
    let name = name.trim().trim_start_matches('-').replace('/', ".");
    let (mut parts, mut wanted) = (name.split('.'), key.split('.'));
    loop {
        match (parts.next(), wanted.next()) {
            (None, None) => return true,
            (Some(part), Some(wanted)) if part == wanted || part.contains(['*', '?', '[']) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_a_key_are_known_in_every_form() {
        for line in [
            "kernel.dmesg_restrict = 0",
            "kernel/dmesg_restrict=0",
            "-kernel.dmesg_restrict=0",
            "kernel.* = 0",
        ] {
            assert!(sets(line, "kernel.dmesg_restrict"), "{line}");
        }
        for line in [
            "# kernel.dmesg_restrict = 0",
            "kernel.dmesg = 0",
            "kernel.dmesg_restrict.x = 0",
            "kernel.dmesg_restrict",
        ] {
            assert!(!sets(line, "kernel.dmesg_restrict"), "{line}");
        }
    }

    #[test]
    fn value_is_weaker_than_another_by_what_its_parameter_means() {
        for (key, weaker, stricter) in [
            ("kernel.yama.ptrace_scope", 1, 3),
            ("kernel.perf_event_paranoid", 2, 4),
            ("kernel.unprivileged_bpf_disabled", 0, 2),
            ("kernel.unprivileged_bpf_disabled", 2, 1),
            ("net.ipv4.tcp_sack", 1, 0),
            ("fs.suid_dumpable", 2, 0),
            ("user.max_user_namespaces", 100, 0),
        ] {
            assert!(strictness(key, weaker) < strictness(key, stricter), "{key}");
        }
    }

    #[test]
    fn only_what_is_read_later_with_another_value_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let ours = file_name("kernel.dmesg_restrict", RunId(3));
        for (name, text) in [
            ("99-sysctl.conf", "kernel.dmesg_restrict = 0\n"),
            (
                "zzz.conf",
                "kernel.dmesg_restrict = 0\nkernel.dmesg_restrict = 1\n",
            ),
            ("zzz.bak", "kernel.dmesg_restrict = 0\n"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let later = later_files(folder.path(), &ours);
        assert_eq!(later, [folder.path().join("zzz.conf")]);
        assert_eq!(other_value(&later[0], "kernel.dmesg_restrict", 1), None);
        assert_eq!(
            other_value(&later[0], "kernel.dmesg_restrict", 0).as_deref(),
            Some("kernel.dmesg_restrict = 1")
        );
    }
}
