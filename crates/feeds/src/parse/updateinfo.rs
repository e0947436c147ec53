//! `updateinfo.xml` of dnf and zypper repositories: errata with the exact builds that carry the fix.
//!
//! It is the best source for rpm systems: binary package, architecture, epoch and module stream stand in it. The file
//! does not say which release it belongs to, so the caller does. Errata that only fix bugs are skipped and counted,
//! unless they name a CVE.

use super::tally::Tally;
use super::unpack::Stream;
use super::{ErrorKind, Input, Limits, ParseError, Parsed, Place, Sink, unpack};
use overlock_model::advisory::Ecosystem;
use quick_xml::events::Event;
use update::Update;

mod update;

/// Parses the file of a repository of the release `ecosystem`; a record is one `update`. No updates at all is sound.
///
/// # Errors
/// It is not an updateinfo file, its XML is broken or cut off, or it exceeds a limit.
pub fn parse(
    input: &mut dyn Input,
    ecosystem: &Ecosystem,
    feed: &str,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Parsed, ParseError> {
    let Stream { reader, mark } = unpack::stream(input, limits)?;
    let mut xml = quick_xml::Reader::from_reader(reader);
    xml.config_mut().expand_empty_elements = true;
    let mut tally = Tally::new(limits);
    let mut path: Vec<Element> = Vec::new();
    let mut update = Update::default();
    let mut newest = None;
    let mut buffer = Vec::new();
    let mut number = 0_u64;
    let mut has_root = false;
    loop {
        buffer.clear();
        let at = xml.buffer_position();
        let event = xml
            .read_event_into(&mut buffer)
            .map_err(|error| xml_error(at, &error))?;
        let refuse = |kind, cause: String| Err(ParseError::new(kind, Place::Byte(at), cause));
        match event {
            Event::Start(start) => {
                let element = Element::of(start.name().as_ref());
                if path.is_empty() && element != Element::Updates {
                    let found = start.name().as_ref().chars().take(40).collect::<String>();
                    return refuse(
                        ErrorKind::NotTheFormat,
                        format!("the root is <{found}>, not <updates>"),
                    );
                }
                has_root = true;
                if path.len() >= limits.depth_max {
                    return refuse(
                        ErrorKind::TooLarge,
                        format!("nested deeper than {}", limits.depth_max),
                    );
                }
                if element == Element::Update {
                    mark.record();
                    number += 1;
                    update = Update::default();
                }
                update.start(element, &start, limits);
                path.push(element);
            }
            Event::End(_) => {
                if path.pop() == Some(Element::Update) {
                    let done = std::mem::take(&mut update);
                    newest = newest.max(done.issued);
                    let place = format!(
                        "update {number} {}",
                        done.id.chars().take(60).collect::<String>()
                    );
                    tally.record(place, done.hand_on(ecosystem, feed, limits, sink));
                }
            }
            Event::Text(content) => update.text(&path, &content),
            Event::CData(content) => update.text(&path, &content),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(character)) => update.text(&path, character.encode_utf8(&mut [0; 4])),
                _ => update.text(
                    &path,
                    quick_xml::escape::resolve_predefined_entity(&reference).unwrap_or(" "),
                ),
            },
            Event::Eof if !path.is_empty() => {
                return refuse(
                    ErrorKind::Truncated,
                    "the file ends inside an element".to_owned(),
                );
            }
            Event::Eof => break,
            Event::Decl(_)
            | Event::Comment(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::Empty(_) => {}
        }
    }
    if !has_root {
        return Err(ParseError::new(
            ErrorKind::NotTheFormat,
            Place::Start,
            "no XML element in it",
        ));
    }
    tally.parsed.facts.dated = newest;
    tally.finish()
}

fn xml_error(at: u64, error: &quick_xml::Error) -> ParseError {
    match error {
        quick_xml::Error::Io(io) => ParseError::read(Place::Byte(at), io),
        quick_xml::Error::Syntax(syntax) => {
            ParseError::new(ErrorKind::Truncated, Place::Byte(at), syntax.to_string())
        }
        other => ParseError::new(ErrorKind::NotTheFormat, Place::Byte(at), other.to_string()),
    }
}

/// The elements that mean something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Updates,
    Update,
    Id,
    Title,
    Issued,
    Severity,
    Summary,
    Description,
    Reference,
    Collection,
    Module,
    Package,
    Other,
}

impl Element {
    fn of(name: &str) -> Self {
        match name {
            "updates" => Self::Updates,
            "update" => Self::Update,
            "id" => Self::Id,
            "title" => Self::Title,
            "issued" => Self::Issued,
            "severity" => Self::Severity,
            "summary" => Self::Summary,
            "description" => Self::Description,
            "reference" => Self::Reference,
            "collection" => Self::Collection,
            "module" => Self::Module,
            "package" => Self::Package,
            _ => Self::Other,
        }
    }
}
