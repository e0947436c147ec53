//! Which database, how it is opened, and how a transaction that writes begins.

use crate::columns::Columns;
use crate::error::{Doing, StoreError};
use crate::log::Head;
use sqlx::AnyConnection;
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Any, AnyPool, Connection, Executor, SqlSafeStr, Transaction};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The two engines. The SQL is the same; what differs is said here and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file, one server.
    Sqlite,
    /// A server of its own, for several `overlock serve`.
    Postgres,
}

impl Engine {
    /// The word used in backups and status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file; it is made, readable by its owner only, if it is not there.
    Sqlite(PathBuf),
    /// `postgres://…`, which may hold a password.
    Postgres(String),
}

impl Database {
    /// `server/overlock.db` in the data directory: where it is unless somebody says otherwise.
    #[must_use]
    pub fn in_folder(data: &Path) -> Self {
        Self::Sqlite(data.join("server/overlock.db"))
    }

    /// What `--database` says.
    ///
    /// # Errors
    /// When it has the scheme of another database.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let path = text.strip_prefix("sqlite:").unwrap_or(text);
        if path.is_empty() || path.contains("://") {
            // What stands between `//` and `@` may be a password.
            let scheme = text.split("://").next().unwrap_or_default();
            return Err(StoreError::Address(format!("{scheme}:…")));
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }

    /// Which engine it is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let rest = url.rsplit('@').next().unwrap_or_default();
                write!(f, "postgres://…@{rest}")
            }
        }
    }
}

/// Everything that the server remembers. Cheap to clone: all clones share one pool of connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: AnyPool,
    engine: Engine,
    /// SQLite has one writer. Waiting for one's turn here is fair; waiting inside SQLite is not.
    turn: Arc<Mutex<()>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.engine.as_str())
    }
}

/// Connections to SQLite: one writes, the others read beside it.
const SQLITE_CONNECTIONS: u32 = 4;
/// Connections of one server to PostgreSQL, whose own limit is 100 unless somebody raised it.
const POSTGRES_CONNECTIONS: u32 = 8;
/// How long a caller waits for a connection; agents try again by themselves.
const ACQUIRE: Duration = Duration::from_secs(5);

impl Store {
    /// Opens the database, makes it if it is a file that is not there, and brings it to this program's form.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, or belongs to a newer program.
    pub async fn open(database: &Database) -> Result<Self, StoreError> {
        let store = Self::connect(database).await?;
        match migrate(&store, None).await {
            Ok(()) => Ok(store),
            Err(error) => {
                // The lock on migrations belongs to its connection, so the connection must not go back to a pool.
                store.close().await;
                Err(error)
            }
        }
    }

    /// Opens the database in the form of an older program; only tests of upgrades do.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[doc(hidden)]
    pub async fn open_as_of(database: &Database, version: i64) -> Result<Self, StoreError> {
        let store = Self::connect(database).await?;
        migrate(&store, Some(version)).await?;
        Ok(store)
    }

