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

mod answers;
pub mod delay;
mod events;
mod pace;
#[cfg(test)]
mod stories;

pub use events::{Action, Event, Moment, Request, Seen};
pub use pace::Pace;

use delay::{between, spread};
use jiff::Timestamp;
use overlock_protocol::{Section, SectionDigests, state_digest};
use std::collections::BTreeSet;
use std::time::Duration;

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
            Event::Renewed(renewed) => self.renewed(&renewed, now, random),
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
