//! The helper's side: who may ask, how much, for how long; one question at a time.
//!
//! It keeps nothing in memory between questions, so with socket activation it ends after a minute of silence and costs
//! nothing until it is asked again.

use super::accounts;
use super::plan::{self, Site};
use crate::config::{Configuration, Switches};
use crate::look::{Options, own};
use jiff::Timestamp;
use overlock_guard::Limits as GuardLimits;
use overlock_model::plan::PlanId;
use overlock_protocol::socket::{Answer, Ask, Question, Tell};
use overlock_protocol::{Limits, Message, Section};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{socket_acceptconn, socket_peercred};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// For a question to come in, and for an answer to be taken.
const QUESTION: Duration = Duration::from_secs(10);
/// Silence after which a helper that systemd starts again ends.
const SILENCE: Duration = Duration::from_secs(60);

/// Begins the run of a kept plan.
pub type Start = fn(&Site, &PlanId, &Path) -> Result<(), String>;

/// The helper.
#[derive(Debug, Clone)]
pub struct Helper {
    /// Where it listens, if nobody handed it a socket.
    pub socket: PathBuf,
    /// What it looks at.
    pub root: PathBuf,
    /// The owner's switches hold for root's eyes too.
    pub configuration: PathBuf,
    /// Where plans are kept.
    pub site: Site,
    /// How runs begin.
    pub start: Start,
}

impl Helper {
    /// The helper of this host.
    #[must_use]
    pub fn new(socket: &Path, configuration: &Path, root: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
            root: root.to_owned(),
            configuration: configuration.to_owned(),
            site: Site::default(),
            start: plan::start,
        }
    }

    /// Answers a question.
    #[must_use]
    pub fn answer(&self, question: Question) -> Answer {
        let answer = match question {
            Question::Status => Ok(Answer::Here {
                version: crate::VERSION.to_owned(),
            }),
            Question::Look { sections } => self.look(&sections),
            Question::Apply { plan } => self.apply(&plan),
        };
        answer.unwrap_or_else(|why| Answer::Refused { why })
    }

    fn look(&self, wanted: &[Section]) -> Result<Answer, String> {
        let configuration =
            Configuration::read(&self.configuration).map_err(|error| words(&error))?;
        let on = |section| wanted.contains(&section) && configuration.sections.on(section);
        let cache = self.site.data.join("helper/cache");
        let options = Options {
            root: self.root.clone(),
            switches: Switches {
                packages: on(Section::Packages),
                languages: on(Section::Languages),
                repositories: on(Section::Repositories),
                offers: on(Section::Offers),
                processes: on(Section::Processes),
                labels: false,
                unseen: on(Section::Unseen),
            },
            labels: Default::default(),
            cache: std::fs::create_dir_all(&cache).is_ok().then_some(cache),
            helper: None,
        };
        let mut seen = own(&options, Timestamp::now()).map_err(|error| words(&error))?;
        Ok(Answer::Seen {
            sections: Section::ALL
                .into_iter()
                .filter(|section| wanted.contains(section) && options.switches.on(*section))
                .filter_map(|section| Some((section, seen.remove(&section)?.lines().to_vec())))
                .collect(),
        })
    }

    fn apply(&self, text: &str) -> Result<Answer, String> {
        let (id, path) = plan::take(&self.site, text, Timestamp::now())?;
        (self.start)(&self.site, &id, &path)?;
        Ok(Answer::Started { plan: id })
    }
}

/// Listens until nobody asks any more (with socket activation), or for ever.
///
/// # Errors
/// When it cannot listen.
pub fn serve(helper: &Helper, mut tell: impl FnMut(&str)) -> io::Result<()> {
    let handed = handed()?;
    let limit = handed.is_some().then_some(SILENCE);
    let listener = match handed {
        Some(listener) => listener,
        None => listen(&helper.socket)?,
    };
    let agent = accounts::user();
    while readable(&listener, limit)? {
        let (stream, _) = listener.accept()?;
        match converse(helper, &stream, agent) {
            Ok(Some(line)) => tell(&line),
            Ok(None) => {}
            Err(error) => tell(&format!("a question was not answered: {error}")),
        }
    }
    Ok(())
}

/// The socket that systemd opened for us, as standard input (`StandardInput=socket`).
fn handed() -> io::Result<Option<UnixListener>> {
    let stdin = io::stdin();
    if socket_acceptconn(&stdin).unwrap_or(false) {
        return Ok(Some(stdin.as_fd().try_clone_to_owned()?.into()));
    }
    Ok(None)
}

/// A socket that root and the agent's group may use.
fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Under another name first: where it is known, it has its mode already.
    let fresh = path.with_extension("new");
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&fresh)?;
    if let Some(group) = accounts::group() {
        chown(&fresh, None, Some(group))?;
    }
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o660))?;
    std::fs::rename(&fresh, path)?;
    Ok(listener)
}

/// Reads a question, answers it; says what is worth a line in the log.
fn converse(
    helper: &Helper,
    stream: &UnixStream,
    agent: Option<u32>,
) -> io::Result<Option<String>> {
    let peer = socket_peercred(stream)?.uid;
    if !peer.is_root() && Some(peer.as_raw()) != agent {
        // Not a word: an answer would keep us waiting until a stranger takes it.
        return Ok(Some(format!("user {} asked and may not", peer.as_raw())));
    }
    let answer = match question(stream)? {
        Ok(question) => helper.answer(question),
        Err(why) => Answer::Refused { why },
    };
    let line = match &answer {
        Answer::Started { plan } => Some(format!("plan {plan} begins")),
        Answer::Refused { why } => Some(format!("refused: {why}")),
        Answer::Here { .. } | Answer::Seen { .. } => None,
    };
    say(stream, answer)?;
    Ok(line)
}

/// One line, within its size and its time.
fn question(mut stream: &UnixStream) -> io::Result<Result<Question, String>> {
    // A plan as a JSON string is at most twice its size, for its quotes and line breaks; nothing else is as long.
    let most = GuardLimits::default().plan_bytes_max * 2 + 4096;
    let end = Instant::now() + QUESTION;
    let mut line = Vec::new();
    let mut block = vec![0; 64 << 10];
    while !line.ends_with(b"\n") {
        let left = end.saturating_duration_since(Instant::now());
        if !readable(stream, Some(left))? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let read = stream.read(&mut block)?;
        let Some(new) = block.get(..read).filter(|new| !new.is_empty()) else {
            break;
        };
        line.extend_from_slice(new);
        if line.len() > most {
            return Ok(Err(format!("the question is longer than {most} bytes")));
        }
    }
    Ok(Ask::parse(&line, &Limits::WIRE)
        .map(|ask| ask.what)
        .map_err(|error| words(&error)))
}

fn say(mut stream: &UnixStream, what: Answer) -> io::Result<()> {
    let tell = Tell {
        schema: Tell::schema(),
        what,
    };
    let mut line = tell.to_bytes().map_err(io::Error::other)?;
    line.push(b'\n');
    stream.set_write_timeout(Some(QUESTION))?;
    stream.write_all(&line)
}

fn readable(from: &impl AsFd, within: Option<Duration>) -> io::Result<bool> {
    let end = within.map(|within| Instant::now() + within);
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let limit = left
            .map(Timespec::try_from)
            .transpose()
            .map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(from, PollFlags::IN)], limit.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            ready => return Ok(ready? > 0),
        }
    }
}

fn words(error: &dyn std::error::Error) -> String {
    overlock_model::one_line::in_one_line(error)
}
