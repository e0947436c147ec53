//! The description of the API (OpenAPI 3.1), made from the table of routes that serves it, so that it cannot say
//! anything else than the server does.
//!
//! `cargo xtask generate` writes it to `docs/openapi.json`; the server gives it at `/api/v1/openapi.json`. OpenAPI 3.1
//! takes JSON Schema 2020-12 as it is, which is what the nouns' schemas are.

use crate::access::Needed;
use crate::problem::Problem;
use crate::routes::RouteInfo;
use axum::http::Method;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

const SCHEMAS: &str = "#/components/schemas/";
/// What is taken has schemas of its own: less is required of a request than is promised of an answer.
const GIVEN: &str = "Given";

/// The description as text: pretty JSON, the same for the same routes.
#[must_use]
pub fn openapi(table: &[RouteInfo]) -> String {
    let text = serde_json::to_string_pretty(&describe(table)).unwrap_or_default();
    format!("{text}\n")
}

/// Describes routes.
pub(crate) fn describe(table: &[RouteInfo]) -> Value {
    let mut gives = generator(SchemaSettings::draft2020_12().for_serialize());
    let mut takes = generator(SchemaSettings::draft2020_12().for_deserialize());
    gives.subschema_for::<Problem>();
    let mut paths = Map::new();
    for info in table {
        let operation = operation(info, &mut gives, &mut takes);
        let path = paths
            .entry(info.path.to_owned())
            .or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(info.method.as_str().to_ascii_lowercase(), operation);
        }
    }
    let mut schemas = gives.take_definitions(true);
    for (name, mut schema) in takes.take_definitions(true) {
        rename(&mut schema);
        schemas.insert(format!("{name}{GIVEN}"), schema);
    }
    sort(&mut paths);
    sort(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Overlock",
            "version": "1",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "One server, many hosts. Authentication, cursors, ETags, idempotency keys and errors are described in docs/api.md.",
        },
        "servers": [{ "url": "/" }],
        "tags": tags(table),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "problem": problem() },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API token, `ovlk_…`.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-overlock",
                    "description": "The session of a person who has logged in.",
                },
                "certificate": {
                    "type": "mutualTLS",
                    "description": "The certificate that a host got when it enrolled.",
                },
            },
        },
    })
}

fn generator(settings: SchemaSettings) -> SchemaGenerator {
    settings
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator()
}

fn operation(info: &RouteInfo, gives: &mut SchemaGenerator, takes: &mut SchemaGenerator) -> Value {
    let route = &info.route;
    let mut operation = Map::new();
    operation.insert("tags".into(), json!([noun(info.path)]));
    operation.insert("summary".into(), json!(route.about));
    operation.insert("operationId".into(), json!(operation_id(info)));
    let (security, needed) = access(info.needed);
    operation.insert("description".into(), json!(needed));
    operation.insert("security".into(), security);
    let mut parameters: Vec<Value> = path_parameters(info.path).map(path_parameter).collect();
    parameters.extend(route.query.iter().map(|query| {
        json!({
            "name": query.name,
            "in": "query",
            "required": REQUIRED.contains(&query.name),
            "description": query.about,
            "schema": value_of(info.path, query.name),
        })
    }));
    parameters.extend(headers(info));
    if !parameters.is_empty() {
        operation.insert("parameters".into(), json!(parameters));
    }
    if let Some(body) = route.takes {
        let mut schema = body(takes).to_value();
        rename(&mut schema);
        let kind = if info.method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        operation.insert(
            "requestBody".into(),
            json!({ "required": true, "content": { kind: { "schema": schema } } }),
        );
    }
    let mut responses = Map::new();
    let created = super::creates(info);
    match route.gives {
        Some(body) => {
            let schema = body(gives).to_value();
            let status = if created { "201" } else { "200" };
            responses.insert(
                status.into(),
                json!({
                    "description": if created { "Made." } else { "The answer." },
                    "content": { route.media: { "schema": schema } },
                }),
            );
        }
        None if route.media == "application/json" => {
            responses.insert("204".into(), json!({ "description": "Done." }));
        }
        None => {
            responses.insert(
                "200".into(),
                json!({
                    "description": "The answer.",
                    "content": { route.media: { "schema": { "type": "string" } } },
                }),
            );
        }
    }
    if info.method == Method::GET && route.gives.is_some() {
        responses.insert(
            "304".into(),
            json!({ "description": "The caller has it already." }),
        );
    }
    responses.insert(
        "default".into(),
        json!({ "$ref": "#/components/responses/problem" }),
    );
    operation.insert("responses".into(), json!(responses));
    Value::Object(operation)
}

/// The noun of a path: what follows `/api/v1/`.
fn noun(path: &str) -> &str {
    match path.strip_prefix("/api/v1/") {
        Some(rest) => rest.split(['/', '.']).next().unwrap_or("server"),
        None if path.starts_with("/agent") => "agents",
        None => "server",
    }
}

