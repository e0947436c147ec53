//! Packages of the fleet: which hosts have one below a version, and what one upgrade clears.
//!
//! A name means one kind of package on most fleets; where it is of several, versions do not compare across them, and the
//! caller is asked which.

pub(crate) mod model;

use super::Serves;
use super::answer::read;
use super::page::Asked;
use super::visible::{Hosts, Visible};
use crate::access::{Caller, Needs, Permission};
use crate::problem::Problem;
use crate::routes::{Call, Query, Route, Routes};
use crate::shared::Shared;
use axum::response::Response;
use model::{ClearedLine, Clears, PackageHost, PackageHosts};
use overlock_fleet::answer::{HostCursor, HostRow};
use overlock_fleet::{Fleet, Versions};
use overlock_matching::scheme_of;
use overlock_model::package::{Package, PackageType};
use overlock_model::plan::{Digest, HostId};
use overlock_protocol::{Section, SectionContent};
use roaring::RoaringBitmap;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const HOSTS_QUERY: &[Query] = &[
    Query {
        name: "name",
        about: "Name of the package. It stands in the query, since names of some kinds hold slashes.",
    },
    Query {
        name: "below",
        about: "Only versions before this one, in the order of the package's kind.",
    },
    Query {
        name: "type",
        about: "Kind of package: `deb`, `rpm`, `pypi` …; asked for where the name is of several kinds.",
    },
    Query {
        name: "limit",
        about: "How many hosts at most.",
    },
    Query {
        name: "cursor",
        about: "Where the page begins: `next` of the page before.",
    },
];

const CLEARS_QUERY: &[Query] = &[
    Query {
        name: "source",
        about: "Name of the source package.",
    },
    Query {
        name: "to",
        about: "The version to upgrade to.",
    },
    Query {
        name: "type",
        about: "Kind of package; asked for where the name is of several kinds.",
    },
];

/// Kinds that a name is looked for in.
pub(crate) const KINDS: [PackageType; 11] = [
    PackageType::Deb,
    PackageType::Rpm,
    PackageType::Apk,
    PackageType::Alpm,
    PackageType::Pypi,
    PackageType::Npm,
    PackageType::Cargo,
    PackageType::Golang,
    PackageType::Maven,
    PackageType::Gem,
    PackageType::Nuget,
];

