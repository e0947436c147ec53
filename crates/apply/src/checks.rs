//! The host's own health checks: what its administrator says must work after a patch.
//!
//! ```toml
//! [[check]]
//! name = "shop answers"
//! http = "http://127.0.0.1:8080/health"
//! ```
//!
//! Each check is `command` (argv, no shell), `http`, `tcp` or `unit`. It passes once it has succeeded `passes` times in a
//! row within its time; one that goes back and forth never gets there and counts as failed (F30).

use crate::program::{Call, Program, run_argv};
use serde::Deserialize;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// One check, as written in `/etc/overlock/overlock.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Check {
    /// For people.
    pub name: String,
    /// What is tried.
    pub kind: Kind,
    /// Successes in a row that make it pass.
    pub passes: u32,
    /// How long it may take to get there.
    pub within: Duration,
}

/// What is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A program by argv; exit code 0 is success.
    Command(Vec<String>),
    /// `http://HOST[:PORT]/PATH`; any 2xx is success.
    Http {
        /// `HOST:PORT`.
        authority: String,
        /// `/PATH`.
        path: String,
    },
    /// `HOST:PORT`; a connection is success.
    Tcp(String),
    /// What listens there speaks first, and begins so.
    Banner {
        /// `HOST:PORT`.
        address: String,
        /// The first bytes.
        begins: String,
    },
    /// A systemd unit; `active` is success.
    Unit(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    command: Option<Vec<String>>,
    http: Option<String>,
    tcp: Option<String>,
    unit: Option<String>,
    #[serde(default = "three")]
    passes: u32,
    #[serde(default = "thirty")]
    within_seconds: u32,
}

fn three() -> u32 {
    3
}

fn thirty() -> u32 {
    30
}

impl TryFrom<Raw> for Check {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let name = raw.name;
        let kind = match (raw.command, raw.http, raw.tcp, raw.unit) {
            (Some(argv), None, None, None) => {
                if argv.first().is_none_or(|program| !program.starts_with('/')) {
                    return Err(format!(
                        "check `{name}`: `command` is a list that begins with an absolute path"
                    ));
                }
                Kind::Command(argv)
            }
            (None, Some(address), None, None) => http(&address).ok_or_else(|| {
                format!("check `{name}`: `{address}` is not http://HOST[:PORT]/PATH")
            })?,
            (None, None, Some(address), None) => Kind::Tcp(address),
            (None, None, None, Some(unit)) if !unit.starts_with('-') => Kind::Unit(unit),
            _ => {
                return Err(format!(
                    "check `{name}`: give just one of `command`, `http`, `tcp`, `unit`"
                ));
            }
        };
        if raw.passes == 0 || raw.within_seconds == 0 || raw.within_seconds > 3600 {
            return Err(format!(
                "check `{name}`: `passes` is at least 1, `within_seconds` 1 to 3600"
            ));
        }
        Ok(Self {
            name,
            kind,
            passes: raw.passes,
            within: Duration::from_secs(raw.within_seconds.into()),
        })
    }
}

fn http(address: &str) -> Option<Kind> {
    let rest = address.strip_prefix("http://")?;
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, format!("/{path}")),
        None => (rest, "/".to_owned()),
    };
    if authority.is_empty() || address.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Some(Kind::Http {
        authority: if has_port {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        },
        path,
    })
}

/// How long one try may take.
const TRY: Duration = Duration::from_secs(5);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(250);

