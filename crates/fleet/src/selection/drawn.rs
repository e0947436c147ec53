//! Whether what is said of a host draws it into a selection, before anything else of the host is known.
//!
//! Asked for tokens of enrolment: their facts are known, the hosts are not. The parts of the expression that look at facts
//! alone are worked out, with the facts and without any; what is left over hangs on the host. If both leave the same over,
//! the facts make no difference. In doubt the answer is yes.

use super::document::Document;
use super::field::{Field, Level};
use super::{Limits, Selection, check};
use cel::common::ast::{Expr, IdedExpr, SourceInfo, operators};
use cel::{Context, Value};
use overlock_model::asset::HostFacts;

/// What an expression comes to while only the facts are known.
#[derive(Debug, Clone, PartialEq)]
enum Rest {
    Known(bool),
    /// This part of the tree hangs on the host; on the facts too where it says so.
    Open {
        node: u64,
        facts: bool,
    },
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    If(Box<Self>, Box<Self>, Box<Self>),
}

impl Rest {
    fn not(self) -> Self {
        match self {
            Self::Known(value) => Self::Known(!value),
            open => Self::Not(Box::new(open)),
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Known(false), _) | (_, Self::Known(false)) => Self::Known(false),
            (Self::Known(true), open) | (open, Self::Known(true)) => open,
            (one, other) => Self::And(Box::new(one), Box::new(other)),
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Known(true), _) | (_, Self::Known(true)) => Self::Known(true),
            (Self::Known(false), open) | (open, Self::Known(false)) => open,
            (one, other) => Self::Or(Box::new(one), Box::new(other)),
        }
    }

    fn hangs_on_facts(&self) -> bool {
        match self {
            Self::Known(_) => false,
            Self::Open { facts, .. } => *facts,
            Self::Not(one) => one.hangs_on_facts(),
            Self::And(one, other) | Self::Or(one, other) => {
                one.hangs_on_facts() || other.hangs_on_facts()
            }
            Self::If(condition, one, other) => [condition, one, other]
                .into_iter()
                .any(|rest| rest.hangs_on_facts()),
        }
    }
}

impl Selection {
    /// Whether a new host of which this is said may be meant because of it, whatever the host turns out to be.
    #[must_use]
    pub fn may_draw_in(&self, facts: &HostFacts, group: Option<&str>) -> bool {
        if *facts == HostFacts::default() && group.is_none() {
            return false;
        }
        let with = self.rest_for(facts, group);
        with != Rest::Known(false)
            && (with.hangs_on_facts() || with != self.rest_for(&HostFacts::default(), None))
    }

    fn rest_for(&self, facts: &HostFacts, group: Option<&str>) -> Rest {
        let mut context = self.context();
        let said = Document::said(facts, group, &self.checked);
        context.add_variable_from_value(super::document::HOST, said.value());
        self.rest(&self.expression, &context)
    }

    fn rest(&self, node: &IdedExpr, context: &Context<'static, 'static>) -> Rest {
        let open = |facts| Rest::Open {
            node: node.id,
            facts,
        };
        // It was checked as a whole.
        let Ok(read) = check::check(&self.text, node, &SourceInfo::default(), &Limits::SELECTION)
        else {
            return open(true);
        };
        let reads_facts = Field::ALL
            .iter()
            .any(|field| read.uses(*field) && is_said(*field));
        if Field::ALL
            .iter()
            .all(|field| !read.uses(*field) || is_said(*field))
        {
            return match Value::resolve(node, context) {
                Ok(Value::Bool(value)) => Rest::Known(value),
                _ => open(true),
            };
        }
        let Expr::Call(call) = &node.expr else {
            return open(reads_facts);
        };
        let part = |part| self.rest(part, context);
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, [one]) => part(one).not(),
            (operators::LOGICAL_AND, [one, other]) => part(one).and(part(other)),
            (operators::LOGICAL_OR, [one, other]) => part(one).or(part(other)),
            (operators::CONDITIONAL, [condition, one, other]) => match part(condition) {
                Rest::Known(true) => part(one),
                Rest::Known(false) => part(other),
                condition => Rest::If(
                    Box::new(condition),
                    Box::new(part(one)),
                    Box::new(part(other)),
                ),
            },
            _ => open(reads_facts),
        }
    }
}

/// Whether people say it of a host; the others are the host's own.
fn is_said(field: Field) -> bool {
    field.level() == Level::Class && field != Field::Labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(selection: &str, tags: &[&str], group: Option<&str>) -> bool {
        let facts = HostFacts {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..HostFacts::default()
        };
        Selection::parse(selection)
            .unwrap()
            .may_draw_in(&facts, group)
    }

    #[test]
    fn facts_draw_a_host_in_where_they_decide_or_may_decide() {
        for selection in [
            "'db' in host.tags",
            "'db' in host.tags && host.os.id == 'debian'",
            "host.os.id == 'debian' || 'db' in host.tags",
            "(host.os.id == 'debian' && host.tags.exists(tag, tag.startsWith('d'))) || host.silent",
            "!(!('db' in host.tags) || host.silent)",
            "host.os.id == 'debian' ? 'db' in host.tags : false",
            "host.tags.size() > 0",
            "host.name in host.tags",
        ] {
            assert!(draws(selection, &["db"], None), "{selection}");
        }
        assert!(draws("host.group == 'web'", &[], Some("web")));
    }

    #[test]
    fn facts_that_make_no_difference_draw_nobody_in() {
        for selection in [
            "'web' in host.tags",
            "true",
            "host.os.id == 'debian'",
            "host.os.id == 'debian' && !('retired' in host.tags)",
            "'web' in host.tags && host.os.id == 'debian'",
            "host.criticality == 'high' || host.labels['role'] == 'db'",
            "host.os.id == 'debian' ? 'web' in host.tags : host.silent && host.group == 'web'",
        ] {
            assert!(!draws(selection, &["db"], Some("dba")), "{selection}");
        }
        assert!(
            !draws("host.name in host.tags", &[], None),
            "nothing is said"
        );
    }
}
