//! `overlock host`: hosts of the fleet.

use crate::cli::{Host, Plain, Remote, SetFacts};
use crate::exit::{Done, Failure};
use crate::fleet::answer::{self, count, items, text, time};
use crate::fleet::client::Client;
use crate::fleet::table::Table;
use crate::fleet::{client_of, facts, paging, segment};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Write;

pub fn run(command: &Host) -> Result<Done, Failure> {
    match command {
        Host::List {
            selection,
            format,
            remote,
        } => list(selection.as_deref(), *format, remote),
        Host::Show {
            host,
            format,
            remote,
        } => {
            let answer: Value = client_of(remote)?.get(&path(host, ""), &[])?;
            answer::print(&answer, *format, |answer, out, _| show(answer, out))
        }
        Host::Timeline {
            host,
            format,
            remote,
        } => {
            let answer = paging::all(&client_of(remote)?, &path(host, "/timeline"), &[])?;
            answer::print(&answer, *format, timeline)
        }
        Host::Inventory { host, at, remote } => {
            let at: Vec<_> = at.iter().map(|at| ("at", at.to_string())).collect();
            let answer: Value = client_of(remote)?.get(&path(host, "/inventory"), &at)?;
            answer::print(&answer, Plain::Json, |_, _, _| Ok(()))
        }
        Host::Exposures {
            host,
            format,
            remote,
        } => {
            let answer = paging::all(&client_of(remote)?, &path(host, "/exposures"), &[])?;
            answer::print(&answer, *format, exposures)
        }
        Host::Look { host, remote } => act(remote, host, "/look", &json!({}), "is asked to look"),
        Host::Set(args) => set(args),
        Host::Confirm {
            host,
            fingerprint,
            remote,
        } => {
            let body = json!({ "fingerprint": fingerprint });
            act(remote, host, "/confirm", &body, "confirmed")
        }
        Host::Release {
            host,
            reason,
            remote,
        } => act(
            remote,
            host,
            "/release",
            &json!({ "reason": reason }),
            "released",
        ),
        Host::Revoke {
            host,
            reason,
            remote,
        } => act(
            remote,
            host,
            "/revoke",
            &json!({ "reason": reason }),
            "revoked",
        ),
        Host::Token {
            uses,
            valid,
            tag,
            replace,
            confirm,
            format,
            remote,
        } => {
            let body = json!({
                "uses": uses,
                "valid_seconds": valid.as_secs(),
                "tags": tag,
                "replaces": replace,
                "needs_confirmation": confirm,
            });
            let answer: Value =
                client_of(remote)?.send_for(Method::POST, "/api/v1/enrolment-tokens", &body)?;
            answer::print(&answer, *format, token)
        }
        Host::Tokens { format, remote } => {
            let answer = paging::all(&client_of(remote)?, "/api/v1/enrolment-tokens", &[])?;
            answer::print(&answer, *format, tokens)
        }
        Host::Withdraw { id, remote } => {
            let path = format!("/api/v1/enrolment-tokens/{}", segment(id));
            client_of(remote)?.act(Method::DELETE, &path, None)?;
            writeln!(anstream::stdout().lock(), "{id} withdrawn")?;
            Ok(Done::Clear)
        }
        Host::Forget {
            host,
            yes: _,
            remote,
        } => {
            client_of(remote)?.act(Method::DELETE, &path(host, ""), None)?;
            writeln!(anstream::stdout().lock(), "{host} forgotten")?;
            Ok(Done::Clear)
        }
        Host::Unmanaged { file, remote } => {
            let bytes = super::read_input(file, 64 << 20)?;
            let names = facts::names(&bytes)?;
            let answer: Value = client_of(remote)?.send_for(
                Method::POST,
                "/api/v1/hosts/unmanaged",
                &json!({ "names": names }),
            )?;
            let mut out = anstream::stdout().lock();
            writeln!(
                out,
                "{} new, {} known",
                count(&answer, "/added"),
                count(&answer, "/known")
            )?;
            Ok(Done::Clear)
        }
    }
}

fn path(host: &str, rest: &str) -> String {
    format!("/api/v1/hosts/{}{rest}", segment(host))
}

fn act(remote: &Remote, host: &str, rest: &str, body: &Value, done: &str) -> Result<Done, Failure> {
    client_of(remote)?.act(Method::POST, &path(host, rest), Some(body))?;
    writeln!(anstream::stdout().lock(), "{host} {done}")?;
    Ok(Done::Clear)
}

fn list(selection: Option<&str>, format: Plain, remote: &Remote) -> Result<Done, Failure> {
    let query: Vec<_> = selection
        .iter()
        .map(|selection| ("where", (*selection).to_owned()))
        .collect();
    let answer = paging::all(&client_of(remote)?, "/api/v1/hosts", &query)?;
    answer::print(&answer, format, print_hosts)
}

/// Hosts with what is open on each; `overlock up` prints the same.
pub fn print_hosts(answer: &Value, out: &mut dyn Write, width: usize) -> std::io::Result<()> {
    let mut table = Table::new(&[
        "host",
        "system",
        "standing",
        "last seen",
        "immediate",
        "out of cycle",
        "scheduled",
        "defer",
        "notes",
    ]);
    for host in items(answer) {
        // What was never reported is unknown, not zero.
        let known = host.get("exposures").is_some_and(Value::is_object);
        let decisions = |word: &str| {
            if known {
                count(host, &format!("/exposures/{word}")).to_string()
            } else {
                "?".to_owned()
            }
        };
        table.row([
            text(host, "/name"),
            text(host, "/system"),
            text(host, "/standing"),
            time(host, "/last_seen"),
            decisions("immediate"),
            decisions("out_of_cycle"),
            decisions("scheduled"),
            decisions("defer"),
            notes(host),
        ]);
    }
    if table.is_empty() {
        writeln!(out, "no hosts")?;
    } else {
        table.print(out, width)?;
    }
    writeln!(out, "{}", answer::denominator(answer))
}

