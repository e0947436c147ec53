//! Logins over real HTTP and TLS: a browser that follows redirects by hand, a server, and a provider that may misbehave.

mod attacks;
mod first_token;
mod flow;
mod idp;
mod provider;
mod session;

use super::*;
use crate::access::{Caller, Callers, Identified, Needs, Permission};
use crate::authority::{Authority, ServerKey};
use crate::limits::Limits;
use crate::listen::{Certificates, Listener, Peer, Stopper, stopper};
use crate::problem::{Code, Problem};
use crate::routes::{Call, Route, Routes};
use crate::testing::{Answer, Client};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use idp::{CLIENT_ID, CLIENT_SECRET, Idp};
use jiff::Timestamp;
use openidconnect::url::Url;
use overlock_store::{Actor, By, Database, Grant, Role, Scope, Subject};
use secrecy::SecretString;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tower_sessions::Session;

/// What the server under test shares.
struct World {
    login: Login,
    /// Holds a request back after its session was read, and before it is written again.
    gate: Gate,
}

#[derive(Default)]
struct Gate {
    entered: tokio::sync::Notify,
    leave: tokio::sync::Notify,
}

impl Callers for World {
    async fn caller(&self, _: &Peer, head: &Parts) -> Result<Identified, Problem> {
        self.login
            .caller(head)
            .await?
            .ok_or_else(|| Problem::new(Code::Unauthenticated, ""))
    }
}

impl HasLogin for World {
    fn login(&self) -> &Login {
        &self.login
    }
}

async fn name(call: Call<World, Caller>) -> Result<Response, Problem> {
    Ok(call.proof.name().to_owned().into_response())
}

async fn slow(call: Call<World, Caller>) -> Result<Response, Problem> {
    let session: Session = call.extension().unwrap();
    session.insert("used", true).await.unwrap();
    call.shared.gate.entered.notify_one();
    call.shared.gate.leave.notified().await;
    Ok("done".into_response())
}

/// A server, its provider, and the time by which both live.
struct Site {
    idp: Idp,
    store: Store,
    world: Arc<World>,
    client: Client,
    origin: String,
    time: Arc<Mutex<Timestamp>>,
    _folder: tempfile::TempDir,
    _stopper: Stopper,
}

fn noon() -> Timestamp {
    "2031-05-06T12:00:00Z".parse().unwrap()
}

impl Site {
    async fn start() -> Self {
        Self::with(LoginLimits::default(), |_| {}).await
    }

    async fn with(limits: LoginLimits, change: impl FnOnce(&mut OidcSettings)) -> Self {
        let idp = Idp::start(noon()).await;
        let mut settings = OidcSettings::new(&idp.issuer, CLIENT_ID);
        settings.client_secret = Some(SecretString::from(CLIENT_SECRET));
        settings.trust = Trust::Only(idp.authority.pem().to_owned());
        change(&mut settings);
        Self::serve(idp, Some(settings), limits).await
    }

    async fn serve(idp: Idp, settings: Option<OidcSettings>, limits: LoginLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("test.db"));
        let store = Store::open(&database).await.unwrap();
        let time = Arc::new(Mutex::new(noon()));
        let clock = Clock::of({
            let time = Arc::clone(&time);
            move || *time.lock().unwrap()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let origin = format!("https://{address}");
        let login = match settings {
            None => Login::by_tokens(store.clone(), clock, limits),
            Some(settings) => {
                let here = origin.parse().unwrap();
                Login::by_provider(settings, here, store.clone(), clock, limits).unwrap()
            }
        };
        let world = Arc::new(World {
            login,
            gate: Gate::default(),
        });
        let routes = Routes::new(Arc::clone(&world))
            .add(Route::get("/api/v1/name"), Needs(Permission::Read), name)
            .add(Route::post("/api/v1/name"), Needs(Permission::Read), name)
            .add(Route::get("/api/v1/slow"), Needs(Permission::Read), slow);
        let router = world.login.around(add(routes).finish());
        let now = Timestamp::now();
        let authority = Arc::new(Authority::open(&Authority::make("test", now).unwrap()).unwrap());
        let key = ServerKey::open(&ServerKey::make().unwrap()).unwrap();
        let names = vec!["127.0.0.1".parse().unwrap()];
        let certificates =
            Certificates::new(Arc::clone(&authority), key, names, None, now).unwrap();
        let (stopper, stop) = stopper();
        tokio::spawn(
            Listener {
                router,
                certificates: Arc::new(certificates),
                limits: Limits::default(),
            }
            .run(listener, stop),
        );
        Self {
            idp,
            store,
            world,
            client: Client::new(address, &authority, None),
            origin,
            time,
            _folder: folder,
            _stopper: stopper,
        }
    }

    fn now(&self) -> Timestamp {
        *self.time.lock().unwrap()
    }

    /// Time passes, here and at the provider.
    fn pass(&self, time: SignedDuration) {
        let now = self.now() + time;
        *self.time.lock().unwrap() = now;
        self.idp.now(now);
    }

    fn browser(&self) -> Browser<'_> {
        Browser {
            site: self,
            cookie: None,
        }
    }

