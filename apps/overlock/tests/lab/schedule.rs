//! Patching in a window with nobody there.

use crate::bed::Bed;
use crate::runs::holds;
use overlock_lab::corpus::{self, Release};
use overlock_lab::{Deb, Recipe, Root, Suite};

const UNIT: &str = "overlock-schedule.service";

/// The host's clock, shifted, as a daily calendar event.
fn daily(bed: &Bed, shift: &str) -> String {
    let day = bed.run(0, &["date", "-u", "-d", shift, "+*-*-* %H:%M:00"]);
    day.stdout.trim().to_owned()
}

fn set(bed: &Bed, shift: &str, more: &[&str]) {
    let at = daily(bed, shift);
    let mut argv = vec!["overlock", "schedule", "set", "--at", &at];
    argv.extend(["--window", "30m", "--time-zone", "UTC"]);
    argv.extend(more);
    bed.run(0, &argv);
}

fn journal(bed: &Bed) -> String {
    let argv = ["journalctl", "--no-pager", "-o", "cat", "-u", UNIT];
    bed.host.output(&argv).unwrap()
}

#[test]
fn window_brings_what_is_within_bounds_and_no_more() {
    let test = "window_brings_what_is_within_bounds_and_no_more";
    let Some(bed) = Bed::new(test) else {
        return;
    };
    let root = Root::of(&Recipe::server()).unwrap();
    let suite = Suite::debian_security(root.codename());
    let mut security = bed.lab.repository(suite).unwrap();
    let first = corpus::all(Release::First, bed.lab.folder()).unwrap();
    security.publish(&first).unwrap();
    // By its name one of the packages that may cut a host off.
    let cutting = |version: &str| {
        let deb =
            Deb::new("wireguard-lab", version).file("/usr/share/wireguard-lab/version", version);
        deb.build(bed.lab.folder()).unwrap()
    };
    // Its new version wants a package that is not to be updated.
    let dragging = |version: &str, depends: &str| {
        let deb = Deb::new("lab-dragging", version).field("Depends", depends);
        deb.build(bed.lab.folder()).unwrap()
    };
    let firsts = [cutting("1.0"), dragging("1.0", "lab-conffile")];
    security.publish(&firsts).unwrap();
    bed.host.use_repository(&security).unwrap().ok().unwrap();
    bed.install_first(&["lab-plain", "lab-service", "lab-conffile"]);
    bed.install_first(&["lab-dragging", "wireguard-lab"]);
    // New since the host last asked: the schedule asks first.
    let second = corpus::all(Release::Second, bed.lab.folder()).unwrap();
    security.publish(&second).unwrap();
    let seconds = [cutting("2.0"), dragging("2.0", "lab-conffile (>= 2.0)")];
    security.publish(&seconds).unwrap();
    // Its way back has to be rebuilt.
    security.withdraw("lab-plain", "1.0").unwrap();
    bed.run(0, &["apt-get", "clean"]);

    set(&bed, "-1 minute", &["--without", "lab-conffile"]);
    let timers = bed
        .run(0, &["systemctl", "list-timers", "--no-legend"])
        .stdout;
    assert!(timers.contains("overlock-schedule.timer"), "{timers}");
    let started = bed.host.run(&["systemctl", "start", UNIT]).unwrap();
    let said = journal(&bed);
    assert_eq!(started.code, 0, "{}{said}", started.stderr);
    assert_eq!(bed.version("lab-plain"), "2.0 ii", "{said}");
    assert_eq!(bed.version("lab-service"), "2.0 ii", "{said}");
    assert_eq!(bed.host.read("/run/lab-service").unwrap(), "2.0\n");
    assert_eq!(bed.version("lab-conffile"), "1.0 ii", "{said}");
    assert!(
        said.contains("held: lab-conffile 2.0: lab-conffile is never to be updated"),
        "{said}"
    );
    assert_eq!(bed.version("lab-dragging"), "1.0 ii", "{said}");
    assert!(
        said.contains("held: lab-dragging 2.0: lab-conffile is never to be updated"),
        "{said}"
    );
    assert!(said.contains("back by a rebuilt artifact"), "{said}");
    assert_eq!(bed.version("wireguard-lab"), "1.0 ii", "{said}");
    assert!(
        said.contains("held: wireguard-lab 2.0: wireguard-lab may cut the host off"),
        "{said}"
    );
    bed.is_whole();
    let history = bed.run(0, &["overlock", "history", "1"]).stdout;
    assert!(history.contains("held: lab-conffile"), "{history}");
    let show = ["overlock", "schedule", "show", "--format", "json"];
    let shown = bed.run(0, &show).stdout;
    holds("overlock.schedule-1.json", &shown);
    assert!(shown.contains("\"result\": \"applied\""), "{shown}");

    // Once there is something that confirms, it is let through.
    let connect = "[confirm]\nconnect = [\"repository.lab:80\"]\n";
    bed.host
        .write("/etc/overlock/overlock.toml", connect)
        .unwrap();
    bed.run(0, &["systemctl", "start", UNIT]);
    assert_eq!(bed.version("wireguard-lab"), "2.0 ii");
    let confirmed = bed.run(0, &["overlock", "history", "2"]).stdout;
    assert!(
        confirmed.contains("confirmed by a fresh connection to repository.lab:80"),
        "{confirmed}"
    );
    bed.run(0, &["rm", "/etc/overlock/overlock.toml"]);

    // Within bounds nothing is left; then a bound is lifted, but the window is closed.
    bed.run(0, &["systemctl", "start", UNIT]);
    assert!(journal(&bed).contains("no update within bounds is on offer"));
    set(&bed, "+3 hours", &[]);
    bed.run(0, &["systemctl", "start", UNIT]);
    assert!(journal(&bed).contains("the window is closed"));
    let dry = bed
        .run(0, &["overlock", "schedule", "run", "--dry-run"])
        .stdout;
    assert!(dry.contains("lab-conffile"), "{dry}");
    assert_eq!(bed.version("lab-conffile"), "1.0 ii");

    bed.run(0, &["overlock", "schedule", "off"]);
    let left =
        "find /etc /var/lib/systemd /run/systemd -name '*overlock-schedule*'; ls /etc/overlock";
    assert_eq!(bed.run(0, &["sh", "-c", left]).stdout, "");
    let none = bed.run(0, &["overlock", "schedule", "show"]).stdout;
    assert!(none.contains("no schedule is set"), "{none}");
}

