//! A host as a selection sees it: a map with just the fields that the expression looks at.

use super::check::Checked;
use super::field::{Field, OS};
use crate::fleet::HostEntry;
use crate::freshness::{Flags, Freshness};
use crate::host::{Class, System};
use cel::Value;
use overlock_model::asset::HostFacts;
use overlock_model::os::Os;
use overlock_protocol::content::Labels;
use serde::Serialize;
use std::collections::HashMap;

/// The one variable.
pub(crate) const HOST: &str = "host";

/// A host's fields by name.
#[derive(Debug, Default)]
pub(crate) struct Document {
    fields: HashMap<String, Value>,
}

impl Document {
    pub fn value(&self) -> Value {
        self.fields.clone().into()
    }

    /// A host.
    pub fn of(host: HostEntry<'_>, freshness: &Freshness, checked: &Checked) -> Self {
        let mut document = Self::default();
        if let (Some(class), Some(system)) = (host.class(), host.system()) {
            document.class(class, checked);
            document.system(system, host.kernel(), checked);
        }
        let flags = host.flags(freshness);
        document.shared(host, flags, checked);
        let seen = host.dates().seen;
        let hours = seen.map(|seen| freshness.now.duration_since(seen).as_hours().max(0));
        document.set(checked, Field::Name, || host.name().into());
        document.set(checked, Field::Id, || {
            host.id().map(String::from).unwrap_or_default().into()
        });
        document.set(checked, Field::LastSeen, || {
            Value::Int(seen.map_or(0, |seen| seen.as_second()))
        });
        document.set(checked, Field::UnseenHours, || {
            Value::Int(hours.unwrap_or(i64::MAX))
        });
        document
    }

    /// A host of which nothing is known but this.
    pub fn said(facts: &HostFacts, group: Option<&str>, checked: &Checked) -> Self {
        let mut document = Self::default();
        let class = Class {
            facts: facts.clone(),
            labels: Labels::default(),
            group: group.map(str::to_owned),
        };
        document.class(&class, checked);
        document
    }

    fn shared(&mut self, host: HostEntry<'_>, flags: Flags, checked: &Checked) {
        self.set(checked, Field::Agent, || host.agent().into());
        self.set(checked, Field::Standing, || host.standing().word().into());
        self.set(checked, Field::Uncovered, || Value::Bool(flags.uncovered));
        self.set(checked, Field::Silent, || Value::Bool(flags.silent));
        self.set(checked, Field::Stale, || Value::Bool(flags.stale));
        self.set(checked, Field::Reboot, || {
            Value::Bool(host.running().is_some_and(|running| running.reboot))
        });
        self.set(checked, Field::SwitchedOff, || {
            let sections: Vec<&str> = host
                .switched_off()
                .into_iter()
                .map(overlock_protocol::Section::as_str)
                .collect();
            sections.into()
        });
    }

    fn class(&mut self, class: &Class, checked: &Checked) {
        let HostFacts {
            facts,
            tags,
            cluster,
            failure_domain,
        } = &class.facts;
        self.set(checked, Field::Criticality, || word(&facts.criticality));
        self.set(checked, Field::Exposure, || word(&facts.exposure));
        self.set(checked, Field::Impact, || word(&facts.business_impact));
        self.set(checked, Field::Role, || word(&facts.role));
        self.set(checked, Field::Environment, || text(&facts.environment));
        self.set(checked, Field::Owner, || text(&facts.owner));
        self.set(checked, Field::PciScope, || {
            Value::Bool(facts.pci_scope.unwrap_or(false))
        });
        self.set(checked, Field::Cluster, || text(cluster));
        self.set(checked, Field::Group, || text(&class.group));
        self.set(checked, Field::FailureDomain, || text(failure_domain));
        self.set(checked, Field::Tags, || {
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            tags.into()
        });
        self.set(checked, Field::Labels, || {
            let mut labels: HashMap<String, Value> = checked
                .labels
                .iter()
                .map(|label| (label.clone(), "".into()))
                .collect();
            for (label, value) in &class.labels {
                labels.insert(label.clone(), value.as_str().into());
            }
            labels.into()
        });
    }

    fn system(&mut self, system: &System, kernel: Option<&str>, checked: &Checked) {
        self.set(checked, Field::Arch, || text(&system.arch));
        self.set(checked, Field::Kernel, || kernel.unwrap_or_default().into());
        self.set(checked, Field::Os, || {
            let values = [
                text(&system.os.codename),
                system.os.id.as_str().into(),
                text(&system.os.name),
                system.os.version_id.as_str().into(),
            ];
            OS.into_iter()
                .map(str::to_owned)
                .zip(values)
                .collect::<HashMap<String, Value>>()
                .into()
        });
    }

    /// A made-up host that has something in every field.
    pub fn example(checked: &Checked) -> Self {
        let mut document = Self::default();
        let class = Class {
            facts: HostFacts {
                tags: ["web".to_owned()].into(),
                ..HostFacts::default()
            },
            labels: checked
                .labels
                .iter()
                .map(|label| (label.clone(), "value".to_owned()))
                .collect(),
            group: Some("web".to_owned()),
        };
        let system = System {
            os: Os {
                id: "debian".to_owned(),
                version_id: "12".to_owned(),
                ..Os::default()
            },
            arch: Some("amd64".to_owned()),
        };
        document.class(&class, checked);
        document.system(&system, Some("6.1.0-1-amd64"), checked);
        for field in [Field::Agent, Field::Id, Field::Name, Field::Standing] {
            document.set(checked, field, || "web-1".into());
        }
        for field in [Field::Reboot, Field::Silent, Field::Stale, Field::Uncovered] {
            document.set(checked, field, || Value::Bool(false));
        }
        for field in [Field::LastSeen, Field::UnseenHours] {
            document.set(checked, field, || Value::Int(1));
        }
        document.set(checked, Field::SwitchedOff, || vec!["processes"].into());
        document
    }

    fn set(&mut self, checked: &Checked, field: Field, value: impl FnOnce() -> Value) {
        if checked.uses(field) {
            self.fields.insert(field.word().to_owned(), value());
        }
    }
}

fn text(text: &Option<String>) -> Value {
    text.as_deref().unwrap_or_default().into()
}

/// The word of a plain enum; unknown is a value.
fn word<T: Serialize>(value: &Option<T>) -> Value {
    let word = value
        .as_ref()
        .and_then(|value| serde_json::to_value(value).ok())
        .and_then(|value| value.as_str().map(str::to_owned));
    word.unwrap_or_else(|| "unknown".to_owned()).into()
}