fn notes(host: &Value) -> String {
    host.get("notes")
        .and_then(Value::as_array)
        .map(|notes| {
            notes
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join("; ")
        })
        .unwrap_or_default()
}

fn show(host: &Value, out: &mut dyn Write) -> std::io::Result<()> {
    for (label, pointer) in [
        ("host", "/name"),
        ("id", "/id"),
        ("system", "/system"),
        ("standing", "/standing"),
        ("key", "/fingerprint"),
        ("agent", "/agent"),
        ("address", "/address"),
        ("switched off", "/switched_off"),
    ] {
        writeln!(
            out,
            "{label:<14}{}",
            overlock_report::plain(&text(host, pointer))
        )?;
    }
    for (label, pointer) in [
        ("enrolled", "/enrolled"),
        ("last seen", "/last_seen"),
        ("certificate", "/certificate_until"),
    ] {
        writeln!(out, "{label:<14}{}", time(host, pointer))?;
    }
    for (label, pointer) in [
        ("facts", "/facts"),
        ("labels", "/labels"),
        ("open", "/exposures"),
    ] {
        if let Some(value) = host.pointer(pointer).filter(|value| !value.is_null()) {
            let words = facts::words(value);
            writeln!(out, "{label:<14}{}", overlock_report::plain(&words))?;
        }
    }
    for note in host
        .get("notes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        writeln!(
            out,
            "{:<14}{}",
            "note",
            overlock_report::plain(note.as_str().unwrap_or_default())
        )?;
    }
    Ok(())
}

fn timeline(answer: &Value, out: &mut dyn Write, width: usize) -> std::io::Result<()> {
    let mut table = Table::new(&["when", "what", "by", "more"]);
    for item in items(answer) {
        table.row([
            time(item, "/at"),
            text(item, "/kind"),
            text(item, "/actor"),
            text(item, "/summary"),
        ]);
    }
    table.print(out, width)
}

fn exposures(answer: &Value, out: &mut dyn Write, width: usize) -> std::io::Result<()> {
    let mut table = Table::new(&[
        "decision",
        "vulnerability",
        "package",
        "installed",
        "fixed in",
        "state",
        "deadline",
    ]);
    for row in items(answer) {
        table.row([
            text(row, "/decision").replace('_', " "),
            text(row, "/vulnerability"),
            text(row, "/package"),
            text(row, "/installed"),
            text(row, "/fixed"),
            text(row, "/state"),
            time(row, "/deadline"),
        ]);
    }
    if table.is_empty() {
        writeln!(out, "nothing is known to be open")
    } else {
        table.print(out, width)
    }
}

fn token(answer: &Value, out: &mut dyn Write, _: usize) -> std::io::Result<()> {
    writeln!(out, "{}", text(answer, "/token"))?;
    writeln!(out)?;
    writeln!(
        out,
        "good until {}, shown only once. On the new host, as root:",
        time(answer, "/expires")
    )?;
    writeln!(out)?;
    writeln!(out, "  {}", text(answer, "/command"))
}

fn tokens(answer: &Value, out: &mut dyn Write, width: usize) -> std::io::Result<()> {
    let mut table = Table::new(&[
        "id",
        "uses left",
        "expires",
        "withdrawn",
        "group",
        "replaces",
        "created by",
        "facts",
    ]);
    for token in items(answer) {
        let facts = token.get("facts").map(facts::words);
        table.row([
            text(token, "/id"),
            count(token, "/uses_left").to_string(),
            time(token, "/expires"),
            time(token, "/revoked"),
            text(token, "/group"),
            text(token, "/replaces"),
            text(token, "/created_by"),
            facts.unwrap_or_default(),
        ]);
    }
    if table.is_empty() {
        return writeln!(out, "no tokens for enrolment");
    }
    table.print(out, width)
}

fn set(args: &SetFacts) -> Result<Done, Failure> {
    let client = client_of(&args.remote)?;
    if let Some(file) = &args.file {
        let bytes = super::read_input(file, 64 << 20)?;
        let changes = facts::of_file(file, &bytes)?;
        let answer: Value = client.send_for(Method::PUT, "/api/v1/hosts/facts", &changes)?;
        let mut out = anstream::stdout().lock();
        writeln!(out, "{} hosts set", count(&answer, "/set"))?;
        return Ok(Done::Clear);
    }
    let host = args.host.as_deref().unwrap_or_default();
    set_one(&client, host, args)
}

fn set_one(client: &Client, host: &str, args: &SetFacts) -> Result<Done, Failure> {
    let shown: Value = client.get(&path(host, ""), &[])?;
    let patch = facts::patch(args, shown.get("facts"))?;
    let answer: Value = client.send_for(Method::PATCH, &path(host, "/facts"), &patch)?;
    let mut out = anstream::stdout().lock();
    let facts = answer.get("facts").unwrap_or(&answer);
    writeln!(
        out,
        "{host}: {}",
        overlock_report::plain(&facts::words(facts))
    )?;
    Ok(Done::Clear)
}
