//! Hello and poll: an agent says who it is, and then waits until it is wanted.
//!
//! A poll of an unchanged host compares one digest in memory; what is written of it, a batch writes every few seconds.

use super::refused::Refused;
use super::welcome::{hear, stands_well, welcome};
use super::{answer, message};
use crate::access::AgentProof;
use crate::clone_alarm::Sign;
use crate::directory::{Entry, Want};
use crate::routes::Call;
use crate::shared::Shared;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::Response;
use overlock_model::plan::HostId;
use overlock_protocol::message::RefusalCode;
use overlock_protocol::{Greeting, Hello, Message, Poll, PollAnswer, Wanted};
use overlock_store::{By, Greeted};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Seconds to the next poll of an agent that does not want to wait for its answer.
const UNHELD_SECONDS: u32 = 60;
/// Seconds to the next poll after one that was held: the agent spreads them.
const HELD_SECONDS: u32 = 1;
/// Seconds to the next poll when the server stops: others, or its next start, shall not be met by all at once.
const STOPPING_SECONDS: u32 = 5;

/// Answers a hello.
pub(super) async fn hello(call: Call<Shared, AgentProof>) -> Result<Response, Refused> {
    let shared = &call.shared;
    let hello: Hello = message(&call.body, &shared.wire)?;
    let limit = shared.wire.name_bytes;
    if hello.agent.len().max(hello.machine_id.len()) > limit {
        return Err(Refused::invalid(format!(
            "a name is longer than {limit} bytes"
        )));
    }
    let entry = welcome(shared, &call.proof, &hello.host).await?;
    let now = shared.clock.now();
    let offset = hello.time.as_microsecond() - now.as_microsecond();
    let sign = Sign::Hello {
        instance: &hello.instance,
        machine_id: &hello.machine_id,
        address: call.proof.address(),
    };
    hear(shared, &entry, sign, Some(offset)).await?;
    let greeted = Greeted {
        agent: hello.agent,
        machine_id: hello.machine_id,
        switched_off: hello.switched_off,
        helper: hello.helper,
    };
    if let Some(seconds) = shared.turns.wait_to_change(entry.id(), now)
        && says_other(shared, &greeted, entry.id()).await?
    {
        return Err(Refused::new(
            RefusalCode::Busy,
            "this host says too often something else of itself",
        )
        .retry_after(seconds));
    }
    let by = By::host(entry.id().clone(), now);
    if shared.store.greeted(entry.id(), &greeted, &by).await? {
        shared.turns.changed(entry.id(), now);
        shared.written.notify_one();
    }
    answer(&Greeting {
        schema: Greeting::schema(),
        time: now,
        known: shared.store.sections(entry.id()).await?,
        hold_seconds: seconds(shared.limits.hold),
        renew_after: call.proof.identity().renew_after(),
    })
}

/// Whether a host says something else of itself than before.
async fn says_other(shared: &Shared, greeted: &Greeted, id: &HostId) -> Result<bool, Refused> {
    Ok(shared.store.host(id).await?.is_some_and(|host| {
        host.agent != greeted.agent
            || host.machine_id != greeted.machine_id
            || host.switched_off != greeted.switched_off
            || host.helper != greeted.helper
    }))
}

/// Answers a poll, now or when the host is wanted.
pub(super) async fn poll(call: Call<Shared, AgentProof>) -> Result<Response, Refused> {
    let shared = &call.shared;
    let poll: Poll = message(&call.body, &shared.wire)?;
    let entry = welcome(shared, &call.proof, &poll.host).await?;
    let sign = Sign::Message {
        instance: &poll.instance,
        count: poll.count,
        content: poll.state,
        address: call.proof.address(),
    };
    hear(shared, &entry, sign, None).await?;
    let hold = Duration::from_secs(poll.hold_seconds.into()).min(shared.limits.hold);
    let (wanted, next_seconds) = wanted(&call, &entry, &poll, hold).await?;
    let comes_back_later = hold > Duration::ZERO && next_seconds == seconds(shared.limits.unheld);
    let mut answer = answer(&PollAnswer {
        schema: PollAnswer::schema(),
        time: shared.clock.now(),
        wanted,
        next_seconds,
    })?;
    if comes_back_later {
        // An idle connection would cost what the poll was not held for.
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(CONNECTION, close);
    }
    Ok(answer)
}

async fn wanted(
    call: &Call<Shared, AgentProof>,
    entry: &Entry,
    poll: &Poll,
    hold: Duration,
) -> Result<(Wanted, u32), Refused> {
    let shared = &call.shared;
    let until = Instant::now() + hold;
    // Held with the poll, given back with its answer.
    let mut place = None;
    loop {
        // Made before the look, so that nothing that happens after the look is missed.
        let woken = entry.woken();
        stands_well(entry)?;
        if entry.state() != Some(poll.state) {
            let known = shared.store.sections(entry.id()).await?;
            // Another replica may have just accepted what this poll speaks of.
            if overlock_protocol::state_digest(&known) != poll.state {
                return Ok((Wanted::Report { known }, 0));
            }
        }
        match entry.take_want(shared.clock.now()) {
            Some(Want::Look) => return Ok((Wanted::LookNow, 0)),
            Some(Want::Renew) => return Ok((Wanted::Renew, 0)),
            None => {}
        }
        if hold.is_zero() {
            return Ok((Wanted::Nothing, UNHELD_SECONDS));
        }
        if place.is_none() {
            match Arc::clone(&shared.held).try_acquire_owned() {
                Ok(free) => place = Some(free),
                Err(_) => return Ok((Wanted::Nothing, seconds(shared.limits.unheld))),
            }
        }
        call.proof.waits();
        let _held = shared.own.metrics.held_poll();
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep_until(until) => return Ok((Wanted::Nothing, HELD_SECONDS)),
            () = shared.stop.stopped() => return Ok((Wanted::Nothing, STOPPING_SECONDS)),
        }
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}
