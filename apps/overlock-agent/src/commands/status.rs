//! `overlock-agent status`.

use super::{configuration, no_identity};
use crate::cli::{Format, Places, Status};
use crate::exit::Failure;
use overlock_agent::identity::IdentityError;
use overlock_agent::status::{self, AgentStatus};
use overlock_report::plain;
use std::io::Write;

pub fn run(args: &Status, places: &Places) -> Result<(), Failure> {
    let configuration = configuration(places)?;
    let status = status::of(&places.state, &configuration, &places.helper)
        .map_err(|error: IdentityError| no_identity(error))?;
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &status).map_err(Failure::environment)?;
            writeln!(out)?;
        }
        Format::Table => table(&mut out, &status)?,
    }
    Ok(())
}

fn table(out: &mut impl Write, status: &AgentStatus) -> std::io::Result<()> {
    let mut line = |name: &str, value: String| writeln!(out, "{name:<14}{}", plain(&value));
    match &status.enrolled {
        None => line(
            "enrolled",
            "no: `overlock-agent enrol --server URL --token TOKEN`".to_owned(),
        )?,
        Some(enrolled) => {
            line("enrolled", format!("with {}", enrolled.server))?;
            line("host", enrolled.host.as_str().to_owned())?;
            line("fingerprint", enrolled.fingerprint.clone())?;
            let until = format!("{:.0}", enrolled.certificate_expires);
            line(
                "certificate",
                if enrolled.certificate_expired {
                    format!(
                        "expired at {until}; enrol again with a new token: the host keeps its id and its history"
                    )
                } else {
                    format!("until {until}, renewed after {:.0}", enrolled.renew_after)
                },
            )?;
        }
    }
    line(
        "last answer",
        status
            .last_answer
            .map_or_else(|| "never".to_owned(), |at| format!("{at:.0}")),
    )?;
    if let Some(failure) = &status.failure {
        line(
            "failing",
            format!("since {:.0}: {}", failure.at, failure.why),
        )?;
    }
    let off: Vec<&str> = status.switched_off.iter().map(|one| one.as_str()).collect();
    line(
        "switched off",
        if off.is_empty() {
            "nothing".to_owned()
        } else {
            off.join(", ")
        },
    )?;
    line(
        "helper",
        status.helper.clone().map_or_else(
            || "not there: this host is only watched".to_owned(),
            |version| format!("{version} at {}", status.helper_socket.display()),
        ),
    )
}
