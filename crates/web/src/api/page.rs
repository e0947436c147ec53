//! Pages of lists: at most so many rows, and a cursor to those after.

use super::cursor;
use crate::problem::Problem;
use crate::routes::Query;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Rows of a page where nothing is asked for.
const DEFAULT: usize = 100;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; `null` at the end.
    pub next: Option<String>,
}

/// Which page is asked for.
#[derive(Debug)]
pub(crate) struct Asked<P> {
    /// The last row of the page before.
    pub after: Option<P>,
    /// How many rows.
    pub limit: usize,
    list: String,
}

impl<P: Serialize + DeserializeOwned> Asked<P> {
    /// Of the query; `list` names the list and `filters` all that narrows it.
    pub fn new(
        list: &str,
        filters: &impl Serialize,
        cursor: Option<&str>,
        limit: Option<usize>,
        most: usize,
    ) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(DEFAULT.min(most));
        if !(1..=most).contains(&limit) {
            return Err(Problem::invalid(format!("`limit` is 1 to {most}")));
        }
        let filters = serde_json::to_string(filters).map_err(Problem::internal)?;
        let list = format!("{list}?{filters}");
        let after = cursor
            .map(|cursor| cursor::open(&list, cursor))
            .transpose()?;
        Ok(Self { after, limit, list })
    }

    /// The cursor of a position.
    pub fn seal(&self, position: &P) -> Result<String, Problem> {
        cursor::seal(&self.list, position)
    }

    /// The page of these rows, of which one more than asked for says that there are others.
    pub fn page<R, T>(
        &self,
        mut rows: Vec<R>,
        position: impl Fn(&R) -> P,
        shown: impl Fn(R) -> T,
    ) -> Result<Page<T>, Problem> {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next = rows
            .last()
            .filter(|_| more)
            .map(|last| cursor::seal(&self.list, &position(last)))
            .transpose()?;
        Ok(Page {
            items: rows.into_iter().map(shown).collect(),
            next,
        })
    }
}

/// The parameters of a list that has no others.
pub(crate) const QUERY: &[Query] = &[
    Query {
        name: "limit",
        about: "How many rows at most.",
    },
    Query {
        name: "cursor",
        about: "Where the page begins: `next` of the page before.",
    },
];

/// The query of a list that has no other parameters, and few rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    cursor: Option<String>,
    limit: Option<usize>,
}

impl ListQuery {
    /// The page of a list that is at hand as a whole; each row has a key of its own.
    pub fn page<T>(
        &self,
        list: &str,
        rows: Vec<T>,
        key: impl Fn(&T) -> String,
        most: usize,
    ) -> Result<Page<T>, Problem> {
        let asked = Asked::<String>::new(list, &(), self.cursor.as_deref(), self.limit, most)?;
        let from = match &asked.after {
            None => 0,
            Some(after) => rows
                .iter()
                .position(|row| key(row) == *after)
                .map(|at| at + 1)
                .ok_or_else(|| {
                    Problem::invalid(
                        "`cursor`: the row it stands for is gone; begin again without it",
                    )
                })?,
        };
        let rows = rows.into_iter().skip(from).take(asked.limit + 1).collect();
        asked.page(rows, key, |row| row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(rows: &mut Vec<u32>, limit: usize, change: impl Fn(&mut Vec<u32>)) -> Vec<u32> {
        let mut seen = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let asked = Asked::<u32>::new("rows", &(), cursor.as_deref(), Some(limit), 10).unwrap();
            let page = rows
                .iter()
                .copied()
                .filter(|row| asked.after.is_none_or(|after| *row > after))
                .take(asked.limit + 1)
                .collect();
            let page = asked.page(page, |row| *row, |row| row).unwrap();
            assert!(page.items.len() <= limit);
            seen.extend(page.items);
            match page.next {
                None => return seen,
                next => cursor = next,
            }
            change(rows);
        }
    }

    #[test]
    fn pages_give_every_row_once_whatever_comes_and_goes_between_them() {
        let whole: Vec<u32> = (1..21).map(|row| row * 10).collect();
        for limit in 1..=10 {
            assert_eq!(all(&mut whole.clone(), limit, |_| {}), whole);
            let before = |rows: &mut Vec<u32>| {
                rows.push(5);
                rows.sort_unstable();
                rows.dedup();
            };
            assert_eq!(all(&mut whole.clone(), limit, before), whole);
        }
    }

    #[test]
    fn limits_are_bounded() {
        for (limit, good) in [(0, false), (1, true), (10, true), (11, false)] {
            assert_eq!(
                Asked::<u32>::new("rows", &(), None, Some(limit), 10).is_ok(),
                good
            );
        }
    }
}
