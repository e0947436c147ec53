//! The root helper, and how the reporter asks it.

pub(crate) mod accounts;
pub mod plan;
pub mod serve;

use overlock_protocol::content::Sections;
use overlock_protocol::socket::{Answer, Ask, Question, Tell};
use overlock_protocol::{Limits, Message, Section, SectionContent};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where it listens.
pub const SOCKET: &str = "/run/overlock/helper.sock";

/// Why the helper gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It is not there, or the connection broke.
    #[error("cannot ask the helper at `{}`", path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Its answer cannot be read.
    #[error("the helper's answer cannot be used")]
    Answer(#[source] overlock_protocol::MessageError),
    /// It refused, or answered something else.
    #[error("the helper refuses: {0}")]
    Refused(String),
}

/// Asks one question.
///
/// # Errors
/// When the helper is not there, or gives no answer in time.
pub fn ask(socket: &Path, what: Question, patience: Duration) -> Result<Answer, AskError> {
    let at = |source| AskError::Socket {
        path: socket.to_owned(),
        source,
    };
    let ask = Ask {
        schema: Ask::schema(),
        what,
    };
    let mut line = ask.to_bytes().map_err(AskError::Answer)?;
    line.push(b'\n');
    let mut stream = UnixStream::connect(socket).map_err(at)?;
    stream.set_write_timeout(Some(patience)).map_err(at)?;
    stream.set_read_timeout(Some(patience)).map_err(at)?;
    stream.write_all(&line).map_err(at)?;
    stream.shutdown(Shutdown::Write).map_err(at)?;
    let mut bytes = Vec::new();
    stream
        .take(Limits::WIRE.unpacked_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(at)?;
    Tell::parse(&bytes, &Limits::WIRE)
        .map(|tell| tell.what)
        .map_err(AskError::Answer)
}

/// Sections as root sees them.
///
/// # Errors
/// When the helper is not there, refuses, or what it says is no section.
pub fn look(socket: &Path, wanted: &[Section]) -> Result<Sections, AskError> {
    let wanted: Vec<Section> = wanted
        .iter()
        .copied()
        .filter(|section| *section != Section::Labels)
        .collect();
    let patience = Duration::from_secs(crate::look::LONGEST_SECONDS);
    match ask(socket, Question::Look { sections: wanted }, patience)? {
        Answer::Seen { sections } => sections
            .into_iter()
            .map(|(section, lines)| {
                SectionContent::checked(lines, &Limits::WIRE)
                    .map(|content| (section, content))
                    .map_err(|error| AskError::Refused(error.to_string()))
            })
            .collect(),
        Answer::Refused { why } => Err(AskError::Refused(why)),
        Answer::Here { .. } | Answer::Started { .. } => {
            Err(AskError::Refused("it answers something else".to_owned()))
        }
    }
}
