//! What happened on a host: sections that changed, and episodes that came to another state, newest first.

use super::model::{Happened, HostTimeline};
use crate::access::Caller;
use crate::api::Serves;
use crate::api::answer::read;
use crate::api::page::ListQuery;
use crate::api::visible::Visible;
use crate::problem::Problem;
use crate::routes::Call;
use axum::response::Response;
use overlock_model::episode::Episode;
use overlock_model::plan::HostId;
use overlock_store::SectionSpan;

/// Changes of sections, and judgements with ended episodes, that are looked through: some years of a busy host.
const SPANS: u32 = 20_000;
const PAST: u32 = 5_000;

pub(super) async fn show<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked: ListQuery = call.query()?;
    let api = call.shared.api()?;
    let visible = Visible::of(&api, &call.proof).await?;
    let id = visible.find(&call.param::<String>("host")?)?;
    let mut items: Vec<Happened> = api
        .store
        .timeline(&id, SPANS)
        .await?
        .iter()
        .map(|span| reported(&id, span))
        .collect();
    let open = api.store.open_episodes(&id).await?.episodes;
    let ended = api.store.ended_episodes(&id, PAST).await?;
    for episode in open.iter().chain(&ended) {
        items.extend(stages(episode));
    }
    items.sort_by(|a, b| b.cmp(a));
    items.dedup();
    let key = |item: &Happened| format!("{} {} {}", item.at, item.kind, item.summary);
    let page = asked.page(&format!("timeline {id}"), items, key, api.limits.page)?;
    read(
        &call,
        &HostTimeline {
            schema: "overlock.host-timeline/1",
            items: page.items,
            next: page.next,
        },
    )
}

fn reported(host: &HostId, span: &SectionSpan) -> Happened {
    Happened {
        at: span.since,
        kind: "reported".to_owned(),
        summary: format!(
            "section {} changed (report {})",
            span.section, span.revision
        ),
        actor: format!("host:{host}"),
    }
}

/// The states that an episode came to.
fn stages(episode: &Episode) -> Vec<Happened> {
    let dates = &episode.dates;
    let key = &episode.key;
    let again = if episode.ordinal > 1 {
        format!(", time {}", episode.ordinal)
    } else {
        String::new()
    };
    let stages = [
        (Some(dates.opened), "opened"),
        (dates.exposed, "exposed"),
        (dates.staged, "staged"),
        (dates.installed, "installed"),
        (dates.effective, "effective"),
        (dates.verified, "verified"),
        (dates.ended, episode.state.as_str()),
    ];
    stages
        .into_iter()
        .filter_map(|(at, state)| {
            Some(Happened {
                at: at?,
                kind: state.to_owned(),
                summary: format!(
                    "{} in {} {}{again}",
                    key.vulnerability, key.source, episode.installed
                ),
                actor: "server".to_owned(),
            })
        })
        .collect()
}
