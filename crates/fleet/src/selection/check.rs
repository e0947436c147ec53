//! Bounds and names of a selection, before it is ever run.

use super::error::SelectionError;
use super::field::{Field, Level, OS};
use super::{Limits, document::HOST};
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};
use std::collections::BTreeSet;

/// What an expression looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Fields by their bits.
    fields: u64,
    /// Labels that are read without asking first whether they are there.
    pub labels: BTreeSet<String>,
}

impl Checked {
    pub fn uses(&self, field: Field) -> bool {
        self.fields & field.bit() != 0
    }

    /// How many hosts have one value.
    pub fn level(&self) -> Level {
        Field::ALL
            .iter()
            .filter(|field| self.uses(**field))
            .map(|field| field.level())
            .max()
            .unwrap_or(Level::Class)
    }
}

/// What may be called: operators by their names in the tree, and functions.
const FUNCTIONS: [&str; 8] = [
    "contains",
    "double",
    "endsWith",
    "int",
    "size",
    "startsWith",
    "string",
    "uint",
];

/// What loops may go over: short, and not of the expression's making, so that no loop can feed another.
const LISTS: [Field; 3] = [Field::Labels, Field::SwitchedOff, Field::Tags];
/// Fields that are numbers.
const NUMBERS: [Field; 2] = [Field::LastSeen, Field::UnseenHours];

/// Refuses a text that is too long or too deep for the parser.
pub(super) fn bounded(text: &str, limits: &Limits) -> Result<(), SelectionError> {
    if text.len() > limits.text_bytes {
        return Err(SelectionError::whole(
            format!(
                "a selection has at most {} bytes, not {}",
                limits.text_bytes,
                text.len()
            ),
            "tag the hosts and select them by the tag",
        ));
    }
    let mut depth = 0_usize;
    for (at, character) in (0..).zip(text.chars()) {
        match character {
            // Brackets in quoted texts count too: no real selection comes near the limit.
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limits.depth {
            return Err(SelectionError::at(text, Some(at), too_deep(limits)));
        }
    }
    Ok(())
}

fn too_deep(limits: &Limits) -> String {
    format!("more than {} levels inside each other", limits.depth)
}

/// Walks the tree once.
pub(super) fn check(
    text: &str,
    expression: &IdedExpr,
    places: &SourceInfo,
    limits: &Limits,
) -> Result<Checked, SelectionError> {
    let mut walk = Walk {
        text,
        places,
        limits,
        nodes: 0,
        loops: 0,
        variables: Vec::new(),
        checked: Checked::default(),
        guarded: BTreeSet::new(),
    };
    walk.expression(expression, 0)?;
    let Walk {
        mut checked,
        guarded,
        ..
    } = walk;
    checked.labels.retain(|label| !guarded.contains(label));
    Ok(checked)
}

struct Walk<'a> {
    text: &'a str,
    places: &'a SourceInfo,
    limits: &'a Limits,
    nodes: usize,
    loops: usize,
    /// Names that macros have bound.
    variables: Vec<&'a str>,
    checked: Checked,
    /// Labels of which it is asked whether they are there.
    guarded: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    fn expression(&mut self, node: &'a IdedExpr, depth: usize) -> Result<(), SelectionError> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(SelectionError::whole(
                format!("a selection has at most {} parts", self.limits.nodes),
                "tag the hosts and select them by the tag",
            ));
        }
        // What macros expand to is deeper than what was written.
        if depth > self.limits.depth * 3 {
            return Err(self.error(node, too_deep(self.limits)));
        }
        let depth = depth + 1;
        match &node.expr {
            Expr::Unspecified => Ok(()),
            Expr::Literal(literal) => self.literal(node, literal),
            Expr::Ident(name) => self.name(node, name),
            Expr::Select(select) => {
                let whole = select.operand.as_ref();
                if is_host(whole) {
                    return self.field(node, &select.field);
                }
                match part_of_host(whole) {
                    Some(Field::Os) => self.os(node, &select.field),
                    Some(Field::Labels) => {
                        self.label(&select.field, select.test);
                        Ok(())
                    }
                    _ => Ok(()),
                }?;
                self.expression(whole, depth)
            }
            Expr::Call(call) => self.call(node, call, depth),
            Expr::List(list) => list
                .elements
                .iter()
                .try_for_each(|element| self.expression(element, depth)),
            Expr::Map(map) => map
                .entries
                .iter()
                .try_for_each(|entry| self.entry(&entry.expr, depth)),
            Expr::Struct(_) => Err(self.error(node, "a selection makes no messages")),
            Expr::Comprehension(comprehension) => {
                let over = &comprehension.iter_range;
                self.expression(over, depth)?;
                if !part_of_host(over).is_some_and(|field| LISTS.contains(&field)) {
                    return Err(self.error(node, "a loop over something else than a host's own list").hint(
                        "loops go over host.tags, host.labels and host.switched_off; two conditions on one thing are \
                         joined by && inside one loop",
                    ));
                }
                self.loops += 1;
                if self.loops > self.limits.loops {
                    return Err(self.error(node, "a loop inside a loop"));
                }
                let bound = self.variables.len();
                self.variables.extend([
                    comprehension.iter_var.as_str(),
                    comprehension.accu_var.as_str(),
                ]);
                self.variables.extend(comprehension.iter_var2.as_deref());
                for inner in [
                    &comprehension.accu_init,
                    &comprehension.loop_cond,
                    &comprehension.loop_step,
                    &comprehension.result,
                ] {
                    self.expression(inner, depth)?;
                }
                self.variables.truncate(bound);
                self.loops -= 1;
                Ok(())
            }
        }
    }

    fn entry(&mut self, entry: &'a EntryExpr, depth: usize) -> Result<(), SelectionError> {
        match entry {
            EntryExpr::MapEntry(entry) => {
                self.expression(&entry.key, depth)?;
                self.expression(&entry.value, depth)
            }
            EntryExpr::StructField(field) => self.expression(&field.value, depth),
        }
    }

    fn name(&self, node: &IdedExpr, name: &str) -> Result<(), SelectionError> {
        if self.variables.contains(&name) {
            return Ok(());
        }
        if name == HOST {
            return Err(self
                .error(node, "`host` alone has no value")
                .hint("name a field of it, such as `host.name`"));
        }
        if name.starts_with('@') || name.starts_with("__") {
            return Ok(());
        }
        let shown: String = name.chars().take(64).collect();
        let error = self.error(node, format!("there is no `{shown}`"));
        Err(match Field::from_word(name) {
            Some(field) => error.hint(format!("did you mean `host.{}`?", field.word())),
            None => error.hint("what a selection looks at is `host`; texts stand in quotes"),
        })
    }

    fn call(
        &mut self,
        node: &'a IdedExpr,
        call: &'a CallExpr,
        depth: usize,
    ) -> Result<(), SelectionError> {
        let name = call.func_name.as_str();
        let operator = name.contains('_') || name.starts_with(['@', '!', '-']);
        if !operator && !FUNCTIONS.contains(&name) {
            let shown: String = name.chars().take(64).collect();
            return Err(self
                .error(node, format!("there is no function `{shown}`"))
                .hint(format!(
                    "there are {}, has, exists, all, exists_one, filter and map",
                    FUNCTIONS.join(", ")
                )));
        }
        if name == operators::INDEX
            && let [whole, key] = call.args.as_slice()
        {
            let key_text = match &key.expr {
                Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
                _ => None,
            };
            if is_host(whole) {
                return match key_text {
                    Some(field) => self.field(key, &field),
                    None => Err(self
                        .error(node, "a field of `host` is named, not computed")
                        .hint("such as `host.name`")),
                };
            }
            match (part_of_host(whole), &key_text) {
                (Some(Field::Os), Some(field)) => self.os(key, field)?,
                (Some(Field::Labels), Some(label)) => self.label(label, false),
                _ => {}
            }
        }
        call.target
            .iter()
            .map(AsRef::as_ref)
            .chain(&call.args)
            .try_for_each(|inner| self.expression(inner, depth))?;
        if name == operators::ADD && !is_collected(call) && !call.args.iter().all(is_number) {
            return Err(self
                .error(node, "`+` adds numbers only")
                .hint("texts and lists cannot be joined, since that may grow without bound"));
        }
        Ok(())
    }

    fn literal(&self, node: &IdedExpr, literal: &LiteralValue) -> Result<(), SelectionError> {
        let bytes = match literal {
            LiteralValue::String(text) => text.inner().len(),
            LiteralValue::Bytes(bytes) => bytes.inner().len(),
            _ => 0,
        };
        if bytes > self.limits.literal_bytes {
            let most = self.limits.literal_bytes;
            return Err(self.error(node, format!("a text of more than {most} bytes")));
        }
        Ok(())
    }

    fn field(&mut self, node: &IdedExpr, field: &str) -> Result<(), SelectionError> {
        let Some(known) = Field::from_word(field) else {
            let at = self.place(node);
            return Err(SelectionError::unknown_field(self.text, at, field));
        };
        self.checked.fields |= known.bit();
        Ok(())
    }

    fn os(&self, node: &IdedExpr, field: &str) -> Result<(), SelectionError> {
        if OS.contains(&field) {
            return Ok(());
        }
        let at = self.place(node);
        Err(SelectionError::unknown_os_field(self.text, at, field))
    }

    fn label(&mut self, label: &str, asked: bool) {
        if asked {
            self.guarded.insert(label.to_owned());
        } else {
            self.checked.labels.insert(label.to_owned());
        }
    }

    fn error(&self, node: &IdedExpr, what: impl Into<String>) -> SelectionError {
        SelectionError::at(self.text, self.place(node), what)
    }

    fn place(&self, node: &IdedExpr) -> Option<u32> {
        self.places.offset_for(node.id).map(|(start, _)| start)
    }
}

