//! F2: the power goes in the midst of an installation.

use crate::bed::Bed;
use overlock_lab::Deb;

/// Its script waits for ever the first time, and by then has written what it would not write a second time.
const SCRIPT: &str = "test -e /var/lib/lab-slow && exit 0\n\
                      echo done >/var/lib/lab-slow\n\
                      exec sleep infinity\n";

#[test]
fn installation_that_the_power_cut_off_is_done_again_by_itself() {
    let test = "installation_that_the_power_cut_off_is_done_again_by_itself";
    let Some(mut bed) = Bed::with(test, &["lab-plain"]) else {
        return;
    };
    let first = Deb::new("lab-slow", "1.0");
    let second = Deb::new("lab-slow", "2.0").script("postinst", SCRIPT);
    for deb in [first, second] {
        let deb = deb.build(bed.lab.folder()).unwrap();
        bed.repository.publish(&[deb]).unwrap();
    }
    bed.run(0, &["apt-get", "-q", "update"]);
    bed.install_first(&["lab-slow"]);
    bed.plan(&["lab-plain", "lab-slow"], &[]);
    let apply = [
        "systemd-run",
        "--quiet",
        "overlock",
        "apply",
        "/root/plan.json",
    ];
    bed.run(0, &apply);
    let there =
        "for i in $(seq 600); do test -e /var/lib/lab-slow && exit 0; sleep 0.1; done; exit 1";
    bed.run(0, &["bash", "-c", there]);
    bed.host.kill().unwrap();
    bed.host.start().unwrap();
    // Nobody calls anything: the run goes on with the boot.
    let wait = "for i in $(seq 600); do overlock history | grep -q target && exit 0; sleep 0.1; done; \
                journalctl -u overlock-resume; exit 1";
    bed.run(0, &["bash", "-c", wait]);
    let history = bed.run(0, &["overlock", "history", "1"]).stdout;
    assert!(
        history.contains("2 packages put in place again"),
        "{history}"
    );
    assert_eq!(bed.version("lab-plain"), "2.0 ii");
    assert_eq!(bed.version("lab-slow"), "2.0 ii");
    bed.is_whole();
}
