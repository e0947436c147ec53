//! Enrolment and renewal: how a host gets its certificates.

use super::refused::Refused;
use super::welcome::{hear, welcome};
use super::{answer, message};
use crate::access::{AgentProof, Newcomer};
use crate::authority::{Authority, AuthorityError, HOST_LIFE, HostCertificate};
use crate::clone_alarm::Sign;
use crate::problem::Problem;
use crate::routes::Call;
use crate::shared::Shared;
use axum::response::Response;
use jiff::Timestamp;
use overlock_model::asset::Standing;
use overlock_model::plan::{Digest, HostId};
use overlock_protocol::message::RefusalCode;
use overlock_protocol::{Enrol, Enrolled, Message, Renew, Renewed};
use overlock_store::{By, Certificate, Enrolment, NewHost, Past};

/// By what the store knows a token's secret: the SHA-256 of its text.
#[must_use]
pub fn secret_digest(secret: &str) -> Digest {
    Digest::of(secret.as_bytes())
}

/// Takes a new agent in.
pub(super) async fn enrol(call: Call<Shared, Newcomer>) -> Result<Response, Refused> {
    let shared = &call.shared;
    let (address, now) = (call.proof.address(), shared.clock.now());
    shared.enrolments.check(address, now).map_err(|wait| {
        Refused::new(
            RefusalCode::Busy,
            "too many refused tokens from this address",
        )
        .retry_after(wait.retry_seconds)
    })?;
    let enrol: Enrol = message(&call.body, &shared.wire)?;
    let limit = shared.wire.name_bytes;
    let longest = [&enrol.name, &enrol.machine_id, &enrol.agent]
        .into_iter()
        .map(String::len)
        .max();
    if longest.is_some_and(|longest| longest > limit) {
        return Err(Refused::invalid(format!(
            "a name is longer than {limit} bytes"
        )));
    }
    let new = NewHost {
        id: enrol.host.clone(),
        key: Authority::key_of(&enrol.request).map_err(signing)?,
        name: enrol.name,
        machine_id: enrol.machine_id,
        agent: enrol.agent,
    };
    let enrolment = shared
        .store
        .enrol(secret_digest(&enrol.secret), &new, now)
        .await?;
    let (host, past, standing) = match enrolment {
        Enrolment::Enrolled {
            host,
            past,
            standing,
        } => (host, past, standing),
        Enrolment::Refused(refusal) => {
            shared.enrolments.failed(address, now);
            tracing::info!(%address, why = %refusal, "an enrolment was refused");
            return Err(Refused::new(RefusalCode::TokenRefused, refusal.to_string()));
        }
    };
    // Other replicas need it even if this one gives no answer.
    shared.written.notify_one();
    if let Some(known) = shared.store.host(&host).await? {
        let entry = shared.directory.put(&known);
        if past != Past::Repeated {
            entry.enrolled_anew(&known);
        }
    }
    let certificate = issue(shared, &enrol.request, &host, now).await?;
    shared.written.notify_one();
    answer(&Enrolled {
        schema: Enrolled::schema(),
        host,
        certificate: certificate.chain,
        authority: shared.authority.pem().to_owned(),
        expires: certificate.expires,
        renew_after: certificate.renew_after,
        needs_confirmation: standing == Standing::Unconfirmed,
    })
}

/// Signs a host's next certificate, for the key that it was enrolled with; the one before stays good until it ends, since this answer may be lost.
pub(super) async fn renew(call: Call<Shared, AgentProof>) -> Result<Response, Refused> {
    let shared = &call.shared;
    let renew: Renew = message(&call.body, &shared.wire)?;
    let entry = welcome(shared, &call.proof, &renew.host).await?;
    // A copied key that only renews would be heard of nowhere else.
    let sign = Sign::Message {
        instance: &renew.instance,
        count: renew.count,
        content: Digest::of(renew.request.as_bytes()),
        address: call.proof.address(),
    };
    hear(shared, &entry, sign, None).await?;
    let now = shared.clock.now();
    if Authority::key_of(&renew.request).map_err(signing)? != call.proof.identity().key {
        return Err(Refused::invalid(
            "a certificate is renewed with its own key; another key needs another enrolment",
        ));
    }
    // A host that does nothing but renew would fill the store.
    entry
        .may_renew(call.proof.identity(), now)
        .map_err(|rest| {
            let seconds = u32::try_from(rest.as_secs()).unwrap_or(u32::MAX);
            Refused::new(
                RefusalCode::Busy,
                "this certificate was given or renewed a moment ago",
            )
            .retry_after(seconds)
        })?;
    let certificate = issue(shared, &renew.request, &renew.host, now).await?;
    shared.written.notify_one();
    answer(&Renewed {
        schema: Renewed::schema(),
        certificate: certificate.chain,
        expires: certificate.expires,
        renew_after: certificate.renew_after,
    })
}

async fn issue(
    shared: &Shared,
    request: &str,
    host: &HostId,
    now: Timestamp,
) -> Result<HostCertificate, Refused> {
    let signed = shared
        .authority
        .sign_host(request, host, now, HOST_LIFE)
        .map_err(signing)?;
    let certificate = Certificate {
        fingerprint: signed.fingerprint,
        serial: signed.serial.clone(),
        host: host.clone(),
        key: signed.key,
        not_before: signed.begins,
        not_after: signed.expires,
    };
    shared
        .store
        .issued(&certificate, &By::host(host.clone(), now))
        .await?;
    Ok(signed)
}

fn signing(error: AuthorityError) -> Refused {
    match error {
        AuthorityError::Request(_) => Refused::invalid(error.to_string()),
        AuthorityError::Damaged(_) | AuthorityError::Make(_) | AuthorityError::Name(_) => {
            Problem::internal(error).into()
        }
    }
}
