//! The lab itself: hosts are real, repositories are taken by apt, and nothing is left behind.
//!
//! One program, since every real host costs a boot; each test has a lab of its own.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helper may fail as its test does; clippy.toml's leave ends at #[test] functions"
)]

use overlock_lab::corpus::{self, Release};
use overlock_lab::{
    Deb, Disk, Host, Index, Lab, Recipe, Repository, Root, Suite, Sweep, available, present,
    real_security_updates, sweep,
};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

fn repository(lab: &Lab) -> Repository {
    lab.repository(Suite::new("lab-main", "Lab", "Lab"))
        .unwrap()
}

fn install(host: &Host, packages: &[&str]) -> overlock_lab::Ran {
    let mut argv = vec![
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-qy",
        "install",
    ];
    argv.extend(packages);
    host.run(&argv).unwrap()
}

fn installed(host: &Host, package: &str) -> String {
    let query = [
        "dpkg-query",
        "-W",
        "-f",
        "${Version} ${db:Status-Abbrev}",
        package,
    ];
    host.run(&query).unwrap().stdout.trim().to_owned()
}

/// Everything on this machine that carries the lab's id.
fn traces(id: &str) -> Vec<String> {
    let word = format!("overlock-lab-{id}");
    let run = format!("/run/{id}/");
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mut found: Vec<String> = mounts
        .lines()
        .filter(|line| line.contains(&word) || line.contains(&run))
        .map(str::to_owned)
        .collect();
    for folder in [
        "/run/netns",
        "/sys/fs/cgroup",
        "/sys/fs/cgroup/systemd",
        "/sys/fs/cgroup/unified",
        "/run/systemd/nspawn/propagate",
    ] {
        let names = fs::read_dir(folder).into_iter().flatten().flatten();
        let names = names.map(|entry| entry.path().display().to_string());
        found.extend(names.filter(|name| name.contains(&word)));
    }
    let folder = overlock_lab::folder().join("run").join(id);
    found.extend(folder.exists().then(|| folder.display().to_string()));
    found
}

#[test]
fn hosts_are_systems_of_their_own_and_leave_nothing() {
    if !available("hosts_are_systems_of_their_own_and_leave_nothing") {
        return;
    }
    let root = Root::of(&Recipe::server()).unwrap();
    let lab = Lab::new().unwrap();
    let mut one = lab.host("one", &root).unwrap();
    let two = lab.host("two", &root).unwrap();

    for host in [&one, &two] {
        assert_eq!(host.read("/proc/1/comm").unwrap(), "systemd\n");
        assert_eq!(
            host.output(&["hostname"]).unwrap().trim(),
            host.name().to_owned()
        );
        let failed = ["systemctl", "--failed", "--plain", "--no-legend"];
        assert_eq!(host.output(&failed).unwrap(), "");
        let timers = host.output(&["systemctl", "is-enabled", "apt-daily.timer"]);
        assert!(
            timers
                .unwrap_err()
                .root_cause()
                .to_string()
                .contains("masked")
        );
    }
    let machine_id = one.read("/etc/machine-id").unwrap();
    assert_eq!(machine_id.trim().len(), 32);
    assert_ne!(machine_id, two.read("/etc/machine-id").unwrap());

    // They see each other by name, and nobody else.
    one.output(&["ping", "-c1", "-W2", "two"]).unwrap();
    assert_ne!(
        one.run(&["ping", "-c1", "-W1", "192.0.2.1"]).unwrap().code,
        0
    );
    assert_eq!(one.output(&["ip", "route", "show", "default"]).unwrap(), "");

    // A program runs in a clean environment, its two outputs apart, its exit code as it is.
    let ran = one.run(&["sh", "-c", "env; echo no >&2; exit 7"]).unwrap();
    assert_eq!((ran.code, ran.stderr.as_str()), (7, "no\n"));
    assert!(!ran.stdout.contains("CARGO"), "{}", ran.stdout);
    assert_eq!(one.run_within(1, &["sleep", "60"]).unwrap().code, 124);

    // Files lie where the host sees them, on its own mounts too; links lead where they lead there.
    one.write("/run/lab/note", "in memory").unwrap();
    assert_eq!(one.read("/run/lab/note").unwrap(), "in memory");
    one.output(&["ln", "-s", "/etc/hostname", "/root/link"])
        .unwrap();
    assert_eq!(one.read("/root/link").unwrap(), "one\n");
    one.copy_in(Path::new("/bin/true"), "/opt/lab/true")
        .unwrap();
    assert_eq!(one.run(&["/opt/lab/true"]).unwrap().code, 0);
    assert!(one.root().join("opt/lab/true").is_file());

    let boot = one.read("/proc/sys/kernel/random/boot_id").unwrap();
    one.reboot().unwrap();
    let second = one.read("/proc/sys/kernel/random/boot_id").unwrap();
    assert_ne!(boot, second);
    assert!(one.read("/run/lab/note").is_err());
    one.output(&["ping", "-c1", "-W2", "two"]).unwrap();

    // As if the power went, with a program running.
    let program = ["sh", "-c", "echo up; exec sleep infinity"];
    let mut beside = one
        .command(&program)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut lines = BufReader::new(beside.stdout.take().unwrap());
    lines.read_line(&mut said).unwrap();
    assert_eq!(said, "up\n");
    one.kill().unwrap();
    assert!(!beside.wait().unwrap().success());
    assert_eq!(one.leader(), None);
    // A host that is off can still be looked at.
    assert_eq!(one.read("/root/link").unwrap(), "one\n");
    one.start().unwrap();
    assert_eq!(one.read("/etc/machine-id").unwrap(), machine_id);

    one.stop().unwrap();
    one.start().unwrap();

    let id = lab.id().to_owned();
    assert!(
        present()
            .iter()
            .any(|lab| lab.id == id && lab.hosts.len() == 2)
    );
    // A lab in use is not swept away.
    assert!(!sweep(Sweep::Abandoned).unwrap().contains(&id));
    assert!(!traces(&id).is_empty());
    drop((one, two, lab));
    assert_eq!(traces(&id), [""; 0]);
}

