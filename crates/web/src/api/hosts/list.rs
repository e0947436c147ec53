//! The list of hosts.

use super::model::{HostLine, HostList};
use crate::access::Caller;
use crate::api::Serves;
use crate::api::answer::read;
use crate::api::page::Asked;
use crate::api::visible::{AskedHosts, Visible};
use crate::problem::Problem;
use crate::routes::{Call, Query};
use axum::response::Response;
use overlock_fleet::answer::HostCursor;
use serde::{Deserialize, Serialize};

pub(super) const QUERY: &[Query] = &[
    Query {
        name: "where",
        about: "A condition over facts of the host (CEL), such as `host.os.id == 'debian'`.",
    },
    Query {
        name: "group",
        about: "Only hosts of this group.",
    },
    Query {
        name: "standing",
        about: "Only hosts of this standing.",
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListHosts {
    #[serde(rename = "where")]
    selection: Option<String>,
    group: Option<String>,
    standing: Option<StandingWord>,
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum StandingWord {
    Unconfirmed,
    Active,
    Quarantined,
    Revoked,
    Unmanaged,
}

impl StandingWord {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed",
            Self::Active => "active",
            Self::Quarantined => "quarantined",
            Self::Revoked => "revoked",
            Self::Unmanaged => "unmanaged",
        }
    }
}

pub(super) async fn list<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked: ListHosts = call.query()?;
    let api = call.shared.api()?;
    let filters = (&asked.selection, &asked.group, asked.standing);
    let page = Asked::<HostCursor>::new(
        "hosts",
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
    let standing = asked.standing.map(StandingWord::as_str);
    let (list, undecided) = visible.read(|fleet, hosts| {
        let mut filtered = filter.of(fleet, hosts, visible.freshness());
        if let Some(standing) = standing {
            let of_standing = fleet
                .hosts()
                .filter(|host| host.standing().word() == standing)
                .map(|host| host.number())
                .collect();
            filtered.hosts = filtered.hosts.and(of_standing);
        }
        let list = fleet.host_list(
            filtered.hosts.selected(),
            page.after.as_ref(),
            page.limit,
            visible.freshness(),
        );
        (list, filtered.undecided)
    });
    let next = list.next.map(|next| page.seal(&next)).transpose()?;
    read(
        &call,
        &HostList {
            schema: "overlock.host-list/1",
            items: list.hosts.into_iter().map(HostLine::from).collect(),
            next,
            denominator: list.totals,
            undecided: visible.sees_all().then_some(undecided),
        },
    )
}
