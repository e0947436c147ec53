//! Exposures of the fleet: what is wrong, how urgent, on how many hosts, and on which.

pub(crate) mod model;

use super::Serves;
use super::answer::read;
use super::page::{Asked, QUERY};
use super::visible::{AskedHosts, Visible};
use crate::access::{Caller, Needs, Permission};
use crate::problem::Problem;
use crate::routes::{Call, Query, Route, Routes};
use crate::shared::Shared;
use axum::response::Response;
use model::{ExposedHost, ExposedHosts, ExposureLine, ExposureList};
use overlock_fleet::answer::{ExposureCursor, ExposureFilter, HostCursor, HostRow};
use overlock_model::decision::Decision;
use overlock_model::episode::EpisodeState;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const LIST_QUERY: &[Query] = &[
    Query {
        name: "cve",
        about: "Only this vulnerability, by any of its identifiers.",
    },
    Query {
        name: "decision",
        about: "Only with this decision, or a more urgent one, for some host.",
    },
    Query {
        name: "package",
        about: "Only in this source package.",
    },
    Query {
        name: "state",
        about: "`exposed`: in force by what is installed; `installed`: the fix is installed and not in force.",
    },
    Query {
        name: "group",
        about: "Only on hosts of this group.",
    },
    Query {
        name: "where",
        about: "Only on hosts for which this holds (CEL).",
    },
    Query {
        name: "limit",
        about: "How many rows at most.",
    },
    Query {
        name: "cursor",
        about: "Where the page begins: `next` of the page before.",
    },
];

pub(crate) fn add<S: Serves>(routes: Routes<S>) -> Routes<S> {
    routes
        .add(
            Route::get("/api/v1/exposures")
                .about("Exposures over the hosts that the caller may see, most urgent first.")
                .query(LIST_QUERY)
                .gives::<ExposureList>(),
            Needs(Permission::Read),
            list,
        )
        .add(
            Route::get("/api/v1/exposures/{vulnerability}/hosts")
                .about("Hosts that a vulnerability is in force on, or may be.")
                .query(QUERY)
                .gives::<ExposedHosts>(),
            Needs(Permission::Read),
            hosts,
        )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListExposures {
    cve: Option<String>,
    decision: Option<Decision>,
    package: Option<String>,
    state: Option<StateWord>,
    group: Option<String>,
    #[serde(rename = "where")]
    selection: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum StateWord {
    Exposed,
    Installed,
}

async fn list<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked: ListExposures = call.query()?;
    let api = call.shared.api()?;
    let filters = (
        (&asked.cve, asked.decision, &asked.package),
        (asked.state, &asked.group, &asked.selection),
    );
    let page = Asked::<ExposureCursor>::new(
        "exposures",
        &filters,
        asked.cursor.as_deref(),
        asked.limit,
        api.limits.page,
    )?;
    let visible = Visible::of(&api, &call.proof).await?;
    let filter = visible
        .asked(&AskedHosts {
            selection: asked.selection,
            group: asked.group,
        })
        .await?;
    let (cve, package) = (asked.cve, asked.package);
    let mut list = visible.read(|fleet, hosts| {
        let hosts = filter.of(fleet, hosts, visible.freshness()).hosts;
        let filter = ExposureFilter {
            vulnerability: cve,
            source: package,
            hosts: hosts.selected().cloned(),
            ..ExposureFilter::default()
        };
        fleet.exposure_list(
            &filter,
            page.after.as_ref(),
            page.limit,
            visible.freshness(),
        )
    });
    if let Some(least) = asked.decision {
        // The list is in order of decisions: what is less urgent is its end.
        let all = list.exposures.len();
        list.exposures.retain(|row| row.decision >= least);
        list.next = list.next.filter(|_| list.exposures.len() == all);
    }
    match asked.state {
        None => {}
        Some(StateWord::Exposed) => list.exposures.retain(|row| row.by_decision.total() > 0),
        Some(StateWord::Installed) => list.exposures.retain(|row| row.not_in_force > 0),
    }
    let next = list.next.map(|next| page.seal(&next)).transpose()?;
    read(
        &call,
        &ExposureList {
            schema: "overlock.exposure-list/1",
            items: list.exposures.into_iter().map(ExposureLine::from).collect(),
            next,
            total: list.exposures_total,
            denominator: list.totals,
        },
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListHosts {
    limit: Option<usize>,
    cursor: Option<String>,
}

async fn hosts<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked: ListHosts = call.query()?;
    let vulnerability: String = call.param("vulnerability")?;
    let api = call.shared.api()?;
    let page = Asked::<HostCursor>::new(
        "exposed-hosts",
        &vulnerability,
        asked.cursor.as_deref(),
        asked.limit,
        api.limits.page,
    )?;
    let visible = Visible::of(&api, &call.proof).await?;
    let detail = visible.read(|fleet, hosts| {
        fleet.exposure_detail(
            &vulnerability,
            hosts.selected(),
            page.after.as_ref(),
            page.limit,
            visible.freshness(),
        )
    });
    let next = detail
        .affected
        .next
        .map(|next| page.seal(&next))
        .transpose()?;
    let mains: BTreeSet<&str> = detail
        .exposures
        .iter()
        .map(|row| row.key.vulnerability.as_str())
        .chain([vulnerability.as_str()])
        .collect();
    let mut items = Vec::new();
    for host in &detail.affected.hosts {
        items.extend(rows_of(&api, host, &mains).await?);
    }
    read(
        &call,
        &ExposedHosts {
            schema: "overlock.exposed-hosts/1",
            items,
            next,
            hosts: detail.affected.totals.hosts,
            exposures: detail
                .exposures
                .into_iter()
                .map(ExposureLine::from)
                .collect(),
            denominator: detail.totals,
            vulnerability,
        },
    )
}

/// A vulnerability on one host, as its episodes tell it.
async fn rows_of(
    shared: &Shared,
    host: &HostRow,
    names: &BTreeSet<&str>,
) -> Result<Vec<ExposedHost>, Problem> {
    let episodes = shared.store.open_episodes(&host.id).await?.episodes;
    let mut rows: Vec<ExposedHost> = episodes
        .into_iter()
        .filter(|episode| names.contains(episode.key.vulnerability.as_str()))
        .filter(|episode| episode.state != EpisodeState::Effective)
        .map(|episode| ExposedHost {
            id: host.id.clone(),
            name: host.name.clone(),
            package: Some(episode.key.source),
            kind: Some(episode.key.kind),
            installed: Some(episode.installed),
            fixed: episode.fixed,
            state: Some(episode.state),
            since: Some(episode.dates.opened),
        })
        .collect();
    if rows.is_empty() {
        // It is exposed by what it has; its episodes are to be written yet.
        rows.push(ExposedHost {
            id: host.id.clone(),
            name: host.name.clone(),
            package: None,
            kind: None,
            installed: None,
            fixed: None,
            state: None,
            since: None,
        });
    }
    Ok(rows)
}
