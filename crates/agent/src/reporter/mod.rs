//! What the agent does next: a state machine without clock, network or files.
//!
//! [`crate::run()`] tells it what happened ([`Event`]) and carries out what it answers ([`Action`]). Two things go on at the
//! same time: one conversation with the server, and looking at the host. They meet in one question: does the server have
//! what was seen?
//!
//! ```text
//!              ┌───────────────────────── refused: hello first ─────────────┐
//!              ▼                                                            │
//!  start ──► hello ──► does it have what was seen? ─ no ─► report ─ accepted ┤
//!                        ▲                    │              │ send all      │
//!                        │                   yes             └───► report    │
//!                        └── answered ──── poll, held open ◄────────────────┘
//! ```

pub mod delay;
#[cfg(test)]
mod stories;

use delay::{BackOff, between, next_delay, spread};
use jiff::Timestamp;
use overlock_model::plan::Digest;
use overlock_protocol::message::RefusalCode;
use overlock_protocol::{
    Greeting, PollAnswer, Refusal, Renewed, ReportAnswer, Section, SectionDigests, Verdict, Wanted,
    state_digest,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often things are done. Every wait is spread, so that equal hosts do not act in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Files are asked whether they changed.
    pub check: Duration,
    /// A look though nothing seems to have changed: what no file tells (mounts, new folders of language packages).
    pub look: Duration,
    /// A look while old code still runs or a reboot is pending, so that a restart is seen soon.
    pub look_unsettled: Duration,
    /// Least time between two polls, whatever the server says.
    pub poll_least: Duration,
    /// Longest time that a poll is held open, whatever the server says.
    pub hold_most: Duration,
    /// Wait after a refusal that more tries do not change.
    pub hopeless: Duration,
    /// Waits after failures.
    pub back_off: BackOff,
}

impl Pace {
    /// As documented in `docs/agent.md`.
    pub const DEFAULT: Self = Self {
        check: Duration::from_secs(60),
        look: Duration::from_secs(12 * 3600),
        look_unsettled: Duration::from_secs(300),
        poll_least: Duration::from_secs(1),
        hold_most: Duration::from_secs(300),
        hopeless: Duration::from_secs(3600),
        back_off: BackOff::DEFAULT,
    };

    /// The same with every wait divided, to see in seconds what happens in hours.
    #[must_use]
    pub fn hurried(self, by: u32) -> Self {
        let by = by.max(1);
        Self {
            check: self.check / by,
            look: self.look / by,
            look_unsettled: self.look_unsettled / by,
            poll_least: self.poll_least / by,
            // Seconds on the wire; the server holds polls no longer than it wants.
            hold_most: self.hold_most,
            hopeless: self.hopeless / by,
            back_off: BackOff {
                first: self.back_off.first / by,
                longest: self.back_off.longest / by,
            },
        }
    }
}

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
    /// [`Reporter::deadline`] has come.
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

/// The conversation with the server.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Talk {
    /// Nothing is under way before this time.
    Quiet { until: Duration },
    /// Nothing is under way until something was seen.
    Blind,
    /// An answer is awaited.
    Asked {
        request: Request,
        report: Option<SectionDigests>,
    },
}

/// Looking at the host.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Look {
    /// Nobody looks; files are asked at `check_at`, a look is due at `look_at`.
    Rest {
        check_at: Duration,
        look_at: Duration,
    },
    /// A look is under way; `again`: something changed since it began.
    Under { again: bool },
}

/// The reporter.
#[derive(Debug)]
pub struct Reporter {
    pace: Pace,
    talk: Talk,
    look: Look,
    /// The server knows this instance, and wants polls held this long.
    greeted: Option<Duration>,
    /// When to renew the certificate.
    renew_at: Option<Timestamp>,
    /// Asked for by the server.
    renew_now: bool,
    /// What the server has.
    known: SectionDigests,
    seen: Option<Seen>,
    /// To be sent without a delta.
    in_full: BTreeSet<Section>,
    /// Of the last message; the next one has one more.
    count: u64,
    failures: u32,
}

impl Reporter {
    /// A reporter that knows nothing yet; its first deadline is now.
    #[must_use]
    pub fn new(pace: Pace, now: Moment) -> Self {
        Self {
            pace,
            talk: Talk::Quiet {
                until: now.since_boot,
            },
            look: Look::Rest {
                check_at: now.since_boot + pace.check,
                look_at: now.since_boot,
            },
            greeted: None,
            renew_at: None,
            renew_now: false,
            known: SectionDigests::new(),
            seen: None,
            in_full: BTreeSet::new(),
            count: 0,
            failures: 0,
        }
    }

