//! SPDX 2.2 and 2.3 JSON: `packages` with their external references. Files, snippets and relationships say nothing
//! about versions and are passed over.

use super::collector::Collector;
use super::json::{Elements, Fields, List, Object, Word, skip};
use super::part::{OPERATING_SYSTEM, Part};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess};

/// Most Package URLs of one package; Red Hat names one for each repository.
const PURLS_MAX: usize = 64;

pub(super) fn read<'de, R: serde_json::de::Read<'de>>(
    parser: &mut serde_json::Deserializer<R>,
    collector: &mut Collector,
) -> serde_json::Result<()> {
    Object(&mut Document(collector)).deserialize(parser)
}

struct Document<'a>(&'a mut Collector);

impl Fields for Document<'_> {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.0.named(map.next_value()?),
            "creationInfo" => self.0.written(map.next_value::<CreationInfo>()?.created),
            "packages" => map.next_value_seed(List(&mut Packages(self.0)))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct CreationInfo {
    #[serde(default)]
    created: Word,
}

struct Packages<'a>(&'a mut Collector);

impl Elements for Packages<'_> {
    fn element<'de, A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        let mut package = Package(Part::default());
        if list.next_element_seed(Object(&mut package))?.is_none() {
            return Ok(false);
        }
        self.0.add(package.0).map_err(Error::custom)?;
        Ok(true)
    }
}

struct Package(Part);

impl Fields for Package {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let part = &mut self.0;
        match key {
            "name" => part.name = map.next_value::<Word>()?.said(),
            "versionInfo" => part.version = map.next_value::<Word>()?.said(),
            "primaryPackagePurpose" => match map.next_value::<Word>()?.text() {
                Some("OPERATING-SYSTEM" | "OPERATING_SYSTEM") => {
                    part.role = OPERATING_SYSTEM.to_owned()
                }
                Some("FILE") if part.role.is_empty() => part.role = "file".to_owned(),
                _ => {}
            },
            // SPDX 2.2 has no purpose; trivy marks the operating system in the identifier.
            "SPDXID" => {
                let id = map.next_value::<Word>()?;
                if id
                    .text()
                    .is_some_and(|id| id.starts_with("SPDXRef-OperatingSystem"))
                {
                    part.role = OPERATING_SYSTEM.to_owned();
                }
            }
            "sourceInfo" => {
                if let Some(text) = map.next_value::<Word>()?.text() {
                    part.built_from(text);
                }
            }
            "externalRefs" => map.next_value_seed(List(&mut References(part)))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

struct References<'a>(&'a mut Part);

#[derive(Deserialize)]
struct Reference {
    #[serde(default, rename = "referenceType")]
    kind: Word,
    #[serde(default, rename = "referenceLocator")]
    locator: Word,
}

impl Elements for References<'_> {
    fn element<'de, A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        let Some(reference) = list.next_element::<Reference>()? else {
            return Ok(false);
        };
        if reference.kind.text() == Some("purl") && self.0.purls.len() < PURLS_MAX {
            self.0.purls.extend(reference.locator.said());
        }
        Ok(true)
    }
}
