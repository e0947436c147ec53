//! The API over real TLS, with the real router and a real database.

mod access;
mod machinery;
mod nouns;
mod reference;

use crate::server::{Options, Server};
use crate::testing::guest::{Guest, packages};
use crate::testing::{Answer, Client};
use axum::http::Method;
use overlock_model::asset::HostFacts;
use overlock_model::plan::Digest;
use overlock_store::{Actor, ApiToken, By, HostGroup};
use serde_json::Value;

/// A server with the groups `web` (hosts with that tag) and `db`.
pub(super) struct World {
    pub server: Server,
    pub client: Client,
    _folder: tempfile::TempDir,
}

/// Somebody with a token.
pub(super) struct User<'a> {
    world: &'a World,
    bearer: String,
}

impl World {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(Options::local(folder.path())).await.unwrap();
        let client = Client::new(server.address(), &server.shared().authority, None);
        let world = Self {
            server,
            client,
            _folder: folder,
        };
        for name in ["web", "db"] {
            let group = HostGroup {
                name: name.into(),
                selection: format!("'{name}' in host.tags"),
                owner: "ada".into(),
            };
            let store = &world.server.shared().store;
            store.set_host_group(&group, &world.by()).await.unwrap();
        }
        world
    }

    fn by(&self) -> By {
        By {
            actor: Actor::Local,
            at: self.server.shared().clock.now(),
        }
    }

    /// A token with these roles: `viewer`, `operator@web` …
    pub async fn user(&self, roles: &[&str]) -> User<'_> {
        let secret = format!(
            "ovlk_{}",
            crate::authority::hex(&crate::authority::random::<32>().unwrap())
        );
        let grants = roles
            .iter()
            .map(|role| crate::access::parse_grant(role).unwrap())
            .collect();
        let token = ApiToken {
            id: secret[5..17].to_owned(),
            name: roles.join(" "),
            grants,
            once: false,
            expires: None,
        };
        self.server
            .shared()
            .store
            .add_api_token(&token, Digest::of(secret.as_bytes()), &self.by())
            .await
            .unwrap();
        User {
            world: self,
            bearer: format!("Bearer {secret}"),
        }
    }

    /// A managed host with a package.
    pub async fn host(&self, number: u8, tags: &[&str]) -> Guest {
        let mut guest = Guest::enrolled(&self.server, number).await;
        guest.sections = packages(&[("openssl", "3.0.11-1")]);
        guest.settle().await;
        let facts = HostFacts {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..HostFacts::default()
        };
        let store = &self.server.shared().store;
        store
            .set_facts(&guest.host.id, &facts, &self.by())
            .await
            .unwrap();
        self.follow().await;
        guest
    }

    /// Memory as of the log.
    pub async fn follow(&self) {
        crate::follow::catch_up(self.server.shared()).await.unwrap();
    }
}

impl User<'_> {
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut all = vec![("authorization", self.bearer.as_str())];
        all.extend_from_slice(headers);
        if body.is_some() {
            all.push(("content-type", "application/json"));
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.world.client.send(method, path, &all, body).await
    }
}

/// Names of the rows of a list.
pub(super) fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect()
}
