//! The loop around [`Reporter`]: clocks, files, the connection. It decides nothing.

use crate::clock::{Clock, SLEPT};
use crate::config::{Configuration, ConfigurationError};
use crate::connection::{ANSWER, CallError, Connection, path};
use crate::contents::Contents;
use crate::identity::{Certificate, Folder, Identity, IdentityError, random};
use crate::look::watch::Watch;
use crate::look::{Eyes, LookError};
use crate::reporter::{Action, Event, Pace, Reporter, Request, Seen};
use crate::standing::{Standing, Touch};
use crate::tls::TlsError;
use overlock_model::plan::{Digest, HostId};
use overlock_protocol::check_in::Instance;
use overlock_protocol::message::RefusalCode;
use overlock_protocol::{
    Delta, Hello, Message, Poll, Renew, Renewed, Report, Section, SectionReport, Update,
};
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

/// A wait is never longer than this, so that sleep of the host is noticed.
const WAIT_MOST: Duration = Duration::from_secs(60);

/// What an agent runs with.
#[derive(Clone)]
pub struct Settings {
    /// State directory.
    pub state: PathBuf,
    /// Configuration file.
    pub configuration: PathBuf,
    /// Who looks at the host.
    pub eyes: Eyes,
    /// Root that is looked at, for the files that are watched.
    pub root: PathBuf,
    /// Socket of the root helper.
    pub helper: PathBuf,
    /// How often.
    pub pace: Pace,
    /// Where to tell what happens.
    pub tell: Arc<dyn Fn(&Told) + Send + Sync>,
}

/// Something worth a line in the log.
#[derive(Debug)]
pub enum Told {
    /// The server knows this run.
    Greeted {
        /// Who we are to it.
        host: HostId,
    },
    /// The server took a report.
    Accepted {
        /// What changed.
        sections: Vec<Section>,
    },
    /// There is a new certificate.
    Renewed {
        /// Until when it is good.
        expires: jiff::Timestamp,
    },
    /// The new certificate was not accepted; the former one is used.
    FellBack,
    /// Something failed; it is tried again. Told once for each new cause.
    Failed {
        /// The chain of causes.
        why: String,
    },
    /// Identity or configuration changed, and is read anew.
    Reloaded,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greeted { host } => write!(f, "in touch with the server as {}", host.as_str()),
            Self::Accepted { sections } => {
                let words: Vec<&str> = sections.iter().map(|section| section.as_str()).collect();
                write!(f, "reported {}", words.join(", "))
            }
            Self::Renewed { expires } => write!(f, "new certificate until {expires}"),
            Self::FellBack => {
                f.write_str("the new certificate is not accepted; back to the former one")
            }
            Self::Failed { why } => f.write_str(why),
            Self::Reloaded => f.write_str("identity or configuration changed and is read anew"),
        }
    }
}

/// Why the agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Without identity there is nobody to talk to.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A broken configuration is not guessed.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The identity makes no TLS.
    #[error("the identity cannot be used")]
    Tls(#[from] TlsError),
    /// The state directory cannot be written.
    #[error("cannot use the state directory `{}`", path.display())]
    State {
        /// Where.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
}

/// Runs until `shutdown`; what fails on the way is tried again.
///
/// # Errors
/// When the host is not enrolled, or identity, configuration or state directory cannot be used.
pub async fn run(settings: &Settings, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
    let mut shutdown = pin!(shutdown);
    loop {
        let mut session = Session::new(settings)?;
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            () = session.run() => (settings.tell)(&Told::Reloaded),
        }
    }
}

type Slot<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;
type Asked = (Connection, Result<Event, CallError>);

/// A message and the wait for its answer, which becomes an event.
fn under_way<M, A>(
    mut connection: Connection,
    path: &'static str,
    message: M,
    patience: Duration,
    event: fn(A) -> Event,
) -> Pin<Box<dyn Future<Output = Asked> + Send>>
where
    M: Message + Send + 'static,
    A: Message + Send + 'static,
{
    Box::pin(async move {
        let answer = connection.ask(path, message, patience).await;
        (connection, answer.map(event))
    })
}

/// What runs in a slot; nothing runs forever.
async fn done<T>(slot: &mut Slot<T>) -> T {
    match slot {
        None => std::future::pending().await,
        Some(running) => {
            let value = running.await;
            *slot = None;
            value
        }
    }
}

/// One identity, one configuration, one instance.
struct Session<'a> {
    settings: &'a Settings,
    folder: Folder,
    configuration: Configuration,
    identity: Identity,
    instance: Instance,
    contents: Contents,
    reporter: Reporter,
    clock: Clock,
    host_files: Watch,
    own_files: Watch,
    /// Kept between messages.
    connection: Option<Connection>,
    /// Sections of the report under way.
    reporting: Vec<Section>,
    last_failure: String,
    standing: Standing,
}

