//! Sessions of people: tower-sessions' cookie and record over our store, with our own rules about their ends.
//!
//! The store keeps the SHA-256 of the id, so that a copy of the database opens no session. When a session ends is decided
//! here, by the server's clock: 12 hours after the login whatever happens, an hour after it was last used, and ten minutes
//! when nobody has logged in yet. A request that is still running cannot bring back a session that was ended meanwhile.

use super::LoginLimits;
use super::identity::Identity;
use super::oidc::Pending;
use crate::clock::Clock;
use crate::problem::{Code, Problem};
use jiff::Timestamp;
use overlock_model::plan::Digest;
use overlock_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result as StoreResult};
use tower_sessions::{Session, SessionManagerLayer, SessionStore};

/// The prefix has browsers refuse it unless it is secure, for the whole host and for this host only (RFC 6265bis 4.1.3.2).
pub(super) const COOKIE: &str = "__Host-overlock";
/// Who is logged in.
const PERSON: &str = "person";
/// Logins that were begun.
const PENDING: &str = "pending";
/// Tries to find an id that is free. With 128 random bits the first one is.
const IDS: usize = 3;

/// A person who is logged in.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Person {
    /// Id of the user in the store.
    pub user: String,
    /// Who vouched for them.
    pub issuer: String,
    pub identity: Identity,
    /// What a change must bring along, so that no other site can make one.
    pub csrf: String,
    pub begun: Timestamp,
    /// When the session was last used, to within [`LoginLimits::session_touch`].
    pub seen: Timestamp,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Person({} since {})", self.user, self.begun)
    }
}

impl Person {
    /// When the session ends if nothing more is done with it.
    pub(super) fn ends(&self, limits: &LoginLimits) -> Timestamp {
        (self.begun + limits.session_life).min(self.seen + limits.session_idle)
    }
}

/// Sessions in the store.
#[derive(Debug, Clone)]
pub(super) struct Sessions {
    store: Store,
    clock: Clock,
    limits: LoginLimits,
}

impl Sessions {
    pub(super) fn new(store: Store, clock: Clock, limits: LoginLimits) -> Self {
        Self {
            store,
            clock,
            limits,
        }
    }

    /// What puts a [`Session`] beside each request. It is read from the store only when it is asked for.
    pub(super) fn layer(&self) -> SessionManagerLayer<Self> {
        SessionManagerLayer::new(self.clone())
            .with_name(COOKIE)
            .with_secure(true)
            .with_http_only(true)
            // Lax, for the way back from the provider is a navigation from another site.
            .with_same_site(SameSite::Lax)
            .with_path("/")
    }

    /// Takes a session away under its present id; false when somebody else did, and what it held is theirs.
    pub(super) async fn take(&self, session: &Session) -> Result<bool, Problem> {
        match session.id() {
            Some(id) => Ok(self.store.delete_session(key(&id)).await?),
            None => Ok(false),
        }
    }

    fn content(&self, record: &Record) -> StoreResult<(Vec<u8>, Timestamp)> {
        let now = self.clock.now();
        let expires = match record.data.get(PERSON) {
            Some(person) => Person::deserialize(person)
                .map_err(|error| Error::Encode(error.to_string()))?
                .ends(&self.limits),
            None => now + self.limits.pending_life,
        };
        let content =
            serde_json::to_vec(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        Ok((content, expires))
    }

    async fn add(&self, record: &mut Record) -> StoreResult<()> {
        let (content, expires) = self.content(record)?;
        for _ in 0..IDS {
            if self
                .store
                .add_session(key(&record.id), &content, expires)
                .await
                .map_err(backend)?
            {
                return Ok(());
            }
            record.id = Id::default();
        }
        Err(Error::Backend("no free id for a session".to_owned()))
    }

    async fn write(&self, record: &Record) -> StoreResult<()> {
        let (content, expires) = self.content(record)?;
        self.store
            .save_session(key(&record.id), &content, expires)
            .await
            .map(drop)
            .map_err(backend)
    }

    async fn read(&self, id: &Id) -> StoreResult<Option<Record>> {
        let content = self
            .store
            .session(key(id), self.clock.now())
            .await
            .map_err(backend)?;
        content
            .map(|content| {
                Ok(Record {
                    id: *id,
                    data: serde_json::from_slice(&content)
                        .map_err(|error| Error::Decode(error.to_string()))?,
                    // The store has said that it has not ended; nobody reads this.
                    expiry_date: OffsetDateTime::UNIX_EPOCH,
                })
            })
            .transpose()
    }

    async fn end(&self, id: &Id) -> StoreResult<()> {
        self.store
            .delete_session(key(id))
            .await
            .map(drop)
            .map_err(backend)
    }
}

/// What `async_trait` makes of an asynchronous function of a trait; writing it out saves the dependency.
type Task<'a, T> = Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 'a>>;

impl SessionStore for Sessions {
    fn create<'s, 'r, 'a>(&'s self, record: &'r mut Record) -> Task<'a, ()>
    where
        's: 'a,
        'r: 'a,
        Self: 'a,
    {
        Box::pin(self.add(record))
    }

