//! Measures while there is no patch: in force, over a boot, and gone again without a trace.

use crate::bed::Bed;
use crate::runs::holds;
use overlock_lab::corpus::{self, Release};
use overlock_lab::{Recipe, Root, Suite};

/// A unit of an administrator's own, in the folder that systemd refuses to mask units of; it listens.
const PORTER: &str = "[Unit]\nDescription=porter of the lab\n\n[Service]\n\
    ExecStart=/usr/bin/perl -MIO::Socket::INET -e 'for (IO::Socket::INET->new(LocalPort => 8631, Listen => 1, ReuseAddr => 1)) { sleep }'\n\n\
    [Install]\nWantedBy=multi-user.target\n";
/// A parameter of the network namespace: the only kind that a container may write.
const KEY: &str = "net.ipv4.tcp_sack";
const PROC: &str = "/proc/sys/net/ipv4/tcp_sack";
const WHY: [&str; 6] = [
    "--against",
    "CVE-2024-47176",
    "--owner",
    "ada",
    "--reason",
    "nobody needs it here",
];

fn porter(bed: &Bed) {
    bed.host
        .write("/etc/systemd/system/porter.service", PORTER)
        .unwrap();
    bed.run(0, &["systemctl", "daemon-reload"]);
    bed.run(0, &["systemctl", "enable", "--now", "porter.service"]);
    let up = "for i in $(seq 100); do ss -ltn | grep -q :8631 && exit 0; sleep 0.1; done; exit 1";
    bed.run(0, &["sh", "-c", up]);
}

fn plan(bed: &Bed, code: i32, measures: &[&str], expires: &str) -> overlock_lab::Ran {
    let mut argv = vec!["overlock", "mitigate", "--out", "/root/plan.json"];
    argv.extend(measures);
    argv.extend(WHY);
    argv.extend(["--expires", expires]);
    bed.run(code, &argv)
}

/// The files that measures leave, the unit's state, the value, the holds.
fn traces(bed: &Bed) -> String {
    let ask = "find /etc -name '*overlock*' | sort; ls /var/lib/systemd/timers | grep overlock; \
        systemctl is-enabled porter.service; systemctl is-active porter.service; cat /proc/sys/net/ipv4/tcp_sack; \
        apt-mark showhold; systemctl list-timers --all --no-legend | grep overlock; ls /var/lib/overlock/mitigations; true";
    bed.run(0, &["sh", "-c", ask]).stdout
}

/// What Debian would say of a package of its own.
const TRACKER: &str = r#"{"lab-plain": {"CVE-2024-47176": {"description": "made up", "releases": {"bookworm":
    {"status": "open", "repositories": {"bookworm": "2.0"}, "urgency": "not yet assigned"}}}}}"#;

fn advisories(bed: &Bed) {
    let feed = overlock_feeds::publishers::find("debian-tracker").unwrap();
    let path = format!("/root/mirror/{}", feed.mirror_path().unwrap());
    let (folder, _) = path.rsplit_once('/').unwrap();
    bed.run(0, &["mkdir", "-p", folder]);
    bed.host.write(&path, TRACKER).unwrap();
    let sync = [
        "overlock",
        "feeds",
        "sync",
        "--mirror",
        "/root/mirror",
        "--only",
        "debian-tracker",
    ];
    bed.run(0, &sync);
}

/// The states of the host's exposures; there is one.
fn exposure(bed: &Bed) -> String {
    let scan = [
        "overlock",
        "scan",
        "--offline",
        "--packages",
        "os",
        "--format",
        "json",
    ];
    let report = bed.run(0, &scan).stdout;
    holds("overlock.scan-1.json", &report);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let exposures = report.get("exposures").unwrap().as_array().unwrap();
    let states = exposures
        .iter()
        .map(|one| one.get("state").unwrap().as_str().unwrap());
    states.collect::<Vec<_>>().join(" ")
}

