//! CycloneDX JSON (ECMA-424): `metadata.component`, `components` and the components inside components.

use super::collector::Collector;
use super::json::{Elements, Fields, List, Object, Word, skip};
use super::part::Part;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess};

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
            "metadata" => map.next_value_seed(Object(&mut Metadata(self.0))),
            "components" => map.next_value_seed(List(&mut Components(self.0))),
            _ => skip(map),
        }
    }
}

struct Metadata<'a>(&'a mut Collector);

impl Fields for Metadata<'_> {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "timestamp" => self.0.written(map.next_value()?),
            "component" => {
                let mut subject = Component {
                    part: Part::default(),
                    collector: self.0,
                };
                map.next_value_seed(Object(&mut subject))?;
                let part = subject.part;
                self.0.subject(part).map_err(Error::custom)?;
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

struct Components<'a>(&'a mut Collector);

impl Elements for Components<'_> {
    fn element<'de, A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        let mut component = Component {
            part: Part::default(),
            collector: self.0,
        };
        if list.next_element_seed(Object(&mut component))?.is_none() {
            return Ok(false);
        }
        let part = component.part;
        self.0.add(part).map_err(Error::custom)?;
        Ok(true)
    }
}

struct Component<'a> {
    part: Part,
    collector: &'a mut Collector,
}

impl Fields for Component<'_> {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "type" => self.part.role = map.next_value::<Word>()?.said().unwrap_or_default(),
            "group" => self.part.group = map.next_value::<Word>()?.said(),
            "name" => self.part.name = map.next_value::<Word>()?.said(),
            "version" => self.part.version = map.next_value::<Word>()?.said(),
            "purl" => self.part.purls.extend(map.next_value::<Word>()?.said()),
            "properties" => map.next_value_seed(List(&mut Properties(&mut self.part)))?,
            "components" => map.next_value_seed(List(&mut Components(self.collector)))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

struct Properties<'a>(&'a mut Part);

#[derive(Deserialize)]
struct Property {
    #[serde(default)]
    name: Word,
    #[serde(default)]
    value: Word,
}

impl Elements for Properties<'_> {
    fn element<'de, A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        let Some(property) = list.next_element::<Property>()? else {
            return Ok(false);
        };
        if let (Some(name), Some(value)) = (property.name.text(), property.value.clone().said()) {
            self.0.property(name, value);
        }
        Ok(true)
    }
}
