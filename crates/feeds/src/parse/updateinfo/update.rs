//! One `update`, gathered element by element and handed on when it ends.

use super::super::tally::Outcome;
use super::super::{Limits, Sink, text};
use super::Element;
use overlock_model::advisory::{Disclosure, Ecosystem, Resolution, Statement, VendorStatus};
use quick_xml::events::BytesStart;
use std::collections::{BTreeMap, BTreeSet};

/// One erratum, as it is read.
#[derive(Default)]
pub(super) struct Update {
    kind: String,
    pub(super) id: String,
    title: String,
    severity: String,
    summary: String,
    description: String,
    pub(super) issued: Option<jiff::Timestamp>,
    cves: BTreeSet<String>,
    module: Option<String>,
    /// Architectures by package, version and module; `None` stands for all.
    builds: BTreeMap<(String, String, Option<String>), BTreeSet<String>>,
    problem: Option<String>,
}

impl Update {
    pub(super) fn start(&mut self, element: Element, start: &BytesStart<'_>, limits: &Limits) {
        let outcome = match element {
            Element::Update => {
                attribute(start, "type").map(|kind| self.kind = kind.unwrap_or_default())
            }
            Element::Issued => attribute(start, "date")
                .map(|date| self.issued = date.as_deref().and_then(text::timestamp)),
            Element::Collection => {
                self.module = None;
                Ok(())
            }
            Element::Module => self.module(start, limits),
            Element::Reference => self.reference(start),
            Element::Package => self.package(start, limits),
            _ => Ok(()),
        };
        if let Err(cause) = outcome {
            self.problem.get_or_insert(cause);
        }
    }

    pub(super) fn text(&mut self, path: &[Element], content: &str) {
        let inside_update = path.get(path.len().saturating_sub(2)) == Some(&Element::Update);
        let field = match path.last() {
            Some(Element::Id) if inside_update => &mut self.id,
            Some(Element::Title) if inside_update => &mut self.title,
            Some(Element::Severity) if inside_update => &mut self.severity,
            Some(Element::Summary) if inside_update => &mut self.summary,
            Some(Element::Description) if inside_update => &mut self.description,
            _ => return,
        };
        field.push_str(content);
    }

    fn module(&mut self, start: &BytesStart<'_>, limits: &Limits) -> Result<(), String> {
        let name = attribute(start, "name")?.ok_or("a module without name")?;
        let stream = attribute(start, "stream")?.ok_or("a module without stream")?;
        self.module = Some(text::word(&format!("{name}:{stream}"), "module", limits)?);
        Ok(())
    }

    /// CVEs stand in the id of a reference, or in its title where it leads to a bug tracker (Fedora).
    fn reference(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        for name in ["id", "title"] {
            let value = attribute(start, name)?.unwrap_or_default();
            self.cves.extend(cves_in(&value));
        }
        Ok(())
    }

    fn package(&mut self, start: &BytesStart<'_>, limits: &Limits) -> Result<(), String> {
        let needed = |name: &str| {
            attribute(start, name)?.ok_or_else(|| format!("a package without `{name}`"))
        };
        let name = text::word(&needed("name")?, "package", limits)?;
        let version = text::word(&needed("version")?, "version", limits)?;
        let release = text::word(&needed("release")?, "release", limits)?;
        let arch = attribute(start, "arch")?.unwrap_or_default();
        if matches!(arch.as_str(), "src" | "nosrc") {
            return Ok(());
        }
        let epoch = attribute(start, "epoch")?.unwrap_or_default();
        let version = match epoch.trim() {
            "" | "0" => format!("{version}-{release}"),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("{digits}:{version}-{release}")
            }
            other => return Err(format!("epoch {other:?} is not a number")),
        };
        let arches = self
            .builds
            .entry((name, version, self.module.clone()))
            .or_default();
        if !arch.is_empty() {
            arches.insert(text::word(&arch, "architecture", limits)?);
        }
        Ok(())
    }

    pub(super) fn hand_on(
        mut self,
        ecosystem: &Ecosystem,
        feed: &str,
        limits: &Limits,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, String> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let id = text::word(&self.id, "id", limits)?;
        if self.cves.is_empty() && self.kind == "security" {
            self.cves = cves_in(&self.title)
                .chain(cves_in(&self.description))
                .collect();
        }
        if (self.kind != "security" && self.cves.is_empty()) || self.builds.is_empty() {
            return Ok(Outcome::Skipped);
        }
        if self.cves.is_empty() {
            self.cves.insert(id.clone());
        }
        if self.cves.len().saturating_mul(self.builds.len()) > limits.statements_per_record_max {
            return Err("too many packages and identifiers".to_owned());
        }
        let words = if self.title.trim().is_empty() {
            &self.summary
        } else {
            &self.title
        };
        let summary = text::summary(words, limits);
        let severity = text::severity(&self.severity);
        let packages: BTreeSet<&String> = self.builds.keys().map(|(name, _, _)| name).collect();
        for vulnerability in &self.cves {
            for package in &packages {
                sink(Statement::Disclosure(Disclosure {
                    ecosystem: ecosystem.clone(),
                    package: (*package).clone(),
                    vulnerability: vulnerability.clone(),
                    aliases: Vec::new(),
                    severity: severity.clone(),
                    summary: summary.clone(),
                    cvss: Vec::new(),
                    published: None,
                }));
            }
            for ((package, version, module), arches) in &self.builds {
                let everywhere = arches.contains("noarch");
                sink(Statement::Resolution(Resolution {
                    ecosystem: ecosystem.clone(),
                    package: package.clone(),
                    vulnerability: vulnerability.clone(),
                    channel: String::new(),
                    module: module.clone().or_else(|| unnamed_module(version)),
                    arches: if everywhere {
                        Vec::new()
                    } else {
                        arches.iter().cloned().collect()
                    },
                    introduced: None,
                    status: VendorStatus::Fixed(version.clone()),
                    advisory: Some(id.clone()),
                    issued: self.issued,
                    feed: feed.to_owned(),
                }));
            }
        }
        Ok(Outcome::Taken)
    }
}

/// A modular build whose collection names no module: the stream is unknown, as in [`crate::parse::osv`].
fn unnamed_module(version: &str) -> Option<String> {
    (version.contains(".module_") || version.contains(".module+")).then(|| "?".to_owned())
}

/// The check for doubled attributes is left out: its time grows with the square of their number.
fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attribute.key.as_ref() == name {
            let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0);
            return value
                .map(|value| Some(value.into_owned()))
                .map_err(|error| error.to_string());
        }
    }
    Ok(None)
}

/// Every CVE identifier in a text.
fn cves_in(text: &str) -> impl Iterator<Item = String> + '_ {
    text.match_indices("CVE-").filter_map(move |(at, _)| {
        let rest = text.get(at..)?;
        let end = rest
            .get(4..)?
            .find(|c: char| !c.is_ascii_digit() && c != '-')
            .map_or(rest.len(), |end| end + 4);
        let id = rest.get(..end)?.trim_end_matches('-');
        text::is_cve(id).then(|| id.to_owned())
    })
}