#[test]
fn updates_of_a_repository_are_taken_by_apt() {
    if !available("updates_of_a_repository_are_taken_by_apt") {
        return;
    }
    let root = Root::of(&Recipe::server()).unwrap();
    let lab = Lab::new().unwrap();
    let mut repository = repository(&lab);
    let host = lab.host("one", &root).unwrap();
    let first = corpus::all(Release::First, lab.folder()).unwrap();
    repository.publish(&first).unwrap();
    host.use_repository(&repository).unwrap().ok().unwrap();
    let names = [
        "lab-plain",
        "lab-service",
        "lab-greetd",
        "lab-pair",
        "lab-trigger",
        "lab-triggering",
    ];
    install(&host, &names).ok().unwrap();
    assert_eq!(installed(&host, "lab-service"), "1.0 ii");
    assert_eq!(host.read("/run/lab-service").unwrap(), "1.0\n");
    assert_eq!(host.read("/var/lib/lab-trigger/seen").unwrap(), "1.0");
    let asked = repository.requests();
    let debs = asked.iter().filter(|path| path.ends_with(".deb")).count();
    // The six, and the two libraries.
    assert_eq!(debs, 8, "{asked:?}");

    let second = corpus::all(Release::Second, lab.folder()).unwrap();
    repository.publish(&second).unwrap();
    host.output(&["apt-get", "-q", "update"]).unwrap();
    let pending = host.output(&["apt", "list", "--upgradable"]).unwrap();
    assert_eq!(
        pending.matches("upgradable from: 1.0").count(),
        8,
        "{pending}"
    );

    // One source that must move together does, and a service restarts.
    install(&host, &["lab-pair", "lab-service"]).ok().unwrap();
    assert_eq!(installed(&host, "liblab-pair"), "2.0 ii");
    host.output(&["lab-pair"]).unwrap();
    assert_eq!(host.read("/run/lab-service").unwrap(), "2.0\n");

    // The daemon stays on the library that is no longer there.
    install(&host, &["liblab-greet1"]).ok().unwrap();
    let main = [
        "systemctl",
        "show",
        "--value",
        "-p",
        "MainPID",
        "lab-greetd",
    ];
    let pid = host.output(&main).unwrap();
    let maps = host.read(&format!("/proc/{}/maps", pid.trim())).unwrap();
    assert!(
        maps.lines()
            .any(|line| line.contains("liblab-greet") && line.ends_with("(deleted)")),
        "{maps}"
    );
    assert_eq!(host.read("/run/lab-greetd").unwrap(), "greeting 1.0\n");
    host.output(&["systemctl", "restart", "lab-greetd"])
        .unwrap();

    // Other bytes under the same version are refused by the hash in the index.
    let bytes = fs::read(repository.artifact("lab-conffile", "2.0").unwrap()).unwrap();
    let other = [bytes.as_slice(), b"more"].concat();
    repository
        .swap("lab-conffile", "2.0", &other, Index::Kept)
        .unwrap();
    let refused = install(&host, &["lab-conffile"]);
    assert_ne!(refused.code, 0);
    assert!(
        refused.stderr.contains("unexpected size"),
        "{}",
        refused.stderr
    );

    // Those that the index knows are taken: only a plan that names the hash would see it.
    let folder = tempfile::tempdir().unwrap();
    let other = corpus::conffile(Release::Second).file("/usr/share/lab-conffile/more", "more");
    let other = fs::read(other.build(folder.path()).unwrap()).unwrap();
    repository
        .swap("lab-conffile", "2.0", &other, Index::Renewed)
        .unwrap();
    host.output(&["apt-get", "-q", "update"]).unwrap();
    install(&host, &["lab-conffile"]).ok().unwrap();
    assert_eq!(host.read("/usr/share/lab-conffile/more").unwrap(), "more");

    // A withdrawn version is not there any more.
    repository.withdraw("lab-plain", "2.0").unwrap();
    host.output(&["apt-get", "-q", "update"]).unwrap();
    let policy = host.output(&["apt-cache", "policy", "lab-plain"]).unwrap();
    assert!(policy.contains("Candidate: 1.0"), "{policy}");

    // Another's key is refused.
    let other = lab
        .repository(Suite::new("lab-other", "Lab", "Lab"))
        .unwrap();
    let refused = host
        .use_repository_signed_by(&other, repository.key())
        .unwrap();
    assert!(
        (refused.stdout + &refused.stderr).contains("NO_PUBKEY"),
        "another's signature was taken"
    );
}

