//! `overlock backup` and `overlock restore`: all that the server knows, in one checked file.

use crate::cli::{Backup, Restore};
use crate::exit::{Done, Failure};
use crate::fleet::local;
use crate::state::State;
use overlock_store::Store;
use std::io::Write;

pub fn backup(args: &Backup, state: &State) -> Result<Done, Failure> {
    let written = local::runtime()?.block_on(async {
        let store = local::open_existing(&args.database, state).await?;
        let written = store
            .backup(&args.file, state.clock())
            .await
            .map_err(local::failure);
        store.close().await;
        written
    })?;
    let rows: u64 = written.rows.values().sum();
    writeln!(
        anstream::stdout().lock(),
        "{}: {rows} rows of {} tables, sha256 {}",
        args.file.display(),
        written.rows.len(),
        written.sha256
    )?;
    Ok(Done::Clear)
}

pub fn restore(args: &Restore, state: &State) -> Result<Done, Failure> {
    // A file that is no backup must not leave an empty database behind.
    overlock_store::check_backup(&args.file).map_err(local::failure)?;
    let database = local::database(&args.database, state)?;
    let restored = local::runtime()?.block_on(async {
        let store = Store::open(&database).await.map_err(local::failure)?;
        let restored = store.restore(&args.file).await.map_err(local::failure);
        store.close().await;
        restored
    })?;
    let rows: u64 = restored.rows.values().sum();
    writeln!(
        anstream::stdout().lock(),
        "{rows} rows are back as of {}",
        restored.created.strftime("%Y-%m-%d %H:%M:%S UTC")
    )?;
    Ok(Done::Clear)
}