    fn save<'s, 'r, 'a>(&'s self, record: &'r Record) -> Task<'a, ()>
    where
        's: 'a,
        'r: 'a,
        Self: 'a,
    {
        Box::pin(self.write(record))
    }

    fn load<'s, 'r, 'a>(&'s self, id: &'r Id) -> Task<'a, Option<Record>>
    where
        's: 'a,
        'r: 'a,
        Self: 'a,
    {
        Box::pin(self.read(id))
    }

    fn delete<'s, 'r, 'a>(&'s self, id: &'r Id) -> Task<'a, ()>
    where
        's: 'a,
        'r: 'a,
        Self: 'a,
    {
        Box::pin(self.end(id))
    }
}

fn key(id: &Id) -> Digest {
    Digest::of(id.to_string().as_bytes())
}

fn backend(error: StoreError) -> Error {
    Error::Backend(error.to_string())
}

/// The person of a session that has not ended, and a note that it was used.
pub(super) async fn person(
    session: &Session,
    limits: &LoginLimits,
    now: Timestamp,
) -> Result<Option<Person>, Problem> {
    let Some(mut person) = session.get::<Person>(PERSON).await.map_err(failed)? else {
        return Ok(None);
    };
    // A clock that was set back ends sessions of the future rather than giving them more time.
    if now >= person.ends(limits) || now + limits.leeway < person.begun {
        session.flush().await.map_err(failed)?;
        return Ok(None);
    }
    if now.duration_since(person.seen) >= limits.session_touch {
        person.seen = now;
        session.insert(PERSON, &person).await.map_err(failed)?;
    }
    Ok(Some(person))
}

/// Logs a person in: under a new id, so that an id that somebody else knows is worth nothing, and with nothing of before.
pub(super) async fn enter(session: &Session, person: &Person) -> Result<(), Problem> {
    session.cycle_id().await.map_err(failed)?;
    session.clear().await;
    session.insert(PERSON, person).await.map_err(failed)
}

/// Ends a session.
pub(super) async fn leave(session: &Session) -> Result<(), Problem> {
    session.flush().await.map_err(failed)
}

/// Keeps a login that was begun. The oldest gives way, those that are over go.
pub(super) async fn keep_pending(
    session: &Session,
    pending: Pending,
    limits: &LoginLimits,
    now: Timestamp,
) -> Result<(), Problem> {
    let mut all = pending_of(session).await?;
    all.retain(|pending| !pending.is_over(limits, now));
    let room = limits.pending.saturating_sub(1);
    all.drain(..all.len().saturating_sub(room));
    all.push(pending);
    session.insert(PENDING, &all).await.map_err(failed)
}

/// Takes the login out that an answer belongs to. It works once, on however many servers the answer arrives.
pub(super) async fn take_pending(
    sessions: &Sessions,
    session: &Session,
    state: &str,
    now: Timestamp,
) -> Result<Option<Pending>, Problem> {
    let mut all = pending_of(session).await?;
    let Some(found) = all.iter().position(|pending| pending.is_of(state)) else {
        return Ok(None);
    };
    let pending = all.swap_remove(found);
    if !sessions.take(session).await? {
        return Ok(None);
    }
    session.cycle_id().await.map_err(failed)?;
    session.insert(PENDING, &all).await.map_err(failed)?;
    Ok((!pending.is_over(&sessions.limits, now)).then_some(pending))
}

async fn pending_of(session: &Session) -> Result<Vec<Pending>, Problem> {
    Ok(session
        .get(PENDING)
        .await
        .map_err(failed)?
        .unwrap_or_default())
}

/// tower-sessions hands our own error on as a text only.
fn failed(error: tower_sessions::session::Error) -> Problem {
    match error {
        tower_sessions::session::Error::Store(Error::Backend(cause)) => {
            tracing::warn!(cause, "sessions cannot be read or written");
            Problem::new(Code::Unavailable, "the database cannot be used now")
        }
        error => Problem::internal(error),
    }
}
