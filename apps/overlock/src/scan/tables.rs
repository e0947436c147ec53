//! The compiled advisories a scan needs: those at hand, or fetched now.

use super::asked::Asked;
use crate::cli::Source;
use crate::exit::{Failure, warn};
use crate::progress::Bars;
use crate::state::State;
use overlock_feeds::FeedError;
use overlock_feeds::check::Parsers;
use overlock_feeds::compile::{Manifest, Remake, compile};
use overlock_feeds::mirror::Mirror;
use overlock_feeds::parse::{Limits, updateinfo};
use overlock_feeds::publishers::{self, Publisher};
use overlock_feeds::store::Store;
use overlock_feeds::sync::{self, SyncReport};
use overlock_feeds::tables::Tables;
use overlock_index::{AdvisoryBuilder, AdvisoryIndex};
use overlock_matching::Advisories;
use overlock_model::advisory::{Ecosystem, Statement};
use overlock_model::inventory::{Inventory, Unseen};
use overlock_model::one_line::in_one_line;
use overlock_rootfs::Root;
use overlock_versions::Scheme;
use std::collections::BTreeMap;

/// Tables as the matcher asks for them; without any, nothing is known.
pub struct AtHand {
    /// Compiled from feeds.
    pub compiled: Option<Tables>,
    /// Made from the errata that the host's own repositories left on it, where no feed speaks of its release.
    own: BTreeMap<Ecosystem, Vec<u8>>,
}

impl AtHand {
    fn new(compiled: Option<Tables>) -> Self {
        Self {
            compiled,
            own: BTreeMap::new(),
        }
    }
}

impl Advisories for AtHand {
    fn index(&self, ecosystem: &Ecosystem) -> Option<AdvisoryIndex<'_>> {
        let compiled = self
            .compiled
            .as_ref()
            .and_then(|tables| tables.advisories(ecosystem));
        compiled.or_else(|| AdvisoryIndex::open(self.own.get(ecosystem)?).ok())
    }

    fn is_rejected(&self, vulnerability: &str) -> bool {
        let threats = self.compiled.as_ref().and_then(Tables::threats);
        threats.is_some_and(|threats| threats.is_rejected(vulnerability))
    }
}

/// Opens the tables; feeds that this inventory needs and that were never fetched are fetched first. Where they say
/// nothing of its release, the errata in the host's own package manager cache are read.
pub fn for_inventory(
    inventory: &mut Inventory,
    root: Option<&Root>,
    source: &Source,
    state: &State,
) -> Result<AtHand, Failure> {
    let mut at_hand = from_feeds(inventory, source, state)?;
    if let (Some(root), Some(ecosystem)) = (root, inventory.os.ecosystem())
        && at_hand.index(&ecosystem).is_none()
    {
        let (table, unseen) = own_errata(root, &ecosystem);
        inventory.unseen.extend(unseen);
        at_hand.own.extend(table.map(|table| (ecosystem, table)));
    }
    Ok(at_hand)
}

/// A table made from the `updateinfo` files that dnf or zypper keep on the host.
fn own_errata(root: &Root, ecosystem: &Ecosystem) -> (Option<Vec<u8>>, Vec<Unseen>) {
    let mut builder = AdvisoryBuilder::new(Scheme::Rpm);
    let mut unseen = Vec::new();
    let mut any = false;
    for (repository, path) in overlock_packages::rpm::updateinfo_files(root) {
        let feed = format!("updateinfo-{repository}");
        let limits = Limits::default();
        let mut take = |statement| match statement {
            Statement::Disclosure(disclosure) => builder.disclose(&disclosure),
            Statement::Resolution(resolution) => builder.resolve(&resolution),
            Statement::Threat { .. } | Statement::Withdrawn { .. } => {}
        };
        let read = root
            .open_file(&path)
            .map_err(|error| in_one_line(&error))
            .and_then(|mut file| {
                updateinfo::parse(&mut file, ecosystem, &feed, &limits, &mut take)
                    .map_err(|error| in_one_line(&error))
            });
        match read {
            Ok(_) => {
                builder.add_feed(&feed, true);
                any = true;
            }
            Err(why) => unseen.push(Unseen { what: path, why }),
        }
    }
    let table = any
        .then(|| builder.finish().ok())
        .flatten()
        .map(|built| built.bytes);
    (table, unseen)
}

