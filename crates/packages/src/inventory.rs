//! A saved or hand-written inventory (`overlock.inventory/1`), read back and checked.
//!
//! `overlock scan --inventory FILE` calls [`parse`]. The file may come from another host or another hand, so it is
//! bounded like any input; what a newer version may have added is passed over, another major version is refused.

use crate::document::{self, DocumentError};
use overlock_model::inventory::{INVENTORY_SCHEMA, Inventory};
use serde::Deserialize;

/// Most objects in the document: packages, offers, repositories, processes.
const OBJECTS_MAX: usize = 2_000_000;
/// Longest name, version or other fact of a package, in bytes.
const WORD_BYTES_MAX: usize = 4096;
const WANTED: &str = "an inventory";

#[derive(Deserialize)]
#[serde(expecting = "a JSON object")]
struct Head {
    #[serde(default)]
    schema: Option<String>,
    #[serde(default, rename = "bomFormat")]
    bom_format: Option<serde::de::IgnoredAny>,
    #[serde(default, rename = "spdxVersion")]
    spdx_version: Option<serde::de::IgnoredAny>,
}

/// Reads an inventory. Only `os.id`, `os.version_id` and a package's `type`, `name` and `version` are needed; unknown
/// fields are passed over.
///
/// # Errors
/// When it is no JSON, another kind of document, of a schema version not known here, or breaks a bound; the error
/// names the place.
pub fn parse(bytes: &[u8]) -> Result<Inventory, DocumentError> {
    let text = document::text(bytes)?;
    let json = |error| DocumentError::json(&error);
    if text.trim_start().starts_with('[') {
        let hint = "an inventory is a JSON object with `os` and `packages`";
        return Err(DocumentError::Other {
            what: "a JSON list",
            wanted: WANTED,
            hint,
        });
    }
    let head: Head = serde_json::from_str(&text).map_err(json)?;
    check_head(&head)?;
    if memchr::memchr_iter(b'{', text.as_bytes())
        .nth(OBJECTS_MAX)
        .is_some()
    {
        return Err(DocumentError::Value {
            place: "the document".to_owned(),
            why: format!("it holds more than {OBJECTS_MAX} objects"),
        });
    }
    let mut inventory: Inventory = serde_json::from_str(&text).map_err(json)?;
    inventory.schema = INVENTORY_SCHEMA.to_owned();
    inventory.os.id = inventory.os.id.trim().to_ascii_lowercase();
    check(&inventory)?;
    Ok(inventory)
}

fn check_head(head: &Head) -> Result<(), DocumentError> {
    if head.bom_format.is_some() || head.spdx_version.is_some() {
        let hint = "read it with `--sbom FILE`";
        return Err(DocumentError::Other {
            what: "a bill of materials",
            wanted: WANTED,
            hint,
        });
    }
    match head.schema.as_deref() {
        None | Some(INVENTORY_SCHEMA) => Ok(()),
        Some(schema) => match schema.strip_prefix("overlock.inventory/") {
            Some(version) => Err(DocumentError::Version {
                format: "overlock.inventory",
                version: version.to_owned(),
                hint: "this program reads version 1; use the program that wrote the file, or a newer one",
            }),
            None => Err(DocumentError::Other {
                what: "a document of another schema",
                wanted: WANTED,
                hint: "write an inventory with `overlock scan --format inventory`",
            }),
        },
    }
}

