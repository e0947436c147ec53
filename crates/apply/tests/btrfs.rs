//! A root on a real btrfs is put back, and the power goes at every point of it.
//!
//! Loss of power is real as far as the disk goes: the image behind the mounted file system is copied as it is at that
//! moment, so that all is lost that btrfs had not written out, and the copy is what boots.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helper may fail as its test does; clippy.toml's leave ends at #[test] functions"
)]

use overlock_apply::snapshot::btrfs::{Act, Btrfs};
use overlock_apply::snapshot::mounts::Mounts;
use overlock_apply::snapshot::{Back, PutBack, SnapshotError, Snapshots};
use overlock_model::run::RunId;
use overlock_testkit::{root, tool};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A program that is being started has for a moment what the other tests have open, and a disk cannot be unmounted.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const ACTS: [Act; 7] = [
    Act::Copy,
    Act::WriteDown,
    Act::Carry,
    Act::Exchange,
    Act::Nested,
    Act::Default,
    Act::Name,
];

/// How the machine finds its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Boots {
    ByName,
    ByDefault,
}

/// What is lost when the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// All that was not synced.
    Unsynced,
    /// Nothing: somebody synced just before.
    Nothing,
}

struct Machine {
    folder: tempfile::TempDir,
    boots: Boots,
    image: PathBuf,
    device: Option<String>,
}

impl Machine {
    /// On this disk, or an empty one; off.
    fn with_disk(boots: Boots, image: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("image");
        match image {
            Some(image) => copy(image, &own),
            None => fs::File::create(&own).unwrap().set_len(256 << 20).unwrap(),
        }
        for mount in ["root", "top", "run"] {
            fs::create_dir(folder.path().join(mount)).unwrap();
        }
        Self {
            folder,
            boots,
            image: own,
            device: None,
        }
    }

