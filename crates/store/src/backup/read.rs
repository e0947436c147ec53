//! Reading a backup, and writing it into an empty database.

use super::tables::{TABLES, Table};
use super::{Backup, HEADER_BYTES, LINE_BYTES, SCHEMA};
use crate::Store;
use crate::batch::Statement;
use crate::columns::Columns;
use crate::database::{Writing, newest};
use crate::error::{Doing, StoreError};
use crate::log::{LogVerdict, verify};
use aws_lc_rs::digest::{Context, SHA256};
use serde::Deserialize;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Rows written at a time.
const GROUP: usize = 64;

impl Store {
    /// Writes a backup into this database, which must be empty. Digest, rows and the chain of the log are checked before
    /// the commit; of a backup that does not hold nothing is written.
    ///
    /// # Errors
    /// When the backup is not whole or from a newer program, or the database is not empty or fails.
    pub async fn restore(&self, path: &Path) -> Result<Backup, StoreError> {
        super::check_backup(path)?;
        let mut writing = self.write().await?;
        empty(&mut writing).await?;
        let mut reader = Reader::open(path)?;
        let mut rows = Vec::with_capacity(GROUP);
        let mut current: Option<Target> = None;
        while let Some(item) = reader.next()? {
            match item {
                Item::Table(table, columns) => {
                    flush(&mut writing, current.as_ref(), &mut rows).await?;
                    current = Some(Target::of(table, &columns, path)?);
                }
                Item::Row(values) => {
                    rows.push(values);
                    if rows.len() == GROUP {
                        flush(&mut writing, current.as_ref(), &mut rows).await?;
                    }
                }
            }
        }
        flush(&mut writing, current.as_ref(), &mut rows).await?;
        let backup = reader.finish()?;
        match verify(writing.connection(), |_, _| {}).await? {
            LogVerdict::Holds(_) => writing.commit().await.map(|()| backup),
            LogVerdict::Broken(at) => Err(StoreError::damaged(
                path.display().to_string(),
                format!("row {} of the log does not hold: {}", at.seq, at.what),
            )),
        }
    }
}

/// Where rows go.
struct Target {
    table: &'static Table,
    before: String,
    /// For each value of a row, which column it is.
    columns: Vec<usize>,
}

impl Target {
    fn of(table: &'static Table, columns: &[String], path: &Path) -> Result<Self, StoreError> {
        let places = columns
            .iter()
            .map(|column| table.columns.iter().position(|(name, _)| name == column))
            .collect::<Option<Vec<usize>>>()
            .ok_or_else(|| {
                let what = format!(
                    "table `{}` has a column that this program does not know",
                    table.name
                );
                StoreError::damaged(path.display().to_string(), what)
            })?;
        // All names are our own by now.
        let before = format!("INSERT INTO {} ({})", table.name, columns.join(", "));
        Ok(Self {
            table,
            before,
            columns: places,
        })
    }
}

async fn empty(writing: &mut Writing) -> Result<(), StoreError> {
    const DOING: &str = "looking whether the database is empty";
    if writing.head.is_some_and(|head| head.rows != 0) {
        return Err(StoreError::NotEmpty);
    }
    for table in TABLES.iter().filter(|table| table.name != "log_head") {
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT COUNT(*) AS rows_there FROM {}",
            table.name
        )))
        .fetch_one(writing.connection())
        .await
        .doing(DOING)?;
        if row.int("rows_there")? != 0 {
            return Err(StoreError::NotEmpty);
        }
    }
    // The backup brings its own.
    sqlx::query("DELETE FROM log_head")
        .execute(writing.connection())
        .await
        .doing(DOING)
        .map(drop)
}

async fn flush(
    writing: &mut Writing,
    target: Option<&Target>,
    rows: &mut Vec<Vec<Value>>,
) -> Result<(), StoreError> {
    if let Some(target) = target {
        Statement {
            doing: "restoring",
            before: &target.before,
            columns: target.columns.len(),
            after: "",
        }
        .run(writing.connection(), rows, |row, to| {
            for (value, column) in row.iter().zip(&target.columns) {
                let (_, kind) = target.table.columns.get(*column).ok_or("no such column")?;
                kind.bind(value, to)?;
            }
            Ok(())
        })
        .await?;
    }
    rows.clear();
    Ok(())
}