#[test]
fn schedule_that_could_not_do_what_it_says_is_not_set() {
    let test = "schedule_that_could_not_do_what_it_says_is_not_set";
    let Some(bed) = Bed::new(test) else {
        return;
    };
    for (code, at, window, zone) in [
        (2, "whenever", "2h", "UTC"),
        (2, "2001-01-01", "2h", "UTC"),
        (2, "Sun 03:00", "2h", "Nowhere/Town"),
        (2, "Sun 03:00", "2 apples", "UTC"),
        (2, "Sun 03:00", "30d", "UTC"),
        (2, "--help", "2h", "UTC"),
    ] {
        let argv = [
            "overlock",
            "schedule",
            "set",
            &format!("--at={at}"),
            "--window",
            window,
            "--time-zone",
            zone,
        ];
        bed.run(code, &argv);
    }
    // Whoever wants every plan signed cannot have one that nobody signs.
    let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChN4LGrXCIVWqUFvvFFAgsDTR8wYLFnGGUMdbHLW ada";
    let trust = format!("threshold = 1\n[[approver]]\nname = \"ada\"\nkey = \"{key}\"\n");
    bed.run(0, &["mkdir", "-p", "/etc/overlock"]);
    bed.host.write("/etc/overlock/trust.toml", &trust).unwrap();
    let argv = [
        "overlock", "schedule", "set", "--at", "daily", "--window", "2h",
    ];
    let ran = bed.run(4, &argv);
    assert!(ran.stderr.contains("signed"), "{}", ran.stderr);
    bed.run(0, &["sh", "-c", "! systemctl cat overlock-schedule.timer"]);
}
