//! Routes: each states its access when it is added, and nothing reaches a handler before that access is proved.
//!
//! There is one way in, [`Routes::add`], and it takes the access as a value whose *type* fixes what the handler is given:
//! a handler for agents takes an [`crate::access::AgentProof`], one for people a [`crate::access::Caller`], and neither can
//! be made outside `access`. A route without an access, or with the wrong one, does not compile.
//!
//! ```compile_fail
//! # use overlock_web::access::{Caller, Public};
//! # use overlock_web::routes::{Call, Route, Routes};
//! # async fn secret(call: Call<(), Caller>) -> Result<axum::response::Response, overlock_web::problem::Problem> { Err(overlock_web::problem::Problem::not_found()) }
//! // A handler that wants a caller cannot be public.
//! Routes::new(std::sync::Arc::new(())).add(Route::get("/secret"), Public, secret);
//! ```
//!
//! ```text
//!  path in its one spelling? ─► route ─► access proved? ─► body within bounds? ─► handler ─► answer within time
//! ```

mod body;
mod call;
mod path;
mod route;

pub use body::BodyLimits;
pub use call::Call;
pub use route::{Query, Route, RouteInfo};

use crate::access::Access;
use crate::limits::Limits;
use crate::listen::Peer;
use crate::problem::{Code, Problem};
use axum::Router;
use axum::extract::{RawPathParams, Request};
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use std::any::Any;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// Collects routes.
pub struct Routes<S> {
    router: Router,
    table: Vec<RouteInfo>,
    shared: Arc<S>,
    limits: Limits,
}

impl<S> std::fmt::Debug for Routes<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes")
            .field("table", &self.table)
            .finish()
    }
}

impl<S: Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    #[must_use]
    pub fn new(shared: Arc<S>) -> Self {
        Self::with_limits(shared, Limits::default())
    }

    /// No routes yet, with other bounds.
    #[must_use]
    pub fn with_limits(shared: Arc<S>, limits: Limits) -> Self {
        Self {
            router: Router::new(),
            table: Vec::new(),
            shared,
            limits,
        }
    }

    /// Adds a route with its access and its handler.
    #[must_use]
    pub fn add<A, H, F>(mut self, route: Route, access: A, handler: H) -> Self
    where
        A: Access<S>,
        H: Fn(Call<S, A::Proof>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Response, A::Error>> + Send + 'static,
    {
        let filter = MethodFilter::try_from(route.method.clone()).unwrap_or(MethodFilter::GET);
        // Nothing that is read takes a body (RFC 9110 section 9.3.1): one would only be held.
        let own = match route.method {
            Method::GET => 0,
            _ => self.limits.api_body_bytes,
        };
        let bounds = Bounds {
            body: route.body.unwrap_or(BodyLimits {
                bytes: own,
                unpacked_bytes: 0,
            }),
            packed: route.packed,
            body_time: self.limits.body,
            answer_time: self.limits.answer + route.held,
        };
        let shared = Arc::clone(&self.shared);
        let serve = move |params: RawPathParams, request: Request| {
            let (shared, handler) = (Arc::clone(&shared), handler.clone());
            async move {
                answer(shared, access, handler, params, request, bounds)
                    .await
                    .unwrap_or_else(IntoResponse::into_response)
            }
        };
        self.router = self.router.route(route.path, on(filter, serve));
        self.table.push(RouteInfo::new(route, access.needed()));
        self
    }

    /// All routes that were added, in that order.
    #[must_use]
    pub fn table(&self) -> &[RouteInfo] {
        &self.table
    }

    /// What serves them.
    pub fn finish(self) -> Router {
        self.router
            .fallback(async || Problem::not_found())
            .method_not_allowed_fallback(async || Problem::new(Code::MethodRefused, ""))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(around))
    }
}

#[derive(Clone, Copy)]
struct Bounds {
    body: BodyLimits,
    packed: bool,
    body_time: std::time::Duration,
    answer_time: std::time::Duration,
}

/// The one place through which every request goes.
async fn answer<S, A, H, F>(
    shared: Arc<S>,
    access: A,
    handler: H,
    params: RawPathParams,
    request: Request,
    bounds: Bounds,
) -> Result<Response, A::Error>
where
    A: Access<S>,
    H: Fn(Call<S, A::Proof>) -> F,
    F: Future<Output = Result<Response, A::Error>>,
{
    let (head, body) = request.into_parts();
    let peer = head
        .extensions
        .get::<Peer>()
        .cloned()
        .ok_or_else(|| Problem::internal("a request came around the listener"))?;
    let timed = async {
        let proof = access.prove(&shared, &peer, &head).await?;
        let mut body = body::read(&head.headers, body, bounds.body, bounds.body_time).await?;
        if !bounds.packed {
            body = body::unpacked(&head.headers, body, bounds.body.unpacked_bytes).await?;
        }
        handler(Call::new(shared, proof, peer, head, &params, body)).await
    };
    tokio::time::timeout(bounds.answer_time + bounds.body_time, timed)
        .await
        .map_err(|_| Problem::new(Code::TimedOut, "the answer took too long"))?
}

async fn around(request: Request, next: Next) -> Response {
    let mut response = match path::check(request.uri().path()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words");
    Problem::internal(text).into_response()
}

#[cfg(test)]
mod tests;
