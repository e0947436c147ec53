//! Node.js packages by the `package.json` of an installed module.

use super::Found;
use super::python::WORD_BYTES;
use overlock_model::package::PackageType;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    version: Value,
}

/// Name and version of a `package.json`; `None` where it has not both, as in a folder that only sets `type`.
///
/// # Errors
/// When it is no JSON object.
pub fn manifest_in_text(text: &str) -> Result<Option<(String, String)>, serde_json::Error> {
    let manifest: Manifest = serde_json::from_str(text.trim_start_matches('\u{feff}'))?;
    let word = |value: Value| match value {
        Value::String(word) if !word.is_empty() && word.len() <= WORD_BYTES => Some(word),
        _ => None,
    };
    Ok(word(manifest.name).zip(word(manifest.version)))
}

pub(super) fn manifest(text: &str) -> Result<Vec<Found>, String> {
    let stated =
        manifest_in_text(text).map_err(|error| format!("it is no package manifest: {error}"))?;
    let found = stated.map(|(name, version)| Found {
        kind: PackageType::Npm,
        name,
        version,
        by_user: false,
    });
    Ok(found.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scoped_names_are_whole_and_nameless_manifests_are_no_packages() {
        let read = |text| manifest_in_text(text).unwrap();
        assert_eq!(
            read(r#"{"name":"@babel/core","version":"7.1.0","dependencies":{"x":"1"}}"#),
            Some(("@babel/core".to_owned(), "7.1.0".to_owned()))
        );
        assert_eq!(read(r#"{"type":"module"}"#), None);
        assert_eq!(read(r#"{"name":"x","version":7}"#), None);
        assert!(manifest_in_text("{").is_err());
        assert!(manifest_in_text(&"[".repeat(10_000)).is_err());
    }
}
