//! What a caller may see: the one place where roles over groups become hosts.
//!
//! Every list, count, stream and single host goes through [`Visible::hosts`]. Groups are read from the store for each
//! request, so that a group that changes, or a role that is taken, counts at once and on every replica; a group that is not
//! there, or whose condition cannot be read, holds no host.

use crate::access::{Caller, Reach};
use crate::problem::{Code, Problem};
use crate::shared::Shared;
use overlock_fleet::{Fleet, Freshness, HostNumber, Selection};
use overlock_model::plan::HostId;
use overlock_store::{HostGroup, LogRow};
use roaring::RoaringBitmap;
use std::sync::Arc;

/// What a caller may see.
pub(crate) struct Visible {
    shared: Arc<Shared>,
    freshness: Freshness,
    /// `None`: everything.
    groups: Option<Vec<Selection>>,
}

/// Hosts of one state of the fleet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Hosts {
    /// All.
    All,
    /// Those of these numbers.
    Some(RoaringBitmap),
}

impl Hosts {
    pub fn contains(&self, number: HostNumber) -> bool {
        match self {
            Self::All => true,
            Self::Some(hosts) => hosts.contains(number),
        }
    }

    /// Those that are also among others.
    pub fn and(self, others: RoaringBitmap) -> Self {
        Self::Some(match self {
            Self::All => others,
            Self::Some(hosts) => hosts & others,
        })
    }

    /// As the fleet takes them: `None` is all.
    pub fn selected(&self) -> Option<&RoaringBitmap> {
        match self {
            Self::All => None,
            Self::Some(hosts) => Some(hosts),
        }
    }
}

impl Visible {
    /// Of a caller.
    pub async fn of(shared: &Arc<Shared>, caller: &Caller) -> Result<Self, Problem> {
        let groups = match caller.reach() {
            Reach::Everything => None,
            Reach::Groups(names) => Some(
                shared
                    .store
                    .host_groups()
                    .await?
                    .iter()
                    .filter(|group| names.contains(&group.name))
                    .filter_map(|group| match Selection::parse(&group.selection) {
                        Ok(selection) => Some(selection),
                        Err(error) => {
                            tracing::error!(group = group.name, %error, "a group holds no host");
                            None
                        }
                    })
                    .collect(),
            ),
        };
        Ok(Self {
            shared: Arc::clone(shared),
            freshness: Freshness::at(shared.clock.now()),
            groups,
        })
    }

    /// How old is too old, as of this request.
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// Whether that is everything.
    pub fn sees_all(&self) -> bool {
        self.groups.is_none()
    }

    /// The hosts that the caller may see.
    pub fn hosts(&self, fleet: &Fleet) -> Hosts {
        match &self.groups {
            None => Hosts::All,
            Some(groups) => Hosts::Some(
                groups
                    .iter()
                    .map(|group| group.hosts(fleet, &self.freshness).hosts)
                    .fold(RoaringBitmap::new(), |all, hosts| all | hosts),
            ),
        }
    }

    /// Asks something of the fleet about the hosts that the caller may see.
    pub fn read<R>(&self, ask: impl FnOnce(&Fleet, Hosts) -> R) -> R {
        self.shared
            .truth
            .read(|fleet| ask(fleet, self.hosts(fleet)))
    }

    /// The host of an id or a name.
    pub fn find(&self, text: &str) -> Result<HostId, Problem> {
        let id = HostId::try_from(text.to_owned()).ok();
        self.read(|fleet, hosts| {
            let seen = |number| hosts.contains(number);
            if let Some(id) = id {
                return fleet
                    .host(&id)
                    .filter(|host| seen(host.number()))
                    .map(|_| id)
                    .ok_or_else(Problem::not_found);
            }
            let mut found = fleet
                .hosts()
                .filter(|host| host.name() == text && seen(host.number()));
            match (found.next().and_then(|host| host.id()), found.next()) {
                (Some(id), None) => Ok(id),
                (None, _) => Err(Problem::not_found()),
                (Some(_), Some(_)) => Err(Problem::new(
                    Code::Conflict,
                    "several hosts have this name; use the id",
                )),
            }
        })
    }

    /// The rows of the log that the caller may see: all, or those about hosts.
    pub fn rows(&self, rows: Vec<LogRow>) -> Vec<LogRow> {
        if self.groups.is_none() {
            return rows;
        }
        self.read(|fleet, hosts| {
            rows.into_iter()
                .filter(|row| {
                    row.host
                        .as_ref()
                        .and_then(|id| fleet.host(id))
                        .is_some_and(|host| hosts.contains(host.number()))
                })
                .collect()
        })
    }

    /// The hosts that are asked for, of those that the caller may see.
    pub async fn asked(&self, asked: &AskedHosts) -> Result<Filter, Problem> {
        let group = match &asked.group {
            None => None,
            Some(name) => {
                let groups = self.shared.store.host_groups().await?;
                let group = groups.into_iter().find(|group| group.name == *name);
                let group =
                    group.ok_or_else(|| Problem::invalid("`group`: there is no such group"))?;
                Some(parse("group", &group.selection)?)
            }
        };
        let selection = asked
            .selection
            .as_deref()
            .map(|text| parse("where", text))
            .transpose()?;
        Ok(Filter { group, selection })
    }
}

/// Which hosts are asked for.
#[derive(Debug, Default)]
pub(crate) struct AskedHosts {
    pub selection: Option<String>,
    pub group: Option<String>,
}

/// The same, ready to be applied.
pub(crate) struct Filter {
    group: Option<Selection>,
    selection: Option<Selection>,
}

/// Hosts that were asked for.
pub(crate) struct Filtered {
    pub hosts: Hosts,
    /// Hosts for which the condition has no value: they are not among `hosts`.
    pub undecided: u64,
}

impl Filter {
    /// Of those that may be seen.
    pub fn of(&self, fleet: &Fleet, mut hosts: Hosts, freshness: &Freshness) -> Filtered {
        let mut undecided = 0;
        for selection in [&self.group, &self.selection].into_iter().flatten() {
            let selected = selection.hosts(fleet, freshness);
            undecided += selected.errors;
            hosts = hosts.and(selected.hosts);
        }
        Filtered { hosts, undecided }
    }
}

/// A condition over hosts.
pub(crate) fn parse(field: &str, text: &str) -> Result<Selection, Problem> {
    Selection::parse(text).map_err(|error| {
        let problem = Problem::invalid(format!("`{field}`: {error}"));
        match error.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    })
}

/// How many hosts a group holds now.
pub(crate) fn count_of(shared: &Shared, group: &HostGroup) -> Result<u64, Problem> {
    let selection = parse("where", &group.selection)?;
    let freshness = Freshness::at(shared.clock.now());
    Ok(shared
        .truth
        .read(|fleet| selection.hosts(fleet, &freshness).hosts.len()))
}
