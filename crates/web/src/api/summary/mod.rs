//! Totals: how many hosts, what is open on them, and what is not known.

pub(crate) mod model;

use super::Serves;
use super::answer::read;
use super::visible::Visible;
use crate::access::{Caller, Needs, Permission};
use crate::problem::Problem;
use crate::routes::{Call, Route, Routes};
use crate::shared::Shared;
use axum::response::Response;
use model::Summary;
use overlock_fleet::answer::{ByDecision, ExposureFilter};
use overlock_model::decision::Decision;

pub(crate) fn add<S: Serves>(routes: Routes<S>) -> Routes<S> {
    routes.add(
        Route::get("/api/v1/summary")
            .about("Totals over the hosts that the caller may see.")
            .gives::<Summary>(),
        Needs(Permission::Read),
        show,
    )
}

async fn show<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<super::NoQuery>()?;
    let api = call.shared.api()?;
    let visible = Visible::of(&api, &call.proof).await?;
    read(&call, &of(&api, &visible))
}

/// Totals over what is visible.
pub(crate) fn of(shared: &Shared, visible: &Visible) -> Summary {
    let judging = shared.judging.len() as u64;
    visible.read(|fleet, hosts| {
        let ranked = fleet.ranked(&ExposureFilter {
            hosts: hosts.selected().cloned(),
            ..ExposureFilter::default()
        });
        let (mut open, mut distinct) = (ByDecision::default(), ByDecision::default());
        let mut not_in_force = 0;
        for row in &ranked {
            open.immediate += row.by_decision.immediate;
            open.out_of_cycle += row.by_decision.out_of_cycle;
            open.scheduled += row.by_decision.scheduled;
            open.defer += row.by_decision.defer;
            not_in_force += row.not_in_force;
            *match row.decision {
                Decision::Immediate => &mut distinct.immediate,
                Decision::OutOfCycle => &mut distinct.out_of_cycle,
                Decision::Scheduled => &mut distinct.scheduled,
                Decision::Defer => &mut distinct.defer,
            } += 1;
        }
        Summary {
            schema: "overlock.summary/1",
            denominator: fleet.denominator(hosts.selected(), visible.freshness()),
            open,
            exposures: distinct,
            not_in_force,
            judging: visible.sees_all().then_some(judging),
        }
    })
}
