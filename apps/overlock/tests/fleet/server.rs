//! A server for one story, and hosts for it.

use overlock_load::connection::{Connection, Server as Address};
use overlock_load::draw::{self, PackageSet, Random};
use overlock_load::guest::Guest;
use overlock_protocol::SectionDigests;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const OVERLOCK: &str = env!("CARGO_BIN_EXE_overlock");
/// A start takes a second or two; on a machine that does much else at the same time, many more.
const START_MAX: Duration = Duration::from_secs(60);

/// A running server.
pub struct Served {
    pub folder: PathBuf,
    database: Option<String>,
    listen: String,
    child: Option<Child>,
    _kept: Option<TempDir>,
}

impl Served {
    /// On SQLite, in a folder of its own.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        Self::begin(path, None, Some(folder))
    }

    /// On a database; replicas of one share it.
    pub fn on(database: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        Self::begin(path, Some(database.to_owned()), Some(folder))
    }

    /// On SQLite, in a folder that is there.
    pub fn within(folder: &Path) -> Self {
        Self::begin(folder.to_owned(), None, None)
    }

    fn begin(folder: PathBuf, database: Option<String>, kept: Option<TempDir>) -> Self {
        let mut served = Self {
            folder,
            database,
            listen: "127.0.0.1:0".to_owned(),
            child: None,
            _kept: kept,
        };
        served.start();
        served
    }

    /// Starts it where it listened before.
    pub fn start(&mut self) {
        let says = self.folder.join("server/address");
        drop(std::fs::remove_file(&says));
        std::fs::create_dir_all(&self.folder).unwrap();
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .unwrap();
        let mut serve = self.program(&["serve", "--offline", "--name", "127.0.0.1"]);
        serve.args(["--listen", &self.listen]).stderr(log);
        let mut child = serve.spawn().unwrap();
        let began = Instant::now();
        while std::fs::metadata(&says).map_or(true, |of| of.len() == 0) {
            assert_eq!(child.try_wait().unwrap(), None, "{}", self.log());
            assert!(began.elapsed() < START_MAX, "{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child = Some(child);
        self.listen = self.address().to_string();
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Ends it as an administrator would; the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        child.wait().unwrap().code()
    }

    /// Peak memory in MiB.
    pub fn peak_mib(&self) -> f64 {
        let id = self.child.as_ref().unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    pub fn url(&self) -> String {
        let url = std::fs::read_to_string(self.folder.join("server/address")).unwrap();
        url.trim().to_owned()
    }

    pub fn address(&self) -> std::net::SocketAddr {
        self.url().trim_start_matches("https://").parse().unwrap()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Where simulated hosts find it.
    pub fn door(&self) -> Arc<Address> {
        let authority = std::fs::read(self.folder.join("server/authority.pem")).unwrap();
        Arc::new(Address::new(self.address(), &authority).unwrap())
    }

    /// `overlock …` beside this server's data.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut program = Command::new(OVERLOCK);
        program
            .args(arguments)
            .env("OVERLOCK_DATA", &self.folder)
            .env("OVERLOCK_CONTEXT", self.folder.join("context.toml"))
            .env_remove("OVERLOCK_TOKEN")
            .stdin(Stdio::null());
        match &self.database {
            Some(database) => program.env("OVERLOCK_DATABASE", database),
            None => program.env_remove("OVERLOCK_DATABASE"),
        };
        program
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.program(arguments).output().unwrap()
    }

    /// What it prints, where it succeeds.
    #[track_caller]
    pub fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stderr),
            self.log()
        );
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--format", "json"]);
        serde_json::from_str(&self.says(&arguments)).unwrap()
    }

    /// Makes the first administrator, and lets the command line speak for it.
    pub fn set_up(&self) -> &Self {
        let once = self.says(&["setup"]);
        let output = self.login(once.lines().next().unwrap());
        assert!(output.status.success(), "{output:?}{}", self.log());
        self
    }

    /// Lets the command line speak for whom a token names.
    pub fn login(&self, token: &str) -> Output {
        let authority = self.folder.join("server/authority.pem");
        self.run(&[
            "login",
            "--server",
            &self.url(),
            "--authority",
            authority.to_str().unwrap(),
            "--token",
            token,
        ])
    }

    /// A host's standing with the server.
    #[track_caller]
    pub fn standing(&self, host: &str) -> String {
        let shown = self.json(&["host", "show", host]);
        let standing = shown.get("standing").and_then(Value::as_str);
        standing.unwrap().to_owned()
    }

    /// Asks again and again until there is an answer, and fails with the server's log where there is none in time. What
    /// is waited for comes within seconds; the bound is for machines that do much else.
    #[track_caller]
    pub fn until<T>(&self, most: Duration, mut asked: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(answer) = asked() {
                return answer;
            }
            assert!(began.elapsed() < most, "{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The secret of a token that so many hosts may use.
    pub fn secret(&self, uses: usize) -> String {
        let uses = uses.to_string();
        let token = self.says(&["host", "token", "--uses", &uses, "--valid", "1h"]);
        let first = token.lines().next().unwrap();
        first.rsplit('.').next().unwrap().to_owned()
    }

    /// Waits until every one of so many hosts is judged.
    pub fn await_judged(&self, hosts: usize) -> Value {
        self.until(Duration::from_secs(120), || {
            let list = self.json(&["host", "list"]);
            let items = list.get("items").and_then(Value::as_array).unwrap();
            let judged = |host: &&Value| host.get("exposures").is_some_and(Value::is_object);
            (items.iter().filter(judged).count() >= hosts).then_some(list)
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A few package sets of real hosts; `None` after telling that the test is skipped.
pub fn package_sets(test: &str, count: usize) -> Option<Vec<Arc<PackageSet>>> {
    let shared = overlock_testkit::shared(test)?;
    Some(draw::package_sets(&shared, count, 200, 7).unwrap())
}

/// For what is asynchronous: one thread is enough.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// An enrolled guest that has reported once, with its open connection.
pub async fn reported(
    served: &Served,
    secret: &str,
    name: &str,
    set: &Arc<PackageSet>,
    random: &mut Random,
) -> (Guest, Connection) {
    let door = served.door();
    let mut guest = Guest::enrol(&door, secret, name.to_owned(), set.clone(), random)
        .await
        .unwrap();
    let mut connection = Connection::open(&door, guest.tls.clone()).await.unwrap();
    guest.hello(&mut connection).await.unwrap();
    guest
        .report(&mut connection, &SectionDigests::new(), None)
        .await
        .unwrap();
    (guest, connection)
}
