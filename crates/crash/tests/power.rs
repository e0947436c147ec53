//! The control of every power cut: what was not synced is lost, what was synced is there.

use overlock_crash::{Disk, Scene, image, in_own_mounts};
use std::fs::{self, File};
use std::io::Write;

#[test]
fn cut_of_power_takes_what_was_not_synced_and_nothing_else() {
    let test = "cut_of_power_takes_what_was_not_synced_and_nothing_else";
    if !overlock_lab::available(test) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let layers = ["over", "below"].map(|name| folder.path().join(name));
    for folder in ["proc", "run", "tmp", "etc"] {
        fs::create_dir_all(layers[1].join(folder)).unwrap();
    }
    fs::create_dir_all(&layers[0]).unwrap();
    fs::write(layers[1].join("etc/there"), "before").unwrap();
    in_own_mounts(&folder.path().join("work"), || {
        let at = folder.path().join("work");
        let image = image(&layers, 16, &at)?;
        let scene = Scene::new(&at.join("host"), &layers, Disk::Ext4(image))?;
        let (lost, kept) = (scene.root().join("etc/lost"), scene.root().join("etc/kept"));
        let mut file = File::create(&kept)?;
        file.write_all(b"kept")?;
        file.sync_all()?;
        drop(file);
        // A sync of its folder: even its name outlives the cut, its bytes do not.
        fs::write(&lost, "lost")?;
        File::open(scene.root().join("etc"))?.sync_all()?;
        let boot = || fs::read_to_string(scene.root().join("proc/sys/kernel/random/boot_id"));
        let before = boot()?;
        scene.cut_power()?;
        scene.boot()?;
        assert_ne!(boot()?, before, "it is another boot");
        assert_eq!(fs::read(&kept)?, b"kept");
        assert_eq!(fs::read(scene.root().join("etc/there"))?, b"before");
        assert_eq!(fs::read(&lost)?, b"", "an empty file is what is left of it");
        Ok(())
    })
    .unwrap();
}
