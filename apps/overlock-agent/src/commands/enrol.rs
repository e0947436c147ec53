//! `overlock-agent enrol`.

use super::{no_identity, runtime};
use crate::cli::{Enrol, Places};
use crate::exit::{Failure, Kind, say};
use anyhow::anyhow;
use overlock_agent::CallError;
use overlock_agent::enrol::{self, About, EnrolError};
use overlock_agent::identity::{Folder, IdentityError};
use overlock_report::plain;
use std::io::{BufRead, IsTerminal, Write};

pub fn run(args: &Enrol, places: &Places) -> Result<(), Failure> {
    let folder = Folder::open(&places.state).map_err(no_identity)?;
    let known = overlock_agent::host_id::of_journal(&places.state).map_err(Failure::environment)?;
    let host = folder.host(known).map_err(no_identity)?;
    let key = enrol::key(&folder).map_err(no_identity)?;
    say(&format!("server       {}", args.server));
    say(&format!("host         {}", host.as_str()));
    say(&format!(
        "fingerprint  {}",
        key.fingerprint().map_err(no_identity)?
    ));
    ask(args, &folder)?;
    let about = overlock_agent::enrol::About::of(&places.root, args.name.clone());
    let About { name, .. } = &about;
    say(&format!("name         {}", plain(name)));
    let taken = runtime()?
        .block_on(enrol::enrol(
            &folder,
            args.server.clone(),
            &args.token,
            host,
            about,
        ))
        .map_err(failure)?;
    overlock_agent::host_id::adopt(&places.state, &taken.host).map_err(Failure::environment)?;
    let mut out = std::io::stdout();
    writeln!(out, "enrolled as {}", taken.host.as_str())?;
    if taken.adopted {
        writeln!(
            out,
            "this host has the id and the history that the token is bound to"
        )?;
    }
    if taken.needs_confirmation {
        writeln!(
            out,
            "reports are taken once somebody has compared the fingerprint with `overlock host show {}` and confirmed it",
            taken.host.as_str()
        )?;
    }
    Ok(())
}

/// Before a key is sent, or an identity that may work is replaced.
fn ask(args: &Enrol, folder: &Folder) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    let enrolled = match folder.identity() {
        Err(IdentityError::NotEnrolled { .. }) => None,
        Ok(identity) => Some(identity.server.to_string()),
        Err(_) => Some("another server".to_owned()),
    };
    if !std::io::stdin().is_terminal() {
        return match enrolled {
            None => Ok(()),
            Some(server) => Err(Failure::of(
                Kind::Input,
                anyhow!("this host is enrolled with {server}"),
            )
            .hint(Some("--yes replaces that enrolment"))),
        };
    }
    let question = match enrolled {
        None => "enrol this host? [y/N] ".to_owned(),
        Some(server) => format!("this host is enrolled with {server}; replace that? [y/N] "),
    };
    let mut terminal = std::io::stderr();
    terminal.write_all(question.as_bytes())?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    if matches!(line.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(Failure::of(Kind::Refused, anyhow!("not enrolled")))
    }
}

fn failure(error: EnrolError) -> Failure {
    match error {
        EnrolError::Identity(error) => no_identity(error),
        EnrolError::Call { ref source, .. } => {
            let hint = source.hint().map(str::to_owned);
            match source {
                CallError::Refused(_) => Failure::of(Kind::Refused, error).hint(Some(
                    "a token works once, and for 15 minutes: make a new one with `overlock host token`",
                )),
                _ => Failure::environment(error).hint(hint),
            }
        }
        error @ (EnrolError::Authority | EnrolError::Answer(_)) => {
            Failure::of(Kind::Refused, error)
        }
    }
}
