//! One server, from its options to its end.

use crate::agents;
use crate::attempts::Attempts;
use crate::authority::{Authority, AuthorityError, AuthorityPair, ServerKey, ServerName};
use crate::clock::Clock;
use crate::directory::Directory;
use crate::install::Install;
use crate::limits::Limits;
use crate::listen::{Certificates, Listener, OperatorFiles, Stopper, TlsError, stopper};
use crate::login::{self, AddressError, Login, LoginLimits, OidcSettings, OidcSettingsError};
use crate::routes::{RouteInfo, Routes};
use crate::shared::Shared;
use crate::truth::{Truth, World};
use crate::{api, follow, judging, tasks};
use axum::body::Body;
use jiff::Timestamp;
use overlock_fleet::Judging;
use overlock_risk::{Policy, Rules};
use overlock_store::{By, Database, Store, StoreError, Writer};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;

/// In which setting the authority and the server's key are.
const AUTHORITY: &str = "authority";

/// How a server is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it remembers.
    pub database: Database,
    /// Where compiled feeds are.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Names and addresses under which it is reached: its certificate is for these.
    pub names: Vec<ServerName>,
    /// The address that agents and people use; absent: the first name and the port that it listens on.
    pub address: Option<String>,
    /// A certificate that people's browsers know.
    pub tls: Option<OperatorFiles>,
    /// The agent's program; absent: `overlock-agent` beside this program.
    pub program: Option<PathBuf>,
    /// Who vouches for people; absent: they come with tokens only.
    pub provider: Option<OidcSettings>,
    /// Own deadlines.
    pub policy: Policy,
    /// Rules that are followed.
    pub rules: Rules,
    /// Bounds.
    pub limits: Limits,
    /// The time.
    pub clock: Clock,
}

impl Options {
    /// On this machine alone, at any free port.
    #[must_use]
    pub fn local(data: impl Into<PathBuf>) -> Self {
        let data = data.into();
        let loopback = std::net::Ipv4Addr::LOCALHOST;
        Self {
            database: Database::in_folder(&data),
            data,
            listen: (loopback, 0).into(),
            names: vec![
                ServerName::Address(loopback.into()),
                ServerName::Dns("localhost".to_owned()),
            ],
            address: None,
            tls: None,
            program: None,
            provider: None,
            policy: Policy::default(),
            rules: Rules::default(),
            limits: Limits::default(),
            clock: Clock::system(),
        }
    }
}

/// A server that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The database.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// The authority.
    #[error("the server's authority cannot be used")]
    Authority(#[from] AuthorityError),
    /// TLS.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    /// The identity provider.
    #[error("logins cannot be set up")]
    Login(#[from] LoginError),
    /// The socket.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// No name to be reached by.
    #[error("the server has no name to be reached by")]
    NoName,
}

impl ServerError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Authority(_) => {
                Some("restore the database from a backup: agents trust no other authority")
            }
            Self::Tls(_) => Some("see that certificate and key are PEM and belong together"),
            Self::Login(_) => Some(
                "see that the issuer is the exact address that the provider states, and the first --name the one that people use",
            ),
            Self::Listen { .. } => Some("another program may listen there; choose another port"),
            Self::NoName => Some("name at least one host name or address"),
        }
    }
}

