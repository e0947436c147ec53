//! A private PostgreSQL cluster for tests: in a temporary folder, on a free loopback port, gone with the test program.
//!
//! The cluster belongs to a small shell that reads our words from a pipe (`start`, `stop`, `kill`) and does the rest when
//! the pipe closes, which it does however the test program ends: it stops the server and removes the folder. PostgreSQL
//! refuses to run as root, so as root the shell runs as `postgres` or `nobody`.

use crate::{find_tool, is_root, skip};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A running cluster.
#[derive(Debug)]
pub struct Postgres {
    keeper: Mutex<Keeper>,
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
}

#[derive(Debug)]
struct Keeper {
    child: Child,
    /// Closed to end it.
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// The folder is made by `mktemp` and not by us: it must belong to whom the shell runs as. It is in `/tmp` and short, since
/// the name of a socket in it may have at most 107 bytes (unix(7)).
///
/// `$1` the folder of PostgreSQL's programs, `$2` the port. Durability is switched off: a test's data need not survive
/// the machine. `pg_ctl -w` waits until the server answers, so that nothing here has to.
const KEEPER: &str = r#"
set -u
folder=$(mktemp -d /tmp/overlock-postgres.XXXXXX) || exit 1
cd "$folder"
said=$folder/said
stop() { "$1/pg_ctl" -D "$folder/data" -w -m "$2" stop >>"$said" 2>&1; }
start() { "$1/pg_ctl" -D "$folder/data" -w -t 120 -l "$folder/log" -o "-p $2" start >>"$said" 2>&1 </dev/null; }
clean() { stop "$1" immediate; rm -rf "$folder"; }
trap '' INT TERM HUP
if ! "$1/initdb" -D "$folder/data" -U overlock -A trust -E UTF8 --locale=C.UTF-8 --no-sync >>"$said" 2>&1; then
    tail -3 "$said" >&2; rm -rf "$folder"; exit 1
fi
cat >>"$folder/data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = '$folder'
max_connections = 200
shared_buffers = 64MB
fsync = off
full_page_writes = off
END
start "$1" "$2" || { tail -5 "$folder/log" >&2; rm -rf "$folder"; exit 1; }
echo "ready $folder"
while read -r word; do
    case $word in
        start) start "$1" "$2" && echo done || echo failed ;;
        stop) stop "$1" fast && echo done || echo failed ;;
        kill) stop "$1" immediate && echo done || echo failed ;;
    esac
done
clean "$1"
"#;

/// The one cluster of this test program, or `None` after telling that `test` is skipped without PostgreSQL.
///
/// # Panics
/// With `CI=true`, where a skip is a failure; and when PostgreSQL is here and does not start.
#[must_use]
pub fn postgres(test: &str) -> Option<&'static Postgres> {
    static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
    let shared = SHARED
        .get_or_init(|| programs().map(Postgres::start))
        .as_ref();
    if shared.is_none() {
        skip(test, "PostgreSQL's `initdb` is not installed");
    }
    shared
}

/// A cluster of its own, for a test that stops it; or `None` as [`postgres`].
///
/// # Panics
/// As [`postgres`].
#[must_use]
pub fn own_postgres(test: &str) -> Option<Postgres> {
    let programs = programs();
    if programs.is_none() {
        skip(test, "PostgreSQL's `initdb` is not installed");
    }
    programs.map(Postgres::start)
}

/// The folder of `initdb`: Debian keeps it out of `PATH`, by version.
fn programs() -> Option<PathBuf> {
    let by_version = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|folder| folder.join("initdb").is_file());
    let newest = by_version.max_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name);
        version.and_then(|version| version.to_str()?.parse::<u32>().ok())
    });
    newest.or_else(|| find_tool("initdb").and_then(|initdb| Some(initdb.parent()?.to_owned())))
}

