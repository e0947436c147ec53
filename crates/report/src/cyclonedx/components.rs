//! Packages as components, each once.

use super::property;
use crate::purl::purl;
use overlock_model::exposure::Exposure;
use overlock_model::os::Os;
use overlock_model::package::{Package, PackageType};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// The components of a document, and where to find one.
pub(super) struct Components<'a> {
    os: &'a Os,
    list: Vec<Component>,
    by_reference: HashMap<String, usize>,
    by_name: HashMap<(PackageType, String), Vec<usize>>,
}

struct Component {
    reference: String,
    package: Package,
    paths: Vec<String>,
}

/// A component that an exposure points at.
pub(super) struct Affected {
    pub(super) reference: String,
    pub(super) version: String,
}

impl<'a> Components<'a> {
    pub(super) fn new(packages: &[Package], os: &'a Os) -> Self {
        let mut components = Self {
            os,
            list: Vec::with_capacity(packages.len()),
            by_reference: HashMap::new(),
            by_name: HashMap::new(),
        };
        for package in packages {
            components.add(package.clone());
        }
        components
    }

    /// Adds a package; a language package found at a second place becomes a second path of the same component.
    fn add(&mut self, package: Package) -> usize {
        let reference = purl(&package, self.os);
        let path = package.path.clone();
        let at = *self
            .by_reference
            .entry(reference.clone())
            .or_insert_with(|| {
                let name = (package.kind.clone(), package.name.clone());
                self.by_name.entry(name).or_default().push(self.list.len());
                self.list.push(Component {
                    reference,
                    package,
                    paths: Vec::new(),
                });
                self.list.len() - 1
            });
        if let (Some(path), Some(component)) = (path, self.list.get_mut(at)) {
            component.paths.push(path);
        }
        at
    }

    /// The installed binaries that an exposure is about; one that no list names is added, so that no reference dangles.
    pub(super) fn of(&mut self, exposure: &Exposure, arch: Option<&str>) -> Vec<Affected> {
        let own = std::slice::from_ref(&exposure.package);
        let names = if exposure.binaries.is_empty() {
            own
        } else {
            &exposure.binaries
        };
        let mut found: Vec<usize> = Vec::new();
        for name in names {
            let key = (exposure.kind.clone(), name.clone());
            let all = self.by_name.get(&key).cloned().unwrap_or_default();
            let exact: Vec<usize> = all
                .iter()
                .copied()
                .filter(|at| self.has_version(*at, &exposure.installed))
                .collect();
            found.extend(if exact.is_empty() { all } else { exact });
        }
        if found.is_empty() {
            let mut package = Package::new(
                exposure.kind.clone(),
                &exposure.package,
                &exposure.installed,
            );
            package.arch = arch.map(str::to_owned);
            found.push(self.add(package));
        }
        found.sort_unstable();
        found.dedup();
        let components = found.into_iter().filter_map(|at| self.list.get(at));
        components
            .map(|component| Affected {
                reference: component.reference.clone(),
                version: component.package.version.clone(),
            })
            .collect()
    }

    fn has_version(&self, at: usize, version: &str) -> bool {
        self.list.get(at).is_some_and(|component| {
            component.package.version == version || component.package.source_version() == version
        })
    }

    pub(super) fn into_json(self) -> Vec<Value> {
        self.list.iter().map(json_of).collect()
    }
}

fn json_of(component: &Component) -> Value {
    let package = &component.package;
    let mut json = Map::new();
    json.insert("type".to_owned(), json!("library"));
    json.insert("bom-ref".to_owned(), json!(component.reference));
    json.insert("name".to_owned(), json!(package.name));
    json.insert("version".to_owned(), json!(package.version));
    json.insert("purl".to_owned(), json!(component.reference));
    let mut properties = Vec::new();
    for (name, value) in [
        ("overlock:source", &package.source),
        ("overlock:source_version", &package.source_version),
        ("overlock:module", &package.module),
        ("overlock:origin", &package.origin),
    ] {
        properties.extend(value.iter().map(|value| property(name, value)));
    }
    if !properties.is_empty() {
        json.insert("properties".to_owned(), json!(properties));
    }
    if !component.paths.is_empty() {
        let places: Vec<Value> = component
            .paths
            .iter()
            .map(|path| json!({ "location": path }))
            .collect();
        json.insert("evidence".to_owned(), json!({ "occurrences": places }));
    }
    Value::Object(json)
}
