//! The walks through a JSON file that hold one record at a time, as serde's visitors.

use super::super::unpack::Mark;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::fmt;

pub(super) struct Elements<'a> {
    pub(super) mark: &'a Mark,
    pub(super) each: &'a mut dyn FnMut(&RawValue, u64),
}

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // `any`, because old secdb files write `null` for an empty list.
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut at = 0;
        self.mark.record();
        while let Some(raw) = list.next_element::<Box<RawValue>>()? {
            at += 1;
            (self.each)(&raw, at);
            self.mark.record();
        }
        Ok(())
    }
}

pub(super) struct ObjectWithList<'a> {
    pub(super) mark: &'a Mark,
    pub(super) list: &'static str,
    pub(super) each: &'a mut dyn FnMut(&RawValue, u64),
}

impl<'de> DeserializeSeed<'de> for ObjectWithList<'_> {
    type Value = HashMap<String, Box<RawValue>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectWithList<'_> {
    type Value = HashMap<String, Box<RawValue>>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the list `{}`", self.list)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let (mut rest, mut found) = (HashMap::new(), false);
        while let Some(key) = object.next_key::<String>()? {
            self.mark.record();
            if key == self.list {
                found = true;
                object.next_value_seed(Elements {
                    mark: self.mark,
                    each: &mut *self.each,
                })?;
            } else if rest.len() < 64 {
                rest.insert(key, object.next_value::<Box<RawValue>>()?);
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        if found {
            Ok(rest)
        } else {
            Err(serde::de::Error::missing_field(self.list))
        }
    }
}

pub(super) struct OuterEntries<'a> {
    pub(super) mark: &'a Mark,
    pub(super) each: &'a mut dyn FnMut(&str, &str, &RawValue),
}

impl<'de> DeserializeSeed<'de> for OuterEntries<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OuterEntries<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of objects")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(outer) = object.next_key::<String>()? {
            object.next_value_seed(InnerEntries {
                mark: self.mark,
                outer: &outer,
                each: &mut *self.each,
            })?;
        }
        Ok(())
    }
}

struct InnerEntries<'a> {
    mark: &'a Mark,
    outer: &'a str,
    each: &'a mut dyn FnMut(&str, &str, &RawValue),
}

impl<'de> DeserializeSeed<'de> for InnerEntries<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for InnerEntries<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object under `{}`", self.outer)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        self.mark.record();
        while let Some(inner) = object.next_key::<String>()? {
            let raw = object.next_value::<Box<RawValue>>()?;
            (self.each)(self.outer, &inner, &raw);
            self.mark.record();
        }
        Ok(())
    }
}
