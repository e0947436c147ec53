//! Which subvolumes there are, as `btrfs subvolume list` tells it of the top level.

/// Number of the top level in every btrfs.
pub(super) const TOP_LEVEL: u64 = 5;

/// All but the top level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subvolumes(Vec<Subvolume>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Subvolume {
    id: u64,
    parent: u64,
    /// In the top level, without a first slash.
    path: String,
}

impl Subvolumes {
    /// Lines `ID 258 gen 11 top level 256 path @/var/lib/machines`; `None` when one is none.
    pub fn parse(text: &str) -> Option<Self> {
        let line = |line: &str| {
            let (words, path) = line.split_once(" path ")?;
            let words: Vec<&str> = words.split_whitespace().collect();
            let ["ID", id, "gen", _, "top", "level", parent] = words.as_slice() else {
                return None;
            };
            Some(Subvolume {
                id: id.parse().ok()?,
                parent: parent.parse().ok()?,
                path: path.to_owned(),
            })
        };
        text.lines().map(line).collect::<Option<_>>().map(Self)
    }

    /// The number of the one at a path.
    pub fn id(&self, path: &str) -> Option<u64> {
        let found = self.0.iter().find(|one| one.path == path);
        found.map(|one| one.id)
    }

    /// The path of a number.
    pub fn path(&self, id: u64) -> Option<&str> {
        let found = self.0.iter().find(|one| one.id == id);
        found.map(|one| one.path.as_str())
    }

    /// Those directly in one, by their paths in it; what is nested in them goes where they go.
    pub fn nested(&self, id: u64, path: &str) -> Vec<String> {
        let within = |one: &Subvolume| {
            let below = one.path.strip_prefix(path)?.strip_prefix('/')?;
            (one.parent == id).then(|| below.to_owned())
        };
        let mut found: Vec<String> = self.0.iter().filter_map(within).collect();
        found.sort();
        found
    }

    /// Numbers behind a beginning of the path: `overlock/run-`.
    pub fn numbered(&self, beginning: &str) -> Vec<u64> {
        let number = |one: &Subvolume| one.path.strip_prefix(beginning)?.parse().ok();
        self.0.iter().filter_map(number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
ID 256 gen 13 top level 5 path @
ID 257 gen 7 top level 5 path @data
ID 258 gen 11 top level 256 path @/var/lib/a b
ID 262 gen 11 top level 258 path @/var/lib/a b/below
ID 259 gen 14 top level 5 path overlock/run-1
ID 260 gen 14 top level 5 path overlock/run-12
ID 261 gen 14 top level 5 path overlock/replaced-2
";

    #[test]
    fn list_is_read() {
        let all = Subvolumes::parse(TEXT).unwrap();
        assert_eq!(all.id("@data"), Some(257));
        assert_eq!(all.id("data"), None);
        assert_eq!(all.path(259), Some("overlock/run-1"));
        assert_eq!(all.nested(256, "@"), ["var/lib/a b"]);
        assert_eq!(all.numbered("overlock/run-"), [1, 12]);
        assert_eq!(Subvolumes::parse(""), Some(Subvolumes(Vec::new())));
        assert_eq!(Subvolumes::parse("ERROR: not a btrfs"), None);
    }
}
