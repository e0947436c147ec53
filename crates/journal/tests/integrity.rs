//! Whatever happens to the file's bytes: the journal says so, or shows exactly what was written (F42).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop at once"
)]

mod story;

use overlock_journal::{FILE_BYTES_MAX, Journal, JournalError, LINE_BYTES_MAX};
use overlock_model::run::{Entry, Event, RunId};
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use story::{events, file, host, open, run, second};

/// What a look at a journal gives.
fn look(folder: &Path) -> Result<Vec<Entry>, JournalError> {
    open(folder).map(|journal| journal.entries().to_vec())
}

fn is_damage(result: &Result<Vec<Entry>, JournalError>) -> bool {
    matches!(result, Err(JournalError::Damaged { .. }))
}

/// A folder with a journal of one run, its entries and its bytes.
fn written() -> (tempfile::TempDir, Vec<Entry>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path()).unwrap();
    run(&mut journal, 1);
    let entries = journal.entries().to_vec();
    drop(journal);
    let bytes = fs::read(file(folder.path())).unwrap();
    (folder, entries, bytes)
}

#[test]
fn a_host_that_was_adopted_stays_so_and_its_runs_stay_with_it() {
    let (folder, _, _) = written();
    let adopted = overlock_model::plan::HostId::from_random([9; 16]);
    let mut journal = open(folder.path()).unwrap();
    assert_ne!(*journal.host(), adopted);
    let event = overlock_model::run::Event::Adopted {
        host: adopted.clone(),
    };
    journal.append(jiff::Timestamp::UNIX_EPOCH, event).unwrap();
    assert_eq!(*journal.host(), adopted);
    drop(journal);
    let journal = open(folder.path()).unwrap();
    assert_eq!(*journal.host(), adopted);
    assert_eq!(journal.runs().len(), 1);
}

/// Every bit of the file. All are damage but the few that make the newest block what a cut-off write of it could have
/// left; there the entry is whole, and all entries are shown.
#[test]
fn each_flipped_bit_is_damage_or_changes_nothing() {
    let (folder, entries, bytes) = written();
    let writer = fs::OpenOptions::new()
        .write(true)
        .open(file(folder.path()))
        .unwrap();
    let (mut damage, mut healed) = (0, 0);
    for (at, byte) in bytes.iter().enumerate() {
        for bit in 0..8 {
            let flipped = byte ^ (1 << bit);
            writer.write_all_at(&[flipped], at as u64).unwrap();
            let looked = look(folder.path());
            match &looked {
                Ok(found) => {
                    assert_eq!(*found, entries, "byte {at} bit {bit}");
                    assert_eq!(fs::read(file(folder.path())).unwrap(), bytes);
                    healed += 1;
                }
                Err(_) => {
                    assert!(is_damage(&looked), "byte {at} bit {bit}: {looked:?}");
                    let mut byte = [0];
                    let reader = fs::File::open(file(folder.path())).unwrap();
                    reader.read_exact_at(&mut byte, at as u64).unwrap();
                    assert_eq!(byte, [flipped], "the damaged file is kept");
                    damage += 1;
                }
            }
            writer.write_all_at(&[*byte], at as u64).unwrap();
        }
    }
    assert_eq!(damage + healed, 8 * bytes.len());
    assert!(healed < 200, "{healed} of {damage} bits were not seen");
    assert_eq!(look(folder.path()).unwrap(), entries);
}

#[test]
fn a_look_sees_flipped_bits_too() {
    let (folder, entries, bytes) = written();
    for (at, byte) in bytes.iter().enumerate().step_by(13) {
        let mut damaged = bytes.clone();
        damaged[at] = byte ^ (1 << (at % 8));
        fs::write(file(folder.path()), &damaged).unwrap();
        match Journal::read(folder.path()) {
            Ok(found) => assert_eq!(found.unwrap(), entries, "byte {at}"),
            Err(error) => assert!(matches!(error, JournalError::Damaged { .. }), "{error:?}"),
        }
        assert_eq!(fs::read(file(folder.path())).unwrap(), damaged);
    }
}

#[test]
fn file_cut_off_at_any_length_is_damage_and_never_a_new_journal() {
    let (folder, _, bytes) = written();
    for length in 0..bytes.len() {
        fs::write(file(folder.path()), &bytes[..length]).unwrap();
        let looked = look(folder.path());
        assert!(is_damage(&looked), "{length} bytes: {looked:?}");
        let kept = fs::metadata(file(folder.path())).unwrap().len();
        assert_eq!(kept, length as u64);
    }
}

