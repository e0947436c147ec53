//! What goes into the reporter and what comes out of it: events, actions, requests.

use jiff::Timestamp;
use overlock_model::plan::Digest;
use overlock_protocol::{
    Greeting, PollAnswer, Refusal, Renewed, ReportAnswer, Section, SectionDigests,
};
use std::time::Duration;

/// Now, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since boot, sleep included.
    pub since_boot: Duration,
    /// By the host's clock, which may be wrong; only the renewal of certificates goes by it.
    pub wall: Timestamp,
}

/// What a look at the host found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Digest of each section.
    pub digests: SectionDigests,
    /// Whether replaced code still runs or a reboot is pending.
    pub unsettled: bool,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// [`super::Reporter::deadline`] has come.
    Deadline,
    /// The host slept: connections are dead, and what was seen may be old.
    Woke,
    /// A watched file changed.
    Changed,
    /// A look ended.
    Looked(Seen),
    /// A look failed; what was seen before stands.
    LookFailed,
    /// The server answered a hello.
    Greeted(Greeting),
    /// The server answered a poll.
    Polled(PollAnswer),
    /// The server answered a report.
    Reported(ReportAnswer),
    /// The server sent a new certificate, and it is stored.
    Renewed(Renewed),
    /// The server refused what was sent.
    Refused(Refusal),
    /// No answer came.
    Failed,
}

/// To be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send this and bring the answer.
    Send(Request),
    /// Do not wait for the poll any longer; its answer is not wanted.
    Abandon,
    /// Look at the host.
    Look,
    /// Ask the watched files whether they changed.
    Check,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Who we are.
    Hello,
    /// What changed.
    Report {
        /// Number of the message.
        count: u64,
        /// Sections, each with the digest that the server has of it where a delta may be made.
        sections: Vec<(Section, Option<Digest>)>,
        /// Sections that are no longer sent.
        dropped: Vec<Section>,
    },
    /// That nothing changed.
    Poll {
        /// Number of the message.
        count: u64,
        /// What the server has.
        state: Digest,
        /// How long the answer may take.
        hold_seconds: u32,
    },
    /// The next certificate.
    Renew {
        /// Number of the message.
        count: u64,
    },
}
