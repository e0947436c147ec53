//! Every dependency stands once, in `[workspace.dependencies]`; members only say that they use it.

use super::Complaints;
use super::metadata::Metadata;
use crate::workspace;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs;
use toml::{Table, Value};

const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

pub fn complaints(metadata: &Metadata) -> Result<Complaints> {
    let mut complaints = Vec::new();
    let mut used = BTreeSet::new();
    for package in metadata.members() {
        let text = fs::read_to_string(&package.manifest_path)
            .with_context(|| format!("cannot read `{}`", package.manifest_path))?;
        let manifest: Table = text
            .parse()
            .with_context(|| format!("cannot parse `{}`", package.manifest_path))?;
        complaints.extend(of_member(&package.name, &manifest, &mut used));
    }
    let root: Table = fs::read_to_string(workspace::root().join("Cargo.toml"))?.parse()?;
    let listed = root
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table);
    complaints.extend(
        listed
            .into_iter()
            .flat_map(Table::keys)
            .filter(|name| !used.contains(name.as_str()))
            .map(|name| format!("Cargo.toml: no member uses `{name}`")),
    );
    Ok(complaints)
}

fn of_member(package: &str, manifest: &Table, used: &mut BTreeSet<String>) -> Complaints {
    let targets = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::values);
    let tables = std::iter::once(manifest).chain(targets.filter_map(Value::as_table));
    let mut complaints = Vec::new();
    for (section, name, value) in tables.flat_map(lines) {
        used.insert(name.to_owned());
        if value.get("workspace").and_then(Value::as_bool) != Some(true) {
            complaints.push(format!(
                "{package}: `{name}` in [{section}] must be `workspace = true`"
            ));
        }
    }
    if manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace"))
        .and_then(Value::as_bool)
        != Some(true)
    {
        complaints.push(format!("{package}: does not inherit the workspace's lints"));
    }
    complaints
}

fn lines(table: &Table) -> impl Iterator<Item = (&'static str, &str, &Value)> {
    SECTIONS.into_iter().flat_map(|section| {
        let lines = table
            .get(section)
            .and_then(Value::as_table)
            .into_iter()
            .flatten();
        lines.map(move |(name, value)| (section, name.as_str(), value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_version_in_a_member_is_refused() {
        let manifest = "[lints]\nworkspace = true\n[dependencies]\na.workspace = true\nb = \"1\"\n[target.x.dev-dependencies]\nc = { path = \"c\" }\n";
        let mut used = BTreeSet::new();
        assert_eq!(
            of_member("m", &manifest.parse().unwrap(), &mut used),
            [
                "m: `b` in [dependencies] must be `workspace = true`",
                "m: `c` in [dev-dependencies] must be `workspace = true`"
            ]
        );
        assert_eq!(used.into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
