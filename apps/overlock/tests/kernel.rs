//! A new kernel, really booted: a machine of its own in qemu, Debian's kernels, and GRUB that chooses between them.
//!
//! A program of its own: the machine is emulated, and other hosts beside it would make it slower still.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helper may fail as its test does; clippy.toml's leave ends at #[test] functions"
)]

use overlock_lab::{
    Lab, Luggage, Machine, Ran, Recipe, Root, Suite, machine, real_security_updates,
};
use std::path::Path;

const META: &str = "linux-image-cloud-amd64";

#[track_caller]
fn succeeds(machine: &mut Machine, argv: &[&str]) -> Ran {
    let ran = machine.run(argv).unwrap();
    assert_eq!(ran.code, 0, "{argv:?}: {}{}", ran.stdout, ran.stderr);
    ran
}

fn running(machine: &mut Machine) -> String {
    machine.output(&["uname", "-r"]).unwrap().trim().to_owned()
}

/// What is installed of kernels, and what the boot loader has to choose from.
fn kernels(machine: &mut Machine) -> String {
    let list = "dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\\n' 'linux-image*' | grep ^ii; \
                readlink /vmlinuz; ls /boot/vmlinuz*";
    machine.output(&["sh", "-c", list]).unwrap()
}

/// Waits for the end of a run that goes on by itself, and gives its history.
#[track_caller]
fn history(machine: &mut Machine, run: &str) -> String {
    let wait = "for i in $(seq 300); do systemctl is-active --quiet overlock-resume || break; sleep 1; done; \
                overlock history; overlock history \"$0\"";
    succeeds(machine, &["bash", "-c", wait, run]).stdout
}

#[test]
fn run_boots_into_the_kernel_that_it_installed() {
    if !machine::available("run_boots_into_the_kernel_that_it_installed") {
        return;
    }
    let root = Root::of(&Recipe::machine()).unwrap();
    let updates = real_security_updates(&root, &[META]).unwrap();
    let image = |update: &overlock_lab::Update| update.package.starts_with("linux-image-6");
    let new = updates.all.iter().find(|update| image(update)).unwrap();
    let new = new.package.strip_prefix("linux-image-").unwrap();
    let lab = Lab::new().unwrap();
    let luggage = Luggage::new(&lab.folder().join("luggage")).unwrap();
    for (suite, packages) in [
        (Suite::debian(root.codename()), updates.former()),
        (Suite::debian_security(root.codename()), updates.latest()),
    ] {
        let mut repository = lab.repository(suite).unwrap();
        repository.publish(&packages).unwrap();
        luggage.repository(&repository).unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_overlock"));
    luggage.program(program, "overlock").unwrap();
    let mut machine = lab.machine("machine", &root, &luggage).unwrap();
    let old = running(&mut machine);
    assert_ne!(old, new);
    let before = kernels(&mut machine);

    let plan = [
        "overlock",
        "plan",
        "--offline",
        "--only",
        META,
        "--reboot",
        "if-required",
        "--confirm",
        "never",
        "--out",
        "/root/plan.json",
    ];
    let planned = succeeds(&mut machine, &plan).stdout;
    assert!(
        planned.contains(&format!("reboots into kernel {new}")),
        "{planned}"
    );
    let applied = succeeds(&mut machine, &["overlock", "apply", "/root/plan.json"]);
    assert!(
        applied.stdout.contains("the host reboots now"),
        "{}",
        applied.stdout
    );
    machine.follow().unwrap();
    let told = history(&mut machine, "1");
    assert!(told.contains("target"), "{told}{}", machine.console());
    assert!(
        told.contains(&format!("kernel {new} runs, as planned")),
        "{told}"
    );
    assert_eq!(running(&mut machine), new);

    // And back: the kernel that runs goes, and the one that is left boots.
    let back = succeeds(&mut machine, &["overlock", "revert", "1"]);
    assert!(
        back.stdout.contains("the host reboots now"),
        "{}",
        back.stdout
    );
    machine.follow().unwrap();
    let told = history(&mut machine, "2");
    assert!(
        told.contains(&format!("kernel {old} runs, as planned")),
        "{told}"
    );
    assert_eq!(running(&mut machine), old);
    assert_eq!(kernels(&mut machine), before);
    let scan = ["overlock", "plan", "--offline"];
    assert!(
        succeeds(&mut machine, &scan)
            .stdout
            .contains("nothing to do")
    );
}
