//! What agents ask for, as `overlock-protocol` says it: enrol, hello, report, poll, renew.
//!
//! Who an agent is comes from its certificate alone; what its message says must agree. A message is refused before
//! anything is taken from it when its host is not welcome, or when two machines turn out to have its key.
//!
//! ```text
//!  certificate ─► host of the message? ─► vouched for? ─► standing? ─► one machine? ─► the handler
//! ```

pub mod check_in;
pub mod enrol;
pub mod refused;
pub mod report;
mod turns;
mod welcome;

pub use turns::Turns;

use crate::access::{Agent, Enrol, Public};
use crate::install;
use crate::routes::{BodyLimits, Route, Routes};
use crate::shared::Shared;
use axum::Json;
use axum::response::{IntoResponse, Response};
use overlock_protocol::{Limits, Message, MessageError};
use refused::Refused;

/// Adds the routes of agents.
#[must_use]
pub fn routes(routes: Routes<Shared>, limits: &crate::Limits) -> Routes<Shared> {
    let wire = Limits::WIRE;
    let small = BodyLimits {
        bytes: wire.message_bytes,
        unpacked_bytes: wire.message_bytes,
    };
    // The handler unpacks it, when it is its turn.
    let packed = BodyLimits {
        bytes: wire.body_bytes,
        unpacked_bytes: 0,
    };
    routes
        .add(
            Route::post("/agent/v1/enrol")
                .about("takes a new agent in, by its token")
                .body(small),
            Enrol,
            enrol::enrol,
        )
        .add(
            Route::post("/agent/v1/hello")
                .about("an agent starts; says what the server has of its host")
                .body(small),
            Agent,
            check_in::hello,
        )
        .add(
            Route::post("/agent/v1/report")
                .about("takes in sections that changed")
                .body(packed)
                .packed(),
            Agent,
            report::report,
        )
        .add(
            Route::post("/agent/v1/poll")
                .about("says what is wanted of an agent; held open until something is")
                .body(small)
                .held(limits.hold),
            Agent,
            check_in::poll,
        )
        .add(
            Route::post("/agent/v1/renew")
                .about("signs a host's next certificate")
                .body(small),
            Agent,
            enrol::renew,
        )
        .add(
            Route::get("/agent/v1/install.sh")
                .about("a script that installs and enrols an agent")
                .media("text/x-shellscript"),
            Public,
            install::script,
        )
        .add(
            Route::get("/agent/v1/program")
                .about("the agent's program")
                .media("application/octet-stream"),
            Public,
            install::program,
        )
}

/// The message of a body.
fn message<M: Message>(body: &[u8], limits: &Limits) -> Result<M, Refused> {
    M::parse(body, limits).map_err(|error| {
        let detail = match &error {
            // The parser may quote what it read.
            MessageError::Json { .. } => error.to_string().chars().take(300).collect(),
            MessageError::Size { .. } | MessageError::Schema { .. } => error.to_string(),
        };
        Refused::invalid(detail)
    })
}

fn answer<M: Message>(message: &M) -> Result<Response, Refused> {
    Ok(Json(message).into_response())
}

#[cfg(test)]
mod tests;
