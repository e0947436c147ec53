//! What the tests share: databases of both engines, times, hosts, reports.

use jiff::{SignedDuration, Timestamp};
use overlock_model::asset::HostFacts;
use overlock_model::plan::{Digest, HostId};
use overlock_protocol::{Section, SectionContent};
use overlock_store::{
    Accepted, By, Content, Database, Enrolment, EnrolmentToken, NewHost, Outcome, Store, Uses,
};
use std::collections::{BTreeMap, BTreeSet};

/// A database of a test, and what keeps it there.
pub struct World {
    pub database: Database,
    _folder: Option<tempfile::TempDir>,
}

impl World {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            database: Database::in_folder(folder.path()),
            _folder: Some(folder),
        }
    }

    pub fn postgres(test: &str) -> Option<Self> {
        let cluster = overlock_testkit::postgres::postgres(test)?;
        Some(Self {
            database: Database::parse(&cluster.create_database()).unwrap(),
            _folder: None,
        })
    }

    pub async fn open(&self) -> Store {
        Store::open(&self.database).await.unwrap()
    }

    /// The database behind the store's back.
    pub async fn raw(&self) -> sqlx::AnyPool {
        sqlx::any::install_default_drivers();
        let url = match &self.database {
            Database::Sqlite(path) => format!("sqlite:{}", path.display()),
            Database::Postgres(url) => url.clone(),
        };
        let options = sqlx::any::AnyPoolOptions::new().max_connections(1);
        options.connect(&url).await.unwrap()
    }

    pub async fn tables(&self) -> Vec<String> {
        let sql = match self.database {
            Database::Sqlite(_) => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
            }
            Database::Postgres(_) => {
                "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
            }
        };
        self.names(sql, &[]).await
    }

    pub async fn columns(&self, table: &str) -> Vec<String> {
        let sql = match self.database {
            Database::Sqlite(_) => "SELECT name FROM pragma_table_info($1) ORDER BY name",
            Database::Postgres(_) => {
                "SELECT CAST(column_name AS TEXT) AS name FROM information_schema.columns \
                 WHERE table_name = $1 AND table_schema = 'public' ORDER BY 1"
            }
        };
        self.names(sql, &[table]).await
    }

    async fn names(&self, sql: &'static str, arguments: &[&str]) -> Vec<String> {
        let raw = self.raw().await;
        let mut query = sqlx::query_scalar(sql);
        for argument in arguments {
            query = query.bind((*argument).to_owned());
        }
        query.fetch_all(&raw).await.unwrap()
    }
}

/// Makes a test of each function for each engine: `async fn(World)`.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                $crate::world::run(super::$name($crate::world::World::sqlite()));
            })+
        }
        mod postgres {
            $(#[test]
            fn $name() {
                let test = concat!(module_path!(), "::", stringify!($name));
                if let Some(world) = $crate::world::World::postgres(test) {
                    $crate::world::run(super::$name(world));
                }
            })+
        }
    };
}
pub(crate) use both;

pub fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

/// Some seconds after the beginning of the tests' time.
pub fn at(seconds: i64) -> Timestamp {
    "2026-05-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

pub fn by(seconds: i64) -> By {
    By::server(at(seconds))
}

pub fn host(number: u8) -> HostId {
    HostId::from_random([number; 16])
}

pub fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

pub fn token(id: &str, uses: Uses) -> EnrolmentToken {
    EnrolmentToken {
        id: id.into(),
        uses,
        bound: None,
        group: Some("web".into()),
        facts: HostFacts::default(),
        needs_confirmation: false,
        expires: at(900),
    }
}

pub fn new_host(number: u8) -> NewHost {
    NewHost {
        id: host(number),
        name: format!("host-{number}"),
        machine_id: format!("{number:032x}"),
        agent: "0.1.0".into(),
        key: digest(&format!("key of {number}")),
    }
}

/// Adds active hosts with the numbers from 1.
pub async fn enrol(store: &Store, count: u8) {
    let many = token("many", Uses::Times(u32::from(count)));
    let secret = digest("many");
    store
        .add_enrolment_token(&many, secret, &by(0))
        .await
        .unwrap();
    for number in 1..=count {
        let enrolment = store.enrol(secret, &new_host(number), at(0)).await.unwrap();
        assert!(
            matches!(enrolment, Enrolment::Enrolled { .. }),
            "{enrolment:?}"
        );
    }
}

pub fn content(values: &[&str]) -> SectionContent {
    SectionContent::of(values).unwrap()
}

/// A report of one section with these lines.
pub fn report(
    number: u8,
    seconds: i64,
    expected: Option<Digest>,
    section: Section,
    values: &[&str],
) -> Accepted {
    Accepted {
        host: host(number),
        at: at(seconds),
        expected,
        changed: BTreeMap::from([(section, Content::of(&content(values)).unwrap())]),
        dropped: BTreeSet::new(),
        labels: None,
    }
}

/// The host's state after a report that must have been taken in.
pub fn taken(outcome: &Outcome) -> Digest {
    match outcome {
        Outcome::Accepted { state, .. } => *state,
        other => panic!("not accepted: {other:?}"),
    }
}

pub async fn accept(store: &Store, report: Accepted) -> Outcome {
    store.accept(&[report]).await.unwrap().remove(0)
}
