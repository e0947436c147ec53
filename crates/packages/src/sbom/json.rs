//! Reading JSON without keeping it: values handed over one by one, and texts that take any type.
//!
//! A derived structure would hold a whole list before its first part could be dropped.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::fmt;

/// A text; numbers and booleans as written, anything else only noted. Producers get types wrong in fields nobody reads.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) enum Word {
    #[default]
    Absent,
    Text(String),
    /// An array or object, passed over.
    Other,
}

impl Word {
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent | Self::Other => None,
        }
    }

    /// The text without spaces around it, if there is one and it says something (SPDX 2.3, 7.3: `NOASSERTION`).
    pub fn said(self) -> Option<String> {
        match self {
            Self::Text(text) => {
                let said = text.trim();
                let nothing = said.is_empty() || matches!(said, "NOASSERTION" | "NONE");
                (!nothing).then(|| {
                    if said.len() == text.len() {
                        text.clone()
                    } else {
                        said.to_owned()
                    }
                })
            }
            Self::Absent | Self::Other => None,
        }
    }

    pub fn is_there(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyWord;
        impl<'de> Visitor<'de> for AnyWord {
            type Value = Word;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Word, E> {
                Ok(Word::Text(text.to_owned()))
            }
            fn visit_string<E: Error>(self, text: String) -> Result<Word, E> {
                Ok(Word::Text(text))
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Word, E> {
                Ok(Word::Text(value.to_string()))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Word, E> {
                Ok(Word::Text(value.to_string()))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Word, E> {
                Ok(Word::Text(value.to_string()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Word, E> {
                Ok(Word::Text(value.to_string()))
            }
            fn visit_unit<E: Error>(self) -> Result<Word, E> {
                Ok(Word::Absent)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Word, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Word::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Word, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Word::Other)
            }
        }
        deserializer.deserialize_any(AnyWord)
    }
}

/// Something that takes an object field by field.
pub(super) trait Fields {
    /// Takes the value of `key`, which it has to read from `map`.
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Reads an object into its taker; `null` is an object without fields.
pub(super) struct Object<'a, T>(pub &'a mut T);

impl<'de, T: Fields> DeserializeSeed<'de> for Object<'_, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Fields> Visitor<'de> for Object<'_, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            self.0.field(&key, &mut map)?;
        }
        Ok(())
    }
}

/// Something that takes a list element by element.
pub(super) trait Elements {
    /// Takes one element; `false` when there is none left.
    fn element<'de, A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<bool, A::Error>;
}

/// Reads a list into its taker; `null` is an empty list.
pub(super) struct List<'a, T>(pub &'a mut T);

impl<'de, T: Elements> DeserializeSeed<'de> for List<'_, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Elements> Visitor<'de> for List<'_, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while self.0.element(&mut list)? {}
        Ok(())
    }
}

/// Passes over a value.
pub(super) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}