/// Logins cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Our own address.
    #[error("people cannot be sent back to the server's address")]
    Address(#[source] AddressError),
    /// What is said of the provider.
    #[error("the identity provider cannot be used")]
    Provider(#[source] OidcSettingsError),
}

/// Everything below it is for agents.
const AGENTS: &str = "/agent/v1/{*rest}";

/// What the store keeps of who the server is.
#[derive(Serialize, Deserialize)]
struct KeptIdentity {
    certificate: String,
    key: String,
    server_key: String,
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stopper: Stopper,
    table: Vec<RouteInfo>,
    listener: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts a server; it answers when this returns.
    ///
    /// # Errors
    /// When the database, the authority, TLS or the socket cannot be used.
    pub async fn start(options: Options) -> Result<Self, ServerError> {
        let store = Store::open(&options.database).await?;
        let now = options.clock.now();
        let (authority, key) = identity(&store, now).await?;
        let listener =
            TcpListener::bind(options.listen)
                .await
                .map_err(|source| ServerError::Listen {
                    address: options.listen,
                    source,
                })?;
        let address = listener
            .local_addr()
            .map_err(|source| ServerError::Listen {
                address: options.listen,
                source,
            })?;
        let url = match options.address {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => url_of(
                options.names.first().ok_or(ServerError::NoName)?,
                address.port(),
            ),
        };
        let login = login(options.provider, &url, &store, &options.clock)?;
        let program = options.program.or_else(Install::program_beside_us);
        let certificates = Arc::new(Certificates::new(
            Arc::clone(&authority),
            key,
            options.names,
            options.tls,
            now,
        )?);
        let install = Install::new(url, Arc::clone(&certificates), program);
        let judging = Judging {
            policy: options.policy,
            rules: options.rules,
            now,
        };
        let (stopper, stop) = stopper();
        let limits = options.limits;
        let shared = Arc::new(Shared {
            writer: Writer::start(store.clone()),
            store,
            authority,
            certificates: Arc::clone(&certificates),
            directory: Directory::default(),
            truth: Truth::new(World::open(&options.data, now), judging),
            judging: judging::Queue::default(),
            own: api::Own::new(&limits),
            login,
            install,
            limits,
            wire: overlock_protocol::Limits::WIRE,
            clock: options.clock,
            stop: stop.clone(),
            enrolments: Attempts::new(limits.refused_enrolments),
            held: Arc::new(Semaphore::new(limits.held_polls)),
            reports: Arc::new(Semaphore::new(limits.reports)),
            unwritten: Arc::new(Semaphore::new(limits.unwritten_kib as usize)),
            turns: Arc::default(),
            followed: watch::Sender::new(0),
            written: Notify::new(),
        });
        let as_of = follow::load(&shared).await?;
        shared.followed.send_replace(as_of);
        let (agents, people) = Self::routes(&shared);
        let table = [agents.table(), people.table()].concat();
        shared.own.describe(&table);
        let metrics = &shared.own.metrics;
        // Sessions are people's: an agent's check-in does not pay for a look at cookies.
        let people = metrics.counted(shared.login.around(people.finish()));
        let agents = metrics.counted(agents.finish()).into_service::<Body>();
        let serving = Listener {
            router: people.route_service(AGENTS, agents),
            certificates,
            limits,
        };
        let tasks = vec![
            tokio::spawn(follow::run(Arc::clone(&shared))),
            judge_apart(&shared),
            tokio::spawn(tasks::flush(Arc::clone(&shared))),
            tokio::spawn(tasks::certificates(Arc::clone(&shared))),
            tokio::spawn(tasks::forget(Arc::clone(&shared))),
            tokio::spawn(tasks::watch(Arc::clone(&shared), options.data)),
        ];
        Ok(Self {
            address,
            shared,
            stopper,
            table,
            listener: tokio::spawn(serving.run(listener, stop)),
            tasks,
        })
    }

    /// All routes: those of agents, and those of people.
    fn routes(shared: &Arc<Shared>) -> (Routes<Shared>, Routes<Shared>) {
        let limits = shared.limits;
        let empty = || Routes::with_limits(Arc::clone(shared), limits);
        let agents = agents::routes(empty(), &limits);
        (agents, login::add(api::routes(empty())))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address that agents and people use.
    #[must_use]
    pub fn url(&self) -> &str {
        self.shared.install.address()
    }

    /// What it works with.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// All its routes.
    #[must_use]
    pub fn table(&self) -> &[RouteInfo] {
        &self.table
    }

    /// Ends it: takes no new connections, lets running requests end within bounds, writes down what it has heard.
    pub async fn stop(self) {
        self.stopper.stop();
        for task in std::iter::once(self.listener).chain(self.tasks) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the server failed");
            }
        }
        tasks::flush_now(&self.shared).await;
        self.shared.store.close().await;
    }
}

/// Judging computes for milliseconds at a time: on a thread of its own it never stands before a check-in.
fn judge_apart(shared: &Arc<Shared>) -> JoinHandle<()> {
    let (shared, runtime) = (Arc::clone(shared), Handle::current());
    tokio::task::spawn_blocking(move || runtime.block_on(judging::run(shared)))
}

/// The authority and the server's key: made at the first start, the same for all replicas.
async fn identity(
    store: &Store,
    now: Timestamp,
) -> Result<(Arc<Authority>, ServerKey), ServerError> {
    let kept = match store.setting(AUTHORITY).await? {
        Some(kept) => kept,
        None => {
            let pair = Authority::make("Overlock", now)?;
            let made = KeptIdentity {
                certificate: pair.certificate,
                key: pair.key.expose_secret().to_owned(),
                server_key: ServerKey::make()?.expose_secret().to_owned(),
            };
            let made = serde_json::to_vec(&made)
                .map_err(|error| AuthorityError::Make(error.to_string()))?;
            // Of two that start together, one makes it and both use that.
            store.setting_or(AUTHORITY, &made, &By::server(now)).await?
        }
    };
    let kept: KeptIdentity = serde_json::from_slice(&kept)
        .map_err(|error| AuthorityError::Damaged(error.to_string()))?;
    let pair = AuthorityPair {
        certificate: kept.certificate,
        key: SecretString::from(kept.key),
    };
    let authority = Arc::new(Authority::open(&pair)?);
    let key = ServerKey::open(&SecretString::from(kept.server_key))?;
    Ok((authority, key))
}

/// How people come in.
fn login(
    provider: Option<OidcSettings>,
    url: &str,
    store: &Store,
    clock: &Clock,
) -> Result<Login, LoginError> {
    let limits = LoginLimits::default();
    let Some(provider) = provider else {
        return Ok(Login::by_tokens(store.clone(), clock.clone(), limits));
    };
    let address = url.parse().map_err(LoginError::Address)?;
    Login::by_provider(provider, address, store.clone(), clock.clone(), limits)
        .map_err(LoginError::Provider)
}

fn url_of(name: &ServerName, port: u16) -> String {
    match name {
        ServerName::Dns(name) => format!("https://{name}:{port}"),
        ServerName::Address(address) => format!("https://{}", SocketAddr::new(*address, port)),
    }
}

#[cfg(test)]
mod tests;
