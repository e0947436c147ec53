//! What was on a host, now or at a time, and what that means: exposures with all their evidence, and why.

use crate::access::Caller;
use crate::api::answer::read;
use crate::api::page::ListQuery;
use crate::api::visible::Visible;
use crate::api::{NoQuery, Serves};
use crate::problem::{Code, Problem};
use crate::routes::Call;
use crate::shared::Shared;
use axum::response::Response;
use jiff::Timestamp;
use overlock_exposure::{judge_all, plausible_now};
use overlock_fleet::Knowledge;
use overlock_matching::{assess, explain};
use overlock_model::coverage::Coverage;
use overlock_model::episode::Episode;
use overlock_model::explanation::{EXPLAIN_SCHEMA, ExplainReport};
use overlock_model::exposure::Exposure;
use overlock_model::feed::FeedStatus;
use overlock_model::inventory::Inventory;
use overlock_model::plan::HostId;
use overlock_protocol::SectionDigests;
use overlock_protocol::content::{self, Sections};
use overlock_risk::Setting;
use overlock_store::Host;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Judgements of past episodes that are looked through.
const PAST: u32 = 1_000;

/// What a host is exposed to (`overlock.host-exposures/1`).
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HostExposures {
    /// `overlock.host-exposures/1`.
    pub schema: &'static str,
    /// Which host.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// The time of judgement.
    pub judged: Timestamp,
    /// Most urgent first.
    pub items: Vec<Exposure>,
    /// Where the next page begins; `null` at the end.
    pub next: Option<String>,
    /// Episodes that have not ended.
    pub open: Vec<Episode>,
    /// Episodes that have ended, newest first.
    pub ended: Vec<Episode>,
    /// Where every package ended: what could be judged, and what not.
    pub coverage: Coverage,
    /// Feeds behind it.
    pub feeds: Vec<FeedStatus>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    at: Option<Timestamp>,
}

pub(super) async fn show<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked: Asked = call.query()?;
    let (api, host) = host_of(&call).await?;
    let sections = match asked.at {
        None => api.store.sections(&host.id).await?,
        Some(at) => api.store.sections_at(&host.id, at).await?,
    };
    read(&call, &inventory(&api, &sections).await?)
}

pub(super) async fn exposures<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked = call.query::<ListQuery>()?;
    let (api, host) = host_of(&call).await?;
    let open = api.store.open_episodes(&host.id).await?.episodes;
    let ended = api.store.ended_episodes(&host.id, PAST).await?;
    let judged = judged(&api, &host).await?;
    let key = |row: &Exposure| format!("{} {} {}", row.source, row.vulnerability, row.installed);
    let page = asked.page(host.id.as_str(), judged.exposures, key, api.limits.page)?;
    read(
        &call,
        &HostExposures {
            schema: "overlock.host-exposures/1",
            id: host.id,
            name: host.name,
            judged: judged.now,
            items: page.items,
            next: page.next,
            open,
            ended,
            coverage: judged.coverage,
            feeds: judged.feeds,
        },
    )
}

pub(super) async fn why<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<NoQuery>()?;
    let asked: String = call.param("vulnerability")?;
    let (api, host) = host_of(&call).await?;
    let judged = judged(&api, &host).await?;
    let named = |exposure: &Exposure| {
        exposure.vulnerability == asked
            || exposure.aliases.contains(&asked)
            || exposure.advisories.contains(&asked)
    };
    let (exposures, inputs): (Vec<_>, Vec<_>) = judged
        .exposures
        .into_iter()
        .zip(judged.inputs)
        .filter(|(exposure, _)| named(exposure))
        .unzip();
    let world = api.truth.world();
    let (inventory, sought) = (judged.inventory, asked.clone());
    let packages = tokio::task::spawn_blocking(move || explain(&inventory, &*world, &sought))
        .await
        .map_err(Problem::internal)?;
    let mut unknown = Vec::new();
    if judged.coverage.advisories_unknown {
        unknown.push("no advisories are at hand for this system".to_owned());
    }
    read(
        &call,
        &ExplainReport {
            schema: EXPLAIN_SCHEMA.to_owned(),
            generated: judged.now,
            vulnerability: asked,
            packages,
            exposures,
            decision_inputs: inputs.into_iter().next().unwrap_or_default(),
            feeds: judged.feeds,
            unknown,
        },
    )
}

async fn host_of<S: Serves>(call: &Call<S, Caller>) -> Result<(Arc<Shared>, Host), Problem> {
    let api = call.shared.api()?;
    let visible = Visible::of(&api, &call.proof).await?;
    let id = visible.find(&call.param::<String>("host")?)?;
    let host = api.store.host(&id).await?.ok_or_else(Problem::not_found)?;
    Ok((api, host))
}

/// The inventory that sections stand for.
async fn inventory(shared: &Shared, digests: &SectionDigests) -> Result<Inventory, Problem> {
    if digests.is_empty() {
        return Err(Problem::new(
            Code::NotFound,
            "nothing is known of what was on the host then",
        ));
    }
    let wanted: Vec<_> = digests.values().copied().collect();
    let contents = shared.store.contents(&wanted).await?;
    let sections: Sections = digests
        .iter()
        .filter_map(|(section, digest)| Some((*section, contents.get(digest)?.clone())))
        .collect();
    if sections.len() < digests.len() {
        return Err(Problem::internal("a section's content is missing"));
    }
    content::inventory(&sections).map_err(Problem::internal)
}

struct Judged {
    inventory: Inventory,
    exposures: Vec<Exposure>,
    inputs: Vec<Vec<String>>,
    coverage: Coverage,
    feeds: Vec<FeedStatus>,
    now: Timestamp,
}

/// Judges what is on a host now, as a scan there would.
async fn judged(shared: &Shared, host: &Host) -> Result<Judged, Problem> {
    let sections = shared.store.sections(&host.id).await?;
    let inventory = inventory(shared, &sections).await?;
    let world = shared.truth.world();
    let judging = shared.truth.read(|fleet| fleet.judging().clone());
    let (now, facts) = (shared.clock.now(), host.facts.facts.clone());
    // Thousands of packages against the tables: not on the threads that serve everybody.
    tokio::task::spawn_blocking(move || {
        let feeds = world.feeds().to_vec();
        let (now, _) = plausible_now(now, &feeds);
        let assessment = assess(&inventory, &*world, &world.context(&inventory.os));
        let setting = Setting {
            facts: &facts,
            policy: &judging.policy,
            rules: &judging.rules,
            now,
        };
        let rows = judge_all(
            assessment.findings,
            |vulnerability| world.threat(vulnerability),
            &setting,
            &[],
        );
        let (exposures, inputs) = rows
            .into_iter()
            .map(|(exposure, judgement)| {
                let inputs = judgement.inputs.iter().map(ToString::to_string).collect();
                (exposure, inputs)
            })
            .unzip();
        Judged {
            inventory,
            exposures,
            inputs,
            coverage: assessment.coverage,
            feeds,
            now,
        }
    })
    .await
    .map_err(Problem::internal)
}