fn from_feeds(inventory: &Inventory, source: &Source, state: &State) -> Result<AtHand, Failure> {
    let tables = Tables::open(&state.tables);
    for damage in tables.iter().flat_map(Tables::damage) {
        warn(&format!(
            "{}; run `overlock feeds sync`",
            in_one_line(&damage)
        ));
    }
    let mut asked = Asked::read(&state.data, source.mirror.as_deref());
    let mut missing = missing(inventory, tables.as_ref());
    let all = missing.len();
    if !source.offline {
        missing.retain(|publisher| !asked.lately(&publisher.id, state.now));
        if missing.len() < all && tables.is_none() {
            warn(
                "feeds could not be fetched within the last hour; `overlock feeds sync` asks again now",
            );
        }
    }
    if missing.is_empty() || source.offline {
        return Ok(AtHand::new(tables));
    }
    // A scan that cannot fetch is still worth its inventory: it says what it does not know.
    match fetch(
        &missing,
        source.mirror.as_deref(),
        sync::Options::default(),
        state,
    ) {
        Ok(report) => {
            asked.note(
                missing.into_iter().map(|publisher| publisher.id),
                state.now,
                &state.data,
            );
            tell_failures(&report);
            Ok(AtHand::new(Tables::open(&state.data)))
        }
        Err(failure) if failure.kind == crate::exit::Kind::Environment => {
            warn(&format!("feeds cannot be fetched: {:#}", failure.error));
            Ok(AtHand::new(tables))
        }
        Err(failure) => Err(failure),
    }
}

/// One warning for each cause: a machine without network would otherwise say the same of every feed.
fn tell_failures(report: &SyncReport) {
    let mut causes: BTreeMap<String, Vec<&FeedError>> = BTreeMap::new();
    for (error, _) in report.failures() {
        causes
            .entry(in_one_line(&error.cause))
            .or_default()
            .push(error);
    }
    for (cause, errors) in causes {
        match errors.as_slice() {
            [one] => warn(&in_one_line(*one)),
            many => {
                let ids: Vec<&str> = many.iter().map(|error| error.feed.as_str()).collect();
                warn(&format!(
                    "{} feeds cannot be fetched: {cause} ({})",
                    many.len(),
                    ids.join(", ")
                ));
            }
        }
    }
}

/// Feeds that the inventory needs and the tables were not made from.
fn missing(inventory: &Inventory, tables: Option<&Tables>) -> Vec<Publisher> {
    let languages = inventory
        .packages
        .iter()
        .any(|package| !package.kind.is_os());
    let compiled = tables
        .map(|tables| tables.manifest().feeds.as_slice())
        .unwrap_or_default();
    publishers::needed(&inventory.os, languages, &inventory.repositories)
        .into_iter()
        .filter(|publisher| !compiled.iter().any(|feed| feed.id == publisher.id))
        .collect()
}

/// Fetches feeds and compiles what is then at hand.
pub fn fetch(
    wanted: &[Publisher],
    mirror: Option<&str>,
    options: sync::Options,
    state: &State,
) -> Result<SyncReport, Failure> {
    let mirror = mirror.map(Mirror::parse).transpose().map_err(|error| {
        let hint = error.hint();
        Failure::input(error).hint(hint)
    })?;
    let options = sync::Options { mirror, ..options };
    let store = Store::new(&state.data);
    let report = sync::sync(
        &store,
        wanted,
        &options,
        &Parsers::default(),
        state.now,
        &Bars::new(),
    )
    .map_err(|error| {
        let hint = error.hint();
        Failure::environment(error).hint(hint)
    })?;
    recompile(&store, state, Remake::IfChanged)?;
    Ok(report)
}

/// Makes the tables from the feeds at hand.
pub fn recompile(store: &Store, state: &State, remake: Remake) -> Result<Manifest, Failure> {
    let locked = store.lock().map_err(|error| {
        let hint = error.hint();
        Failure::environment(error).hint(hint)
    })?;
    compile(&locked, &state.data, &Limits::default(), remake).map_err(|error| {
        let hint = error.hint();
        match error.kind() {
            overlock_feeds::Kind::Environment => Failure::environment(error).hint(hint),
            overlock_feeds::Kind::Input => Failure::input(error).hint(hint),
        }
    })
}
