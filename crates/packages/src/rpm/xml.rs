//! Repository XML as a stream of elements, with bounds that the XML reader itself does not have.
//!
//! Metadata of a large repository unpacks to hundreds of megabytes, so it is never held as a whole. Bounds: bytes that
//! come out of the decompressor, bytes between two tags, nesting. Nothing external is ever resolved.

use crate::archive::decoded;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::io::{self, BufRead, BufReader, Read};

/// Most bytes one metadata file may unpack to; the largest real ones are around 400 MB.
pub(super) const UNPACKED_BYTES: u64 = 2 << 30;
/// Most bytes without a tag's end; descriptions reach some hundred kilobytes.
const TOKEN_BYTES: usize = 4 << 20;
const MAX_DEPTH: usize = 32;
/// Text kept of one element; longer ones (descriptions) are never asked for.
const TEXT_BYTES: usize = 16 << 10;

/// Why metadata cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum XmlError {
    /// Decompression failed, or a bound was met.
    #[error("it cannot be unpacked")]
    Read(#[from] io::Error),
    /// Not well-formed.
    #[error("it is no sound XML near byte {position}")]
    Syntax {
        /// Bytes of unpacked text before the place.
        position: u64,
        /// The cause.
        #[source]
        source: quick_xml::Error,
    },
    /// It ends before its root element does.
    #[error("it ends inside an element")]
    Truncated,
    /// Nesting that no metadata has.
    #[error("its elements are nested too deep")]
    Depth,
}

/// One element's beginning or end; names without their prefix.
pub(super) enum Node<'a> {
    /// Beginning with attributes.
    Open(&'a str, &'a BytesStart<'a>),
    /// End with the text since the last tag, so that an element without children has its own.
    Close(&'a str, &'a str),
}

/// Reads possibly compressed XML and calls `node` for each element's beginning and end.
pub(super) fn walk(source: impl Read, mut node: impl FnMut(Node<'_>)) -> Result<(), XmlError> {
    let plain = decoded(source, UNPACKED_BYTES)?;
    let mut reader = Reader::from_reader(Tokens {
        inner: BufReader::with_capacity(64 << 10, plain),
        since: 0,
    });
    let (mut buffer, mut text, mut depth, mut roots) = (Vec::new(), String::new(), 0usize, 0u64);
    loop {
        buffer.clear();
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(quick_xml::Error::Io(source)) => {
                return Err(io::Error::new(source.kind(), source).into());
            }
            Err(source) => {
                return Err(XmlError::Syntax {
                    position: reader.buffer_position(),
                    source,
                });
            }
        };
        match event {
            Event::Start(start) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(XmlError::Depth);
                }
                roots += 1;
                text.clear();
                node(Node::Open(start.local_name().as_ref(), &start));
            }
            Event::Empty(empty) => {
                roots += 1;
                node(Node::Open(empty.local_name().as_ref(), &empty));
                node(Node::Close(empty.local_name().as_ref(), ""));
                text.clear();
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                node(Node::Close(end.local_name().as_ref(), text.trim()));
                text.clear();
            }
            Event::Text(part) => keep(&mut text, &part.xml10_content()),
            Event::CData(part) => keep(&mut text, &part.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(character)) => keep(&mut text, character.encode_utf8(&mut [0; 4])),
                _ => keep(
                    &mut text,
                    quick_xml::escape::resolve_predefined_entity(&reference).unwrap_or_default(),
                ),
            },
            Event::Eof if depth > 0 || roots == 0 => return Err(XmlError::Truncated),
            Event::Eof => return Ok(()),
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
        }
    }
}

/// An attribute's text; `None` when it is absent or does not hold.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    Some(
        attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .ok()?
            .into_owned(),
    )
}

fn keep(text: &mut String, part: &str) {
    if text.len() + part.len() <= TEXT_BYTES {
        text.push_str(part);
    }
}

/// Fails when too many bytes pass without a tag ending, because the XML reader keeps all of them.
struct Tokens<R> {
    inner: BufReader<R>,
    since: usize,
}

impl<R: Read> Read for Tokens<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Tokens<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.since > TOKEN_BYTES {
            return Err(io::Error::other("one element is larger than the limit"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        let taken = self.inner.buffer().get(..amount).unwrap_or_default();
        self.since = match memchr::memrchr(b'>', taken) {
            Some(at) => amount - at - 1,
            None => self.since + amount,
        };
        self.inner.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(xml: &[u8]) -> Result<Vec<(String, String)>, XmlError> {
        let mut seen = Vec::new();
        walk(xml, |node| {
            if let Node::Close(name, text) = node {
                seen.push((name.to_owned(), text.to_owned()));
            }
        })?;
        Ok(seen)
    }

    #[test]
    fn entities_and_prefixes_are_resolved() {
        let seen = texts(b"<a><rpm:vendor>A &amp; B&#33;</rpm:vendor><e/></a>").unwrap();
        assert_eq!(seen[0], ("vendor".to_owned(), "A & B!".to_owned()));
        assert_eq!(seen[1], ("e".to_owned(), String::new()));
    }

    #[test]
    fn cut_deep_and_huge_inputs_are_errors() {
        assert!(matches!(texts(b"<a><b>"), Err(XmlError::Truncated)));
        assert!(matches!(texts(b""), Err(XmlError::Truncated)));
        assert!(texts(b"<a><b></a>").is_err());
        assert!(matches!(
            texts("<a>".repeat(10_000).as_bytes()),
            Err(XmlError::Depth)
        ));
        let mut huge = b"<a>".to_vec();
        huge.resize(TOKEN_BYTES + (1 << 20), b'x');
        assert!(matches!(texts(&huge), Err(XmlError::Read(_))));
    }
}
