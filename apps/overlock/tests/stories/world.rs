//! A world for one story: a root, a mirror of publishers, a data directory, and the program run in it.
//!
//! Nothing of the machine is seen: the environment is emptied, the clock is given, the mirror is a folder.

use overlock_feeds::publishers;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// When every story plays, unless it says otherwise.
pub const NOW: &str = "2026-11-22T12:00:00Z";

pub struct World {
    folder: tempfile::TempDir,
    pub now: String,
    /// `None`: the world's own folder `mirror`.
    pub mirror: Option<PathBuf>,
}

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("mirror")).unwrap();
        // A mirror that has nothing, for stories in which no publisher can be reached.
        fs::create_dir(folder.path().join("nowhere")).unwrap();
        Self {
            folder,
            now: NOW.to_owned(),
            mirror: None,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path as an argument.
    pub fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Writes a file below the world, with its folders; answers its path as an argument.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        self.arg(name)
    }

    /// Where a feed stands in the world's mirror.
    pub fn feed_path(&self, feed: &str) -> PathBuf {
        let publisher = publishers::find(feed).unwrap_or_else(|| panic!("no feed `{feed}`"));
        self.path("mirror").join(publisher.mirror_path().unwrap())
    }

    /// Lays a feed into the world's mirror.
    pub fn feed(&self, feed: &str, content: impl AsRef<[u8]>) {
        let path = self.feed_path(feed);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_overlock"));
        let mirror = self.mirror.clone().unwrap_or_else(|| self.path("mirror"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("TZ", "UTC")
            .env("OVERLOCK_DATA", self.data())
            .env("OVERLOCK_NOW", &self.now)
            .env("OVERLOCK_MIRROR", mirror)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments))
    }

    /// Runs with `input` on standard input.
    pub fn run_with(&self, input: &[u8], arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            // A program that refuses its input closes the pipe before all is written.
            scope.spawn(move || drop(stdin.write_all(input)));
            Ran::from(child.wait_with_output().unwrap())
        })
    }

    /// A scan of the world's root as JSON.
    pub fn scan(&self) -> Value {
        self.run(&["scan", "--root", &self.arg("root"), "--format", "json"])
            .clear()
            .json()
    }
}

impl Ran {
    pub fn of(mut command: Command) -> Self {
        Self::from(command.output().unwrap())
    }

    fn from(output: std::process::Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap()
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stderr: {}\nstdout: {}",
            self.stderr,
            String::from_utf8_lossy(&self.stdout)
        );
        self
    }

    /// It did what it was asked.
    #[track_caller]
    pub fn clear(self) -> Self {
        self.exits(0)
    }

    /// It refused: that exit code, nothing on stdout, an error that names each of `words`.
    #[track_caller]
    pub fn refuses(self, code: i32, words: &[&str]) -> Self {
        let ran = self.exits(code);
        assert!(
            ran.stdout.is_empty(),
            "stdout of a refusal: {}",
            String::from_utf8_lossy(&ran.stdout)
        );
        assert!(ran.stderr.contains("error: "), "{}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran.says(words)
    }

    /// Standard error names each of `words`.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(
                self.stderr.contains(word),
                "`{word}` is not in: {}",
                self.stderr
            );
        }
        self
    }
}

/// Texts of one field of each object in a list.
pub fn texts<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    let list = list.as_array().unwrap();
    list.iter()
        .map(|object| object[field].as_str().unwrap_or_else(|| panic!("{object}")))
        .collect()
}

/// The first object of a list whose `field` is `text`.
#[track_caller]
pub fn with<'a>(list: &'a Value, field: &str, text: &str) -> &'a Value {
    list.as_array()
        .unwrap()
        .iter()
        .find(|object| object[field] == text)
        .unwrap_or_else(|| panic!("no {field} = {text} in {list:#}"))
}

/// The report says of every package where it ended, and where it was not judged, why.
#[track_caller]
pub fn coverage_adds_up(report: &Value, packages: u64) {
    let coverage = &report["coverage"];
    let count = |field: &str| coverage[field].as_u64().unwrap();
    let ended = ["vulnerable", "unfixed", "not_vulnerable", "not_covered"]
        .map(count)
        .iter()
        .sum::<u64>();
    assert_eq!(count("packages"), packages, "{coverage:#}");
    assert_eq!(ended, packages, "{coverage:#}");
    let gaps = coverage["gaps"].as_array().unwrap();
    let reasons: u64 = gaps
        .iter()
        .map(|gap| gap["packages"].as_u64().unwrap())
        .sum();
    assert_eq!(reasons, count("not_covered"), "{coverage:#}");
    for gap in gaps {
        assert_eq!(
            gap["packages"].as_u64(),
            Some(gap["names"].as_array().unwrap().len() as u64)
        );
    }
}
