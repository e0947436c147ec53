//! Many rows in one statement: what makes a group commit fast on both engines.

use crate::error::{Doing, StoreError};
use sqlx::AnyConnection;
use sqlx::AssertSqlSafe;
use sqlx::any::{AnyArguments, AnyRow};
use std::fmt::Write;

/// Few different sizes, so that each statement is prepared once: SQL texts are what sqlx keeps them by.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];
/// Below SQLite's 32,766 and PostgreSQL's 65,535.
const PARAMETERS: usize = 16_000;

/// A statement around a list of rows: `BEFORE VALUES ($1, $2), ($3, $4) AFTER`.
pub(crate) struct Statement<'a> {
    pub doing: &'static str,
    pub before: &'a str,
    pub columns: usize,
    pub after: &'static str,
}

pub(crate) type Bound = Result<(), sqlx::error::BoxDynError>;

impl Statement<'_> {
    /// Runs it over all rows; returns how many were changed.
    pub async fn run<T>(
        &self,
        connection: &mut AnyConnection,
        rows: &[T],
        bind: impl Fn(&T, &mut AnyArguments) -> Bound,
    ) -> Result<u64, StoreError> {
        let mut changed = 0;
        for chunk in Chunks::of(rows, self.columns) {
            let mut sql = format!("{} VALUES ", self.before);
            for row in 0..chunk.len() {
                sql.push_str(if row == 0 { "(" } else { ", (" });
                list(&mut sql, row * self.columns, self.columns);
                sql.push(')');
            }
            sql.push_str(self.after);
            let mut arguments = AnyArguments::default();
            for row in chunk {
                bind(row, &mut arguments)
                    .map_err(|error| StoreError::of(self.doing, sqlx::Error::Encode(error)))?;
            }
            changed += sqlx::query_with(AssertSqlSafe(sql), arguments)
                .execute(&mut *connection)
                .await
                .doing(self.doing)?
                .rows_affected();
        }
        Ok(changed)
    }
}

/// All rows of `BEFORE ($1, $2, …) AFTER` over a list of keys.
pub(crate) async fn select_in<T>(
    connection: &mut AnyConnection,
    doing: &'static str,
    (before, after): (&'static str, &'static str),
    keys: &[T],
    bind: impl Fn(&T, &mut AnyArguments) -> Bound,
) -> Result<Vec<AnyRow>, StoreError> {
    let mut rows = Vec::new();
    for chunk in Chunks::of(keys, 1) {
        let mut sql = format!("{before} (");
        list(&mut sql, 0, chunk.len());
        sql.push(')');
        sql.push_str(after);
        let mut arguments = AnyArguments::default();
        for key in chunk {
            bind(key, &mut arguments)
                .map_err(|error| StoreError::of(doing, sqlx::Error::Encode(error)))?;
        }
        rows.extend(
            sqlx::query_with(AssertSqlSafe(sql), arguments)
                .fetch_all(&mut *connection)
                .await
                .doing(doing)?,
        );
    }
    Ok(rows)
}

fn list(sql: &mut String, from: usize, count: usize) {
    for at in 1..=count {
        let comma = if at == 1 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(sql, "{comma}${}", from + at);
    }
}

struct Chunks<'a, T> {
    rest: &'a [T],
    columns: usize,
}

impl<'a, T> Chunks<'a, T> {
    fn of(rest: &'a [T], columns: usize) -> Self {
        Self { rest, columns }
    }
}

impl<'a, T> Iterator for Chunks<'a, T> {
    type Item = &'a [T];

    fn next(&mut self) -> Option<&'a [T]> {
        let size = SIZES.into_iter().find(|size| {
            *size <= self.rest.len() && (*size == 1 || size * self.columns <= PARAMETERS)
        })?;
        let (chunk, rest) = self.rest.split_at_checked(size)?;
        self.rest = rest;
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_have_few_sizes_and_lose_nothing() {
        let rows: Vec<usize> = (0..700).collect();
        let chunks: Vec<&[usize]> = Chunks::of(&rows, 8).collect();
        assert_eq!(chunks.concat(), rows);
        assert!(chunks.iter().all(|chunk| SIZES.contains(&chunk.len())));
        assert!(
            Chunks::of(&rows, 200)
                .all(|chunk: &[usize]| chunk.len() * 200 <= PARAMETERS || chunk.len() == 1)
        );
        assert_eq!(Chunks::<u8>::of(&[], 1).count(), 0);
    }
}