pub(crate) fn add<S: Serves>(routes: Routes<S>) -> Routes<S> {
    routes
        .add(
            Route::get("/api/v1/packages/hosts")
                .about(
                    "Hosts that have a package, by the name of a binary package or of its source.",
                )
                .query(HOSTS_QUERY)
                .gives::<PackageHosts>(),
            Needs(Permission::Read),
            hosts,
        )
        .add(
            Route::get("/api/v1/packages/clears")
                .about("What upgrading one source package to a version would clear.")
                .query(CLEARS_QUERY)
                .gives::<Clears>(),
            Needs(Permission::Read),
            clears,
        )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListHosts {
    name: String,
    below: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

async fn hosts<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked: ListHosts = call.query()?;
    let name = asked.name;
    let api = call.shared.api()?;
    let page = Asked::<HostCursor>::new(
        "package-hosts",
        &(&name, &asked.below, &asked.kind),
        asked.cursor.as_deref(),
        asked.limit,
        api.limits.page,
    )?;
    let visible = Visible::of(&api, &call.proof).await?;
    let wanted = |kind: &PackageType| Wanted::new(kind, &name, asked.below.as_deref());
    let (list, kinds, denominator) = visible.read(|fleet, seen| {
        let kinds = kinds(fleet, &seen, &name, asked.kind.as_deref())?;
        if kinds.len() > 1 && asked.below.is_some() {
            return Err(several(&kinds));
        }
        let versions = asked.below.clone().map_or(Versions::Any, Versions::Below);
        let mut found = RoaringBitmap::new();
        for kind in &kinds {
            found |= fleet
                .hosts_of_package(kind, &name, &versions)
                .map_err(Problem::invalid)?;
        }
        let denominator = fleet.denominator(seen.selected(), visible.freshness());
        let list = match seen.and(found) {
            Hosts::Some(found) => fleet.host_list(
                Some(&found),
                page.after.as_ref(),
                page.limit,
                visible.freshness(),
            ),
            Hosts::All => return Err(Problem::internal("a selection of hosts became all")),
        };
        Ok((list, kinds, denominator))
    })?;
    let wanted: Vec<Wanted> = kinds.iter().map(wanted).collect::<Result<_, _>>()?;
    let items = versions_on(&api, &list.hosts, &wanted).await?;
    let next = list.next.map(|next| page.seal(&next)).transpose()?;
    read(
        &call,
        &PackageHosts {
            schema: "overlock.package-hosts/1",
            items,
            next,
            hosts: list.totals.hosts,
            denominator,
        },
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskClears {
    source: String,
    to: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

async fn clears<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked: AskClears = call.query()?;
    let source = asked.source;
    let api = call.shared.api()?;
    let visible = Visible::of(&api, &call.proof).await?;
    let (kind, answer) = visible.read(|fleet, seen| {
        let kinds = kinds(fleet, &seen, &source, asked.kind.as_deref())?;
        let kind = match kinds.as_slice() {
            [kind] => kind.clone(),
            [] => return Err(Problem::not_found()),
            several_ => return Err(several(several_)),
        };
        let answer = fleet
            .upgrade(
                &kind,
                &source,
                Some(&asked.to),
                None,
                seen.selected(),
                visible.freshness(),
            )
            .map_err(Problem::invalid)?;
        Ok((kind, answer))
    })?;
    read(
        &call,
        &Clears {
            schema: "overlock.clears/1",
            kind,
            package: source,
            to: asked.to,
            exposures: answer.exposures,
            hosts: answer.hosts,
            hosts_rid: answer.hosts_rid,
            items: answer
                .clears
                .into_iter()
                .map(|cleared| ClearedLine {
                    vulnerability: cleared.key.vulnerability,
                    hosts: cleared.hosts,
                })
                .collect(),
            denominator: answer.totals,
        },
    )
}

/// The kinds in which some host that may be seen has a package of this name.
fn kinds(
    fleet: &Fleet,
    seen: &Hosts,
    name: &str,
    asked: Option<&str>,
) -> Result<Vec<PackageType>, Problem> {
    if let Some(word) = asked {
        return match PackageType::from_word(word) {
            PackageType::Other(_) => Err(Problem::invalid(format!(
                "`type`: `{}` is no kind of package",
                word.chars().take(40).collect::<String>()
            ))),
            kind => Ok(vec![kind]),
        };
    }
    let mut kinds = Vec::new();
    for kind in KINDS {
        let found = fleet
            .hosts_of_package(&kind, name, &Versions::Any)
            .map_err(Problem::invalid)?;
        if seen.clone().and(found) != Hosts::Some(RoaringBitmap::new()) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

fn several(kinds: &[PackageType]) -> Problem {
    let words: Vec<&str> = kinds.iter().map(PackageType::as_str).collect();
    Problem::invalid(format!(
        "packages of several kinds have this name ({}): say which by `type`",
        words.join(", ")
    ))
}

/// Which packages are looked for.
struct Wanted {
    kind: PackageType,
    name: String,
    below: Option<overlock_versions::SortKey>,
}

impl Wanted {
    fn new(kind: &PackageType, name: &str, below: Option<&str>) -> Result<Self, Problem> {
        let below = below
            .map(|below| overlock_versions::key(scheme_of(kind), below))
            .transpose()
            .map_err(Problem::invalid)?;
        Ok(Self {
            kind: kind.clone(),
            name: kind.normalise(name).into_owned(),
            below,
        })
    }

    fn has(&self, package: &Package) -> bool {
        let named = |name: &str| *self.kind.normalise(name) == *self.name;
        package.kind == self.kind
            && (named(&package.name) || package.source.as_deref().is_some_and(named))
            && self.below.as_ref().is_none_or(|below| {
                overlock_versions::key(scheme_of(&self.kind), &package.version)
                    .is_ok_and(|version| version < *below)
            })
    }
}

/// A line of the section of languages, as far as it is a package.
#[derive(Deserialize)]
struct LanguageLine {
    package: Package,
}

/// The packages on some hosts; hosts with one package set have it read once.
async fn versions_on(
    shared: &Shared,
    hosts: &[HostRow],
    wanted: &[Wanted],
) -> Result<Vec<PackageHost>, Problem> {
    let ids: Vec<HostId> = hosts.iter().map(|host| host.id.clone()).collect();
    let spans = shared.store.current_sections(&ids).await?;
    let of_packages = [Section::Packages, Section::Languages];
    let digests: BTreeSet<Digest> = spans
        .values()
        .flatten()
        .filter(|span| of_packages.contains(&span.section))
        .map(|span| span.digest)
        .collect();
    let mut found: BTreeMap<Digest, Vec<Package>> = BTreeMap::new();
    for digest in digests {
        if let Some(content) = shared.store.content(digest).await? {
            found.insert(digest, packages(&content, wanted));
        }
    }
    let mut rows = Vec::new();
    for host in hosts {
        let mut of_host: Vec<PackageHost> = spans
            .get(&host.id)
            .into_iter()
            .flatten()
            .filter_map(|span| found.get(&span.digest))
            .flatten()
            .map(|package| PackageHost {
                id: host.id.clone(),
                name: host.name.clone(),
                package: package.name.clone(),
                kind: package.kind.clone(),
                version: package.version.clone(),
            })
            .collect();
        of_host.sort();
        of_host.dedup();
        rows.extend(of_host);
    }
    Ok(rows)
}

fn packages(content: &SectionContent, wanted: &[Wanted]) -> Vec<Package> {
    content
        .lines()
        .iter()
        .filter_map(|line| {
            let package: Package = serde_json::from_str(line)
                .or_else(|_| serde_json::from_str::<LanguageLine>(line).map(|line| line.package))
                .ok()?;
            wanted
                .iter()
                .any(|wanted| wanted.has(&package))
                .then_some(package)
        })
        .collect()
}