#[test]
fn measures_hold_over_a_boot_and_go_without_a_trace() {
    let test = "measures_hold_over_a_boot_and_go_without_a_trace";
    let Some(mut bed) = Bed::new(test) else {
        return;
    };
    let codename = Root::of(&Recipe::server()).unwrap().codename().to_owned();
    let mut debian = bed.lab.repository(Suite::debian(&codename)).unwrap();
    for release in [Release::First, Release::Second] {
        let debs = corpus::all(release, bed.lab.folder()).unwrap();
        debian.publish(&debs).unwrap();
    }
    bed.host.use_repository(&debian).unwrap().ok().unwrap();
    bed.install_first(&["lab-plain"]);
    porter(&bed);
    bed.run(0, &["mkdir", "-p", "/var/lib/overlock/mitigations"]);
    advisories(&bed);
    assert_eq!(exposure(&bed), "exposed");
    let (before, files) = (traces(&bed), bed.state());
    assert!(before.contains("enabled\nactive\n1\n"), "{before}");
    let planned = plan(
        &bed,
        0,
        &[
            "--disable-unit",
            "porter.service",
            "--sysctl",
            "net.ipv4.tcp_sack=0",
            "--block-module",
            "dccp",
            "--hold-package",
            "lab-plain",
        ],
        "30d",
    );
    assert!(
        planned
            .stdout
            .contains("unit porter.service disabled until"),
        "{}",
        planned.stdout
    );
    let ran = bed.apply(&[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("as wanted, lost: listening tcp 8631"),
        "{}",
        ran.stdout
    );
    let in_force = |bed: &Bed| {
        // Whoever tries to start it is told no.
        assert_ne!(
            bed.host
                .run(&["systemctl", "start", "porter.service"])
                .unwrap()
                .code,
            0
        );
        let is = bed.host.run(&["systemctl", "is-active", "porter.service"]);
        assert_eq!(is.unwrap().stdout.trim(), "inactive");
        assert_eq!(bed.host.read(PROC).unwrap(), "0\n");
        assert_eq!(bed.run(0, &["apt-mark", "showhold"]).stdout, "lab-plain\n");
        let list = ["overlock", "mitigate", "--list", "--format", "json"];
        let list = bed.run(0, &list).stdout;
        holds("overlock.mitigations-1.json", &list);
        assert_eq!(list.matches("\"state\": \"now\"").count(), 4, "{list}");
    };
    in_force(&bed);
    // The value is the kernel's and goes with a boot; here it outlives one with the namespace, so it is put back by hand.
    bed.run(0, &["sh", "-c", &format!("echo 1 > {PROC}")]);
    let list = ["overlock", "mitigate", "--list"];
    let told = bed.run(0, &list).stdout;
    assert!(told.contains("DOES NOT HOLD: it is 1"), "{told}");
    bed.host.reboot().unwrap();
    in_force(&bed);

    let held = bed
        .run(0, &["overlock", "plan", "--offline", "--all"])
        .stdout;
    assert!(held.contains("nothing to do"), "{held}");

    // What it stands against is shown as kept in check, with who answers for it.
    assert_eq!(exposure(&bed), "mitigated");
    let explained = bed
        .run(0, &["overlock", "explain", "CVE-2024-47176", "--offline"])
        .stdout;
    assert!(
        explained.contains("mitigated by run 1: module dccp blocked")
            && explained.contains("ada says"),
        "{explained}"
    );

    // A second measure on the same thing would undo the first one's memory.
    plan(&bed, 0, &["--sysctl", &format!("{KEY}=0")], "1d");
    let again = bed.apply(&[]);
    assert_eq!(again.code, 4, "{}{}", again.stdout, again.stderr);
    assert!(
        again.stderr.contains("`overlock revert 1` comes first"),
        "{}",
        again.stderr
    );

    let back = bed.run(0, &["overlock", "revert", "1"]);
    assert_eq!(traces(&bed), before, "{}", back.stdout);
    assert_eq!(bed.state(), files);
    assert_eq!(exposure(&bed), "exposed");
    let nothing = bed.run(0, &list).stdout;
    assert!(nothing.contains("no measure is in force"), "{nothing}");
    let once = bed.run(4, &["overlock", "revert", "1"]);
    assert!(once.stderr.contains("any more"), "{}", once.stderr);
}

#[test]
fn measure_ends_by_itself_and_leaves_what_was_there_before_it() {
    let test = "measure_ends_by_itself_and_leaves_what_was_there_before_it";
    let Some(bed) = Bed::with(test, &["lab-plain"]) else {
        return;
    };
    porter(&bed);
    // What the administrator did himself is none of ours.
    bed.run(0, &["systemctl", "stop", "porter.service"]);
    bed.run(0, &["systemctl", "disable", "porter.service"]);
    bed.run(0, &["apt-mark", "hold", "lab-plain"]);
    bed.run(0, &["mkdir", "-p", "/var/lib/overlock/mitigations"]);
    let before = traces(&bed);
    let measures = [
        "--disable-unit",
        "porter.service",
        "--hold-package",
        "lab-plain",
    ];
    plan(&bed, 0, &measures, "10s");
    assert_eq!(bed.apply(&[]).code, 0);
    // Whoever wants every plan signed still has what he agreed to end by itself, and no sooner.
    let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChN4LGrXCIVWqUFvvFFAgsDTR8wYLFnGGUMdbHLW ada";
    let trust = format!("threshold = 1\n[[approver]]\nname = \"ada\"\nkey = \"{key}\"\n");
    bed.run(0, &["mkdir", "-p", "/etc/overlock"]);
    bed.host.write("/etc/overlock/trust.toml", &trust).unwrap();
    let sooner = bed.run(4, &["overlock", "revert", "1"]);
    assert!(sooner.stderr.contains("unsigned"), "{}", sooner.stderr);
    let timers = "systemctl list-timers --no-legend | grep -q overlock-mitigation-1.timer";
    bed.run(0, &["sh", "-c", timers]);
    // The timer's own event; bounded.
    let wait = "for i in $(seq 900); do test -e /var/lib/overlock/mitigations/1.json || exit 0; sleep 0.1; done; exit 1";
    bed.run(0, &["sh", "-c", wait]);
    let done = "for i in $(seq 300); do overlock history | grep -q 'target.*takes back run 1' && exit 0; sleep 0.1; done; exit 1";
    bed.run(0, &["sh", "-c", done]);
    bed.run(0, &["rm", "-r", "/etc/overlock"]);
    assert_eq!(traces(&bed), before);
    // Nothing is left to expire.
    let none = bed.run(0, &["overlock", "mitigate", "--expire"]).stdout;
    assert!(none.contains("no measure has expired"), "{none}");
}

#[test]
fn what_no_plan_may_ask_for_is_refused_and_nothing_is_changed() {
    let test = "what_no_plan_may_ask_for_is_refused_and_nothing_is_changed";
    let Some(bed) = Bed::with(test, &["lab-plain"]) else {
        return;
    };
    let before = bed.state();
    for bad in [
        ["--sysctl", "kernel.core_pattern=1"],
        ["--sysctl", "net.ipv4.tcp_sack=1"],
        ["--disable-unit", "dbus.service"],
        ["--disable-unit", "../../etc/passwd"],
        ["--block-module", "../../etc/passwd"],
        ["--hold-package", "--purge"],
    ] {
        let argument = bad.join("=");
        let ran = plan(&bed, 4, &[&argument], "30d");
        assert!(ran.stderr.contains("error: "), "{argument}: {}", ran.stderr);
    }
    // Fine in form, but not on this host: told before anything is changed.
    for (bad, why) in [
        (["--disable-unit", "nothing.service"], "no such unit"),
        (["--hold-package", "nothing"], "not installed"),
    ] {
        plan(&bed, 0, &bad, "30d");
        let ran = bed.apply(&[]);
        assert_eq!(ran.code, 4, "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
    // Nothing else goes down with it unasked.
    porter(&bed);
    let guest = "[Unit]\nRequires=porter.service\nAfter=porter.service\n[Service]\nExecStart=/bin/sleep infinity\n";
    bed.host
        .write("/etc/systemd/system/guest.service", guest)
        .unwrap();
    bed.run(0, &["systemctl", "daemon-reload"]);
    bed.run(0, &["systemctl", "start", "guest.service"]);
    plan(&bed, 0, &["--disable-unit", "porter.service"], "30d");
    let ran = bed.apply(&[]);
    assert_eq!(ran.code, 4, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("guest.service runs and stops with it"),
        "{}",
        ran.stderr
    );
    // What fails after the change is taken back.
    let check =
        "[[check]]\nname = \"porter\"\ntcp = \"127.0.0.1:8631\"\npasses = 1\nwithin_seconds = 1\n";
    bed.run(0, &["mkdir", "-p", "/etc/overlock"]);
    bed.host
        .write("/etc/overlock/overlock.toml", check)
        .unwrap();
    let both = [
        "--disable-unit",
        "porter.service",
        "--disable-unit",
        "guest.service",
    ];
    plan(&bed, 0, &both, "30d");
    let ran = bed.apply(&[]);
    assert_eq!(ran.code, 5, "{}{}", ran.stdout, ran.stderr);
    let active = ["systemctl", "is-active", "porter.service", "guest.service"];
    assert_eq!(bed.run(0, &active).stdout, "active\nactive\n");
    let undo = "systemctl disable -q --now porter.service guest.service; \
        rm -r /etc/overlock /etc/systemd/system/porter.service /etc/systemd/system/guest.service; systemctl daemon-reload";
    bed.run(0, &["sh", "-c", undo]);
    // Already over, and without an end that anybody will see.
    for bad in ["2020-01-01", "2040-01-01"] {
        plan(&bed, 4, &["--hold-package", "lab-plain"], bad);
    }
    // R11: nobody, no reason, no end.
    for missing in ["--owner", "--reason", "--expires"] {
        let all = [
            ("--owner", "ada"),
            ("--reason", "because"),
            ("--expires", "1d"),
        ];
        let mut argv = vec!["overlock", "mitigate", "--hold-package", "lab-plain"];
        for (option, value) in all.into_iter().filter(|(option, _)| *option != missing) {
            argv.extend([option, value]);
        }
        bed.run(2, &argv);
    }
    assert_eq!(bed.state(), before);
}

#[test]
fn run_of_measures_that_was_cut_off_is_finished_by_repair() {
    let test = "run_of_measures_that_was_cut_off_is_finished_by_repair";
    let Some(bed) = Bed::with(test, &["lab-plain"]) else {
        return;
    };
    porter(&bed);
    bed.run(0, &["mkdir", "-p", "/var/lib/overlock/mitigations"]);
    let before = traces(&bed);
    // A unit that takes its time to stop, so that the kill falls into the midst.
    let slow = "[Service]\nExecStop=/bin/sleep 30\nTimeoutStopSec=2\n";
    bed.host
        .write("/etc/systemd/system/porter.service.d/slow.conf", slow)
        .unwrap();
    bed.run(0, &["systemctl", "daemon-reload"]);
    let measures = [
        "--disable-unit",
        "porter.service",
        "--sysctl",
        "net.ipv4.tcp_sack=0",
    ];
    plan(&bed, 0, &measures, "30d");
    let kill = "overlock apply /root/plan.json & \
        until systemctl is-active porter.service | grep -q deactivating; do sleep 0.05; done; kill -9 $!; wait; \
        cat /proc/sys/net/ipv4/tcp_sack";
    let ran = bed.host.run(&["bash", "-c", kill]).unwrap();
    assert!(ran.stdout.ends_with("1\n"), "{}{}", ran.stdout, ran.stderr);
    let repaired = bed.run(0, &["overlock", "repair"]);
    assert_eq!(bed.end("1").0, "target", "{}", repaired.stdout);
    assert_eq!(bed.host.read(PROC).unwrap(), "0\n");
    // And the same on the way back.
    let kill = "overlock revert 1 & \
        until test $(cat /proc/sys/net/ipv4/tcp_sack) = 1; do sleep 0.01; done; kill -9 $!; wait";
    bed.host.run(&["bash", "-c", kill]).unwrap();
    bed.run(0, &["overlock", "repair"]);
    bed.run(0, &["rm", "-r", "/etc/systemd/system/porter.service.d"]);
    bed.run(0, &["systemctl", "daemon-reload"]);
    assert_eq!(traces(&bed), before);

    // A unit that fails by itself by then keeps neither its own measure nor the others.
    plan(&bed, 0, &measures, "30d");
    assert_eq!(bed.apply(&[]).code, 0);
    let broken = "[Service]\nExecStartPre=/bin/false\n";
    bed.host
        .write("/etc/systemd/system/porter.service.d/broken.conf", broken)
        .unwrap();
    let back = bed.run(0, &["overlock", "revert", "3"]).stdout;
    assert!(
        back.contains("porter.service can be started again, and does not start"),
        "{back}"
    );
    assert_eq!(bed.host.read(PROC).unwrap(), "1\n");
    bed.run(0, &["rm", "-r", "/etc/systemd/system/porter.service.d"]);
    bed.run(0, &["systemctl", "daemon-reload"]);
    bed.run(0, &["systemctl", "start", "porter.service"]);
    assert_eq!(traces(&bed), before);
}
