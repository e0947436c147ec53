//! The messages: what the reporter wants said, put together and sent.

use super::chain;
use super::session::Session;
use crate::connection::{ANSWER, CallError, Connection, path};
use crate::reporter::{Event, Request};
use overlock_model::plan::Digest;
use overlock_protocol::{
    Delta, Hello, Message, Poll, Renew, Report, Section, SectionReport, Update,
};
use std::pin::Pin;
use std::time::Duration;

/// A message under way, with the connection that comes back with its answer.
pub(super) type Sent = Pin<Box<dyn Future<Output = Asked> + Send>>;
pub(super) type Asked = (Connection, Result<Event, CallError>);

/// A message and the wait for its answer, which becomes an event.
fn under_way<M, A>(
    mut connection: Connection,
    path: &'static str,
    message: M,
    patience: Duration,
    event: fn(A) -> Event,
) -> Sent
where
    M: Message + Send + 'static,
    A: Message + Send + 'static,
{
    Box::pin(async move {
        let answer = connection.ask(path, message, patience).await;
        (connection, answer.map(event))
    })
}

impl Session<'_> {
    /// The message of a request, under way.
    pub(super) fn send(&mut self, request: Request) -> Result<Sent, String> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let (host, instance) = (self.identity.host.clone(), self.instance.clone());
        Ok(match request {
            Request::Hello => under_way(
                connection,
                path::HELLO,
                self.hello(),
                ANSWER,
                Event::Greeted,
            ),
            Request::Poll {
                count,
                state,
                hold_seconds,
            } => {
                let poll = Poll {
                    schema: Poll::schema(),
                    host,
                    instance,
                    count,
                    state,
                    hold_seconds,
                };
                let patience = ANSWER + Duration::from_secs(hold_seconds.into());
                under_way(connection, path::POLL, poll, patience, Event::Polled)
            }
            Request::Report {
                count,
                sections,
                dropped,
            } => {
                self.reporting = sections.iter().map(|(section, _)| *section).collect();
                self.reporting.extend(&dropped);
                let report = Report {
                    schema: Report::schema(),
                    host,
                    instance,
                    count,
                    collected: jiff::Timestamp::now(),
                    sections: sections
                        .into_iter()
                        .map(|(section, base)| self.section(section, base))
                        .collect::<Option<_>>()
                        .ok_or("what was seen is no longer in the state directory")?,
                    dropped,
                };
                under_way(connection, path::REPORT, report, ANSWER, Event::Reported)
            }
            Request::Renew { count } => {
                let renew = Renew {
                    schema: Renew::schema(),
                    host,
                    instance,
                    count,
                    request: self.identity.key.request().map_err(|error| chain(&error))?,
                };
                under_way(connection, path::RENEW, renew, ANSWER, Event::Renewed)
            }
        })
    }

    fn connect(&self) -> Result<Connection, String> {
        let config = self.identity.config().map_err(|error| chain(&error))?;
        Ok(Connection::new(self.identity.server.clone(), config))
    }

    fn hello(&self) -> Hello {
        // A root that cannot be opened is told by the look; a host without a machine id says hello without one.
        let machine_id = overlock_rootfs::Root::open(&self.settings.root)
            .ok()
            .and_then(|root| overlock_inventory::machine_id(&root));
        Hello {
            schema: Hello::schema(),
            host: self.identity.host.clone(),
            instance: self.instance.clone(),
            agent: crate::VERSION.to_owned(),
            machine_id: machine_id.unwrap_or_default(),
            boot_id: crate::clock::boot_id(),
            time: jiff::Timestamp::now(),
            switched_off: self.configuration.sections.off(),
            helper: self.settings.helper.exists(),
        }
    }

    /// A section as it is sent: as a delta where the content that the server has is here, and the delta is shorter.
    fn section(&self, section: Section, base: Option<Digest>) -> Option<SectionReport> {
        let digest = *self.reporter.seen()?.digests.get(&section)?;
        let content = self.contents.get(&digest)?;
        let delta = base.and_then(|base| {
            let delta = Delta::between(&self.contents.get(&base)?, &content);
            let lines = delta.added.len() + delta.removed.len();
            (lines < content.lines().len()).then_some(Update::Delta { base, delta })
        });
        Some(SectionReport {
            section,
            digest,
            update: delta.unwrap_or_else(|| Update::Full {
                lines: content.lines().to_vec(),
            }),
        })
    }
}