    /// A root of version 1 whose snapshot is that of run 1, and which is at version 2 now.
    fn new(boots: Boots) -> Self {
        let mut machine = Self::with_disk(boots, None);
        run("mkfs.btrfs", &["-q", machine.image.to_str().unwrap()]);
        machine.mount("subvolid=5", "top");
        let top = machine.at("top");
        let make = |path: &str| {
            let path = top.join(path);
            run(
                "btrfs",
                &["-q", "subvolume", "create", path.to_str().unwrap()],
            );
        };
        make("@");
        make("@home");
        fs::create_dir_all(top.join("@/var/lib")).unwrap();
        make("@/var/lib/data");
        for (path, text) in [
            ("version", "1"),
            ("usr/bin/overlock", "program"),
            ("etc/fstab", ""),
            ("var/lib/overlock/runs/7/log", "then"),
            ("var/lib/overlock/journal", "then"),
            ("var/lib/data/rows", "then"),
        ] {
            let path = top.join("@").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        if boots == Boots::ByDefault {
            run(
                "btrfs",
                &["subvolume", "set-default", top.join("@").to_str().unwrap()],
            );
        }
        run("umount", &[top.to_str().unwrap()]);
        machine.boot();
        assert!(machine.btrfs().take(RunId(1)).unwrap());
        assert!(!machine.btrfs().take(RunId(1)).unwrap(), "taken once");
        for (path, text) in [
            ("version", "2"),
            ("var/lib/overlock/journal", "now"),
            ("var/lib/data/rows", "now"),
        ] {
            fs::write(machine.at("root").join(path), text).unwrap();
        }
        run("sync", &["-f", machine.at("root").to_str().unwrap()]);
        machine
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn mount(&mut self, options: &str, at: &str) {
        if self.device.is_none() {
            let image = self.image.to_str().unwrap();
            self.device = Some(run("losetup", &["--show", "-f", image]).trim().to_owned());
        }
        let device = self.device.as_deref().unwrap();
        run(
            "mount",
            &["-o", options, device, self.at(at).to_str().unwrap()],
        );
    }

    fn boot(&mut self) {
        match self.boots {
            Boots::ByName => self.mount("subvol=@", "root"),
            Boots::ByDefault => self.mount("rw", "root"),
        }
    }

    fn off(&mut self) {
        run("umount", &[self.at("root").to_str().unwrap()]);
        if let Some(device) = self.device.take() {
            run("losetup", &["-d", &device]);
        }
    }

    /// Off and on again, with what the disk had.
    fn cut(&mut self, cut: Cut) {
        if cut == Cut::Nothing {
            run("sync", &["-f", self.at("root").to_str().unwrap()]);
        }
        let was = self.at("was");
        copy(&self.image, &was);
        self.off();
        fs::rename(was, &self.image).unwrap();
        self.boot();
    }

    fn btrfs(&self) -> Btrfs {
        Btrfs::of(&self.at("root"), &Mounts::now().unwrap())
            .unwrap()
            .with_top(&self.at("run"))
    }

    fn put_back(&self, stop: Option<Act>) -> Result<PutBack, SnapshotError> {
        let state = self.at("root").join("var/lib/overlock");
        let back = Back {
            snapshot: RunId(1),
            by: RunId(7),
            folder: &state.join("runs/7"),
            carried: std::slice::from_ref(&state),
            needed: &self.at("root").join("usr/bin/overlock"),
        };
        self.btrfs().put_back_asking(&back, &mut |act| {
            if Some(act) == stop {
                return Err(SnapshotError::Taken("the power is gone".to_owned()));
            }
            Ok(())
        })
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at("root").join(path)).unwrap_or_default()
    }

    /// Names in the top level, and the version of each root in it.
    fn roots(&mut self) -> Vec<String> {
        self.mount("subvolid=5", "top");
        let top = self.at("top");
        let mut found = Vec::new();
        for folder in [top.clone(), top.join("overlock")] {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let version = fs::read_to_string(path.join("version")).unwrap_or_default();
                let name = path.strip_prefix(&top).unwrap().display().to_string();
                found.push(format!("{name} {version}").trim().to_owned());
            }
        }
        run("umount", &[top.to_str().unwrap()]);
        found.sort();
        found
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for mount in ["root", "top", "run"] {
            let _ = Command::new("umount")
                .args(["-q", "-l"])
                .arg(self.at(mount))
                .status();
        }
        if let Some(device) = &self.device {
            let _ = Command::new("losetup").args(["-d", device]).status();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    run("cp", &["--sparse=always", from, to]);
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// `None` after telling that the test is skipped.
fn available(test: &str) -> Option<MutexGuard<'static, ()>> {
    let tools = ["btrfs", "mkfs.btrfs", "losetup"];
    let can = root(test) && tools.iter().all(|name| tool(test, name).is_some());
    can.then(|| ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner))
}

/// To the end from wherever it is, as runs that are taken up again after each boot do; how many boots it took.
fn finish(machine: &mut Machine) -> u32 {
    let mut boots = 0;
    while machine.put_back(None).unwrap() != PutBack::Runs {
        boots += 1;
        assert!(boots < 4, "it does not end");
        machine.cut(Cut::Unsynced);
    }
    boots
}

#[track_caller]
fn is_back(machine: &mut Machine, what: &str) {
    assert_eq!(machine.read("version"), "1", "{what}");
    assert_eq!(machine.read("var/lib/overlock/journal"), "now", "{what}");
    assert_eq!(machine.read("var/lib/data/rows"), "now", "{what}");
    assert_eq!(
        machine.roots(),
        [
            "@ 1",
            "@home",
            "overlock",
            "overlock/replaced-7 2",
            "overlock/run-1 1"
        ],
        "{what}"
    );
    let folder = machine.at("root/var/lib/overlock/runs/7");
    assert!(machine.btrfs().is_back(&folder), "{what}");
}

fn power_goes_at_every_point(boots: Boots) {
    let mut untouched = Machine::new(boots);
    untouched.off();
    for act in ACTS {
        for cut in [Cut::Unsynced, Cut::Nothing] {
            let what = format!("{boots:?}, {cut:?}, before {act:?}");
            let mut machine = Machine::with_disk(boots, Some(&untouched.image));
            machine.boot();
            let stopped = machine.put_back(Some(act)).unwrap_err();
            assert!(
                matches!(stopped, SnapshotError::Taken(_)),
                "{what}: {stopped}"
            );
            machine.cut(cut);
            // Whichever root it is, it is whole, and has the journal of now.
            let version = machine.read("version");
            assert!(version == "1" || version == "2", "{what}");
            assert_eq!(machine.read("var/lib/overlock/journal"), "now", "{what}");
            assert_eq!(machine.read("usr/bin/overlock"), "program", "{what}");
            finish(&mut machine);
            is_back(&mut machine, &what);
        }
    }
}

#[test]
fn power_goes_at_every_point_of_a_host_that_boots_by_name() {
    if let Some(_alone) = available("power_goes_at_every_point_of_a_host_that_boots_by_name") {
        power_goes_at_every_point(Boots::ByName);
    }
}

#[test]
fn power_goes_at_every_point_of_a_host_that_boots_by_default() {
    if let Some(_alone) = available("power_goes_at_every_point_of_a_host_that_boots_by_default") {
        power_goes_at_every_point(Boots::ByDefault);
    }
}

#[test]
fn until_the_boot_the_state_is_brought_along_again_and_again() {
    let Some(_alone) = available("until_the_boot_the_state_is_brought_along_again_and_again")
    else {
        return;
    };
    let mut machine = Machine::new(Boots::ByName);
    for text in ["now and", "now"] {
        fs::write(machine.at("root").join("var/lib/overlock/journal"), text).unwrap();
        let put = machine.put_back(None).unwrap();
        let PutBack::AwaitsBoot(notes) = put else {
            panic!("it does not run yet");
        };
        assert!(
            notes
                .iter()
                .any(|note| note.contains("overlock/replaced-7")),
            "{notes:?}"
        );
    }
    // Nobody takes a snapshot of a root that is on its way out, or replaces it once more.
    assert!(machine.btrfs().take(RunId(8)).is_err());
    machine.cut(Cut::Unsynced);
    assert_eq!(finish(&mut machine), 0);
    is_back(&mut machine, "in one go");
}

#[test]
fn data_without_a_place_in_the_snapshot_stays_with_the_replaced_root() {
    let Some(_alone) =
        available("data_without_a_place_in_the_snapshot_stays_with_the_replaced_root")
    else {
        return;
    };
    let mut machine = Machine::new(Boots::ByName);
    let (new, late) = (machine.at("root/new/data"), machine.at("root/var/lib/late"));
    fs::create_dir(new.parent().unwrap()).unwrap();
    for path in [&new, &late] {
        run(
            "btrfs",
            &["-q", "subvolume", "create", path.to_str().unwrap()],
        );
        fs::write(path.join("rows"), "now").unwrap();
    }
    assert_eq!(finish(&mut machine), 1);
    assert_eq!(machine.read("var/lib/late/rows"), "now");
    is_back(&mut machine, "with data");
    machine.mount("subvolid=5", "top");
    let kept = machine.at("top/overlock/replaced-7/new/data/rows");
    assert_eq!(fs::read_to_string(kept).unwrap(), "now");
}

#[test]
fn older_snapshots_go_and_what_is_not_untouched_is_none() {
    let Some(_alone) = available("older_snapshots_go_and_what_is_not_untouched_is_none") else {
        return;
    };
    let mut machine = Machine::new(Boots::ByName);
    let btrfs = machine.btrfs();
    for run in 2..=5 {
        assert!(btrfs.take(RunId(run)).unwrap());
    }
    let notes = btrfs.prune(RunId(5)).unwrap();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert_eq!(
        machine.roots(),
        [
            "@ 2",
            "@home",
            "overlock",
            "overlock/run-3 2",
            "overlock/run-4 2",
            "overlock/run-5 2"
        ]
    );
    assert!(!btrfs.has(RunId(1)).unwrap());
    assert!(matches!(
        machine.put_back(None),
        Err(SnapshotError::Missing(_))
    ));
    assert!(btrfs.has(RunId(5)).unwrap());
    machine.mount("subvolid=5", "top");
    let path = machine.at("top/overlock/run-5");
    run(
        "btrfs",
        &["property", "set", path.to_str().unwrap(), "ro", "false"],
    );
    assert!(
        !btrfs.has(RunId(5)).unwrap(),
        "somebody may have written to it"
    );
    let excluded = btrfs.excluded().unwrap();
    assert_eq!(excluded, ["/var/lib/data (a nested subvolume)"]);
    assert!(
        btrfs
            .lacking(0)
            .unwrap()
            .join(" ")
            .contains("MiB free for data"),
        "256 MiB are few"
    );
}
