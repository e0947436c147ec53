//! Killed, out of power or out of space in the midst of an append: what was acknowledged is there (F1, F2, F5).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at once, and a child tells by printing"
)]

mod story;

use overlock_journal::JournalError;
use overlock_model::run::Entry;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use story::{events, file, open, run, second};

const HEADER: usize = 8192;
const FOLDER: &str = "JOURNAL_OF_THE_CHILD";

fn entries(folder: &Path) -> Vec<Entry> {
    open(folder).unwrap().entries().to_vec()
}

/// The bytes before and after the last append, and the entries after it.
fn last_append() -> (tempfile::TempDir, Vec<u8>, Vec<u8>, Vec<Entry>) {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path()).unwrap();
    run(&mut journal, 1);
    let before = fs::read(file(folder.path())).unwrap();
    journal.append(second(6), events(2).remove(1)).unwrap();
    let after = fs::read(file(folder.path())).unwrap();
    let entries = journal.entries().to_vec();
    (folder, before, after, entries)
}

/// Opens what a crash left, and a second time what opening it made of that; appends work from there.
fn recovers_to(folder: &Path, left: &[u8], expected: &[Entry], what: &str) {
    fs::write(file(folder), left).unwrap();
    assert_eq!(entries(folder), expected, "{what}");
    let mut journal = open(folder).unwrap();
    assert_eq!(journal.entries(), expected, "{what}, the second time");
    journal.append(second(9), events(2).remove(2)).unwrap();
    drop(journal);
    assert_eq!(
        entries(folder).len(),
        expected.len() + 1,
        "{what}, appended"
    );
}

#[test]
fn line_cut_off_at_any_byte_is_not_in_the_journal() {
    let (folder, before, after, all) = last_append();
    let former = &all[..all.len() - 1];
    for written in before.len()..after.len() {
        let line = &after[before.len()..written];
        let left = [&before[..], line].concat();
        recovers_to(
            folder.path(),
            &left,
            former,
            &format!("{} bytes", line.len()),
        );
        // The file's length is on disk, the rest of its bytes is not.
        let mut left = left;
        left.resize(after.len(), 0);
        recovers_to(
            folder.path(),
            &left,
            former,
            &format!("{} bytes, zeros", line.len()),
        );
    }
}

#[test]
fn line_without_its_head_is_in_the_journal() {
    let (folder, before, after, all) = last_append();
    let left = [&before[..HEADER], &after[HEADER..]].concat();
    recovers_to(folder.path(), &left, &all, "no head");
}

#[test]
fn block_cut_off_at_any_byte_leaves_the_entry_in_the_journal() {
    let (folder, before, after, all) = last_append();
    for cut in 0..=HEADER {
        // From the front, as the kernel copies; from the back, and in sectors, as a disk may.
        if cut % 4096 > 300 && cut % 512 != 0 {
            continue;
        }
        let front = [&after[..cut], &before[cut..HEADER], &after[HEADER..]].concat();
        recovers_to(folder.path(), &front, &all, &format!("front {cut}"));
        let back = [&before[..cut], &after[cut..]].concat();
        recovers_to(folder.path(), &back, &all, &format!("back {cut}"));
    }
}

#[test]
fn broken_block_without_the_line_it_counts_is_damage() {
    let (folder, before, after, _) = last_append();
    // The second block is the one that this append wrote: its count is new, its hash is not.
    let cut = HEADER / 2 + 40;
    let left = [&after[..cut], &before[cut..]].concat();
    assert!(left[..HEADER] != before[..HEADER] && left[..HEADER] != after[..HEADER]);
    fs::write(file(folder.path()), &left).unwrap();
    let opened = open(folder.path());
    assert!(matches!(opened, Err(JournalError::Damaged { .. })));
    // Nor does a part of the line explain it.
    let left = [&left[..], &after[before.len()..after.len() - 1]].concat();
    fs::write(file(folder.path()), left).unwrap();
    let opened = open(folder.path());
    assert!(matches!(opened, Err(JournalError::Damaged { .. })));
}

#[test]
fn half_born_journal_is_none() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("journal.new"), b"overlock.jour").unwrap();
    assert_eq!(entries(folder.path()).len(), 1);
    assert!(!folder.path().join("journal.new").exists());
}