#[test]
fn zeros_are_damage() {
    let (folder, _, bytes) = written();
    for length in [0, 1, 4096, 8192, 8193, bytes.len(), 1 << 20] {
        fs::write(file(folder.path()), vec![0; length]).unwrap();
        assert!(is_damage(&look(folder.path())), "{length} zeros");
    }
    // Zeros instead of any one page, as a file system leaves that lost it.
    for from in (0..bytes.len()).step_by(512) {
        let mut holed = bytes.clone();
        let to = holed.len().min(from + 512);
        holed[from..to].fill(0);
        fs::write(file(folder.path()), holed).unwrap();
        assert!(is_damage(&look(folder.path())), "zeros from {from}");
    }
}

#[test]
fn something_else_in_its_place_is_damage_or_refused_and_never_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(file(folder.path())).unwrap();
    assert!(look(folder.path()).is_err());
    fs::remove_dir(file(folder.path())).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        file(folder.path()),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    assert!(is_damage(&look(folder.path())));
    fs::remove_file(file(folder.path())).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", file(folder.path())).unwrap();
    assert!(look(folder.path()).is_err());
}

/// An older copy is a whole journal and cannot be told from it; a mixture of both is damage.
#[test]
fn older_copy_opens_as_what_it_is_and_a_mixture_does_not() {
    let (folder, entries, older) = written();
    let mut journal = open(folder.path()).unwrap();
    run(&mut journal, 2);
    drop(journal);
    let newer = fs::read(file(folder.path())).unwrap();
    fs::write(file(folder.path()), &older).unwrap();
    assert_eq!(look(folder.path()).unwrap(), entries);
    let heads = 8192;
    let old_entries = [&newer[..heads], &older[heads..]].concat();
    fs::write(file(folder.path()), old_entries).unwrap();
    assert!(is_damage(&look(folder.path())));
    let old_head = [&older[..heads], &newer[heads..]].concat();
    fs::write(file(folder.path()), old_head).unwrap();
    assert!(is_damage(&look(folder.path())));
    // One block of each.
    for at in [0, 4096] {
        let mut mixed = newer.clone();
        mixed[at..at + 4096].copy_from_slice(&older[at..at + 4096]);
        fs::write(file(folder.path()), mixed).unwrap();
        assert!(is_damage(&look(folder.path())), "old block at {at}");
    }
}

#[test]
fn entries_of_another_hosts_journal_do_not_fit() {
    let (folder, _, bytes) = written();
    let other = tempfile::tempdir().unwrap();
    let stranger = || overlock_model::plan::HostId::from_random([8; 16]);
    let mut journal = Journal::open(other.path(), stranger, second(0)).unwrap();
    run(&mut journal, 1);
    drop(journal);
    let others = fs::read(file(other.path())).unwrap();
    assert_eq!(bytes.len(), others.len());
    let mixed = [&bytes[..8192], &others[8192..]].concat();
    fs::write(file(folder.path()), mixed).unwrap();
    assert!(is_damage(&look(folder.path())));
}

#[test]
fn entry_that_holds_and_is_not_understood_is_named_as_such() {
    let (folder, ..) = written();
    // Made as a newer program would: a right hash over an event this one does not know, behind a right head.
    let mut bytes = fs::read(file(folder.path())).unwrap();
    let text = String::from_utf8(bytes.split_off(8192)).unwrap();
    let last = text.lines().last().unwrap()[..64].parse().unwrap();
    let last: overlock_model::plan::Digest = last;
    let json = r#"{"sequence":6,"at":"2027-01-15T08:00:06Z","event":{"event":"drained"}}"#;
    let hash = overlock_model::plan::Digest::joined(&[last.bytes(), json.as_bytes()]);
    fs::write(
        file(folder.path()),
        [
            &bytes[..],
            text.as_bytes(),
            format!("{hash} {json}\n").as_bytes(),
        ]
        .concat(),
    )
    .unwrap();
    let looked = look(folder.path());
    assert!(
        matches!(looked, Err(JournalError::Unknown { sequence: 6, .. })),
        "{looked:?}"
    );
}

#[test]
fn journal_is_for_its_owner_alone_and_has_one() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state/overlock");
    let first = open(&folder).unwrap();
    assert_eq!(first.host(), &host());
    assert!(matches!(
        first.entries(),
        [Entry {
            sequence: 0,
            event: Event::Opened { .. },
            ..
        }]
    ));
    assert!(matches!(look(&folder), Err(JournalError::InUse { .. })));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&file(&folder)), 0o600);
    drop(first);
    let again = Journal::open(&folder, || unreachable!("the host keeps its id"), second(9));
    assert_eq!(again.unwrap().host(), &host());
}

