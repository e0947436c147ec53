//! `overlock login`: which server this command line speaks to, and as whom.

use crate::cli::Login;
use crate::exit::{Done, Failure};
use crate::fleet::client::Client;
use crate::fleet::context::{self, Context};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{BufRead, Read, Write};

/// Longest token or certificate that is read, in bytes.
const BYTES_MAX: u64 = 64 << 10;

/// What a token begins with that is good for one login only.
const ONCE: &str = "ovlo_";

pub fn run(args: &Login) -> Result<Done, Failure> {
    let token = match &args.token {
        Some(token) => token.trim().to_owned(),
        None => from_input()?,
    };
    let mut context = Context {
        server: args.server.trim_end_matches('/').to_owned(),
        authority: authority(args)?,
        token,
    };
    let client = Client::new(&context)?;
    if context.token.starts_with(ONCE) {
        let name = format!("command line on {}", host_name());
        let answer: Value = client.send_for(
            Method::POST,
            "/api/v1/login/token",
            &json!({ "token": context.token, "name": name }),
        )?;
        context.token = answer
            .get("token")
            .and_then(Value::as_str)
            .ok_or_else(|| Failure::environment(anyhow::anyhow!("the server gave no token")))?
            .to_owned();
    } else {
        // A wrong token is told now, not with the next command.
        let _: Value = client.get("/api/v1/session", &[])?;
    }
    let path = context::write(&context)?;
    writeln!(
        anstream::stdout().lock(),
        "this command line speaks to {} now ({})",
        context.server,
        path.display()
    )?;
    Ok(Done::Clear)
}

fn from_input() -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .take(BYTES_MAX)
        .read_line(&mut line)?;
    let token = line.trim().to_owned();
    if token.is_empty() {
        return Err(Failure::input(anyhow::anyhow!("no token was given"))
            .hint("give --token, or the token on standard input"));
    }
    Ok(token)
}

/// The authority's certificate: of a file, or the one that the server shows if its key has the fingerprint.
fn authority(args: &Login) -> Result<Option<String>, Failure> {
    let Some(given) = &args.authority else {
        return Ok(None);
    };
    let is_fingerprint = given.len() == 64 && given.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_fingerprint {
        return shown(&args.server, &given.to_ascii_lowercase()).map(Some);
    }
    let bytes = super::read_input(std::path::Path::new(given), BYTES_MAX)?;
    String::from_utf8(bytes).map(Some).map_err(Failure::input)
}

fn shown(server: &str, fingerprint: &str) -> Result<String, Failure> {
    let url = server
        .to_owned()
        .try_into()
        .map_err(|error: overlock_agent::ServerUrlError| Failure::input(error))?;
    crate::fleet::local::runtime()?
        .block_on(overlock_agent::authority_shown(&url, fingerprint))
        .map_err(|error| {
            Failure::environment(error)
                .hint("compare the fingerprint with what `overlock serve` printed on the server")
        })
}

fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
