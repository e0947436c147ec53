//! The server's database opened by a local command, as its owner: what no HTTP route can do.

use crate::cli::Database as Given;
use crate::exit::Failure;
use crate::state::State;
use overlock_store::{Database, Store, StoreError};

/// The database that is meant: `--database`, else the file in the data directory.
pub fn database(given: &Given, state: &State) -> Result<Database, Failure> {
    match &given.database {
        Some(text) => Database::parse(text).map_err(failure),
        None => Ok(Database::in_folder(&state.data)),
    }
}

/// Opens it.
pub async fn open(given: &Given, state: &State) -> Result<Store, Failure> {
    Store::open(&database(given, state)?).await.map_err(failure)
}

/// Whether there is a database; of a PostgreSQL its server says so.
pub fn is_there(given: &Given, state: &State) -> Result<bool, Failure> {
    Ok(match database(given, state)? {
        Database::Sqlite(file) => file.is_file(),
        Database::Postgres(_) => true,
    })
}

/// Opens one that must be there: an empty one, made just now, would be checked or kept as if it were the fleet's.
pub async fn open_existing(given: &Given, state: &State) -> Result<Store, Failure> {
    if !is_there(given, state)? {
        let server = state.data.join("server");
        return Err(Failure::input(anyhow::anyhow!(
            "there is no database in `{}`",
            server.display()
        ))
        .hint("give --data or --database as the server has them"));
    }
    open(given, state).await
}

/// What a failure of the store means for the exit code.
pub fn failure(error: StoreError) -> Failure {
    let hint = error.hint().map(str::to_owned);
    let failure = match error {
        StoreError::Address(_) | StoreError::Damaged { .. } | StoreError::NotEmpty => {
            Failure::input(error)
        }
        error => Failure::environment(error),
    };
    Failure { hint, ..failure }
}

/// A runtime for one local command.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// Random bytes from the system.
pub fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(std::io::Error::from)?;
    Ok(bytes)
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