impl Check {
    /// Tries until it passes or its time is up; the last failure is the reason.
    ///
    /// # Errors
    /// Why it did not pass.
    pub fn run(&self) -> Result<(), String> {
        let begun = Instant::now();
        let (mut row, mut tries) = (0, 0_u32);
        let mut last = "it succeeded, but not often enough in its time".to_owned();
        loop {
            tries += 1;
            match self.once() {
                Ok(()) => row += 1,
                Err(why) => {
                    row = 0;
                    last = why;
                }
            }
            if row >= self.passes {
                return Ok(());
            }
            if begun.elapsed() + PAUSE > self.within {
                return Err(format!("check `{}` after {tries} tries: {last}", self.name));
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn once(&self) -> Result<(), String> {
        match &self.kind {
            Kind::Command(argv) => {
                let ran = run_argv(argv, TRY).map_err(|error| error.to_string())?;
                if ran.is_success() {
                    Ok(())
                } else {
                    Err(ran.how())
                }
            }
            Kind::Http { authority, path } => {
                let status = get(authority, path).map_err(|error| error.to_string())?;
                if (200..300).contains(&status) {
                    Ok(())
                } else {
                    Err(format!("HTTP status {status}"))
                }
            }
            Kind::Banner { address, begins } => {
                let mut found = vec![0; begins.len()];
                connect(address)
                    .and_then(|mut stream| stream.read_exact(&mut found))
                    .map_err(|error| error.to_string())?;
                if found == begins.as_bytes() {
                    Ok(())
                } else {
                    Err("something else answers".to_owned())
                }
            }
            Kind::Tcp(address) => connect(address)
                .map(drop)
                .map_err(|error| error.to_string()),
            Kind::Unit(unit) => {
                let call = Call::new(Program::Systemctl, ["is-active", "--", unit]);
                let ran = call.limit(TRY).run().map_err(|error| error.to_string())?;
                if ran.is_success() {
                    Ok(())
                } else {
                    Err(ran.how())
                }
            }
        }
    }
}

/// A new connection.
///
/// # Errors
/// When none of the name's addresses takes one in time.
pub fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TRY) {
            Ok(stream) => {
                stream.set_read_timeout(Some(TRY))?;
                stream.set_write_timeout(Some(TRY))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The status of a GET (RFC 9112, section 4); the body is not read.
fn get(authority: &str, path: &str) -> io::Result<u16> {
    let mut stream = connect(authority)?;
    // In one piece: a server that answers before it has read all is not to be confused by the rest.
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nUser-Agent: overlock\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    stream.take(64).read_to_end(&mut head)?;
    let head = String::from_utf8_lossy(&head);
    head.strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1)?.get(..3)?.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is no HTTP"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn check(kind: Kind, passes: u32) -> Check {
        Check {
            name: "x".to_owned(),
            kind,
            passes,
            // What passes is over long before; a busy machine must not make it fail.
            within: Duration::from_secs(60),
        }
    }

    /// One that is expected to run its time out.
    fn hopeless(kind: Kind, passes: u32) -> Check {
        Check {
            within: Duration::from_secs(1),
            ..check(kind, passes)
        }
    }

    /// A server that gives these statuses in turn, then ends.
    fn server(statuses: Vec<u16>) -> (String, std::thread::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let thread = std::thread::spawn(move || {
            for status in statuses {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 512];
                let _ = stream.read(&mut request).unwrap();
                write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n").unwrap();
            }
        });
        (address, thread)
    }

    #[test]
    fn passes_only_after_successes_in_a_row() {
        let (authority, thread) = server(vec![200, 500, 200, 204]);
        let path = "/".to_owned();
        assert_eq!(check(Kind::Http { authority, path }, 2).run(), Ok(()));
        thread.join().unwrap();
    }

    /// F30: what goes back and forth is no pass.
    #[test]
    fn flapping_is_a_failure() {
        let (authority, thread) = server(vec![200, 500, 200, 500, 200]);
        let path = "/".to_owned();
        let why = hopeless(Kind::Http { authority, path }, 2)
            .run()
            .unwrap_err();
        assert!(why.contains("check `x`"), "{why}");
        drop(thread);
    }

    #[test]
    fn nobody_listening_is_a_failure() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        assert_eq!(check(Kind::Tcp(address.clone()), 1).run(), Ok(()));
        drop(free);
        assert!(hopeless(Kind::Tcp(address), 1).run().is_err());
    }

    #[test]
    fn commands_are_argv_and_never_a_shell() {
        assert_eq!(
            check(Kind::Command(vec!["/bin/true".to_owned()]), 3).run(),
            Ok(())
        );
        let why = hopeless(Kind::Command(vec!["/bin/false; true".to_owned()]), 1)
            .run()
            .unwrap_err();
        assert!(why.contains("cannot start"), "{why}");
    }

    #[test]
    fn forms_that_say_two_things_are_refused() {
        let raw = |http: Option<&str>, tcp: Option<&str>, passes| Raw {
            name: "x".to_owned(),
            command: None,
            http: http.map(str::to_owned),
            tcp: tcp.map(str::to_owned),
            unit: None,
            passes,
            within_seconds: 5,
        };
        assert!(Check::try_from(raw(Some("http://a/b"), None, 1)).is_ok());
        assert!(Check::try_from(raw(Some("http://a/b"), Some("a:1"), 1)).is_err());
        assert!(Check::try_from(raw(None, None, 1)).is_err());
        assert!(Check::try_from(raw(Some("https://a/b"), None, 1)).is_err());
        assert!(Check::try_from(raw(Some("http://a/b"), None, 0)).is_err());
    }
}
