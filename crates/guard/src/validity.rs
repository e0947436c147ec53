//! Whether it is the time and the turn of a plan.

use crate::{Host, Limits, Refusal};
use jiff::Timestamp;
use overlock_model::plan::{Header, PlanId};

/// What a header alone says of its time, whatever the time is now.
pub(crate) fn lifetime(header: &Header, limits: &Limits) -> Result<(), Refusal> {
    let (created, expires) = (header.created, header.expires);
    if expires <= created {
        return Err(Refusal::ExpiresBeforeCreated { created, expires });
    }
    let (lifetime, max) = (expires.duration_since(created), limits.lifetime_max);
    if lifetime > max {
        return Err(Refusal::LivesTooLong { lifetime, max });
    }
    Ok(())
}

/// Whether something may begin at `now`. At its expiry a plan is still good, after it not (T25: a clock that is set back
/// does not revive it, because it must not lie before the plan was made or before what this host has already written).
pub(crate) fn time(
    header: &Header,
    time_floor: Option<Timestamp>,
    now: Timestamp,
    limits: &Limits,
) -> Result<(), Refusal> {
    let is_ahead = |time: Timestamp| time.duration_since(now) > limits.clock_ahead_max;
    if let Some(floor) = time_floor.filter(|floor| is_ahead(*floor)) {
        return Err(Refusal::ClockBehind { now, floor });
    }
    let (created, expires) = (header.created, header.expires);
    if is_ahead(created) {
        return Err(Refusal::CreatedAhead { created, now });
    }
    if now > expires {
        return Err(Refusal::Expired { expires, now });
    }
    Ok(())
}

/// R5: above the floor, or at it for the plan that set it.
pub(crate) fn generation(header: &Header, id: PlanId, host: &Host) -> Result<(), Refusal> {
    let (found, floor) = (header.generation, host.generation_floor);
    if found < floor {
        return Err(Refusal::GenerationPast { found, floor });
    }
    if found == floor {
        own_turn(found, id, host)?;
    }
    let ahead_max = host.limits.generation_ahead_max;
    if found - floor > ahead_max {
        return Err(Refusal::GenerationAhead {
            found,
            floor,
            ahead_max,
        });
    }
    Ok(())
}

/// Whether this host may have begun the plan: it has seen its generation, and no other plan with it. Behind the floor that
/// is for the journal to know.
pub(crate) fn has_begun(header: &Header, id: PlanId, host: &Host) -> Result<(), Refusal> {
    let (found, floor) = (header.generation, host.generation_floor);
    if found > floor {
        return Err(Refusal::NotBegun { found, floor });
    }
    if found == floor {
        own_turn(found, id, host)?;
    }
    Ok(())
}

fn own_turn(generation: u64, id: PlanId, host: &Host) -> Result<(), Refusal> {
    let by = host.seen_plan;
    if by == Some(id) {
        return Ok(());
    }
    Err(Refusal::GenerationTaken { generation, by })
}
