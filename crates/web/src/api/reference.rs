//! The description of the API, for programs as JSON and for people as a page.
//!
//! The page is made here, without a script: it shows the same document, works without a network, and its policy lets
//! nothing in but its own style, named by its hash. Every text in it is escaped, although all of them are ours.

use super::Serves;
use super::answer::etag_of;
use super::openapi::{describe, openapi};
use crate::access::{Anybody, Public};
use crate::base64;
use crate::problem::Problem;
use crate::routes::{Call, Route, RouteInfo, Routes};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use overlock_model::plan::Digest;
use serde_json::{Map, Value};
use std::fmt::Write as _;

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;color:#1b1f24;background:#fff}\
h1{font-size:1.6rem}h2{margin-top:2.5rem;border-bottom:1px solid #d0d7de}\
details{border:1px solid #d0d7de;border-radius:6px;margin:.5rem 0;padding:0 .8rem}details[open]{padding-bottom:.8rem}\
summary{cursor:pointer;padding:.5rem 0}code,pre{font:13px/1.45 ui-monospace,monospace}\
pre{background:#f6f8fa;padding:.6rem;overflow:auto;border-radius:6px}b{display:inline-block;min-width:4.2rem}\
table{border-collapse:collapse;width:100%}td,th{border-top:1px solid #d0d7de;padding:.25rem .5rem;text-align:left;vertical-align:top}\
nav a{margin-right:.8rem}small{color:#57606a}\
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}pre{background:#161b22}a{color:#58a6ff}\
details,td,th,h2{border-color:#30363d}small{color:#8b949e}}";

pub(crate) fn add<S: Serves>(routes: Routes<S>) -> Routes<S> {
    routes
        .add(
            Route::get("/api/v1/openapi.json")
                .about("This API, described (OpenAPI 3.1).")
                .gives::<Map<String, Value>>(),
            Public,
            json,
        )
        .add(
            Route::get("/api/docs")
                .about("The same for people.")
                .media(HTML),
            Public,
            html,
        )
}

/// What is made once of a table of routes.
#[derive(Debug)]
pub(crate) struct Reference {
    json: String,
    etag: String,
    page: String,
}

impl Reference {
    pub fn of(table: &[RouteInfo]) -> Self {
        let json = openapi(table);
        Self {
            etag: etag_of(json.as_bytes()),
            json,
            page: page(&describe(table)),
        }
    }
}

async fn json<S: Serves>(call: Call<S, Anybody>) -> Result<Response, Problem> {
    let api = call.shared.api()?;
    let reference = api.own.reference()?;
    let mut response = if call.has(&reference.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = HeaderValue::from_static("application/json");
        ([(CONTENT_TYPE, kind)], reference.json.clone()).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let etag = HeaderValue::from_str(&reference.etag).map_err(Problem::internal)?;
    headers.insert(ETAG, etag);
    Ok(response)
}

async fn html<S: Serves>(call: Call<S, Anybody>) -> Result<Response, Problem> {
    let api = call.shared.api()?;
    let mut response = api.own.reference()?.page.clone().into_response();
    let style = base64::encode(Digest::of(STYLE.as_bytes()).bytes());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_str(&policy).map_err(Problem::internal)?,
    );
    Ok(response)
}

/// The page of a description.
pub(super) fn page(document: &Value) -> String {
    let mut out = String::from("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">");
    let title = escape(text(at(document, "/info/title")));
    // Writing to a text does not fail.
    let _ = write!(
        out,
        "<title>{title} API</title><meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style>\n\
         <h1>{title} API</h1><p>{}</p><p><a href=\"/api/v1/openapi.json\">openapi.json</a></p><nav>",
        escape(text(at(document, "/info/description")))
    );
    let nouns = items(&document["tags"]).map(|tag| text(&tag["name"]));
    for noun in nouns.clone() {
        let noun = escape(noun);
        let _ = write!(out, "<a href=\"#{noun}\">{noun}</a>");
    }
    out.push_str("<a href=\"#schemas\">schemas</a></nav>");
    for noun in nouns {
        let shown = escape(noun);
        let _ = write!(out, "\n<h2 id=\"{shown}\">{shown}</h2>");
        for (path, operations) in entries(&document["paths"]) {
            for (method, operation) in entries(operations) {
                if items(&operation["tags"]).any(|tag| text(tag) == noun) {
                    operation_of(&mut out, path, method, operation);
                }
            }
        }
    }
    out.push_str("\n<h2 id=\"schemas\">schemas</h2>");
    for (name, schema) in entries(at(document, "/components/schemas")) {
        let shown = escape(name);
        let _ = write!(
            out,
            "<details id=\"schema-{shown}\"><summary><code>{shown}</code> <small>{}</small></summary>",
            escape(text(&schema["description"]))
        );
        schema_of(&mut out, schema);
        out.push_str("</details>\n");
    }
    out.push_str("</html>\n");
    out
}

fn operation_of(out: &mut String, path: &str, method: &str, operation: &Value) {
    let _ = write!(
        out,
        "\n<details><summary><b>{}</b><code>{}</code> <small>{}</small></summary><p>{}</p>",
        escape(&method.to_uppercase()),
        escape(path),
        escape(text(&operation["summary"])),
        escape(text(&operation["description"])),
    );
    let mut parameters = items(&operation["parameters"]).peekable();
    if parameters.peek().is_some() {
        out.push_str("<table><tr><th>parameter<th>in<th>about");
        for parameter in parameters {
            let must = if parameter["required"] == true {
                " (required)"
            } else {
                ""
            };
            let _ = write!(
                out,
                "<tr><td><code>{}</code><td>{}{must}<td>{} <small>{}</small>",
                escape(text(&parameter["name"])),
                escape(text(&parameter["in"])),
                escape(text(&parameter["description"])),
                kind(&parameter["schema"]),
            );
        }
        out.push_str("</table>");
    }
    for (media, body) in entries(at(operation, "/requestBody/content")) {
        let _ = write!(
            out,
            "<p>Takes {} as <code>{}</code></p>",
            kind(&body["schema"]),
            escape(media)
        );
    }
    for (status, response) in entries(&operation["responses"]) {
        for (media, body) in entries(&response["content"]) {
            let _ = write!(
                out,
                "<p><code>{}</code> gives {} as <code>{}</code></p>",
                escape(status),
                kind(&body["schema"]),
                escape(media)
            );
        }
    }
    let _ = write!(
        out,
        "<pre>{}</pre></details>",
        escape(&curl(path, method, operation))
    );
}

/// How the route is asked by hand.
fn curl(path: &str, method: &str, operation: &Value) -> String {
    let mut line = String::from("curl -fsS --cacert authority.pem");
    if items(&operation["security"]).any(|way| way.get("token").is_some()) {
        line.push_str(" \\\n  -H \"Authorization: Bearer $OVERLOCK_TOKEN\"");
    }
    for parameter in items(&operation["parameters"]) {
        if parameter["in"] == "header" && parameter["required"] == true {
            let _ = write!(line, " \\\n  -H '{}: …'", text(&parameter["name"]));
        }
    }
    if method != "get" {
        let _ = write!(line, " \\\n  -X {}", method.to_uppercase());
    }
    for (media, _) in entries(at(operation, "/requestBody/content")) {
        let _ = write!(line, " \\\n  -H 'Content-Type: {media}' --data @body.json");
    }
    let _ = write!(line, " \\\n  \"https://SERVER{path}\"");
    line
}

fn schema_of(out: &mut String, schema: &Value) {
    let required: Vec<&str> = items(&schema["required"]).map(text).collect();
    let mut fields = entries(&schema["properties"]).peekable();
    if fields.peek().is_some() {
        out.push_str("<table><tr><th>field<th>kind<th>about");
        for (name, field) in fields {
            let may = if required.contains(&name) {
                ""
            } else {
                " (may be absent)"
            };
            let _ = write!(
                out,
                "<tr><td><code>{}</code><td>{}{may}<td>{}",
                escape(name),
                kind(field),
                escape(text(&field["description"]))
            );
        }
        out.push_str("</table>");
    } else {
        let text = serde_json::to_string_pretty(schema).unwrap_or_default();
        let _ = write!(out, "<pre>{}</pre>", escape(&text));
    }
}

/// What a schema is, in a word or a link.
fn kind(schema: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str() {
        let name = escape(target.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        if schema[word].is_array() {
            let kinds: Vec<String> = items(&schema[word]).map(kind).collect();
            return kinds.join(" or ");
        }
    }
    if schema["enum"].is_array() {
        let words: Vec<String> = items(&schema["enum"])
            .map(|word| format!("<code>{}</code>", escape(&plain(word))))
            .collect();
        return words.join(" ");
    }
    if !schema["const"].is_null() {
        return format!("<code>{}</code>", escape(&plain(&schema["const"])));
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(word) => {
            let format = text(&schema["format"]);
            let format = if format.is_empty() {
                String::new()
            } else {
                format!(" ({})", escape(format))
            };
            format!("{}{format}", escape(word))
        }
        Value::Array(words) => {
            let words: Vec<String> = words.iter().map(|word| escape(text(word))).collect();
            words.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A part of the document; what is not there is `null`.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> std::slice::Iter<'_, Value> {
    value.as_array().map_or([].iter(), |list| list.iter())
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}

/// Text as HTML shows it (HTML standard section 13.3), for content and for attributes in double quotes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            sign => out.push(sign),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_in_the_document_becomes_markup() {
        let evil = "<img src=x onerror=\"alert('1')\">&";
        let page = page(&json!({
            "info": { "title": evil, "description": evil },
            "tags": [{ "name": evil }],
            "paths": { evil: { "get": {
                "tags": [evil], "summary": evil, "description": evil,
                "parameters": [{ "name": evil, "in": evil, "description": evil, "schema": { "enum": [evil] } }],
                "requestBody": { "content": { evil: { "schema": { "$ref": evil } } } },
                "responses": { evil: { "content": { evil: { "schema": { "type": evil, "format": evil } } } } },
            } } },
            "components": { "schemas": { evil: { "description": evil, "properties": { evil: { "description": evil, "const": evil } } } } },
        }));
        assert!(!page.contains("<img"), "{page}");
        assert!(!page.contains("onerror=\""), "{page}");
    }
}