impl<'a> Session<'a> {
    fn new(settings: &'a Settings) -> Result<Self, RunError> {
        let folder = Folder::at(&settings.state);
        // Before they are read, so that no change is missed.
        let own_files = Watch::of([folder.identity_path(), settings.configuration.clone()]);
        let host_files = Watch::of_host(&settings.root);
        let identity = folder.identity()?;
        let configuration = Configuration::read(&settings.configuration)?;
        identity.config()?;
        let contents = Contents::open(&settings.state).map_err(|source| RunError::State {
            path: settings.state.clone(),
            source,
        })?;
        let clock = Clock::start();
        let mut pace = settings.pace;
        if let Some(seconds) = configuration.hold_seconds {
            pace.hold_most = pace.hold_most.min(Duration::from_secs(seconds.into()));
        }
        Ok(Self {
            reporter: Reporter::new(pace, clock.now()),
            instance: Instance::from_random(random()?),
            standing: Standing::at(&settings.state),
            settings,
            folder,
            configuration,
            identity,
            contents,
            clock,
            host_files,
            own_files,
            connection: None,
            reporting: Vec::new(),
            last_failure: String::new(),
        })
    }

    /// Until identity or configuration change.
    async fn run(&mut self) {
        let mut wire: Slot<Asked> = None;
        let mut looking: Slot<Result<Seen, LookError>> = None;
        let mut event = Event::Deadline;
        loop {
            if self.clock.slept() > SLEPT {
                self.act(Event::Woke, &mut wire, &mut looking);
            }
            self.act(event, &mut wire, &mut looking);
            let wait = self
                .reporter
                .deadline()
                .saturating_sub(self.clock.now().since_boot);
            event = tokio::select! {
                (connection, answer) = done(&mut wire) => {
                    self.connection = Some(connection);
                    self.answered(answer)
                }
                seen = done(&mut looking) => self.looked(seen),
                () = tokio::time::sleep(wait.min(WAIT_MOST)) => Event::Deadline,
            };
            if self.own_files.changed() {
                return;
            }
        }
    }

    fn act(
        &mut self,
        event: Event,
        wire: &mut Slot<Asked>,
        looking: &mut Slot<Result<Seen, LookError>>,
    ) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for action in self.reporter.take(event, self.clock.now(), number()) {
                match action {
                    Action::Abandon => *wire = None,
                    Action::Look => {
                        let (eyes, state) =
                            (self.settings.eyes.clone(), self.settings.state.clone());
                        *looking = Some(Box::pin(async move {
                            let look = move || eyes.look(&state, jiff::Timestamp::now());
                            match tokio::task::spawn_blocking(look).await {
                                Ok(seen) => seen,
                                Err(error) => Err(LookError::Child(error.to_string())),
                            }
                        }));
                    }
                    Action::Check => {
                        if self.host_files.changed() {
                            events.push(Event::Changed);
                        }
                    }
                    Action::Send(request) => match self.send(request) {
                        Ok(asked) => *wire = Some(asked),
                        Err(why) => {
                            self.failed(why);
                            events.push(Event::Failed);
                            // What was seen is gone from the state directory.
                            events.push(Event::Changed);
                        }
                    },
                }
            }
        }
    }

    fn looked(&mut self, seen: Result<Seen, LookError>) -> Event {
        match seen {
            Ok(seen) => Event::Looked(seen),
            Err(error) => {
                self.failed(chain(&error));
                Event::LookFailed
            }
        }
    }

    /// The message of a request, under way.
    fn send(
        &mut self,
        request: Request,
    ) -> Result<Pin<Box<dyn Future<Output = Asked> + Send>>, String> {
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

    /// What an answer means for identity, log and status; the reporter decides what comes next.
    fn answered(&mut self, answer: Result<Event, CallError>) -> Event {
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
        self.standing.touch(Touch::InTouch);
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
        self.contents.keep_only(&wanted).ok();
    }

    /// Told once for each new cause: a server that is away for a night is one line.
    fn failed(&mut self, why: String) {
        if why != self.last_failure {
            self.tell(&Told::Failed { why: why.clone() });
            self.last_failure.clone_from(&why);
        }
        self.standing.touch(Touch::Failed { why });
    }

    fn tell(&self, told: &Told) {
        (self.settings.tell)(told);
    }
}

fn number() -> u64 {
    // Without random numbers waits are not spread; that is all they are for here.
    random().map_or(0, u64::from_be_bytes)
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    overlock_model::one_line::in_one_line(error)
}
