//! What an answer, or none, means for the identity, the files and the log of this host.

use super::session::Session;
use super::{Told, chain};
use crate::connection::CallError;
use crate::contact::Touch;
use crate::identity::{Certificate, Identity};
use crate::reporter::Event;
use overlock_model::plan::Digest;
use overlock_protocol::Renewed;
use overlock_protocol::message::RefusalCode;
use std::collections::BTreeSet;

impl Session<'_> {
    /// What an answer means for identity, log and status; the reporter decides what comes next.
    pub(super) fn answered(&mut self, answer: Result<Event, CallError>) -> Event {
        let event = match answer {
            Ok(event) => event,
            Err(error) => return self.unanswered(&error),
        };
        if self.identity.former.is_some() && !matches!(event, Event::Renewed(_)) {
            let proved = self.identity.proved();
            self.store(proved);
        }
        self.last_failure.clear();
        match &event {
            Event::Greeted(_) => self.tell(&Told::Greeted {
                host: self.identity.host.clone(),
            }),
            Event::Reported(answer)
                if matches!(answer.verdict, overlock_protocol::Verdict::Accepted { .. }) =>
            {
                self.tell(&Told::Accepted {
                    sections: self.reporting.clone(),
                });
                self.drop_contents();
            }
            Event::Renewed(renewed) => {
                if let Err(why) = self.renewed(renewed) {
                    self.failed(why);
                    return Event::Failed;
                }
            }
            _ => {}
        }
        self.contact.touch(Touch::InTouch);
        event
    }

    fn renewed(&mut self, renewed: &Renewed) -> Result<(), String> {
        let next = self.identity.renewed(Certificate {
            chain: renewed.certificate.clone(),
            expires: renewed.expires,
            renew_after: renewed.renew_after,
        });
        // One that cannot be used must not take the place of one that can.
        next.config().map_err(|error| chain(&error))?;
        self.folder.store(&next).map_err(|error| chain(&error))?;
        self.adopt(next);
        self.tell(&Told::Renewed {
            expires: renewed.expires,
        });
        Ok(())
    }

    fn unanswered(&mut self, error: &CallError) -> Event {
        let rejected = match error {
            CallError::Refused(refusal) => refusal.code == RefusalCode::Revoked,
            other => other.is_about_trust(),
        };
        if rejected && let Some(former) = self.identity.fallen_back(jiff::Timestamp::now()) {
            self.store(former);
            self.tell(&Told::FellBack);
        }
        let mut why = chain(error);
        if let Some(hint) = error.hint() {
            why = format!("{why} (hint: {hint})");
        }
        self.failed(why);
        match error {
            CallError::Refused(refusal) => Event::Refused(refusal.clone()),
            _ => Event::Failed,
        }
    }

    /// Stores an identity and uses it from now on.
    fn store(&mut self, identity: Identity) {
        match self.folder.store(&identity) {
            Ok(()) => self.adopt(identity),
            Err(error) => self.failed(chain(&error)),
        }
    }

    fn adopt(&mut self, identity: Identity) {
        if identity.certificate != self.identity.certificate {
            self.connection = None;
        }
        self.identity = identity;
        // Our own writing is no reason to begin anew.
        self.own_files.changed();
    }

    /// After a report: contents that neither side needs any more.
    fn drop_contents(&self) {
        let wanted: BTreeSet<Digest> = self
            .reporter
            .seen()
            .map(|seen| seen.digests.values().copied())
            .into_iter()
            .flatten()
            .chain(self.reporter.known().values().copied())
            .collect();
        // What stays takes room and nothing else; the next report tries again.
        if let Err(error) = self.contents.keep_only(&wanted) {
            let why = format!("cannot drop old contents: {}", chain(&error));
            self.tell(&Told::Failed { why });
        }
    }

    /// Told once for each new cause: a server that is away for a night is one line.
    pub(super) fn failed(&mut self, why: String) {
        if why != self.last_failure {
            self.tell(&Told::Failed { why: why.clone() });
            self.last_failure.clone_from(&why);
        }
        self.contact.touch(Touch::Failed { why });
    }

    fn tell(&self, told: &Told) {
        (self.settings.tell)(told);
    }
}
