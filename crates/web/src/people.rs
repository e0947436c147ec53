//! What the server's parts are to the API and to login: who calls, by a token or by a session.

use crate::access::{Callers, Identified};
use crate::api::Serves;
use crate::api::tokens::bearer;
use crate::listen::Peer;
use crate::login::{HasLogin, Login};
use crate::problem::{Code, Problem};
use crate::shared::Shared;
use axum::http::request::Parts;
use std::sync::Arc;

impl Callers for Shared {
    async fn caller(&self, _: &Peer, head: &Parts) -> Result<Identified, Problem> {
        if let Some(caller) = bearer(&self.store, &head.headers, self.clock.now()).await? {
            return Ok(caller);
        }
        self.login
            .caller(head)
            .await?
            .ok_or_else(|| Problem::new(Code::Unauthenticated, "this needs a token, or a login"))
    }
}

impl Serves for Shared {
    fn api(self: &Arc<Self>) -> Result<Arc<Shared>, Problem> {
        Ok(Arc::clone(self))
    }
}

impl HasLogin for Shared {
    fn login(&self) -> &Login {
        &self.login
    }
}