fn tags(table: &[RouteInfo]) -> Value {
    let mut nouns: Vec<&str> = table.iter().map(|info| noun(info.path)).collect();
    nouns.sort_unstable();
    nouns.dedup();
    nouns
        .into_iter()
        .map(|noun| json!({ "name": noun }))
        .collect()
}

fn operation_id(info: &RouteInfo) -> String {
    let mut id = info.method.as_str().to_ascii_lowercase();
    let path = info.path.strip_prefix("/api/v1").unwrap_or(info.path);
    for word in path
        .split(|sign: char| !sign.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        let mut signs = word.chars();
        id.extend(signs.next().map(|first| first.to_ascii_uppercase()));
        id.extend(signs);
    }
    id
}

fn access(needed: Needed) -> (Value, String) {
    let people = |permission: &str| json!([{ "token": [permission] }, { "session": [permission] }]);
    match needed {
        Needed::Public => (json!([]), "For everybody.".to_owned()),
        Needed::Enrol => (
            json!([]),
            "For a new agent, with a token for enrolment in the body.".to_owned(),
        ),
        Needed::Agent => (
            json!([{ "certificate": [] }]),
            "For hosts, by their certificate.".to_owned(),
        ),
        Needed::Permission(permission) => (
            people(permission.as_str()),
            format!(
                "Needs the permission `{}`, for some hosts at least; the answer is of those hosts only.",
                permission.as_str()
            ),
        ),
        Needed::Everywhere(permission) => (
            people(permission.as_str()),
            format!(
                "Needs the permission `{}` for the whole fleet.",
                permission.as_str()
            ),
        ),
    }
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &str) -> Value {
    let about = match name {
        "host" => "Id of the host, or its name where only one host has it.",
        "vulnerability" => "Identifier of the vulnerability, such as `CVE-2024-6387`.",
        "package" => "Name of the package.",
        "source" => "Name of the source package.",
        "group" => "Name of the group.",
        _ => "Its id.",
    };
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": about,
        "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[A-Za-z0-9._~:@+-]+$" },
    })
}

/// Parameters of queries that must be there.
const REQUIRED: [&str; 1] = ["to"];

/// What a parameter of a query may be: each name means the same everywhere.
fn value_of(path: &str, name: &str) -> Value {
    match name {
        "limit" => json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }),
        "since" => json!({ "type": "integer", "minimum": 0, "default": 0 }),
        "at" => json!({ "type": "string", "format": "date-time" }),
        "decision" => json!({ "enum": ["defer", "scheduled", "out_of_cycle", "immediate"] }),
        "standing" => {
            json!({ "enum": ["unconfirmed", "active", "quarantined", "revoked", "unmanaged"] })
        }
        // The identity provider has a `state` too.
        "state" if path == "/api/v1/exposures" => json!({ "enum": ["exposed", "installed"] }),
        "type" => json!({
            "enum": super::packages::KINDS.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
        }),
        _ => json!({ "type": "string", "maxLength": 4096 }),
    }
}

/// Headers that a request may carry.
fn headers(info: &RouteInfo) -> Vec<Value> {
    let header = |name: &str, required: bool, about: &str| {
        json!({
            "name": name,
            "in": "header",
            "required": required,
            "description": about,
            "schema": { "type": "string" },
        })
    };
    let mut headers = Vec::new();
    if info.method == Method::GET && info.route.gives.is_some() {
        headers.push(header(
            "If-None-Match",
            false,
            "The `ETag` that the caller has: `304` when nothing changed.",
        ));
    }
    if super::needs_match(info) {
        headers.push(header("If-Match", true, "The `ETag` that was read."));
    }
    if super::creates(info) {
        headers.push(header(
            super::once::HEADER,
            false,
            "1 to 128 printable characters; sent again with the same body, it gives the stored answer and makes nothing.",
        ));
    }
    if info.path.ends_with("/events") {
        headers.push(header(
            "Last-Event-ID",
            false,
            "Number of the last row that was seen; without it the stream begins now.",
        ));
    }
    headers
}

fn problem() -> Value {
    json!({
        "description": "Not done (RFC 9457); `code` is stable.",
        "content": { "application/problem+json": { "schema": { "$ref": format!("{SCHEMAS}Problem") } } },
    })
}

/// Points every reference at the schemas of what is taken.
fn rename(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    Value::String(target) if key == "$ref" && target.starts_with(SCHEMAS) => {
                        target.push_str(GIVEN);
                    }
                    value => rename(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(rename),
        _ => {}
    }
}

fn sort(map: &mut Map<String, Value>) {
    let mut entries: Vec<(String, Value)> = std::mem::take(map).into_iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    map.extend(entries);
}
