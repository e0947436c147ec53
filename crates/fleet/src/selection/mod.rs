//! Selections: which hosts are meant, as an expression in CEL (`host.os.id == 'debian' && 'web' in host.tags`).
//!
//! Whoever may read the fleet may write one, so it is untrusted input (R9), and CEL's evaluator has no budget: the
//! expression is bounded before it is parsed, its tree before it is run, and loops may only go over a host's own lists, and nothing can be joined
//! to something longer.
//! What it may name is fixed ([`Field`]); another name is an error with its place, not an empty answer.

mod check;
mod document;
mod drawn;
mod error;
mod field;
#[cfg(test)]
mod tests;

use crate::fleet::{Fleet, HostEntry};
use crate::freshness::Freshness;
use crate::interner::Map;
use cel::parser::Parser;
use cel::{Context, Env, ExecutionError, IdedExpr, Value};
use check::Checked;
use document::{Document, HOST};
use field::Level;
use roaring::RoaringBitmap;
use std::fmt;
use std::sync::Arc;

pub use error::SelectionError;
pub use field::Field;

/// Every bound of a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the text.
    pub text_bytes: usize,
    /// Brackets, and nodes of the tree, inside each other.
    pub depth: usize,
    /// Nodes of the tree, what macros expand to included.
    pub nodes: usize,
    /// Loops inside each other.
    pub loops: usize,
    /// Bytes of one text in quotes.
    pub literal_bytes: usize,
}

impl Limits {
    /// Far above what people write, and far below what costs.
    pub const SELECTION: Self = Self {
        text_bytes: 4096,
        depth: 48,
        nodes: 1024,
        loops: 1,
        literal_bytes: 256,
    };
}

/// A checked selection.
pub struct Selection {
    text: String,
    expression: IdedExpr,
    checked: Checked,
    env: Arc<Env>,
}

/// The hosts that a selection means.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SelectedHosts {
    /// Their numbers.
    pub hosts: RoaringBitmap,
    /// Hosts for which the expression has no value: they are not among `hosts`, and that is told.
    pub errors: u64,
    /// The first of these errors.
    pub example: Option<String>,
}

impl Selection {
    /// Parses and checks a selection.
    ///
    /// # Errors
    /// When it is too large or too deep, is no CEL, names what hosts do not have, or gives anything but true or false.
    pub fn parse(text: &str) -> Result<Self, SelectionError> {
        let limits = Limits::SELECTION;
        check::bounded(text, &limits)?;
        let depth = u16::try_from(limits.depth).unwrap_or(u16::MAX);
        let (expression, places) = Parser::new()
            .max_recursion_depth(depth)
            .parse_with_source_info(text)
            .map_err(|errors| SelectionError::syntax(text, &errors))?;
        let checked = check::check(text, &expression, &places, &limits)?;
        let selection = Self {
            text: text.to_owned(),
            expression,
            checked,
            env: Arc::new(Env::stdlib()),
        };
        selection.try_out()?;
        Ok(selection)
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The hosts that are meant. Hosts that differ in nothing the expression looks at are asked about once.
    #[must_use]
    pub fn hosts(&self, fleet: &Fleet, freshness: &Freshness) -> SelectedHosts {
        let level = self.checked.level();
        let mut context = self.context();
        let mut selected = SelectedHosts::default();
        let mut numbers = Vec::new();
        let mut known: Map<_, Result<bool, ExecutionError>> = Map::default();
        for host in fleet.hosts() {
            let mut ask = || {
                let document = Document::of(host, freshness, &self.checked);
                self.value(&mut context, &document)
            };
            let record = host.record;
            let more = || {
                (
                    (record.cohort, record.system, record.agent, record.running),
                    record.switched_off,
                    record.standing().word(),
                    host.flags(freshness),
                )
            };
            let value = match level {
                Level::Host => &ask(),
                Level::Shared => known
                    .entry((record.class, Some(more())))
                    .or_insert_with(ask),
                Level::Class => known.entry((record.class, None)).or_insert_with(ask),
            };
            match value {
                Ok(true) => numbers.push(host.number()),
                Ok(false) => {}
                Err(error) => {
                    selected.errors += 1;
                    selected.example.get_or_insert_with(|| error.to_string());
                }
            }
        }
        numbers.sort_unstable();
        selected.hosts = numbers.into_iter().collect();
        selected
    }

    /// Whether one host is meant; an error counts as no.
    #[must_use]
    pub fn holds(&self, host: HostEntry<'_>, freshness: &Freshness) -> bool {
        let mut context = self.context();
        self.value(&mut context, &Document::of(host, freshness, &self.checked))
            .unwrap_or(false)
    }

    fn context(&self) -> Context<'static, 'static> {
        Context::with_env(Arc::clone(&self.env))
    }

    fn value(
        &self,
        context: &mut Context<'static, 'static>,
        document: &Document,
    ) -> Result<bool, ExecutionError> {
        context.add_variable_from_value(HOST, document.value());
        match Value::resolve(&self.expression, context)? {
            Value::Bool(meant) => Ok(meant),
            other => Err(ExecutionError::UnexpectedType {
                got: other.type_of().to_string(),
                want: "bool".to_owned(),
            }),
        }
    }

    /// Tries it on a made-up host: what has no value there for the types of things has none anywhere.
    fn try_out(&self) -> Result<(), SelectionError> {
        let mut context = self.context();
        let tried = self.value(&mut context, &Document::example(&self.checked));
        match tried {
            Err(
                error @ (ExecutionError::NoSuchOverload(_)
                | ExecutionError::ValuesNotComparable(..)
                | ExecutionError::UnexpectedType { .. }
                | ExecutionError::UndeclaredReference(_)
                | ExecutionError::UnsupportedBinaryOperator(..)
                | ExecutionError::UnsupportedIndex(..)
                | ExecutionError::UnsupportedTargetType { .. }
                | ExecutionError::InvalidArgumentCount { .. }
                | ExecutionError::NotSupportedAsMethod { .. }),
            ) => Err(SelectionError::types(&error)),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Selection").field(&self.text).finish()
    }
}