    fn by(&self) -> By {
        By {
            actor: Actor::Local,
            at: self.now(),
        }
    }

    async fn grant(&self, id: &str, subject: Subject, role: Role) {
        let grant = Grant {
            role,
            scope: Scope::All,
        };
        self.store
            .grant(id, &subject, &grant, &self.by())
            .await
            .unwrap();
    }

    /// Everybody in `/ops` is a viewer.
    async fn grant_ops(&self) {
        self.grant("ops", Subject::OidcGroup("/ops".to_owned()), Role::Viewer)
            .await;
    }
}

/// A browser without a window: it keeps the cookie and goes where it is sent when it is told to.
struct Browser<'a> {
    site: &'a Site,
    cookie: Option<String>,
}

impl Browser<'_> {
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let cookie = self
            .cookie
            .as_ref()
            .map(|value| format!("{}={value}", sessions::COOKIE));
        let mut all = headers.to_vec();
        if let Some(cookie) = &cookie {
            all.push(("cookie", cookie));
        }
        let answer = self
            .site
            .client
            .send(method, path, &all, body.to_owned())
            .await;
        for set in answer.headers.get_all("set-cookie") {
            let set = set.to_str().unwrap();
            let (name, rest) = set.split_once('=').unwrap();
            assert_eq!(name, sessions::COOKIE, "{set}");
            let value = rest.split(';').next().unwrap();
            // A browser drops what has this prefix and is not secure, for all paths and for no domain.
            if !set.contains("; Secure") || !set.contains("; Path=/") || set.contains("Domain") {
                assert_eq!(value, "", "{set}");
                continue;
            }
            assert!(
                set.contains("; HttpOnly") && set.contains("; SameSite=Lax"),
                "{set}"
            );
            self.cookie = (!value.is_empty()).then(|| value.to_owned());
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    /// Begins a login, and logs in at the provider: the path of our callback to which the provider sends it.
    async fn begin(&mut self, next: &str) -> String {
        let begun = self.get(&format!("/api/v1/login{next}")).await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", problem(&begun));
        let place = location(&begun);
        assert!(
            place.starts_with(&format!("{}/authorize?", self.site.idp.issuer)),
            "{place}"
        );
        let back = self.site.idp.client.get(&path_of(&place)).await;
        assert_eq!(back.status, StatusCode::FOUND);
        let place = location(&back);
        assert!(
            place.starts_with(&format!("{}{}", self.site.origin, oidc::CALLBACK)),
            "{place}"
        );
        path_of(&place)
    }

    /// Logs in; what our callback answers.
    async fn login(&mut self) -> Answer {
        let callback = self.begin("").await;
        self.get(&callback).await
    }

    async fn logged_in(&mut self) {
        let answer = self.login().await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", problem(&answer));
    }

    /// The code of the problem that this path gives, or its body.
    async fn says(&mut self, path: &str) -> String {
        problem(&self.get(path).await)
    }

    async fn csrf(&mut self) -> String {
        let answer = self.get("/api/v1/session").await;
        answer.json()["csrf"].as_str().unwrap().to_owned()
    }
}

fn location(answer: &Answer) -> String {
    answer.headers["location"].to_str().unwrap().to_owned()
}

fn path_of(place: &str) -> String {
    let url: Url = place.parse().unwrap();
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// The code of a problem, else the body.
fn problem(answer: &Answer) -> String {
    serde_json::from_slice::<serde_json::Value>(&answer.body)
        .ok()
        .and_then(|problem| problem["code"].as_str().map(str::to_owned))
        .unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned())
}