fn is_host(node: &IdedExpr) -> bool {
    matches!(&node.expr, Expr::Ident(name) if name == HOST)
}

/// The field that a node selects of `host`.
fn part_of_host(node: &IdedExpr) -> Option<Field> {
    match &node.expr {
        Expr::Select(select) if is_host(&select.operand) => Field::from_word(&select.field),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [whole, key] if is_host(whole) => match &key.expr {
                Expr::Literal(LiteralValue::String(text)) => Field::from_word(text.inner()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// What `map`, `filter` and `exists_one` expand to: each round adds one to what was collected. The lexer knows no name
/// that begins with `@`, so nobody can write it.
fn is_collected(call: &CallExpr) -> bool {
    let first = call.args.first().map(|first| &first.expr);
    matches!(first, Some(Expr::Ident(name)) if name.starts_with('@'))
}

/// Whether a checked node can only be a number; with anything else `-`, `*`, `/` and `%` have no value.
fn is_number(node: &IdedExpr) -> bool {
    match &node.expr {
        Expr::Literal(literal) => matches!(
            literal,
            LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_)
        ),
        Expr::Call(call) => match call.func_name.as_str() {
            "size" | "int" | "uint" | "double" => true,
            // Of an addition inside, the operands were looked at before.
            operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO
            | operators::NEGATE => true,
            operators::CONDITIONAL => call.args.iter().skip(1).all(is_number),
            _ => part_of_host(node).is_some_and(|field| NUMBERS.contains(&field)),
        },
        _ => part_of_host(node).is_some_and(|field| NUMBERS.contains(&field)),
    }
}
