//! Debian's own pending security updates: from exposed to effective, and back.

use crate::bed::Bed;
use overlock_lab::{Recipe, Root, Suite, real_security_updates};

#[test]
fn pending_security_updates_take_effect_and_go_back() {
    let test = "pending_security_updates_take_effect_and_go_back";
    let Some(bed) = Bed::new(test) else {
        return;
    };
    let root = Root::of(&Recipe::server()).unwrap();
    let updates = real_security_updates(&root, &[]).unwrap();
    assert!(updates.all.len() >= 10, "{}", updates.all.len());
    let mut main = bed.lab.repository(Suite::debian(root.codename())).unwrap();
    main.publish(&updates.former()).unwrap();
    let mut security = bed
        .lab
        .repository(Suite::debian_security(root.codename()))
        .unwrap();
    security.publish(&updates.latest()).unwrap();
    bed.host.use_repository(&main).unwrap().ok().unwrap();
    bed.host.use_repository(&security).unwrap().ok().unwrap();
    let before = bed.state();

    // Without advisories at hand: what security repositories bring.
    let plan = [
        "overlock",
        "plan",
        "--offline",
        "--confirm",
        "never",
        "--out",
        "/root/plan.json",
    ];
    let planned = bed.run(0, &plan);
    for update in &updates.all {
        assert!(
            planned.stdout.contains(&update.package),
            "{}: {}",
            update.package,
            planned.stdout
        );
    }
    let ran = bed.apply(&[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for update in &updates.all {
        assert_eq!(
            bed.version(&update.package),
            format!("{} ii", update.to),
            "{}",
            update.package
        );
    }
    bed.is_whole();
    assert_eq!(
        bed.host
            .output(&["systemctl", "--failed", "--plain", "--no-legend"])
            .unwrap(),
        ""
    );
    let again = ["overlock", "plan", "--offline"];
    assert!(bed.run(0, &again).stdout.contains("nothing to do"));

    let back = bed.run(0, &["overlock", "revert", "1"]);
    assert_eq!(bed.state(), before, "{}", back.stdout);
    bed.is_whole();
    assert_eq!(bed.run(0, &["dpkg", "-V"]).stdout, "");
}