    async fn connect(database: &Database) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let engine = database.engine();
        let options = AnyPoolOptions::new().acquire_timeout(ACQUIRE);
        let (options, url) = match database {
            Database::Sqlite(path) => {
                make_file(path)?;
                let url = sqlite_url(path)?;
                try_sqlite(&url).await.doing("opening the database")?;
                (sqlite_options(options), url)
            }
            Database::Postgres(url) => (options.max_connections(POSTGRES_CONNECTIONS), url.clone()),
        };
        let pool = options.connect(&url).await.doing("opening the database")?;
        Ok(Self {
            pool,
            engine,
            turn: Arc::new(Mutex::new(())),
        })
    }

    /// Which engine holds it.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT row_count FROM log_head WHERE id = 1")
            .fetch_one(&self.pool)
            .await
            .doing("asking whether the database answers")
            .map(drop)
    }

    /// Ends all connections, after what is under way.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Begins a change of state. The head of the log is locked first, so that all such changes come one after the other,
    /// on all replicas, in the order of the log, and two of them can never wait for each other.
    pub(crate) async fn write(&self) -> Result<Writing, StoreError> {
        let mut writing = self.write_unlogged().await?;
        let row = sqlx::query(match self.engine {
            Engine::Sqlite => "SELECT row_count, hash FROM log_head WHERE id = 1",
            Engine::Postgres => "SELECT row_count, hash FROM log_head WHERE id = 1 FOR UPDATE",
        })
        .fetch_optional(writing.connection())
        .await
        .doing("locking the head of the log")?
        .ok_or_else(|| StoreError::damaged("log_head", "its row is missing"))?;
        writing.head = Some(Head {
            rows: row.int("row_count")?,
            hash: row.digest("hash")?,
        });
        Ok(writing)
    }

    /// Begins a write that is no change of state: presence, sessions, leases. It must not touch what [`Self::write`] does.
    pub(crate) async fn write_unlogged(&self) -> Result<Writing, StoreError> {
        let turn = match self.engine {
            Engine::Sqlite => Some(Arc::clone(&self.turn).lock_owned().await),
            Engine::Postgres => None,
        };
        let transaction = self.transaction().await?;
        Ok(Writing {
            transaction,
            head: None,
            _turn: turn,
        })
    }

    async fn transaction(&self) -> Result<Transaction<'static, Any>, StoreError> {
        self.pool
            .begin_with(match self.engine {
                // A transaction that begins by reading could not become a writing one once somebody else has written.
                Engine::Sqlite => "BEGIN IMMEDIATE",
                Engine::Postgres => "BEGIN",
            })
            .await
            .doing("beginning a transaction")
    }

    /// Begins a look at one moment of the database, whatever is written meanwhile.
    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Any>, StoreError> {
        self.pool
            .begin_with(match self.engine {
                Engine::Sqlite => "BEGIN DEFERRED",
                Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            })
            .await
            .doing("beginning to read")
    }
}

/// A transaction that writes; dropped, it is rolled back.
pub(crate) struct Writing {
    transaction: Transaction<'static, Any>,
    pub(crate) head: Option<Head>,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Writing {
    pub fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().await.doing("committing")
    }
}

fn make_file(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| StoreError::file(folder, error))?;
    }
    // It holds the key of the authority; SQLite gives its other files the mode of this one. A file that is there must not
    // be opened: closing it would end the locks (POSIX) that this process has on it by SQLite.
    let made = std::fs::OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::file(path, error))
        }
        _ => Ok(()),
    }
}

fn sqlite_url(path: &Path) -> Result<String, StoreError> {
    let address = || StoreError::Address(path.display().to_string());
    let text = path.to_str().ok_or_else(address)?;
    // In an address these would begin something else.
    let escaped: String = text
        .chars()
        .map(|character| match character {
            '%' => "%25".to_owned(),
            '?' => "%3F".to_owned(),
            '#' => "%23".to_owned(),
            ' ' => "%20".to_owned(),
            other => other.to_string(),
        })
        .collect();
    Ok(format!("sqlite:{escaped}?mode=rwc"))
}

/// What every connection to SQLite begins with: an answer only after the disk has it, and readers beside the writer.
const PRAGMAS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864;";

fn sqlite_options(options: AnyPoolOptions) -> AnyPoolOptions {
    options
        .max_connections(SQLITE_CONNECTIONS)
        // Done below; twice costs a twentieth of a report.
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            Box::pin(async move {
                // Waits for a rollback that is still under way.
                connection.ping().await?;
                // After a full disk SQLite rolls back by itself, which sqlx does not hear of: such a connection is of no
                // more use.
                Ok(!connection.is_in_transaction())
            })
        })
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(PRAGMAS).await.map(drop) })
        })
}

/// One connection before the pool, which would try again and again where there is nothing to wait for.
async fn try_sqlite(url: &str) -> Result<(), sqlx::Error> {
    let mut connection = AnyConnection::connect(url).await?;
    connection.execute(PRAGMAS).await?;
    connection.close().await
}

