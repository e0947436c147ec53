//! Taking a backup.

use super::tables::{TABLES, Table};
use super::{Backup, HEADER_BYTES, SCHEMA};
use crate::Store;
use crate::database::newest;
use crate::error::{Doing, StoreError};
use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use overlock_model::plan::Digest;
use serde_json::{Value, json};
use sqlx::any::AnyArguments;
use sqlx::{AnyConnection, AssertSqlSafe};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// Rows read at a time; some hold whole contents.
const PAGE: i64 = 128;

impl Store {
    /// Writes the whole database, as it is at one moment, into a new file readable by its owner only.
    ///
    /// The file has its name only once it is whole and on disk. It holds the authority's key.
    ///
    /// # Errors
    /// When the database or the disk fails; there is no file then.
    pub async fn backup(&self, path: &Path, at: Timestamp) -> Result<Backup, StoreError> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        // Removed unless it was given its name.
        let part = Part::create(path)?;
        let failed = |error| StoreError::file(path, error);
        let file = part.file.try_clone().map_err(failed)?;
        let mut body = Body::begin(file).map_err(failed)?;
        let mut snapshot = self.snapshot().await?;
        let mut rows = BTreeMap::new();
        for table in TABLES {
            body.line(&json!({ "table": table.name, "columns": table.names() }))
                .map_err(failed)?;
            let count = copy(&mut snapshot, table, &mut body, path).await?;
            rows.insert(table.name.to_owned(), count);
        }
        body.line(&json!({ "end": true })).map_err(failed)?;
        let (sha256, size_bytes) = body.end().map_err(failed)?;
        let backup = Backup {
            schema: SCHEMA.to_owned(),
            engine: self.engine().as_str().to_owned(),
            form: newest(),
            created: at,
            rows,
            sha256,
            size_bytes,
        };
        part.finish(&backup, path, folder).map_err(failed)?;
        Ok(backup)
    }
}

async fn copy(
    connection: &mut AnyConnection,
    table: &Table,
    body: &mut Body,
    path: &Path,
) -> Result<u64, StoreError> {
    const DOING: &str = "reading for a backup";
    let names = table.names().join(", ");
    let keys: Vec<&str> = table.names().into_iter().take(table.key).collect();
    let key = keys.join(", ");
    let places: Vec<String> = (1..=table.key).map(|at| format!("${at}")).collect();
    let first = format!(
        "SELECT {names} FROM {} ORDER BY {key} LIMIT {PAGE}",
        table.name
    );
    let next = format!(
        "SELECT {names} FROM {} WHERE ({key}) > ({}) ORDER BY {key} LIMIT {PAGE}",
        table.name,
        places.join(", ")
    );
    let mut last: Option<Vec<Value>> = None;
    let mut count = 0;
    loop {
        let mut arguments = AnyArguments::default();
        for ((_, kind), value) in table
            .columns
            .iter()
            .zip(last.iter().flatten())
            .take(table.key)
        {
            kind.bind(value, &mut arguments)
                .map_err(|error| StoreError::of(DOING, sqlx::Error::Encode(error)))?;
        }
        let sql = if last.is_some() { &next } else { &first };
        let rows = sqlx::query_with(AssertSqlSafe(sql.clone()), arguments)
            .fetch_all(&mut *connection)
            .await
            .doing(DOING)?;
        if rows.is_empty() {
            return Ok(count);
        }
        for row in &rows {
            let values = table
                .columns
                .iter()
                .map(|(name, kind)| kind.read(row, name))
                .collect::<Result<Vec<Value>, _>>()?;
            body.line(&values)
                .map_err(|error| StoreError::file(path, error))?;
            last = Some(values);
            count += 1;
        }
    }
}

/// What follows the header: packed, hashed and counted on its way to the file.
struct Body {
    packer: zstd::stream::write::Encoder<'static, Hashing>,
}

struct Hashing {
    file: File,
    context: Context,
    size_bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.context
            .update(bytes.get(..written).unwrap_or_default());
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Body {
    fn begin(mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(HEADER_BYTES as u64))?;
        let hashing = Hashing {
            file,
            context: Context::new(&SHA256),
            size_bytes: 0,
        };
        Ok(Self {
            packer: zstd::stream::write::Encoder::new(hashing, 3)?,
        })
    }

    fn line<T: serde::Serialize>(&mut self, value: &T) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.packer.write_all(&line)
    }

    fn end(self) -> io::Result<(Digest, u64)> {
        let hashing = self.packer.finish()?;
        let mut digest = [0; 32];
        for (to, from) in digest.iter_mut().zip(hashing.context.finish().as_ref()) {
            *to = *from;
        }
        Ok((Digest::from_bytes(digest), hashing.size_bytes))
    }
}

/// A file that is being written, beside where it will be.
struct Part {
    path: std::path::PathBuf,
    file: File,
}

impl Part {
    fn create(path: &Path) -> Result<Self, StoreError> {
        use std::os::unix::fs::OpenOptionsExt;
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        let part = std::path::PathBuf::from(name);
        // What a backup that was cut off left behind.
        drop(std::fs::remove_file(&part));
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .map_err(|error| StoreError::file(&part, error))?;
        Ok(Self { path: part, file })
    }

    fn finish(mut self, backup: &Backup, path: &Path, folder: &Path) -> io::Result<()> {
        let mut header = serde_json::to_vec(backup)?;
        if header.len() >= HEADER_BYTES {
            return Err(io::Error::other("the header does not fit its place"));
        }
        header.resize(HEADER_BYTES - 1, b' ');
        header.push(b'\n');
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header)?;
        self.file.sync_all()?;
        std::fs::rename(&self.path, path)?;
        File::open(folder)?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Once it has its name there is nothing here any more.
        drop(std::fs::remove_file(&self.path));
    }
}
