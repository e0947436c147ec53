//! Backup, restore, and the way from SQLite to PostgreSQL.

use super::server::{Served, package_sets, reported, runtime};
use overlock_load::draw::Random;
use serde_json::Value;
use std::process::Command;

#[test]
fn a_backup_is_one_file_from_which_all_comes_back() {
    let test = "a_backup_is_one_file_from_which_all_comes_back";
    let Some(sets) = package_sets(test, 2) else {
        return;
    };
    let mut served = Served::new();
    let secret = served.set_up().secret(2);
    let mut random = Random(1);
    let (mut guest, _) =
        runtime().block_on(reported(&served, &secret, "web-1", &sets[0], &mut random));
    served.await_judged(1);
    let before = served.says(&["host", "inventory", "web-1"]);
    let file = served.folder.join("backup");
    served.says(&["backup", file.to_str().unwrap()]);
    assert_eq!(served.stop(), Some(0), "{}", served.log());

    // A single changed byte is seen, and nothing is written.
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = served.folder.join("damaged");
    std::fs::write(&damaged, &bytes).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    let data = fresh.path().to_str().unwrap();
    let refused = served.run(&["restore", damaged.to_str().unwrap(), "--data", data]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let restored = served.run(&["restore", file.to_str().unwrap(), "--data", data]);
    assert!(restored.status.success(), "{restored:?}");
    let twice = served.run(&["restore", file.to_str().unwrap(), "--data", data]);
    assert_eq!(twice.status.code(), Some(2), "{twice:?}");

    // The same authority, the same tokens, the same hosts: the agent does not notice, but for the address.
    let second = Served::within(fresh.path());
    std::fs::copy(
        served.folder.join("context.toml"),
        fresh.path().join("context.toml"),
    )
    .unwrap();
    let url = second.url();
    let context = std::fs::read_to_string(fresh.path().join("context.toml")).unwrap();
    let lines = context
        .lines()
        .map(|line| {
            if line.starts_with("server = ") {
                format!("server = \"{url}\"")
            } else {
                line.to_owned()
            }
        })
        .collect::<Vec<_>>();
    std::fs::write(fresh.path().join("context.toml"), lines.join("\n")).unwrap();
    assert_eq!(second.says(&["host", "inventory", "web-1"]), before);
    runtime().block_on(async {
        let door = second.door();
        let mut connection = overlock_load::connection::Connection::open(&door, guest.tls.clone())
            .await
            .unwrap();
        guest.restart(&mut random);
        let known = guest.hello(&mut connection).await.unwrap().known;
        assert_eq!(known, guest.digests());
        guest.poll(&mut connection).await.unwrap();
    });
    let verdict = second.json(&["log", "verify"]);
    assert_eq!(verdict.get("holds").and_then(Value::as_bool), Some(true));
}

#[test]
fn a_log_that_is_not_there_is_not_said_to_hold() {
    let folder = tempfile::tempdir().unwrap();
    let mut verify = Command::new(env!("CARGO_BIN_EXE_overlock"));
    verify.args(["log", "verify", "--data"]).arg(folder.path());
    // No server is known either.
    verify.env("OVERLOCK_CONTEXT", folder.path().join("context.toml"));
    let said = verify.output().unwrap();
    assert_eq!(said.status.code(), Some(2), "{said:?}");
    let error = String::from_utf8(said.stderr).unwrap();
    assert!(error.contains("there is no database in"), "{error}");
    assert!(!folder.path().join("server").exists());
}
