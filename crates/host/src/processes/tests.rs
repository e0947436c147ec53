use super::*;
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

/// A pretend host: a root with files and a `proc` beside it.
struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("root/usr/lib")).unwrap();
        fs::create_dir_all(folder.path().join("other/usr/lib")).unwrap();
        fs::create_dir_all(folder.path().join("proc")).unwrap();
        fs::write(
            folder.path().join("proc/stat"),
            "cpu 1 2 3\nbtime 1700000000\nprocesses 9\n",
        )
        .unwrap();
        Self { folder }
    }

    fn file(&self, path: &str) -> String {
        let path = self.folder.path().join("root").join(path);
        fs::write(&path, "code").unwrap();
        let meta = fs::metadata(path).unwrap();
        format!(
            "{:02x}:{:02x} {}",
            rustix::fs::major(meta.dev()),
            rustix::fs::minor(meta.dev()),
            meta.ino()
        )
    }

    fn process(&self, pid: u32, stat: &str, cgroup: &str, root: &str, maps: &[(&str, &str)]) {
        let folder = self.folder.path().join(format!("proc/{pid}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("stat"), stat).unwrap();
        fs::write(folder.join("cgroup"), cgroup).unwrap();
        symlink(format!("../../{root}"), folder.join("root")).unwrap();
        let maps: String = maps
            .iter()
            .map(|(identity, path)| format!("7f00-7f10 r-xp 00000000 {identity}          {path}\n"))
            .collect();
        fs::write(folder.join("maps"), maps).unwrap();
    }

    fn survey(&self) -> Effective {
        self.survey_within(Limits::default())
    }

    fn survey_within(&self, limits: Limits) -> Effective {
        let root = Root::open(self.folder.path().join("root")).unwrap();
        survey(&root, &self.folder.path().join("proc"), limits).unwrap()
    }
}

fn stat(pid: u32, name: &str, state: char, flags: u32) -> String {
    format!("{pid} ({name}) {state} 1 1 1 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 12300 1000 10 0\n")
}

const SSH: &str = "0::/system.slice/ssh.service\n";

#[test]
fn deleted_and_replaced_files_are_stale_and_current_ones_are_not() {
    let host = Host::new();
    let current = host.file("usr/lib/current.so");
    let replaced = host.file("usr/lib/replaced.so");
    let (device, inode) = replaced.split_once(' ').unwrap();
    let old = format!("{device} {}", inode.parse::<u64>().unwrap() + 1_000_000);
    host.process(
        7,
        &stat(7, "sshd", 'S', 0),
        SSH,
        "root",
        &[
            (&current, "/usr/lib/current.so"),
            (&old, "/usr/lib/replaced.so"),
            (&old, "/usr/lib/gone.so (deleted)"),
            (&old, "/usr/lib/gone.so (deleted)"),
            (&old, "/usr/lib/not-to-be-found.so"),
        ],
    );
    let effective = host.survey();
    assert_eq!(effective.processes_seen, 1);
    let [stale] = &effective.stale[..] else {
        panic!("{effective:?}")
    };
    assert_eq!(stale.files, ["/usr/lib/gone.so", "/usr/lib/replaced.so"]);
    assert_eq!(
        (stale.pid, stale.name.as_str(), stale.unit.as_deref()),
        (7, "sshd", Some("ssh.service"))
    );
    let ticks = rustix::param::clock_ticks_per_second();
    assert_eq!(
        stale.started.unwrap().as_second(),
        1_700_000_000 + i64::try_from(12_300 / ticks).unwrap()
    );
}

#[test]
fn another_device_number_proves_nothing_without_the_mark() {
    let host = Host::new();
    host.file("usr/lib/a.so");
    host.process(
        7,
        &stat(7, "x", 'S', 0),
        SSH,
        "root",
        &[("ff:7f 99", "/usr/lib/a.so")],
    );
    assert_eq!(host.survey().stale, []);
    host.process(
        8,
        &stat(8, "x", 'S', 0),
        SSH,
        "root",
        &[("ff:7f 99", "/usr/lib/a.so (deleted)")],
    );
    assert_eq!(host.survey().stale.len(), 1);
}

#[test]
fn a_name_that_ends_in_the_mark_is_a_name() {
    let host = Host::new();
    let odd = host.file("usr/lib/odd (deleted)");
    host.process(
        7,
        &stat(7, "x", 'S', 0),
        SSH,
        "root",
        &[(&odd, "/usr/lib/odd (deleted)")],
    );
    assert_eq!(host.survey().stale, []);
}

#[test]
fn containers_are_counted_apart_and_judged_by_the_mark_only() {
    let host = Host::new();
    let id = "ab".repeat(32);
    let cgroup = format!("0::/system.slice/docker-{id}.scope\n");
    let here = host.file("usr/lib/a.so");
    let (device, _) = here.split_once(' ').unwrap();
    let other = format!("{device} 1");
    host.process(
        7,
        &stat(7, "x", 'S', 0),
        &cgroup,
        "other",
        &[(&other, "/usr/lib/a.so")],
    );
    host.process(
        8,
        &stat(8, "y", 'S', 0),
        &cgroup,
        "other",
        &[(&other, "/usr/lib/b.so (deleted)")],
    );
    let effective = host.survey();
    assert_eq!(
        (effective.processes_seen, effective.processes_elsewhere),
        (2, 2)
    );
    assert_eq!(effective.units, [], "their files are not this root's");
    let [stale] = &effective.stale[..] else {
        panic!("{effective:?}")
    };
    assert_eq!(
        (stale.pid, stale.unit.as_deref()),
        (8, Some("container abababababab"))
    );
}

#[test]
fn kernel_threads_and_zombies_are_no_processes_here() {
    let host = Host::new();
    host.process(
        2,
        &stat(2, "kthreadd", 'S', PF_KTHREAD),
        "0::/\n",
        "root",
        &[],
    );
    host.process(3, &stat(3, "gone", 'Z', 0), "0::/\n", "root", &[]);
    assert_eq!(host.survey(), Effective::default());
}

#[test]
fn units_join_their_processes_and_others_stand_for_themselves() {
    let host = Host::new();
    let (a, b) = (host.file("usr/lib/a.so"), host.file("usr/lib/b.so"));
    host.process(
        7,
        &stat(7, "sshd", 'S', 0),
        SSH,
        "root",
        &[(&b, "/usr/lib/b.so")],
    );
    host.process(
        8,
        &stat(8, "sshd", 'S', 0),
        SSH,
        "root",
        &[(&a, "/usr/lib/a.so"), (&b, "/usr/lib/b.so")],
    );
    host.process(
        9,
        &stat(9, "a (b) \u{1b}c", 'R', 0),
        "0::/\n",
        "root",
        &[(&a, "/usr/lib/a.so")],
    );
    let units: Vec<_> = host
        .survey()
        .units
        .into_iter()
        .map(|unit| (unit.unit, unit.files))
        .collect();
    assert_eq!(
        units,
        [
            (
                "pid 9 a (b) \u{fffd}c".to_owned(),
                vec!["/usr/lib/a.so".to_owned()]
            ),
            (
                "ssh.service".to_owned(),
                vec!["/usr/lib/a.so".to_owned(), "/usr/lib/b.so".to_owned()]
            ),
        ]
    );
}

#[test]
fn what_is_beyond_the_bounds_is_counted_as_unseen() {
    let host = Host::new();
    let a = host.file("usr/lib/a.so");
    for pid in 1..=3 {
        host.process(
            pid,
            &stat(pid, "x", 'S', 0),
            SSH,
            "root",
            &[(&a, "/usr/lib/a.so")],
        );
    }
    let few = host.survey_within(Limits {
        processes: 2,
        ..Limits::default()
    });
    assert_eq!((few.processes_seen, few.processes_unseen), (2, 1));
    let short = host.survey_within(Limits {
        maps_bytes: 10,
        ..Limits::default()
    });
    assert_eq!((short.processes_seen, short.processes_unseen), (0, 3));
}

#[test]
fn without_proc_it_is_an_error_and_not_an_empty_answer() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path()).unwrap();
    let error = survey(&root, &folder.path().join("proc"), Limits::default()).unwrap_err();
    assert!(error.to_string().contains("what runs is unknown"));
}

proptest! {
    #[test]
    fn any_stat_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_stat(&bytes);
    }

    #[test]
    fn names_may_hold_anything(name in "\\PC{0,16}", pid in 1_u32..) {
        let text = stat(pid, &name, 'S', 5);
        let parsed = parse_stat(text.as_bytes()).unwrap();
        prop_assert_eq!((parsed.name, parsed.state, parsed.flags, parsed.start_ticks), (name.as_bytes(), b'S', 5, 12_300));
    }
}
