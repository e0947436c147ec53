//! What is said of a route: its method and path, what it takes and gives, and its bounds.

use super::BodyLimits;
use crate::access::Needed;
use axum::http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::time::Duration;

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One parameter of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub about: &'static str,
}

/// A route to be added.
#[derive(Debug, Clone)]
pub struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) body: Option<BodyLimits>,
    pub(super) held: Duration,
    pub(super) packed: bool,
    pub(crate) about: &'static str,
    pub(crate) query: &'static [Query],
    pub(crate) takes: Option<SchemaOf>,
    pub(crate) gives: Option<SchemaOf>,
    pub(crate) media: &'static str,
}

impl Route {
    fn new(method: Method, path: &'static str) -> Self {
        Self {
            method,
            path,
            body: None,
            held: Duration::ZERO,
            packed: false,
            about: "",
            query: &[],
            takes: None,
            gives: None,
            media: "application/json",
        }
    }

    /// GET.
    #[must_use]
    pub fn get(path: &'static str) -> Self {
        Self::new(Method::GET, path)
    }

    /// POST.
    #[must_use]
    pub fn post(path: &'static str) -> Self {
        Self::new(Method::POST, path)
    }

    /// PUT.
    #[must_use]
    pub fn put(path: &'static str) -> Self {
        Self::new(Method::PUT, path)
    }

    /// PATCH.
    #[must_use]
    pub fn patch(path: &'static str) -> Self {
        Self::new(Method::PATCH, path)
    }

    /// DELETE.
    #[must_use]
    pub fn delete(path: &'static str) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// What it does, in one line for the reference.
    #[must_use]
    pub fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Parameters of the query.
    #[must_use]
    pub fn query(mut self, query: &'static [Query]) -> Self {
        self.query = query;
        self
    }

    /// The body that it takes.
    #[must_use]
    pub fn takes<T: JsonSchema>(mut self) -> Self {
        self.takes = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// The body that it gives.
    #[must_use]
    pub fn gives<T: JsonSchema>(mut self) -> Self {
        self.gives = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// It gives something else than JSON.
    #[must_use]
    pub fn media(mut self, media: &'static str) -> Self {
        self.media = media;
        self
    }

    /// Other bounds of the body than the API's.
    #[must_use]
    pub fn body(mut self, limits: BodyLimits) -> Self {
        self.body = Some(limits);
        self
    }

    /// Its body comes to the handler as it is, which unpacks it by [`super::Call::unpack`] when it is its turn.
    #[must_use]
    pub fn packed(mut self) -> Self {
        self.packed = true;
        self
    }

    /// The answer may be held back for so long.
    #[must_use]
    pub fn held(mut self, time: Duration) -> Self {
        self.held = time;
        self
    }
}

/// A route that was added: for the reference, and for the test that walks all of them.
#[derive(Debug, Clone)]
pub struct RouteInfo {
    /// Method.
    pub method: Method,
    /// Path, with `{name}` for parameters.
    pub path: &'static str,
    /// What it takes to get in.
    pub needed: Needed,
    pub(crate) route: Route,
}

impl RouteInfo {
    pub(super) fn new(route: Route, needed: Needed) -> Self {
        Self {
            method: route.method.clone(),
            path: route.path,
            needed,
            route,
        }
    }
}
