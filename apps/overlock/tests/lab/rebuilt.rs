//! Former versions that no archive has any more: made again from what is installed.

use crate::bed::Bed;
use overlock_lab::corpus;

/// What goes without trouble, each difficult in its own way.
const PACKAGES: [&str; 5] = [
    "lab-plain",
    "lab-conffile",
    "lab-service",
    "lab-pair",
    "liblab-pair",
];

/// A host on which these are installed at 1.0, which nobody offers any more.
fn withdrawn(test: &str) -> Option<Bed> {
    let mut bed = Bed::with(test, &PACKAGES)?;
    let every = corpus::all(corpus::Release::First, bed.lab.folder()).unwrap();
    assert!(every.len() >= PACKAGES.len());
    for name in PACKAGES {
        bed.repository.withdraw(name, "1.0").unwrap();
    }
    bed.run(0, &["apt-get", "-q", "update"]);
    bed.run(0, &["apt-get", "clean"]);
    Some(bed)
}

#[test]
fn former_version_that_no_archive_has_comes_back_from_its_own_files() {
    let test = "former_version_that_no_archive_has_comes_back_from_its_own_files";
    let Some(bed) = withdrawn(test) else {
        return;
    };
    let before = bed.state();
    let one_way = bed.plan(&PACKAGES, &["--no-rebuild"]);
    assert!(
        one_way.stdout.contains("5 of them one-way"),
        "{}",
        one_way.stdout
    );
    let planned = bed.plan(&PACKAGES, &[]);
    let all = "every one of them can be put back";
    assert!(planned.stdout.contains(all), "{}", planned.stdout);
    bed.apply(&[]).ok().unwrap();
    assert_eq!(bed.version("lab-pair"), "2.0 ii");
    assert_ne!(bed.state(), before);
    bed.run(0, &["overlock", "revert", "1"]);
    assert_eq!(
        bed.state(),
        before,
        "packages and configuration are as they were"
    );
    bed.is_whole();
}

/// A package that holds an edit as its own would have the next update overwrite it.
#[test]
fn package_with_an_edited_file_is_not_rebuilt_and_says_why() {
    let test = "package_with_an_edited_file_is_not_rebuilt_and_says_why";
    let Some(bed) = withdrawn(test) else {
        return;
    };
    let edit = "echo mine >>/etc/lab-conffile.conf; echo broken >/usr/share/lab-plain/version";
    bed.run(0, &["sh", "-c", edit]);
    let planned = bed.plan(&["lab-conffile", "lab-plain", "lab-pair"], &[]);
    for told in [
        "lab-conffile:all stays one-way: `/etc/lab-conffile.conf` is not as the package installed it",
        "lab-plain:all stays one-way: `/usr/share/lab-plain/version` is not as the package installed it",
        "2 of them one-way",
        // F11: predicted, before anything would ask.
        "edited on this host, the edit is kept: /etc/lab-conffile.conf",
    ] {
        assert!(planned.stdout.contains(told), "{told}: {}", planned.stdout);
    }
}