#[test]
fn looking_where_no_journal_is_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Journal::read(folder.path()).unwrap().is_none());
    assert!(
        Journal::read(&folder.path().join("absent"))
            .unwrap()
            .is_none()
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn owner_writes_while_others_look() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path()).unwrap();
    std::thread::scope(|scope| {
        let looker = scope.spawn(|| {
            let (mut looks, mut seen) = (0, 0);
            while seen < 201 {
                let entries = Journal::read(folder.path()).unwrap().unwrap();
                assert!(entries.len() >= seen, "entries do not go away");
                seen = entries.len();
                looks += 1;
            }
            looks
        });
        for number in 1..=40 {
            run(&mut journal, number);
        }
        assert!(looker.join().unwrap() > 1);
    });
    let seen = Journal::read(folder.path()).unwrap().unwrap();
    assert_eq!(seen, journal.entries());
}

#[test]
fn too_large_an_entry_is_refused_and_leaves_the_journal_as_it_was() {
    let (folder, entries, bytes) = written();
    let mut journal = open(folder.path()).unwrap();
    let noted = |length: usize| {
        let mut event = events(2).remove(3);
        if let Event::Done { notes, .. } = &mut event {
            *notes = vec!["x".repeat(length)];
        }
        event
    };
    let refused = journal.append(second(7), noted(LINE_BYTES_MAX));
    assert!(matches!(refused, Err(JournalError::TooLarge { .. })));
    let refused = journal.append(second(7), Event::Opened { host: host() });
    assert!(matches!(refused, Err(JournalError::OpenedTwice)));
    assert_eq!(journal.entries(), entries);
    assert_eq!(fs::read(file(folder.path())).unwrap(), bytes);
    // The largest that fits is read back.
    let spare = 400;
    journal
        .append(second(7), noted(LINE_BYTES_MAX - spare))
        .unwrap();
    let entries = journal.entries().to_vec();
    drop(journal);
    assert_eq!(look(folder.path()).unwrap(), entries);
}

/// Large entries, so that a hundred fill it.
#[test]
fn full_journal_lets_the_run_under_way_end_and_no_other_begin() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path()).unwrap();
    let [_, started, _, mut done, ended] = <[Event; 5]>::try_from(events(1)).unwrap();
    if let Event::Done { notes, .. } = &mut done {
        *notes = vec!["x".repeat(LINE_BYTES_MAX - 400)];
    }
    let is_full = |refused| matches!(refused, Err(JournalError::Full { .. }));
    let mut append = |event: &Event| journal.append(second(1), event.clone()).map(|_| ());
    while append(&started).is_ok() {
        append(&done).unwrap();
    }
    assert!(is_full(append(&started)));
    let mut room = 0;
    while append(&done).is_ok() {
        room += 1;
    }
    assert!(room >= 15, "{room} large entries for the run under way");
    assert!(is_full(append(&done)));
    append(&ended).unwrap();
    let entries = journal.entries().len();
    drop(journal);
    assert!(fs::metadata(file(folder.path())).unwrap().len() <= FILE_BYTES_MAX);
    assert_eq!(look(folder.path()).unwrap().len(), entries);
    fs::File::options()
        .write(true)
        .open(file(folder.path()))
        .unwrap()
        .set_len(FILE_BYTES_MAX + 1)
        .unwrap();
    assert!(is_damage(&look(folder.path())));
}

#[test]
fn what_was_appended_is_told_by_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path()).unwrap();
    assert_eq!((journal.next_run(), journal.open_run()), (RunId(1), None));
    assert_eq!(journal.generation_floor(), 0);
    run(&mut journal, 1);
    for event in events(2).drain(..3) {
        journal.append(second(10), event).unwrap();
    }
    drop(journal);
    let journal = open(folder.path()).unwrap();
    assert_eq!(
        (journal.next_run(), journal.open_run()),
        (RunId(3), Some(RunId(2)))
    );
    assert_eq!(journal.generation_floor(), 2);
    assert_eq!(
        (journal.run(RunId(1)).len(), journal.run(RunId(2)).len()),
        (4, 2)
    );
    let ended: Vec<bool> = journal
        .runs()
        .iter()
        .map(|run| run.ended.is_some())
        .collect();
    assert_eq!(ended, [true, false]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any number of changes at once: other entries are never shown.
    #[test]
    fn changed_bytes_never_show_other_entries(
        changes in prop::collection::vec((0_usize..10_000, any::<u8>()), 1..6),
        cut in prop::option::of(0_usize..10_000),
        extra in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let (folder, entries, mut bytes) = written();
        let length = bytes.len();
        for (at, byte) in changes {
            bytes[at % length] = byte;
        }
        bytes.truncate(cut.unwrap_or(length));
        bytes.extend(extra);
        fs::write(file(folder.path()), &bytes).unwrap();
        match look(folder.path()) {
            Ok(found) => prop_assert_eq!(found, entries),
            Err(error) => prop_assert!(
                matches!(error, JournalError::Damaged { .. }), "{:?}", error
            ),
        }
    }
}