    /// When [`Event::Deadline`] is to come, since boot.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        let talk = match &self.talk {
            Talk::Quiet { until } => *until,
            Talk::Blind | Talk::Asked { .. } => Duration::MAX,
        };
        let look = match &self.look {
            Look::Rest { check_at, look_at } => *check_at.min(look_at),
            Look::Under { .. } => Duration::MAX,
        };
        talk.min(look)
    }

    /// What the server is known to have.
    #[must_use]
    pub fn known(&self) -> &SectionDigests {
        &self.known
    }

    /// What was seen last.
    #[must_use]
    pub fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    /// Failures in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Takes an event; `random` is a new random number each time.
    pub fn take(&mut self, event: Event, now: Moment, random: u64) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Deadline => {}
            Event::Woke => {
                self.look_soon();
                if self.hang_up(&mut actions) || self.failures > 0 {
                    self.rest(
                        now.since_boot + between(Duration::ZERO, self.pace.poll_least * 5, random),
                    );
                }
            }
            Event::Changed => self.look_soon(),
            Event::Looked(seen) => self.looked(Some(seen), now, random, &mut actions),
            Event::LookFailed => self.looked(None, now, random, &mut actions),
            Event::Greeted(greeting) => self.greeted(greeting, now, random),
            Event::Polled(answer) => self.polled(answer, now, random),
            Event::Reported(answer) => self.reported(answer, now, random),
            Event::Renewed(renewed) => {
                self.renew_now = false;
                self.renew_at = Some(renewal(renewed.renew_after, random));
                self.succeeded(now.since_boot);
            }
            Event::Refused(refusal) => self.refused(&refusal, now, random),
            Event::Failed => self.failed(None, now, random),
        }
        self.go_on(now, random, &mut actions);
        actions
    }

    fn looked(&mut self, seen: Option<Seen>, now: Moment, random: u64, actions: &mut Vec<Action>) {
        let again = self.look == Look::Under { again: true };
        let look_in = match &seen {
            _ if again => Duration::ZERO,
            Some(seen) if !seen.unsettled => self.pace.look,
            Some(_) | None => self.pace.look_unsettled,
        };
        self.look = Look::Rest {
            check_at: now.since_boot + spread(self.pace.check, random),
            look_at: now.since_boot + spread(look_in, random),
        };
        let Some(seen) = seen else { return };
        let news = seen.digests != self.known;
        self.seen = Some(seen);
        let waits = matches!(self.talk, Talk::Quiet { .. }) && self.failures > 0;
        if news && !waits && self.greeted.is_some() {
            self.hang_up(actions);
            if matches!(self.talk, Talk::Quiet { .. }) {
                self.rest(now.since_boot);
            }
        }
        if self.talk == Talk::Blind {
            self.rest(now.since_boot);
        }
    }

    fn greeted(&mut self, greeting: Greeting, now: Moment, random: u64) {
        let hold = Duration::from_secs(greeting.hold_seconds.into());
        self.greeted = Some(hold.min(self.pace.hold_most));
        self.renew_at = Some(renewal(greeting.renew_after, random));
        self.known = greeting.known;
        self.succeeded(now.since_boot);
    }

    fn polled(&mut self, answer: PollAnswer, now: Moment, random: u64) {
        let asked = Duration::from_secs(answer.next_seconds.into()).min(self.pace.hopeless);
        match answer.wanted {
            Wanted::Nothing => {
                let wait = spread(asked, random).max(spread(self.pace.poll_least, random));
                self.succeeded(now.since_boot + wait);
            }
            Wanted::Report { known } if known == self.known => {
                // The server holds what we think it holds and yet says that the state differs: one of us is wrong, and
                // a new hello settles it; as a failure, so that it cannot go round fast.
                self.greeted = None;
                self.failed(None, now, random);
            }
            Wanted::Report { known } => {
                self.known = known;
                self.succeeded(now.since_boot);
            }
            Wanted::LookNow => {
                self.look_soon();
                self.succeeded(now.since_boot + spread(self.pace.poll_least, random));
            }
            Wanted::Renew => {
                self.renew_now = true;
                self.succeeded(now.since_boot + spread(self.pace.poll_least, random));
            }
        }
    }

    fn reported(&mut self, answer: ReportAnswer, now: Moment, random: u64) {
        let sent = match &mut self.talk {
            Talk::Asked { report, .. } => report.take(),
            Talk::Quiet { .. } | Talk::Blind => None,
        };
        match (answer.verdict, sent) {
            (Verdict::Accepted { state }, Some(sent)) if state == state_digest(&sent) => {
                self.known = sent;
                self.in_full.clear();
                self.succeeded(now.since_boot + spread(self.pace.poll_least, random));
            }
            (Verdict::SendAll { sections, known }, Some(_))
                if sections.iter().any(|one| !self.in_full.contains(one)) =>
            {
                self.known = known;
                self.in_full.extend(sections);
                self.succeeded(now.since_boot);
            }
            // It stored something else than was sent, or asks again for what came in full.
            (Verdict::Accepted { .. } | Verdict::SendAll { .. }, _) => {
                self.greeted = None;
                self.failed(None, now, random);
            }
        }
    }

    fn refused(&mut self, refusal: &Refusal, now: Moment, random: u64) {
        let asked = refusal.retry_seconds.map(|seconds| {
            spread(
                Duration::from_secs(seconds.into()).min(self.pace.hopeless),
                random,
            )
        });
        // A certificate that is not given must not keep reports from going.
        if self.asked_renewal() {
            self.renewal_failed(now, asked, random);
            return;
        }
        let wait = match refusal.code {
            RefusalCode::HelloFirst if self.greeted.take().is_some() && self.failures == 0 => {
                Some(Duration::ZERO)
            }
            RefusalCode::HelloFirst | RefusalCode::Busy => asked,
            RefusalCode::Unconfirmed => {
                Some(asked.unwrap_or_else(|| spread(Duration::from_secs(15), random)))
            }
            RefusalCode::Quarantined => {
                Some(asked.unwrap_or_else(|| spread(self.pace.hopeless / 6, random)))
            }
            RefusalCode::TokenRefused | RefusalCode::Revoked | RefusalCode::Invalid => {
                Some(asked.unwrap_or_else(|| spread(self.pace.hopeless, random)))
            }
        };
        if !matches!(refusal.code, RefusalCode::Busy) {
            self.greeted = None;
        }
        self.failed(wait, now, random);
    }

    fn failed(&mut self, wait: Option<Duration>, now: Moment, random: u64) {
        if self.asked_renewal() {
            self.renewal_failed(now, wait, random);
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let wait = wait.unwrap_or_else(|| next_delay(self.pace.back_off, self.failures, random));
        self.rest(now.since_boot + wait);
    }

    fn asked_renewal(&self) -> bool {
        matches!(
            &self.talk,
            Talk::Asked {
                request: Request::Renew { .. },
                ..
            }
        )
    }

    fn renewal_failed(&mut self, now: Moment, wait: Option<Duration>, random: u64) {
        let wait = wait.unwrap_or_else(|| spread(self.pace.hopeless / 6, random));
        self.renew_now = false;
        self.renew_at = Some(after(now.wall, wait));
        self.rest(now.since_boot + spread(self.pace.poll_least, random));
    }

    fn succeeded(&mut self, next: Duration) {
        self.failures = 0;
        self.rest(next);
    }

    fn rest(&mut self, until: Duration) {
        self.talk = Talk::Quiet { until };
    }

    fn look_soon(&mut self) {
        match &mut self.look {
            Look::Rest { look_at, .. } => *look_at = Duration::ZERO,
            Look::Under { again } => *again = true,
        }
    }

    /// Ends a poll that is held open.
    fn hang_up(&mut self, actions: &mut Vec<Action>) -> bool {
        let polls = matches!(
            &self.talk,
            Talk::Asked {
                request: Request::Poll { .. },
                ..
            }
        );
        if polls {
            actions.push(Action::Abandon);
            self.rest(Duration::ZERO);
        }
        polls
    }

    /// Begins whatever is due.
    fn go_on(&mut self, now: Moment, random: u64, actions: &mut Vec<Action>) {
        if let Look::Rest { check_at, look_at } = &mut self.look {
            if *look_at <= now.since_boot {
                self.look = Look::Under { again: false };
                actions.push(Action::Look);
            } else if *check_at <= now.since_boot {
                *check_at = now.since_boot + spread(self.pace.check, random);
                actions.push(Action::Check);
            }
        }
        if matches!(self.talk, Talk::Quiet { until } if until <= now.since_boot) {
            self.talk = match self.next_request(now) {
                None => Talk::Blind,
                Some(request) => {
                    actions.push(Action::Send(request.clone()));
                    let report = match &request {
                        Request::Report { .. } => {
                            self.seen.as_ref().map(|seen| seen.digests.clone())
                        }
                        Request::Hello | Request::Poll { .. } | Request::Renew { .. } => None,
                    };
                    Talk::Asked { request, report }
                }
            };
        }
    }

    /// What to send next; nothing while there is nothing to say.
    fn next_request(&mut self, now: Moment) -> Option<Request> {
        let Some(hold) = self.greeted else {
            return Some(Request::Hello);
        };
        if self.renew_now || self.renew_at.is_some_and(|at| at <= now.wall) {
            self.count = self.count.saturating_add(1);
            return Some(Request::Renew { count: self.count });
        }
        let seen = self.seen.as_ref()?;
        self.count = self.count.saturating_add(1);
        if seen.digests == self.known {
            return Some(Request::Poll {
                count: self.count,
                state: state_digest(&self.known),
                hold_seconds: u32::try_from(hold.as_secs()).unwrap_or(u32::MAX),
            });
        }
        let base = |section: &Section| {
            let may = !self.in_full.contains(section);
            self.known.get(section).filter(|_| may).copied()
        };
        Some(Request::Report {
            count: self.count,
            sections: seen
                .digests
                .iter()
                .filter(|(section, digest)| self.known.get(section) != Some(digest))
                .map(|(section, _)| (*section, base(section)))
                .collect(),
            dropped: self
                .known
                .keys()
                .filter(|section| !seen.digests.contains_key(section))
                .copied()
                .collect(),
        })
    }
}

/// When a certificate is renewed: spread over ten minutes, since a fleet that enrolled in one moment would renew in one.
fn renewal(renew_after: Timestamp, random: u64) -> Timestamp {
    after(
        renew_after,
        between(Duration::ZERO, Duration::from_secs(600), random),
    )
}

fn after(time: Timestamp, wait: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| time.checked_add(wait).ok())
        .unwrap_or(time)
}
