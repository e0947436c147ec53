//! The survey against the real `/proc`: processes of our own, started from files that we then delete or replace.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use overlock_host::processes::{Limits, boot_time, survey};
use overlock_model::effective::Effective;
use overlock_rootfs::Root;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A copy of `cat` that runs until its input is closed.
struct Running {
    child: Child,
}

impl Running {
    /// Starts `command` and waits until it has answered, so that its program is mapped for sure.
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.as_mut().unwrap().write_all(b"?").unwrap();
        let mut answer = [0];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut answer)
            .unwrap();
        Self { child }
    }

    fn stale_files(&self, effective: &Effective) -> Vec<String> {
        let found = effective
            .stale
            .iter()
            .find(|stale| stale.pid == self.child.id());
        found.map(|stale| stale.files.clone()).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

/// Not below `/tmp`, which the survey leaves out.
fn program(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join(name);
    fs::copy("/bin/cat", &path).unwrap();
    (folder, path)
}

fn survey_now() -> Effective {
    survey(
        &Root::open("/").unwrap(),
        Path::new("/proc"),
        Limits::default(),
    )
    .unwrap()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_process_is_stale_once_its_program_was_deleted() {
    let (_folder, path) = program("deleted-cat");
    let process = Running::start(&mut Command::new(&path));
    assert_eq!(process.stale_files(&survey_now()), [""; 0]);
    fs::remove_file(&path).unwrap();
    let effective = survey_now();
    assert_eq!(process.stale_files(&effective), [text(&path)]);
    let stale = effective
        .stale
        .iter()
        .find(|stale| stale.pid == process.child.id())
        .unwrap();
    assert_eq!(stale.name, "deleted-cat");
    assert!(stale.started.unwrap() >= boot_time(Path::new("/proc")).unwrap());
}

#[test]
fn a_process_is_stale_once_its_program_was_replaced_as_package_managers_do() {
    let (folder, path) = program("replaced-cat");
    let process = Running::start(&mut Command::new(&path));
    let new = folder.path().join("replaced-cat.new");
    fs::copy("/bin/cat", &new).unwrap();
    fs::rename(&new, &path).unwrap();
    let effective = survey_now();
    assert_eq!(process.stale_files(&effective), [text(&path)]);
    assert!(
        effective
            .units
            .iter()
            .any(|unit| unit.files.contains(&text(&path))),
        "the plan asks by this path"
    );
}

#[test]
fn a_private_mount_over_a_file_is_not_taken_for_a_replacement() {
    if !rustix::process::geteuid().is_root() {
        return overlock_testkit::skip(
            "a_private_mount_over_a_file",
            "needs root for a mount namespace",
        );
    }
    let (folder, path) = program("mounted-cat");
    let other = folder.path().join("other-cat");
    fs::copy("/bin/cat", &other).unwrap();
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        "mount --bind \"$1\" \"$2\" && exec \"$2\"",
        "sh",
    ]);
    let process = Running::start(command.arg(&other).arg(&path));
    let effective = survey_now();
    assert_eq!(process.stale_files(&effective), [""; 0]);
    assert!(
        effective
            .units
            .iter()
            .any(|unit| unit.files.contains(&text(&path))),
        "it was looked into"
    );
}

#[test]
fn an_ordinary_user_is_told_how_many_processes_were_not_seen() {
    const INNER: &str = "OVERLOCK_TEST_PRINT_UNSEEN";
    if std::env::var_os(INNER).is_some() {
        let effective = survey_now();
        std::io::stdout()
            .write_all(format!("unseen={}\n", effective.processes_unseen).as_bytes())
            .unwrap();
        return;
    }
    if !rustix::process::geteuid().is_root() {
        return overlock_testkit::skip("an_ordinary_user", "needs root to become another user");
    }
    // The test program itself may be out of that user's reach.
    let (_folder, copy) = {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("test");
        fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        fs::set_permissions(
            folder.path(),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        (folder, copy)
    };
    let mut command = Command::new(&copy);
    command.args([
        "--exact",
        "an_ordinary_user_is_told_how_many_processes_were_not_seen",
        "--nocapture",
    ]);
    let output = command
        .env(INNER, "1")
        .current_dir("/")
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let unseen = output
        .split("unseen=")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or("0");
    let (as_user, as_root) = (
        unseen.parse::<u64>().unwrap(),
        survey_now().processes_unseen,
    );
    // Even root may be kept from a process or two, by a security module or a sandbox around this machine.
    assert!(as_user > as_root, "{as_user} and {as_root}: {output}");
}

/// On overlayfs the device and inode of a mapping are those of a layer and differ from what the name has.
#[test]
fn on_overlayfs_only_the_mark_of_deletion_counts() {
    if !rustix::process::geteuid().is_root() {
        return overlock_testkit::skip("on_overlayfs", "needs root to mount");
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["lower", "upper", "work", "merged"] {
        fs::create_dir(at(name)).unwrap();
    }
    fs::copy("/bin/cat", at("lower/layered-cat")).unwrap();
    let script = "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged \
                  && exec \"$PWD/merged/layered-cat\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", script]);
    let process = Running::start(command.current_dir(folder.path()));
    // The overlay is seen through the process: it is mounted in its name space only.
    let its_root = format!("/proc/{}/root", process.child.id());
    let survey_inside = || {
        survey(
            &Root::open(&its_root).unwrap(),
            Path::new("/proc"),
            Limits::default(),
        )
        .unwrap()
    };
    assert_eq!(process.stale_files(&survey_inside()), [""; 0]);

    let program = at("merged/layered-cat");
    let inside = |path: &Path| PathBuf::from(format!("{its_root}{}", path.display()));
    fs::copy("/bin/cat", inside(&at("merged/new"))).unwrap();
    fs::rename(inside(&at("merged/new")), inside(&program)).unwrap();
    assert_eq!(process.stale_files(&survey_inside()), [text(&program)]);
}
