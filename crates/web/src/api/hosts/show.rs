//! One host.

use super::model::{HostDocument, HostLine, Pending};
use crate::access::Caller;
use crate::api::answer::read;
use crate::api::visible::Visible;
use crate::api::{NoQuery, Serves};
use crate::problem::Problem;
use crate::routes::Call;
use axum::response::Response;
use jiff::SignedDuration;
use overlock_model::asset::Standing;
use std::collections::BTreeMap;

pub(super) async fn show<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<NoQuery>()?;
    let api = call.shared.api()?;
    let visible = Visible::of(&api, &call.proof).await?;
    let id = visible.find(&call.param::<String>("host")?)?;
    let host = api.store.host(&id).await?.ok_or_else(Problem::not_found)?;
    let sections = api.store.sections(&id).await?.into_keys().collect();
    let mut episodes: BTreeMap<&'static str, u64> = BTreeMap::new();
    for episode in api.store.open_episodes(&id).await?.episodes {
        *episodes.entry(episode.state.as_str()).or_default() += 1;
    }
    let (line, os, arch, kernel, pending) = api
        .truth
        .read(|fleet| {
            let entry = fleet.host(&id)?;
            let pending = entry.running().map(|running| Pending {
                reboot: running.reboot,
                reboot_for: running.reboot_for.clone(),
                restart_for: running.stale.clone(),
                complete: running.complete,
            });
            Some((
                HostLine::from(fleet.host_row(entry, visible.freshness())?),
                entry.os().filter(|os| !os.id.is_empty()).cloned(),
                entry.arch().map(str::to_owned),
                entry.kernel().map(str::to_owned),
                pending,
            ))
        })
        .ok_or_else(Problem::not_found)?;
    let (standing_since, standing_why) = match &host.standing {
        Standing::Quarantined { since, why } | Standing::Revoked { since, why } => {
            (Some(*since), Some(why.clone()))
        }
        Standing::Unconfirmed | Standing::Active | Standing::Unmanaged => (None, None),
    };
    let mut notes = line.notes;
    notes.extend(host.presence.clock_offset_us.and_then(clock_note));
    read(
        &call,
        &HostDocument {
            schema: "overlock.host/1",
            name: host.name,
            standing: host.standing.word().to_owned(),
            standing_since,
            standing_why,
            group: host.group,
            enrolled: host.enrolled,
            fingerprint: host.key.map(|key| key.to_string()),
            certificate: host.certificate_serial,
            certificate_until: host.certificate_until,
            agent: host.agent,
            helper: host.helper,
            // What this server heard a moment ago is not written down yet.
            last_seen: host.presence.seen.max(api.directory.last_heard(&id)),
            address: host.presence.address,
            clock_offset_us: host.presence.clock_offset_us,
            system: line.system,
            os,
            arch,
            kernel,
            sections,
            switched_off: host.switched_off,
            revision: host.revision,
            judged: host.judged.map(|judged| judged.at),
            facts: host.facts,
            labels: host.labels,
            exposures: line.exposures,
            episodes,
            pending,
            gaps: line.gaps,
            notes,
            id,
        },
    )
}

/// A clock that is off by more than this is told: certificates and logs go wrong with it.
const CLOCK_OFF: SignedDuration = SignedDuration::from_mins(5);

/// What people must know of a host's clock. What is known of the host goes by the server's, whatever this one says.
fn clock_note(offset_us: i64) -> Option<String> {
    let offset = SignedDuration::from_micros(offset_us);
    if offset.abs() <= CLOCK_OFF {
        return None;
    }
    let way = if offset.is_negative() {
        "behind"
    } else {
        "ahead"
    };
    let hours = offset.abs().as_hours();
    Some(match hours {
        0 => format!("its clock is {} minutes {way}", offset.abs().as_mins()),
        1..72 => format!("its clock is {hours} hours {way}"),
        _ => format!("its clock is {} days {way}", hours / 24),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told_in_words() {
        let minutes =
            |minutes: i64| clock_note(SignedDuration::from_mins(minutes).as_micros() as i64);
        assert_eq!(minutes(4), None);
        assert_eq!(minutes(-30).unwrap(), "its clock is 30 minutes behind");
        assert_eq!(minutes(180).unwrap(), "its clock is 3 hours ahead");
        assert_eq!(
            minutes(-60 * 24 * 400).unwrap(),
            "its clock is 400 days behind"
        );
        assert_eq!(
            clock_note(i64::MIN).unwrap(),
            "its clock is 106751991 days behind"
        );
    }
}