#[test]
fn ill_behaved_packages_do_what_they_say() {
    if !available("ill_behaved_packages_do_what_they_say") {
        return;
    }
    let root = Root::of(&Recipe::server()).unwrap();
    let lab = Lab::new().unwrap();
    let host = lab
        .host_with("one", &root, Disk::Limited { size_mib: 200 })
        .unwrap();
    let take = |deb: &Deb| {
        let path = deb.build(lab.folder()).unwrap();
        let there = "/root/update.deb";
        host.write(there, fs::read(path).unwrap()).unwrap();
        host.run_within(20, &["dpkg", "--force-confdef", "--install", there])
            .unwrap()
    };
    for release in [Release::First, Release::Second] {
        let code = i32::from(release == Release::Second);
        for ill in [corpus::fails(release), corpus::prompts(release)] {
            let ran = take(&ill);
            assert_eq!(ran.code, code, "{} {}: {ran:?}", ill.name(), ill.version());
        }
        for well in [
            corpus::conffile(release),
            corpus::breaks_service(release),
            corpus::forks_daemon(release),
        ] {
            let ran = take(&well);
            assert_eq!(ran.code, 0, "{} {}: {ran:?}", well.name(), well.version());
        }
    }
    assert!(installed(&host, "lab-fails").ends_with("iF"));
    take(&corpus::fills_disk(Release::First)).ok().unwrap();
    let full = take(&corpus::fills_disk(Release::Second));
    assert!(full.stderr.contains("No space left"), "{full:?}");
    host.output(&["rm", "/var/cache/lab-fills-disk"]).unwrap();
    host.output(&["dpkg", "--purge", "lab-fills-disk"]).unwrap();
    host.output(&[
        "kill",
        host.read("/run/lab-forks-daemon.pid").unwrap().trim(),
    ])
    .unwrap();
    assert_eq!(
        host.run(&["systemctl", "is-failed", "lab-breaks-service"])
            .unwrap()
            .code,
        0
    );

    take(&corpus::plain(Release::First)).ok().unwrap();
    take(&corpus::diversion(Release::First)).ok().unwrap();
    assert_eq!(
        host.read("/usr/share/lab-plain/version").unwrap(),
        "diverted 1.0"
    );
    assert_eq!(
        host.read("/usr/share/lab-plain/version.diverted").unwrap(),
        "1.0"
    );
    host.output(&["dpkg", "--purge", "lab-diversion"]).unwrap();
    assert_eq!(host.read("/usr/share/lab-plain/version").unwrap(), "1.0");
    assert_ne!(take(&corpus::rival(Release::Second)).code, 0);

    let mut hanging = take(&corpus::asks_debconf(Release::Second));
    assert_eq!(hanging.code, 0, "{hanging:?}");
    assert_eq!(host.read("/var/lib/lab-asks-debconf").unwrap(), "blue\n");
    hanging = {
        let path = corpus::hangs(Release::Second).build(lab.folder()).unwrap();
        host.write("/root/hangs.deb", fs::read(path).unwrap())
            .unwrap();
        host.run_within(2, &["dpkg", "--install", "/root/hangs.deb"])
            .unwrap()
    };
    assert_eq!(hanging.code, 124);

    let address = ["ip", "-4", "-o", "addr", "show", "up", "dev", "host0"];
    assert!(
        host.output(&address)
            .unwrap()
            .contains(&host.address().to_string())
    );
    take(&corpus::cuts_network(Release::Second));
    assert_eq!(host.output(&address).unwrap(), "");
}

