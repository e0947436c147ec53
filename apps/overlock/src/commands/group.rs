//! `overlock group`: groups of hosts, and who may do what with them.

use crate::cli::Group;
use crate::exit::{Done, Failure};
use crate::fleet::answer::{self, items, text, time};
use crate::fleet::table::Table;
use crate::fleet::{client_of, paging, segment};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Write;

pub fn run(command: &Group) -> Result<Done, Failure> {
    let mut out = std::io::stdout().lock();
    match command {
        Group::List { format, remote } => {
            drop(out);
            let answer = paging::all(&client_of(remote)?, "/api/v1/groups", &[])?;
            return answer::print(&answer, *format, |answer, out, width| {
                let mut table = Table::new(&["group", "hosts", "where"]);
                for group in items(answer) {
                    table.row([
                        text(group, "/name"),
                        text(group, "/hosts"),
                        text(group, "/where"),
                    ]);
                }
                table.print(out, width)
            });
        }
        Group::Set {
            name,
            selection,
            remote,
        } => {
            let path = format!("/api/v1/groups/{}", segment(name));
            let answer: Value =
                client_of(remote)?.send_for(Method::PUT, &path, &json!({ "where": selection }))?;
            writeln!(out, "{name}: {} hosts", text(&answer, "/hosts"))?;
        }
        Group::Remove { name, remote } => {
            let path = format!("/api/v1/groups/{}", segment(name));
            client_of(remote)?.act(Method::DELETE, &path, None)?;
            writeln!(out, "{name} removed")?;
        }
        Group::Grant {
            subject,
            role,
            group,
            remote,
        } => {
            let body = json!({ "subject": subject, "role": role, "group": group });
            client_of(remote)?.act(Method::POST, "/api/v1/grants", Some(&body))?;
            writeln!(out, "{subject} is {role}")?;
        }
        Group::Grants { format, remote } => {
            drop(out);
            let answer = paging::all(&client_of(remote)?, "/api/v1/grants", &[])?;
            return answer::print(&answer, *format, grants);
        }
        Group::Revoke { id, remote } => {
            let path = format!("/api/v1/grants/{}", segment(id));
            client_of(remote)?.act(Method::DELETE, &path, None)?;
            writeln!(out, "{id} revoked")?;
        }
    }
    Ok(Done::Clear)
}

fn grants(answer: &Value, out: &mut dyn Write, width: usize) -> std::io::Result<()> {
    let mut table = Table::new(&["id", "who", "role", "given", "by"]);
    for grant in items(answer) {
        table.row([
            text(grant, "/id"),
            text(grant, "/subject"),
            text(grant, "/role"),
            time(grant, "/created"),
            text(grant, "/created_by"),
        ]);
    }
    if table.is_empty() {
        return writeln!(out, "nobody was given a role that you could give");
    }
    table.print(out, width)
}