impl Postgres {
    #[expect(
        clippy::panic,
        reason = "a test cannot go on without what it asked for"
    )]
    fn start(programs: PathBuf) -> Self {
        // Another program may take the port before the server does; then another one is free.
        for _ in 0..5 {
            let port = free_port();
            let mut keeper = Keeper::start(&programs, port);
            if keeper.answer().starts_with("ready") {
                return Self {
                    keeper: Mutex::new(keeper),
                    programs,
                    port,
                    databases: AtomicU32::new(0),
                };
            }
        }
        panic!("PostgreSQL does not start; its reason is above");
    }

    /// Makes an empty database, and returns its address.
    ///
    /// # Panics
    /// When the server does not make it.
    #[must_use]
    #[expect(
        clippy::panic,
        reason = "a test cannot go on without what it asked for"
    )]
    pub fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let made = Command::new(self.programs.join("createdb"))
            .args(["-h", "127.0.0.1", "-U", "overlock", "-T", "template0", "-p"])
            .arg(self.port.to_string())
            .arg(&name)
            .stdin(Stdio::null())
            .status();
        if !made.as_ref().is_ok_and(std::process::ExitStatus::success) {
            panic!("createdb {name}: {made:?}");
        }
        format!(
            "postgres://overlock@127.0.0.1:{}/{name}?sslmode=disable",
            self.port
        )
    }

    /// Stops the server in order: connections are ended, everything is on disk. Returns when it is down.
    pub fn stop(&self) {
        self.tell("stop");
    }

    /// Stops the server as a crash would. Returns when it is down.
    pub fn kill(&self) {
        self.tell("kill");
    }

    /// Starts it again, on the same port with the same databases. Returns when it answers.
    pub fn restart(&self) {
        self.tell("start");
    }

    fn tell(&self, word: &str) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let told = keeper
            .words
            .as_mut()
            .map(|words| writeln!(words, "{word}").and_then(|()| words.flush()));
        assert!(matches!(told, Some(Ok(()))), "the keeper has gone");
        assert_eq!(keeper.answer(), "done", "PostgreSQL: {word}");
    }
}

impl Keeper {
    #[expect(
        clippy::panic,
        reason = "a test cannot go on without what it asked for"
    )]
    fn start(programs: &Path, port: u16) -> Self {
        let mut command = if is_root() {
            let user = if has_user("postgres") {
                "postgres"
            } else {
                "nobody"
            };
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--clear-groups", "sh", "-c", KEEPER, "sh"]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", KEEPER, "sh"]);
            command
        };
        let child = command
            .arg(programs)
            .arg(port.to_string())
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.unwrap_or_else(|error| panic!("starting a shell: {error}"));
        let (Some(words), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            panic!("the shell has no pipes");
        };
        Self {
            child,
            words: Some(words),
            answers: BufReader::new(answers),
        }
    }

    /// One line, or nothing where it has ended.
    fn answer(&mut self) -> String {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        if read.is_err() {
            String::new()
        } else {
            line.trim_end().to_owned()
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.words = None;
        // It stops the server and removes the folder before it ends.
        drop(self.child.wait());
    }
}

fn free_port() -> u16 {
    let bound = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    bound.map_or(54_329, |address| address.port())
}

fn has_user(name: &str) -> bool {
    std::fs::read_to_string("/etc/passwd").is_ok_and(|users| {
        users
            .lines()
            .any(|line| line.split(':').next() == Some(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether something listens there.
    fn answers(port: u16) -> bool {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    }

    #[test]
    fn a_cluster_stops_starts_again_and_leaves_nothing() {
        let Some(cluster) = own_postgres("a_cluster_stops_starts_again_and_leaves_nothing") else {
            return;
        };
        let port = cluster.port;
        assert_ne!(cluster.create_database(), cluster.create_database());
        cluster.stop();
        assert!(!answers(port));
        cluster.restart();
        cluster.kill();
        cluster.restart();
        assert!(answers(port));
        drop(cluster);
        assert!(!answers(port));
    }
}
