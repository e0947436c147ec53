//! The rows of one table of an SQLite file, without SQLite.
//!
//! rpm keeps `rpmdb.sqlite` in WAL mode. SQLite itself would create or write the `-shm` file next to it, even to
//! read, and with `immutable=1` it would pass over what the `-wal` still holds. Reading a foreign root must do
//! neither, so the few structures that a table scan needs are read here: header page, schema table, table b-tree,
//! overflow chains and the write-ahead log (SQLite "Database File Format", sections 1.2-1.6, 2.1 and 4). Each page is
//! visited at most once, which bounds the work by the size of the file.

use super::bytes_at::{BytesAt, be};
use super::wal::Wal;
use std::io;

/// Largest payload of one row; rpm headers end at 256 MiB, real ones at a few.
const MAX_ROW_BYTES: u64 = 64 << 20;
/// Deepest b-tree; with 2^32 pages and two children each it would be 32.
const MAX_DEPTH: usize = 32;
/// Most columns of a row; the tables of rpm have two or three.
const MAX_COLUMNS: usize = 64;
const HEADER_BYTES: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Why a file's table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// The file system failed or the file ends early.
    #[error("page {page} cannot be read")]
    Read {
        /// Page, counted from 1.
        page: u32,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Not an SQLite file, or one with structures that contradict each other.
    #[error("it is no sound SQLite file: {0}")]
    Format(&'static str),
    /// The table is not in the file.
    #[error("it has no table `{0}`")]
    NoTable(String),
}

/// One value of a row; numbers that are no integer are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// NULL; also the `INTEGER PRIMARY KEY` column, whose value is the row id.
    Null,
    /// Integer.
    Integer(i64),
    /// Floating point.
    Float,
    /// Bytes.
    Blob(&'a [u8]),
    /// Text, as bytes.
    Text(&'a [u8]),
}

/// A database file with its write-ahead log.
#[derive(Debug)]
pub struct Sqlite<'a, B: BytesAt + ?Sized> {
    file: &'a B,
    wal: Option<Wal<'a, B>>,
    page_size: usize,
    usable: usize,
    pages: u32,
}

impl<'a, B: BytesAt + ?Sized> Sqlite<'a, B> {
    /// Opens a file, and the log next to it if there is one.
    ///
    /// # Errors
    /// When it is no SQLite file or cannot be read.
    pub fn open(file: &'a B, wal: Option<&'a B>) -> Result<Self, SqliteError> {
        let mut header = [0; HEADER_BYTES];
        let first = |source| SqliteError::Read { page: 1, source };
        file.read_at(0, &mut header).map_err(first)?;
        if !header.starts_with(MAGIC) {
            return Err(SqliteError::Format("the first bytes are others"));
        }
        let page_size = match be(at(&header, 16, 2)?) {
            1 => 65536,
            size if size >= 512 && size.is_power_of_two() => size as usize,
            _ => return Err(SqliteError::Format("the page size is none")),
        };
        let usable = page_size - be(at(&header, 20, 1)?) as usize;
        if usable < 480 {
            return Err(SqliteError::Format("the reserved space leaves no room"));
        }
        let wal = match wal {
            Some(log) => Wal::read(log, page_size).map_err(first)?,
            None => None,
        };
        let in_file = file.size().map_err(first)? / page_size as u64;
        let pages = wal
            .as_ref()
            .map_or(in_file, |wal| u64::from(wal.database_pages()));
        let pages =
            u32::try_from(pages).map_err(|_| SqliteError::Format("it has too many pages"))?;
        Ok(Self {
            file,
            wal,
            page_size,
            usable,
            pages,
        })
    }

    /// Calls `row` with the row id and values of each row of `table`, in order of row ids.
    ///
    /// # Errors
    /// When the table is missing or a structure does not hold; rows given before the error were sound.
    pub fn rows(
        &self,
        table: &str,
        mut row: impl FnMut(i64, &[Value<'_>]),
    ) -> Result<(), SqliteError> {
        let mut root = None;
        self.scan(1, &mut |_, values| {
            if let [
                Value::Text(b"table"),
                Value::Text(name),
                _,
                Value::Integer(page),
                ..,
            ] = values
                && *name == table.as_bytes()
            {
                root = u32::try_from(*page).ok();
            }
        })?;
        let root = root.ok_or_else(|| SqliteError::NoTable(table.to_owned()))?;
        self.scan(root, &mut row)
    }

    /// Walks one table b-tree, depth first, left to right.
    fn scan(&self, root: u32, row: &mut dyn FnMut(i64, &[Value<'_>])) -> Result<(), SqliteError> {
        // Pages still to visit with their depth, the next one last.
        let mut waiting = vec![(root, 0)];
        let mut budget = self.pages;
        let mut page = vec![0; self.page_size];
        let mut payload = Vec::new();
        while let Some((number, depth)) = waiting.pop() {
            budget = budget
                .checked_sub(1)
                .ok_or(SqliteError::Format("its b-tree goes in circles"))?;
            if depth > MAX_DEPTH {
                return Err(SqliteError::Format("its b-tree is too deep"));
            }
            self.read_page(number, &mut page)?;
            let start = if number == 1 { HEADER_BYTES } else { 0 };
            let cells = be(at(&page, start + 3, 2)?) as usize;
            match at(&page, start, 1)? {
                [0x05] => {
                    let mut children = Vec::with_capacity(cells + 1);
                    for cell in 0..cells {
                        let offset = be(at(&page, start + 12 + 2 * cell, 2)?) as usize;
                        children.push(be(at(&page, offset, 4)?) as u32);
                    }
                    children.push(be(at(&page, start + 8, 4)?) as u32);
                    waiting.extend(children.into_iter().rev().map(|child| (child, depth + 1)));
                    if waiting.len() > self.pages as usize {
                        return Err(SqliteError::Format(
                            "its b-tree names more pages than there are",
                        ));
                    }
                }
                [0x0d] => {
                    for cell in 0..cells {
                        let offset = be(at(&page, start + 8 + 2 * cell, 2)?) as usize;
                        let row_id = self.cell(&page, offset, &mut payload, &mut budget)?;
                        row(row_id, &record(&payload)?);
                    }
                }
                _ => {
                    return Err(SqliteError::Format(
                        "a page is of another kind than a table's",
                    ));
                }
            }
        }
        Ok(())
    }

    /// Reads a leaf cell's payload, overflow pages included, and gives its row id.
    fn cell(
        &self,
        page: &[u8],
        offset: usize,
        payload: &mut Vec<u8>,
        budget: &mut u32,
    ) -> Result<i64, SqliteError> {
        let (length, after) = varint(page, offset)?;
        let (row_id, body) = varint(page, after)?;
        if length > MAX_ROW_BYTES {
            return Err(SqliteError::Format("a row is larger than any package"));
        }
        let (length, usable) = (length as usize, self.usable);
        let (most, least) = (usable - 35, (usable - 12) * 32 / 255 - 23);
        let local = if length <= most {
            length
        } else {
            let fitting = least + (length - least) % (usable - 4);
            if fitting <= most { fitting } else { least }
        };
        payload.clear();
        payload.extend(at(page, body, local)?);
        if local < length {
            let mut next = be(at(page, body + local, 4)?) as u32;
            let mut overflow = vec![0; self.page_size];
            while payload.len() < length {
                *budget = budget
                    .checked_sub(1)
                    .ok_or(SqliteError::Format("an overflow chain goes in circles"))?;
                self.read_page(next, &mut overflow)?;
                next = be(at(&overflow, 0, 4)?) as u32;
                payload.extend(at(&overflow, 4, (usable - 4).min(length - payload.len()))?);
            }
        }
        Ok(row_id.cast_signed())
    }

    fn read_page(&self, number: u32, page: &mut [u8]) -> Result<(), SqliteError> {
        if number == 0 || number > self.pages {
            return Err(SqliteError::Format("a page number is outside the file"));
        }
        let failed = |source| SqliteError::Read {
            page: number,
            source,
        };
        if let Some(wal) = &self.wal
            && wal.read_page(number, page).map_err(failed)?
        {
            return Ok(());
        }
        self.file
            .read_at((u64::from(number) - 1) * self.page_size as u64, page)
            .map_err(failed)
    }
}

/// Splits a record into its values (section 2.1).
fn record(payload: &[u8]) -> Result<Vec<Value<'_>>, SqliteError> {
    let (header_end, mut cursor) = varint(payload, 0)?;
    let header_end = usize::try_from(header_end)
        .ok()
        .filter(|end| *end <= payload.len());
    let header_end = header_end.ok_or(SqliteError::Format(
        "a record's header is longer than the record",
    ))?;
    let mut body = header_end;
    let mut values = Vec::new();
    while cursor < header_end {
        let (serial, next) = varint(payload, cursor)?;
        cursor = next;
        if values.len() == MAX_COLUMNS {
            return Err(SqliteError::Format("a row has too many columns"));
        }
        let value_bytes = match serial {
            1..=4 => serial as usize,
            5 => 6,
            6 | 7 => 8,
            0 | 8 | 9 => 0,
            10 | 11 => return Err(SqliteError::Format("a record has a reserved type")),
            _ => usize::try_from((serial - 12) / 2).unwrap_or(usize::MAX),
        };
        let bytes = at(payload, body, value_bytes)?;
        body += value_bytes;
        values.push(match serial {
            0 => Value::Null,
            1..=6 => Value::Integer(signed(bytes)),
            7 => Value::Float,
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            blob if blob % 2 == 0 => Value::Blob(bytes),
            _ => Value::Text(bytes),
        });
    }
    Ok(values)
}

fn signed(bytes: &[u8]) -> i64 {
    let unused = 64 - 8 * bytes.len().min(8) as u32;
    be(bytes).cast_signed().checked_shl(unused).unwrap_or(0) >> unused.min(63)
}

/// A variable-length integer and the offset after it (section 1.6).
fn varint(bytes: &[u8], offset: usize) -> Result<(u64, usize), SqliteError> {
    let mut value = 0;
    for position in 0..9 {
        let byte = u64::from(be(at(bytes, offset + position, 1)?) as u8);
        if position == 8 {
            return Ok((value << 8 | byte, offset + 9));
        }
        value = value << 7 | byte & 0x7f;
        if byte & 0x80 == 0 {
            return Ok((value, offset + position + 1));
        }
    }
    Err(SqliteError::Format("a number is longer than nine bytes"))
}

fn at(bytes: &[u8], offset: usize, length: usize) -> Result<&[u8], SqliteError> {
    offset
        .checked_add(length)
        .and_then(|end| bytes.get(offset..end))
        .ok_or(SqliteError::Format("an offset points outside its page"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: usize = 512;

    /// A file of one page whose schema names a table on page 2, and the pages after it.
    fn file(pages: &[Vec<u8>]) -> Vec<u8> {
        let mut first = vec![0; PAGE];
        first[..16].copy_from_slice(MAGIC);
        first[16..18].copy_from_slice(&(PAGE as u16).to_be_bytes());
        // Leaf page with one cell: row 1 of the schema, `table, t, t, 2, NULL`.
        let record = [
            6, 23, 15, 15, 1, 0, b't', b'a', b'b', b'l', b'e', b't', b't', 2,
        ];
        let cell = [&[record.len() as u8, 1], &record[..]].concat();
        let at = PAGE - cell.len();
        first[at..].copy_from_slice(&cell);
        first[100] = 0x0d;
        first[103..105].copy_from_slice(&1u16.to_be_bytes());
        first[108..110].copy_from_slice(&(at as u16).to_be_bytes());
        let mut out = first;
        for page in pages {
            out.extend(page);
            out.resize(out.len().next_multiple_of(PAGE), 0);
        }
        out
    }

    fn rows(bytes: &[u8]) -> Result<Vec<(i64, usize)>, SqliteError> {
        let mut rows = Vec::new();
        Sqlite::open(bytes, None)?.rows("t", |row_id, values| rows.push((row_id, values.len())))?;
        Ok(rows)
    }

    /// An interior page with these children.
    fn interior(children: &[u32]) -> Vec<u8> {
        let mut page = vec![0; PAGE];
        page[0] = 0x05;
        page[3..5].copy_from_slice(&((children.len() - 1) as u16).to_be_bytes());
        for (number, child) in children.iter().enumerate() {
            let at = if number + 1 == children.len() {
                8
            } else {
                400 + 5 * number
            };
            page[at..at + 4].copy_from_slice(&child.to_be_bytes());
            if at != 8 {
                page[12 + 2 * number..14 + 2 * number].copy_from_slice(&(at as u16).to_be_bytes());
            }
        }
        page
    }

    #[test]
    fn circles_and_pages_outside_are_errors() {
        assert!(matches!(
            rows(&file(&[interior(&[2, 2])])),
            Err(SqliteError::Format(_))
        ));
        assert!(matches!(
            rows(&file(&[interior(&[3]), interior(&[2])])),
            Err(SqliteError::Format(_))
        ));
        assert!(matches!(
            rows(&file(&[interior(&[77])])),
            Err(SqliteError::Format(_))
        ));
        assert!(matches!(rows(&file(&[])), Err(SqliteError::Format(_))));
    }

    #[test]
    fn a_missing_table_is_named() {
        let bytes = file(&[vec![0x0d]]);
        assert_eq!(rows(&bytes).unwrap(), []);
        let error = Sqlite::open(&bytes[..], None)
            .unwrap()
            .rows("Packages", |_, _| ())
            .unwrap_err();
        assert!(error.to_string().contains("Packages"));
    }

    #[test]
    fn integers_keep_their_sign() {
        assert_eq!(
            [signed(&[0xff]), signed(&[0x7f]), signed(&[0x80, 0])],
            [-1, 127, -32768]
        );
        assert_eq!(signed(&[0xff; 8]), -1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn no_bytes_panic_or_run_on(
            leaf in proptest::collection::vec(any::<u8>(), 0..PAGE),
            kind in prop_oneof![Just(0x05u8), Just(0x0d), any::<u8>()],
            log in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut page = leaf;
            page.resize(PAGE, 0);
            page[0] = kind;
            page[3] = 0;
            let bytes = file(&[page.clone(), page]);
            let _ = rows(&bytes);
            let _ = Sqlite::open(&bytes[..], Some(&log[..])).map(|database| database.rows("t", |_, _| ()));
            let _ = rows(&bytes[100..]);
        }
    }
}