/// The forms of the database, by version. A form that was released never changes; a new one is added.
const MIGRATIONS: [(i64, &str, &str, &str); 2] = [
    (
        1,
        "fleet",
        include_str!("../migrations/sqlite/0001_fleet.sql"),
        include_str!("../migrations/postgres/0001_fleet.sql"),
    ),
    (
        2,
        "access",
        include_str!("../migrations/sqlite/0002_access.sql"),
        include_str!("../migrations/postgres/0002_access.sql"),
    ),
];

/// Newest form of the database that this program knows.
pub(crate) fn newest() -> i64 {
    MIGRATIONS
        .iter()
        .map(|(version, ..)| *version)
        .max()
        .unwrap_or(0)
}

async fn migrate(store: &Store, target: Option<i64>) -> Result<(), StoreError> {
    const DOING: &str = "bringing the database to this program's form";
    let migrations = MIGRATIONS
        .iter()
        .map(|(version, name, sqlite, postgres)| {
            let sql = match store.engine {
                Engine::Sqlite => *sqlite,
                Engine::Postgres => *postgres,
            };
            Migration::new(
                *version,
                (*name).into(),
                MigrationType::Simple,
                sql.into_sql_str(),
                false,
            )
        })
        .collect();
    let migrator = Migrator::with_migrations(migrations);
    // One transaction around all of them: whoever starts at the same time waits, and half an upgrade is none.
    let mut transaction = store.transaction().await?;
    if store.engine == Engine::Postgres {
        // The migrator's own lock ends before the transaction does.
        sqlx::query("SELECT pg_advisory_xact_lock(7841120535)")
            .execute(&mut *transaction)
            .await
            .doing(DOING)?;
    }
    migrator
        .run_direct(target, &mut *transaction, false)
        .await
        .map_err(|error| match error {
            MigrateError::VersionMissing(found) if found > newest() => StoreError::Newer {
                found,
                known: newest(),
            },
            MigrateError::VersionMissing(version)
            | MigrateError::VersionMismatch(version)
            | MigrateError::Dirty(version) => StoreError::damaged(
                "_sqlx_migrations",
                format!("version {version} is not what this program knows it as"),
            ),
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                StoreError::of(DOING, error)
            }
            other => StoreError::damaged("_sqlx_migrations", other),
        })?;
    transaction.commit().await.doing(DOING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_have_the_same_migrations() {
        for (version, _, sqlite, postgres) in MIGRATIONS {
            let translated = sqlite.replace("BLOB", "BYTEA").replace("X'00", r"'\x00");
            assert_eq!(translated, postgres, "migration {version}");
        }
    }

    #[test]
    fn an_address_hides_its_password() {
        let database = Database::parse("postgres://me:secret@db.example.org/overlock").unwrap();
        assert_eq!(
            format!("{database:?}"),
            "postgres://…@db.example.org/overlock"
        );
        let error = Database::parse("mysql://me:secret@db.example.org/x").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(
            Database::parse("sqlite:/a b/c?.db").unwrap(),
            Database::Sqlite("/a b/c?.db".into())
        );
    }

    #[tokio::test]
    async fn every_connection_of_sqlite_is_durable_and_keeps_references() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::in_folder(folder.path()))
            .await
            .unwrap();
        let mut held = Vec::new();
        for _ in 0..SQLITE_CONNECTIONS {
            let mut connection = store.pool.acquire().await.unwrap();
            for (name, expected) in [
                ("synchronous", 2),
                ("foreign_keys", 1),
                ("busy_timeout", 10_000),
            ] {
                let sql = sqlx::AssertSqlSafe(format!("PRAGMA {name}"));
                let value: i64 = sqlx::query_scalar(sql)
                    .fetch_one(&mut *connection)
                    .await
                    .unwrap();
                assert_eq!(value, expected, "{name}");
            }
            let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
                .fetch_one(&mut *connection)
                .await
                .unwrap();
            assert_eq!(mode, "wal");
            held.push(connection);
        }
    }
}
