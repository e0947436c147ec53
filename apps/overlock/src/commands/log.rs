//! `overlock log`: what was decided and done, and whether the record of it is whole.

use crate::cli::{Log, Remote};
use crate::exit::{Done, Failure};
use crate::fleet::answer::{self, items, text, time};
use crate::fleet::table::Table;
use crate::fleet::{client_of, context, local};
use crate::progress::Counter;
use crate::state::State;
use overlock_store::LogVerdict;
use reqwest::Method;
use serde_json::{Value, json};

pub fn run(command: &Log, state: &State) -> Result<Done, Failure> {
    match command {
        Log::Verify {
            format,
            database,
            server,
        } => {
            // Read here where the database is; else the server that the command line knows is asked.
            let is_asked = server.is_some()
                || (!local::is_there(database, state)? && context::read()?.is_some());
            let verdict = if is_asked {
                let remote = Remote {
                    server: server.clone(),
                };
                client_of(&remote)?.send_for(Method::POST, "/api/v1/log/verify", &json!({}))?
            } else {
                verify(database, state)?
            };
            let holds = verdict.get("holds").and_then(Value::as_bool) == Some(true);
            answer::print(&verdict, *format, |verdict, out, _| {
                if holds {
                    writeln!(
                        out,
                        "the log holds: {} rows, head {}",
                        text(verdict, "/rows"),
                        text(verdict, "/head")
                    )
                } else {
                    writeln!(
                        out,
                        "the log does not hold: row {}: {}",
                        text(verdict, "/seq"),
                        text(verdict, "/what")
                    )
                }
            })?;
            Ok(if holds { Done::Clear } else { Done::Findings })
        }
        Log::Show {
            since,
            format,
            remote,
        } => {
            let client = client_of(remote)?;
            let since = [("since", since.to_string())];
            let answer = crate::fleet::paging::all(&client, "/api/v1/log", &since)?;
            answer::print(&answer, *format, |answer, out, width| {
                let mut table = Table::new(&["row", "when", "what", "by", "host", "more"]);
                for row in items(answer) {
                    table.row([
                        text(row, "/seq"),
                        time(row, "/at"),
                        text(row, "/kind"),
                        text(row, "/actor"),
                        text(row, "/host"),
                        row.get("body").map(Value::to_string).unwrap_or_default(),
                    ]);
                }
                table.print(out, width)
            })
        }
    }
}

fn verify(database: &crate::cli::Database, state: &State) -> Result<Value, Failure> {
    let verdict = local::runtime()?.block_on(async {
        let store = local::open_existing(database, state).await?;
        let counter = Counter::of("rows of the log");
        let verdict = store
            .verify_log(|done, all| counter.at(done.unsigned_abs(), all.unsigned_abs()))
            .await
            .map_err(local::failure);
        store.close().await;
        verdict
    })?;
    Ok(match verdict {
        LogVerdict::Holds(head) => json!({
            "schema": "overlock.log-verdict/1",
            "holds": true,
            "rows": head.rows,
            "head": head.hash.to_string(),
        }),
        LogVerdict::Broken(at) => json!({
            "schema": "overlock.log-verdict/1",
            "holds": false,
            "seq": at.seq,
            "what": at.what,
        }),
    })
}
