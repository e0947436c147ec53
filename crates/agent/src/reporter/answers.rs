//! What each answer of the server, and each failure to get one, means for what the reporter knows and when it speaks next.

use super::delay::{between, next_delay, spread};
use super::{Moment, Reporter, Request, Talk};
use jiff::Timestamp;
use overlock_protocol::message::RefusalCode;
use overlock_protocol::{
    Greeting, PollAnswer, Refusal, Renewed, ReportAnswer, Verdict, Wanted, state_digest,
};
use std::time::Duration;

impl Reporter {
    pub(super) fn greeted(&mut self, greeting: Greeting, now: Moment, random: u64) {
        let hold = Duration::from_secs(greeting.hold_seconds.into());
        self.greeted = Some(hold.min(self.pace.hold_most));
        self.renew_at = Some(renewal(greeting.renew_after, random));
        self.known = greeting.known;
        self.succeeded(now.since_boot);
    }

    pub(super) fn renewed(&mut self, renewed: &Renewed, now: Moment, random: u64) {
        self.renew_now = false;
        self.renew_at = Some(renewal(renewed.renew_after, random));
        self.succeeded(now.since_boot);
    }

    pub(super) fn polled(&mut self, answer: PollAnswer, now: Moment, random: u64) {
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

    pub(super) fn reported(&mut self, answer: ReportAnswer, now: Moment, random: u64) {
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

    pub(super) fn refused(&mut self, refusal: &Refusal, now: Moment, random: u64) {
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

    pub(super) fn failed(&mut self, wait: Option<Duration>, now: Moment, random: u64) {
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
}

/// When a certificate is renewed: spread over ten minutes, since a fleet that enrolled in one moment would renew in one.
fn renewal(renew_after: Timestamp, random: u64) -> Timestamp {
    after(
        renew_after,
        between(Duration::ZERO, Duration::from_secs(600), random),
    )
}

/// A time so far ahead that there is none means at once: a renewal too early is harmless.
fn after(time: Timestamp, wait: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| time.checked_add(wait).ok())
        .unwrap_or(time)
}