/// A line of a backup.
pub(super) enum Item {
    Table(&'static Table, Vec<String>),
    Row(Vec<Value>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Row(Vec<Value>),
    Table { table: String, columns: Vec<String> },
    End { end: bool },
}

/// Reads a backup line by line, hashing and counting on the way.
pub(super) struct Reader {
    path: PathBuf,
    header: Backup,
    lines: BufReader<zstd::stream::read::Decoder<'static, BufReader<Hashing>>>,
    table: Option<(&'static Table, usize)>,
    rows: BTreeMap<String, u64>,
    ended: bool,
}

struct Hashing {
    file: File,
    context: Context,
    size_bytes: u64,
}

impl Read for Hashing {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(to)?;
        self.context.update(to.get(..read).unwrap_or_default());
        self.size_bytes += read as u64;
        Ok(read)
    }
}

impl Reader {
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut file = File::open(path).map_err(|error| StoreError::file(path, error))?;
        let damaged = |what: String| StoreError::damaged(path.display().to_string(), what);
        let mut bytes = [0; HEADER_BYTES];
        file.read_exact(&mut bytes)
            .map_err(|_| damaged("it is too short for a backup".to_owned()))?;
        let header: Backup = serde_json::from_slice(&bytes)
            .map_err(|error| damaged(format!("it does not begin as a backup: {error}")))?;
        if header.schema != SCHEMA {
            return Err(damaged(format!(
                "its schema is `{}`, not `{SCHEMA}`",
                header.schema
            )));
        }
        if header.form > newest() {
            return Err(StoreError::Newer {
                found: header.form,
                known: newest(),
            });
        }
        let hashing = Hashing {
            file,
            context: Context::new(&SHA256),
            size_bytes: 0,
        };
        let unpacker = zstd::stream::read::Decoder::new(hashing)
            .map_err(|error| StoreError::file(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            header,
            lines: BufReader::new(unpacker),
            table: None,
            rows: BTreeMap::new(),
            ended: false,
        })
    }

    fn damaged(&self, what: impl ToString) -> StoreError {
        StoreError::damaged(self.path.display().to_string(), what)
    }

    /// The next table or row; none at the end.
    pub fn next(&mut self) -> Result<Option<Item>, StoreError> {
        let mut line = Vec::new();
        (&mut self.lines)
            .take(LINE_BYTES)
            .read_until(b'\n', &mut line)
            .map_err(|error| self.damaged(format!("it cannot be unpacked: {error}")))?;
        if line.is_empty() {
            return Ok(None);
        }
        if self.ended || line.last() != Some(&b'\n') {
            return Err(self.damaged("a line is not where it should be"));
        }
        let line = serde_json::from_slice(&line)
            .map_err(|error| self.damaged(format!("a line cannot be read: {error}")))?;
        match line {
            Line::End { end: true } => {
                self.ended = true;
                // What follows must be nothing.
                self.next()
            }
            Line::End { end: false } => Err(self.damaged("a line cannot be read")),
            Line::Table {
                table: name,
                columns,
            } => {
                let table = Table::named(&name)
                    .ok_or_else(|| self.damaged(format!("table `{name}` is not known")))?;
                if self.rows.insert(name.clone(), 0).is_some() {
                    return Err(self.damaged(format!("table `{name}` is there twice")));
                }
                self.table = Some((table, columns.len()));
                Ok(Some(Item::Table(table, columns)))
            }
            Line::Row(values) => {
                let Some((table, columns)) = self.table else {
                    return Err(self.damaged("a row is before any table"));
                };
                if values.len() != columns {
                    return Err(self.damaged(format!(
                        "a row of `{}` has {} values",
                        table.name,
                        values.len()
                    )));
                }
                if let Some(count) = self.rows.get_mut(table.name) {
                    *count += 1;
                }
                Ok(Some(Item::Row(values)))
            }
        }
    }

    /// Whether all of it was what the header says.
    pub fn finish(mut self) -> Result<Backup, StoreError> {
        if !self.ended {
            return Err(self.damaged("its end is missing"));
        }
        // What may follow the packed part belongs to the file's digest too.
        let mut rest = Vec::new();
        let path = self.path.clone();
        let hashing = self.lines.get_mut().get_mut();
        hashing
            .take(LINE_BYTES)
            .read_to_end(&mut rest)
            .map_err(|error| StoreError::file(path, error))?;
        let hashing = self.lines.get_ref().get_ref().get_ref();
        let sum = hashing.context.clone().finish();
        if hashing.size_bytes != self.header.size_bytes
            || sum.as_ref() != self.header.sha256.bytes()
        {
            return Err(self.damaged("its SHA-256 is not the one it names"));
        }
        if self.rows != self.header.rows {
            return Err(self.damaged("it does not hold as many rows as it names"));
        }
        Ok(self.header)
    }
}
