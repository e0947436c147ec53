//! The `[section]` / `key = value` files of dnf, zypper and pacman.
//!
//! dnf and zypper continue a value on lines that start with white space; pacman has keys without a value. One scanner
//! reads all three. It never fails: a line that is neither is skipped, as those programs do, and the caller bounds
//! the file's size.

/// One section in the order of the file; the part before any header has an empty name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// Text between the brackets.
    pub name: String,
    /// Keys with their values, in order, repeats kept; a key without `=` has an empty value.
    pub entries: Vec<(String, String)>,
}

impl Section {
    /// The last value of a key, as these programs take it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// All values of a key, split at commas and white space.
    pub fn list<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.entries
            .iter()
            .filter(move |(name, _)| name == key)
            .flat_map(|(_, value)| value.split(|c: char| c == ',' || c.is_whitespace()))
            .filter(|word| !word.is_empty())
    }

    /// A switch: `1`, `yes`, `true`, `on` and their opposites, any case.
    #[must_use]
    pub fn switch(&self, key: &str) -> Option<bool> {
        match self.get(key)?.to_ascii_lowercase().as_str() {
            "1" | "yes" | "true" | "on" => Some(true),
            "0" | "no" | "false" | "off" => Some(false),
            _ => None,
        }
    }
}

/// Reads a whole file. Bytes that are not UTF-8 are replaced.
#[must_use]
pub fn parse(bytes: &[u8]) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    for line in String::from_utf8_lossy(bytes).lines() {
        let text = line.trim();
        if text.is_empty() || text.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            sections.push(Section {
                name: name.trim().to_owned(),
                entries: Vec::new(),
            });
            continue;
        }
        let Some(section) = sections.last_mut() else {
            continue;
        };
        let (key, value) = match text.split_once('=') {
            // An indented line that looks like a key of its own still continues the value before it only where it
            // holds no `=`; pacman indents keys, dnf indents only values.
            None if line.starts_with([' ', '\t']) && !section.entries.is_empty() => {
                if let Some((_, value)) = section.entries.last_mut() {
                    value.push('\n');
                    value.push_str(text);
                }
                continue;
            }
            Some((key, value)) => (key.trim(), value.trim()),
            None => (text, ""),
        };
        section.entries.push((key.to_owned(), value.to_owned()));
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continued_values_are_one_list() {
        let sections = parse(b"[main]\n# note\nexcludepkgs = kernel*,\n  foo\n\tbar\ngpgcheck=Yes\n[a b]\nCheckSpace\n");
        let main = &sections[1];
        assert_eq!(
            main.list("excludepkgs").collect::<Vec<_>>(),
            ["kernel*", "foo", "bar"]
        );
        assert_eq!(main.switch("gpgcheck"), Some(true));
        assert_eq!(sections[2].get("CheckSpace"), Some(""));
        assert_eq!(sections[2].name, "a b");
    }
}
