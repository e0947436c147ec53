//! One `desc` file.

use std::collections::HashMap;

/// The fields of a `desc` file with their lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desc(HashMap<String, Vec<String>>);

/// Fields that are kept; a local package's `desc` has many more.
const FIELDS: [&str; 8] = [
    "NAME",
    "VERSION",
    "BASE",
    "ARCH",
    "CSIZE",
    "SHA256SUM",
    "DEPENDS",
    "PACKAGER",
];
const MAX_LINES: usize = 10_000;

/// Reads a `desc` file. It never fails: what is no field is passed over, and the caller asks for what it needs.
#[must_use]
pub fn parse_desc(bytes: &[u8]) -> Desc {
    let mut desc = Desc::default();
    let mut field: Option<String> = None;
    for line in String::from_utf8_lossy(bytes).lines().take(MAX_LINES) {
        let line = line.trim();
        if line.is_empty() {
            field = None;
        } else if let Some(field) = &field {
            if FIELDS.contains(&field.as_str()) {
                desc.0
                    .entry(field.clone())
                    .or_default()
                    .push(line.to_owned());
            }
        } else {
            field = line
                .strip_prefix('%')
                .and_then(|rest| rest.strip_suffix('%'))
                .map(str::to_owned);
        }
    }
    desc
}

impl Desc {
    /// The first line of a field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        self.lines(field).next()
    }

    /// All lines of a field.
    pub fn lines(&self, field: &str) -> impl Iterator<Item = &str> {
        self.0.get(field).into_iter().flatten().map(String::as_str)
    }
}
