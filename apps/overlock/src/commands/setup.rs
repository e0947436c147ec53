//! `overlock setup`: the first administrator, by whoever owns the database. No route of the API can do this.

use crate::cli::Setup;
use crate::exit::{Done, Failure, Kind};
use crate::fleet::local::{self, hex, random};
use crate::state::State;
use overlock_model::plan::Digest;
use overlock_store::{Actor, By, FirstAdmin};
use std::io::Write;

/// How long the token may be used.
const VALID: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);

pub fn run(args: &Setup, state: &State) -> Result<Done, Failure> {
    let token = format!("ovlo_{}", hex(&random::<32>()?));
    let id = hex(&random::<8>()?);
    let (now, by) = (
        state.clock(),
        By {
            actor: Actor::Local,
            at: state.clock(),
        },
    );
    let expires = now.checked_add(VALID).map_err(Failure::input)?;
    let created = local::runtime()?.block_on(async {
        let store = local::open(&args.database, state).await?;
        let created = store
            .create_first_admin(&id, Digest::of(token.as_bytes()), expires, args.again, &by)
            .await
            .map_err(local::failure);
        store.close().await;
        created
    })?;
    if created == FirstAdmin::Exists {
        return Err(Failure::of(
            Kind::Refused,
            anyhow::anyhow!("this server has an administrator already"),
        )
        .hint("log in with their token; if all are lost, `overlock setup --again` makes another"));
    }
    writeln!(std::io::stdout().lock(), "{token}")?;
    // The token alone on standard output, so that it can be piped.
    anstream::eprintln!(
        "good for one login until {}: overlock login --server URL --token …",
        expires.strftime("%H:%M UTC")
    );
    Ok(Done::Clear)
}
