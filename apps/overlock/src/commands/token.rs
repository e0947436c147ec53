//! `overlock token`: tokens for people and programs.

use crate::cli::Token;
use crate::exit::{Done, Failure};
use crate::fleet::answer::{self, items, text, time};
use crate::fleet::table::Table;
use crate::fleet::{client_of, paging, segment};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Write;

pub fn run(command: &Token) -> Result<Done, Failure> {
    match command {
        Token::Create {
            name,
            role,
            group,
            valid,
            remote,
        } => {
            let body = json!({
                "name": name,
                "role": role,
                "group": group,
                "valid_seconds": valid.as_secs(),
            });
            let answer: Value =
                client_of(remote)?.send_for(Method::POST, "/api/v1/tokens", &body)?;
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", text(&answer, "/token"))?;
            Ok(Done::Clear)
        }
        Token::List { format, remote } => {
            let answer = paging::all(&client_of(remote)?, "/api/v1/tokens", &[])?;
            answer::print(&answer, *format, |answer, out, width| {
                let mut table =
                    Table::new(&["id", "name", "roles", "created by", "used", "expires"]);
                for token in items(answer) {
                    table.row([
                        text(token, "/id"),
                        text(token, "/name"),
                        text(token, "/roles"),
                        text(token, "/created_by"),
                        time(token, "/used"),
                        time(token, "/expires"),
                    ]);
                }
                table.print(out, width)
            })
        }
        Token::Revoke { id, remote } => {
            let path = format!("/api/v1/tokens/{}", segment(id));
            client_of(remote)?.act(Method::DELETE, &path, None)?;
            writeln!(std::io::stdout().lock(), "{id} revoked")?;
            Ok(Done::Clear)
        }
    }
}