/// Starts this test binary as a child that appends and tells each entry that was acknowledged; `through` is put before it.
fn child(test: &str, folder: &Path, through: &[&str]) -> Command {
    let own = std::env::current_exe().unwrap();
    let mut argv: Vec<&std::ffi::OsStr> = through.iter().map(std::ffi::OsStr::new).collect();
    argv.push(own.as_os_str());
    let mut command = Command::new(argv[0]);
    command
        .args(&argv[1..])
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

fn acknowledged(line: &str) -> Option<u64> {
    line.strip_prefix("acknowledged ")?.parse().ok()
}

#[test]
#[ignore = "the child of the tests that kill it or take its space"]
fn child_that_appends() {
    let folder = std::env::var_os(FOLDER).expect("run by the other tests");
    let mut journal = open(Path::new(&folder)).unwrap();
    println!();
    for event in (1..).flat_map(events) {
        match journal.append(second(1), event) {
            Ok(entry) => println!("acknowledged {}", entry.sequence),
            Err(error) => {
                println!("refused {error:?}");
                return;
            }
        }
    }
}

#[test]
fn killed_while_it_appends_all_that_was_acknowledged_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut total = 1;
    // Each child appends to what the one before left; it is killed after more and more entries.
    for kill_after in 1..=30 {
        let mut child = child("child_that_appends", folder.path(), &[])
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut last = None;
        for line in lines.by_ref().map(Result::unwrap) {
            last = acknowledged(&line).or(last);
            if last.is_some_and(|last| last + 1 >= total + kill_after) {
                break;
            }
        }
        child.kill().unwrap();
        // What it told between our decision and its death counts too.
        for line in lines.map(Result::unwrap) {
            last = acknowledged(&line).or(last);
        }
        assert!(!child.wait().unwrap().success());
        let told = last.unwrap() + 1;
        let there = entries(folder.path()).len() as u64;
        assert!(
            there == told || there == told + 1,
            "told {told}, there {there}"
        );
        total = there;
    }
}

/// `ulimit -f` counts in blocks of 512 bytes, so the last line is cut off in its midst.
#[test]
fn out_of_space_the_journal_holds_what_was_acknowledged() {
    for blocks in [17, 18, 20, 25, 33] {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let output = child(
            "child_that_appends",
            folder.path(),
            &["sh", "-c", &script, "sh"],
        )
        .output()
        .unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let told = output.lines().filter_map(acknowledged).next_back();
        if output.contains("refused Write") {
            let told = told.map_or(1, |last| last + 1);
            assert_eq!(entries(folder.path()).len() as u64, told, "{blocks} blocks");
            let mut journal = open(folder.path()).unwrap();
            run(&mut journal, 99);
        } else {
            // Not even the first entry found space: there is no journal, and next time there is.
            assert!(told.is_none() && !file(folder.path()).exists(), "{output}");
            assert_eq!(entries(folder.path()).len(), 1);
        }
    }
}

/// A real full file system: a tmpfs of 64 KiB in a mount namespace of its own.
#[test]
fn full_file_system_refuses_the_entry_and_takes_it_when_there_is_space() {
    let test = "full_file_system_refuses_the_entry_and_takes_it_when_there_is_space";
    if !rustix::process::geteuid().is_root() {
        overlock_testkit::skip(test, "only root can mount a file system");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs {} && exec \"$@\"",
        folder.path().display()
    );
    let through = ["unshare", "--mount", "sh", "-c", &script, "sh"];
    let output = child("child_on_a_full_file_system", folder.path(), &through)
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.contains("appended again"), "{output}");
}

#[test]
#[ignore = "the child of the test that gives it a full file system"]
fn child_on_a_full_file_system() {
    let folder = std::env::var_os(FOLDER).expect("run by the other test");
    let folder = Path::new(&folder);
    let mut journal = open(folder).unwrap();
    let filler = folder.join("filler");
    fs::write(&filler, vec![0; 64 << 10]).unwrap_err();
    let refused = (1..)
        .flat_map(events)
        .find_map(|event| journal.append(second(1), event).err())
        .unwrap();
    assert!(
        matches!(&refused, JournalError::Write { cause, .. } if cause.kind() == std::io::ErrorKind::StorageFull),
        "{refused:?}"
    );
    let acknowledged = journal.entries().to_vec();
    assert_eq!(
        overlock_journal::Journal::read(folder).unwrap().unwrap(),
        acknowledged
    );
    drop(journal);
    // Opening needs no space.
    assert_eq!(entries(folder), acknowledged);
    let mut journal = open(folder).unwrap();
    journal.append(second(1), events(1).remove(3)).unwrap_err();
    fs::remove_file(filler).unwrap();
    journal.append(second(1), events(1).remove(3)).unwrap();
    drop(journal);
    assert_eq!(entries(folder).len(), acknowledged.len() + 1);
    println!("\nappended again");
}