#[test]
fn real_security_updates_are_pending_and_taken() {
    if !available("real_security_updates_are_pending_and_taken") {
        return;
    }
    let root = Root::of(&Recipe::server()).unwrap();
    let updates = real_security_updates(&root, &[]).unwrap();
    let names: Vec<&str> = updates.all.iter().map(|one| one.package.as_str()).collect();
    assert!(names.len() >= 10, "{names:?}");
    assert_eq!(updates.former().len(), names.len());

    let lab = Lab::new().unwrap();
    let mut main = lab.repository(Suite::debian(root.codename())).unwrap();
    main.publish(&updates.former()).unwrap();
    let mut security = lab
        .repository(Suite::debian_security(root.codename()))
        .unwrap();
    security.publish(&updates.latest()).unwrap();
    let host = lab.host("one", &root).unwrap();
    host.use_repository(&main).unwrap().ok().unwrap();
    host.use_repository(&security).unwrap().ok().unwrap();
    let pending = host.output(&["apt", "list", "--upgradable"]).unwrap();
    let mut told: Vec<&str> = pending
        .lines()
        .filter_map(|line| Some(line.split_once('/')?.0))
        .collect();
    told.sort_unstable();
    assert_eq!(told, names);

    let one = updates
        .all
        .iter()
        .find(|one| one.package == "libssl3")
        .unwrap_or(&updates.all[0]);
    let package = one.package.as_str();
    let policy = host.output(&["apt-cache", "policy"]).unwrap();
    assert!(
        policy.contains("o=Debian") && policy.contains("l=Debian-Security"),
        "{policy}"
    );
    install(&host, &[package]).ok().unwrap();
    assert_eq!(installed(&host, package), format!("{} ii", one.to));
    // And back, by the former version that the release still offers.
    let former = format!("{package}={}", one.from.as_deref().unwrap());
    install(&host, &["--allow-downgrades", &former])
        .ok()
        .unwrap();
    assert_eq!(
        installed(&host, package),
        format!("{} ii", one.from.as_deref().unwrap())
    );
}

#[test]
fn lab_of_a_killed_process_is_swept_away() {
    if !available("lab_of_a_killed_process_is_swept_away") {
        return;
    }
    let root = Root::of(&Recipe::small()).unwrap();
    let lab = Lab::new().unwrap();
    let host = lab.host("one", &root).unwrap();
    let id = lab.id().to_owned();
    let leader = host.leader().unwrap();
    // As after a kill: nobody drops anything, and the owner is not there.
    std::mem::forget((host, lab));
    let mut other = Command::new("true").spawn().unwrap();
    let gone = other.id();
    other.wait().unwrap();
    let owner = overlock_lab::folder().join("run").join(&id).join("owner");
    fs::write(owner, format!("{gone} 1")).unwrap();
    assert!(sweep(Sweep::Abandoned).unwrap().contains(&id));
    assert_eq!(traces(&id), [""; 0]);
    let alive = fs::read_to_string(format!("/proc/{leader}/stat")).unwrap_or_default();
    assert!(alive.is_empty() || alive.contains(") Z "), "{alive}");
}