fn check(inventory: &Inventory) -> Result<(), DocumentError> {
    let wrong = |place: String, why: &str| {
        Err(DocumentError::Value {
            place,
            why: why.to_owned(),
        })
    };
    if inventory.os.id.is_empty() {
        return wrong(
            "os.id".to_owned(),
            "it is empty; it is the `ID` of os-release(5), such as `debian`",
        );
    }
    if inventory.os.id.len() > WORD_BYTES_MAX || inventory.os.version_id.len() > WORD_BYTES_MAX {
        return wrong("os".to_owned(), "a text in it is longer than 4096 bytes");
    }
    for (index, package) in inventory.packages.iter().enumerate() {
        if package.name.is_empty() {
            return wrong(format!("packages[{index}].name"), "it is empty");
        }
        if package.kind.as_str().is_empty() {
            return wrong(format!("packages[{index}].type"), "it is empty");
        }
        let words = [
            Some(package.kind.as_str()),
            Some(&package.name),
            Some(&package.version),
        ];
        let facts = [
            &package.arch,
            &package.source,
            &package.source_version,
            &package.module,
            &package.origin,
        ];
        let too_long = |word: &str| word.len() > WORD_BYTES_MAX;
        let all = words
            .into_iter()
            .chain(facts.into_iter().map(Option::as_deref))
            .flatten();
        if all.chain(package.path.as_deref()).any(too_long) {
            return wrong(
                format!("packages[{index}]"),
                "a text in it is longer than 4096 bytes",
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::package::PackageType;

    const SMALL: &str = r#"{"os":{"id":"Debian","version_id":"12"},"future":{"x":[1]},
        "packages":[{"type":"deb","name":"openssl","version":"3.0.11-1~deb12u1"},
                    {"type":"swift","name":"a","version":"1","later":true}]}"#;

    #[test]
    fn a_hand_written_inventory_needs_five_facts() {
        let inventory = parse(SMALL.as_bytes()).unwrap();
        assert_eq!(
            (inventory.os.id.as_str(), inventory.os.version_id.as_str()),
            ("debian", "12")
        );
        assert_eq!(inventory.packages[0].kind, PackageType::Deb);
        assert_eq!(
            inventory.packages[1].kind,
            PackageType::Other("swift".to_owned())
        );
        assert_eq!(inventory.schema, INVENTORY_SCHEMA);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let inventory = parse(SMALL.as_bytes()).unwrap();
        let written = serde_json::to_vec(&inventory).unwrap();
        assert_eq!(parse(&written).unwrap(), inventory);
    }

    #[test]
    fn each_missing_fact_is_named() {
        for (fact, word) in [
            (r#""id":"Debian","#, "id"),
            (r#","version_id":"12""#, "version_id"),
            (r#""type":"deb","#, "type"),
            (r#""name":"openssl","#, "name"),
            (r#","version":"3.0.11-1~deb12u1""#, "version"),
        ] {
            let error = parse(SMALL.replacen(fact, "", 1).as_bytes()).unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains(&format!("missing field `{word}`")),
                "{error}"
            );
        }
        let error = parse(br#"{"os":{"id":"debian","version_id":"12"}}"#).unwrap_err();
        assert!(
            error.to_string().contains("missing field `packages`"),
            "{error}"
        );
        let error = parse(SMALL.replace("openssl", "").as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "packages[0].name: it is empty");
    }

    #[test]
    fn other_documents_and_versions_are_refused_with_a_hint() {
        for (document, word) in [
            (
                r#"{"schema":"overlock.inventory/2","os":{}}"#,
                "version `2`",
            ),
            (r#"{"schema":"overlock.scan/1"}"#, "another schema"),
            (r#"{"bomFormat":"CycloneDX"}"#, "bill of materials"),
            ("[]", "a JSON list"),
            ("{\"os\":", "line 1, column 6"),
            ("", "line 1"),
        ] {
            let error = parse(document.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(word), "{document}: {error}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn bounds_hold() {
        let long = SMALL.replace("openssl", &"x".repeat(5000));
        assert!(
            parse(long.as_bytes())
                .unwrap_err()
                .to_string()
                .contains("packages[0]")
        );
        let deep = format!("{{\"x\":{}", "[".repeat(10_000));
        assert!(matches!(
            parse(deep.as_bytes()),
            Err(DocumentError::TooDeep { .. })
        ));
    }

    proptest::proptest! {
        #[test]
        fn no_damage_makes_it_panic(
            at in 0..300_usize,
            byte in proptest::num::u8::ANY,
            cut in 0..300_usize,
            noise in proptest::collection::vec(proptest::num::u8::ANY, 0..100),
        ) {
            let mut bytes = SMALL.as_bytes().to_vec();
            bytes[at % SMALL.len()] = byte;
            bytes.truncate(SMALL.len().saturating_sub(cut));
            drop(parse(&bytes));
            drop(parse(&noise));
        }
    }
}
