//! The compiled advisories a scan needs: those at hand, or fetched now.

use crate::cli::Source;
use crate::exit::{Failure, warn};
use crate::progress::Bars;
use crate::state::State;
use overlock_feeds::check::Parsers;
use overlock_feeds::compile::compile;
use overlock_feeds::mirror::Mirror;
use overlock_feeds::parse::Limits;
use overlock_feeds::publishers::{self, Publisher};
use overlock_feeds::store::Store;
use overlock_feeds::sync::{self, SyncReport};
use overlock_feeds::tables::Tables;
use overlock_index::AdvisoryIndex;
use overlock_matching::Advisories;
use overlock_model::advisory::Ecosystem;
use overlock_model::inventory::Inventory;

/// Tables as the matcher asks for them; without any, nothing is known.
pub struct AtHand(pub Option<Tables>);

impl Advisories for AtHand {
    fn index(&self, ecosystem: &Ecosystem) -> Option<AdvisoryIndex<'_>> {
        self.0.as_ref()?.advisories(ecosystem)
    }
}

/// Opens the tables; feeds that this inventory needs and that were never fetched are fetched first.
pub fn for_inventory(
    inventory: &Inventory,
    source: &Source,
    state: &State,
) -> Result<AtHand, Failure> {
    let tables = Tables::open(&state.tables);
    for damage in tables.iter().flat_map(Tables::damage) {
        warn(&format!(
            "{}; run `overlock feeds sync`",
            overlock_feeds::in_one_line(&damage)
        ));
    }
    let missing = missing(inventory, tables.as_ref());
    if missing.is_empty() || source.offline {
        return Ok(AtHand(tables));
    }
    // A scan that cannot fetch is still worth its inventory: it says what it does not know.
    match fetch(
        &missing,
        source.mirror.as_deref(),
        sync::Options::default(),
        state,
    ) {
        Ok(report) => {
            for (error, _) in report.failures() {
                warn(&overlock_feeds::in_one_line(error));
            }
            Ok(AtHand(Tables::open(&state.data)))
        }
        Err(failure) if failure.kind == crate::exit::Kind::Environment => {
            warn(&format!("feeds cannot be fetched: {:#}", failure.error));
            Ok(AtHand(tables))
        }
        Err(failure) => Err(failure),
    }
}

/// Feeds that the inventory needs and the tables were not made from.
fn missing(inventory: &Inventory, tables: Option<&Tables>) -> Vec<Publisher> {
    let languages = inventory
        .packages
        .iter()
        .any(|package| !package.kind.is_os());
    publishers::needed(&inventory.os, languages, &inventory.repositories)
        .into_iter()
        .filter(|publisher| {
            let known = tables.is_some_and(|tables| {
                tables
                    .manifest()
                    .feeds
                    .iter()
                    .any(|feed| feed.id == publisher.id && feed.sha256.is_some())
            });
            !known && publisher.presence == publishers::Presence::Expected || tables.is_none()
        })
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
    recompile(&store, state)?;
    Ok(report)
}

/// Makes the tables anew from the feeds at hand.
pub fn recompile(
    store: &Store,
    state: &State,
) -> Result<overlock_feeds::compile::Manifest, Failure> {
    let locked = store.lock().map_err(|error| {
        let hint = error.hint();
        Failure::environment(error).hint(hint)
    })?;
    compile(&locked, &state.data, &Limits::default()).map_err(|error| {
        let hint = error.hint();
        match error.kind() {
            overlock_feeds::Kind::Environment => Failure::environment(error).hint(hint),
            overlock_feeds::Kind::Input => Failure::input(error).hint(hint),
        }
    })
}
