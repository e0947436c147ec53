//! One session: an identity and a configuration, until one of them changes. It turns what happens into events for the
//! reporter, and the reporter's actions into looks, checks of files and messages.

use super::sending::Asked;
use super::{RunError, Settings, chain};
use crate::clock::{Clock, SLEPT};
use crate::config::Configuration;
use crate::connection::Connection;
use crate::contact::Contact;
use crate::contents::Contents;
use crate::identity::{Folder, Identity, random};
use crate::look::LookError;
use crate::look::watch::Watch;
use crate::reporter::{Action, Event, Reporter, Seen};
use overlock_protocol::Section;
use overlock_protocol::check_in::Instance;
use std::pin::Pin;
use std::time::Duration;

/// A wait is never longer than this, so that sleep of the host is noticed.
const WAIT_MOST: Duration = Duration::from_secs(60);

type Slot<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

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
pub(super) struct Session<'a> {
    pub(super) settings: &'a Settings,
    pub(super) folder: Folder,
    pub(super) configuration: Configuration,
    pub(super) identity: Identity,
    pub(super) instance: Instance,
    pub(super) contents: Contents,
    pub(super) reporter: Reporter,
    clock: Clock,
    host_files: Watch,
    pub(super) own_files: Watch,
    /// Kept between messages.
    pub(super) connection: Option<Connection>,
    /// Sections of the report under way.
    pub(super) reporting: Vec<Section>,
    pub(super) last_failure: String,
    pub(super) contact: Contact,
}

impl<'a> Session<'a> {
    pub(super) fn new(settings: &'a Settings) -> Result<Self, RunError> {
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
            contact: Contact::at(&settings.state),
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
    pub(super) async fn run(&mut self) {
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
}

fn number() -> u64 {
    // Without random numbers waits are not spread; that is all they are for here.
    random().map_or(0, u64::from_be_bytes)
}
