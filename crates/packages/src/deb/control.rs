//! The paragraph format of Debian control files (deb822), read without copying.
//!
//! One scanner serves the dpkg status file, apt's Packages lists (50 MB of text), Release files, `.sources` and
//! preferences. It hands out slices of the input and counts lines, so that an error can name its place.

use memchr::memchr;

/// One `Name: value` field of a paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Name as written; names compare without case.
    pub name: &'a [u8],
    /// Value with its continuation lines, outer white space removed.
    pub value: &'a [u8],
    /// Line of the name, counted from 1 in the whole input.
    pub line: u64,
}

impl<'a> Field<'a> {
    /// Whether this is the field `name`, without regard to case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.value).into_owned()
    }
}

/// One paragraph: its raw bytes and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paragraph<'a> {
    /// The bytes, without the blank line that ends it.
    pub raw: &'a [u8],
    /// Its first line, counted from 1.
    pub line: u64,
}

/// A line that is neither a field nor a continuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// The line, counted from 1.
    pub line: u64,
}

impl<'a> Paragraph<'a> {
    /// The fields in order. After a malformed line the iterator ends.
    #[must_use]
    pub fn fields(&self) -> Fields<'a> {
        Fields {
            rest: self.raw,
            line: self.line,
        }
    }

    /// The first field with that name, without regard to case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Field<'a>> {
        self.fields()
            .filter_map(Result::ok)
            .find(|field| field.is(name))
    }
}

/// Iterator over the fields of a paragraph.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
    line: u64,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (first, mut rest) = cut_line(self.rest)?;
            let line = self.line;
            self.line += 1;
            if is_blank(first) {
                self.rest = rest;
                continue;
            }
            let colon =
                memchr(b':', first).filter(|_| !matches!(first.first(), Some(b' ' | b'\t')));
            let Some((name, _)) = colon.and_then(|colon| first.split_at_checked(colon)) else {
                self.rest = &[];
                return Some(Err(Malformed { line }));
            };
            let mut length = first.len();
            while matches!(rest.first(), Some(b' ' | b'\t')) {
                let Some((more, after)) = cut_line(rest) else {
                    break;
                };
                length += 1 + more.len();
                rest = after;
                self.line += 1;
            }
            let value = self
                .rest
                .get(name.len() + 1..length)
                .unwrap_or_default()
                .trim_ascii();
            self.rest = rest;
            return Some(Ok(Field { name, value, line }));
        }
    }
}

/// Iterator over the paragraphs of a whole file.
#[derive(Debug, Clone)]
pub struct Paragraphs<'a> {
    rest: &'a [u8],
    line: u64,
}

/// Cuts `bytes` into paragraphs at blank lines.
#[must_use]
pub fn paragraphs(bytes: &[u8]) -> Paragraphs<'_> {
    Paragraphs {
        rest: bytes,
        line: 1,
    }
}

impl<'a> Iterator for Paragraphs<'a> {
    type Item = Paragraph<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((line, rest)) = cut_line(self.rest) {
            if !is_blank(line) {
                break;
            }
            self.rest = rest;
            self.line += 1;
        }
        if self.rest.is_empty() {
            return None;
        }
        let (start, first) = (self.rest, self.line);
        let mut length = 0;
        while let Some((line, rest)) = cut_line(self.rest) {
            if is_blank(line) {
                break;
            }
            length = start.len() - rest.len();
            self.rest = rest;
            self.line += 1;
        }
        let raw = start.get(..length).unwrap_or_default();
        Some(Paragraph { raw, line: first })
    }
}

/// The first line without its end, and what follows; `None` at the end of the input.
#[must_use]
pub fn cut_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes.is_empty() {
        return None;
    }
    let end = memchr(b'\n', bytes).unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((line, rest.get(1..).unwrap_or_default()))
}

/// The input without its comment lines (`#` in the first column), which may stand inside a field's value in the
/// files that people edit: `.sources` (sources.list(5)) and preferences.
#[must_use]
pub fn without_comments(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        if !line.starts_with(b"#") {
            kept.extend_from_slice(line);
        }
    }
    kept
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"" | b"\r")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn continuation_lines_belong_to_their_field() {
        let text = b"A: one\n two\n three\nB:four\n\n\nC: five";
        let all: Vec<_> = paragraphs(text).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].get("a").unwrap().value, b"one\n two\n three");
        assert_eq!(all[0].get("B").unwrap().line, 4);
        assert_eq!(all[1].get("C").unwrap().value, b"five");
        assert_eq!(all[1].line, 7);
    }

    #[test]
    fn a_line_without_colon_is_named_by_its_number() {
        let text = b"A: 1\ngarbage\nB: 2\n";
        let fields: Vec<_> = paragraphs(text).next().unwrap().fields().collect();
        assert_eq!(fields[1], Err(Malformed { line: 2 }));
        assert_eq!(fields.len(), 2);
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_without_panic_and_without_loss_of_fields(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let total: usize = paragraphs(&bytes).map(|p| p.raw.len()).sum();
            prop_assert!(total <= bytes.len());
            for paragraph in paragraphs(&bytes) {
                for field in paragraph.fields().flatten() {
                    prop_assert!(field.name.len() + field.value.len() < paragraph.raw.len() + 1);
                }
            }
        }

        #[test]
        fn printed_fields_are_read_back(pairs in proptest::collection::vec(("[A-Za-z][A-Za-z-]{0,9}", "[a-z0-9][ -~]{0,20}"), 1..8)) {
            let text: String = pairs.iter().map(|(n, v)| format!("{n}: {v}\n")).collect();
            let read: Vec<_> = paragraphs(text.as_bytes()).next().unwrap().fields().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), pairs.len());
            for (field, (name, value)) in read.iter().zip(&pairs) {
                prop_assert_eq!(field.name, name.as_bytes());
                prop_assert_eq!(field.text(), value.trim_end());
            }
        }
    }
}
