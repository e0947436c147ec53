//! Streams of JSON records: an object's entries, a list's elements, one document per line, or archive members.
//!
//! A record is first cut out of the stream as text and then read into its type, so that a record with a wrong type is
//! kept out alone while broken syntax still stops the file.

use super::tally::{Outcome, Tally};
use super::unpack::{Opened, Stream, members};
use super::{ErrorKind, Limits, ParseError, Place, error};
use serde::de::{DeserializeSeed, IgnoredAny};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::io::{BufRead, Read};
use stream::{Elements, ObjectWithList, OuterEntries};

mod stream;

/// Reads a typed record out of its bytes; deeper nesting than the limit is refused even where it would be ignored.
pub(super) fn record<'a, T: serde::Deserialize<'a>>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<T, String> {
    if depth(bytes) > limits.depth_max {
        return Err(format!("nested deeper than {}", limits.depth_max));
    }
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// Greatest nesting of brackets outside strings.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        if in_string {
            if escaped {
                escaped = false;
            } else if *byte == b'\\' {
                escaped = true;
            } else if *byte == b'"' {
                in_string = false;
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// Refuses what does not begin like JSON, with a word on what it looks like.
pub(super) fn first_byte(stream: &mut Stream<'_>) -> Result<u8, ParseError> {
    loop {
        let buffer = stream
            .reader
            .fill_buf()
            .map_err(|e| ParseError::read(Place::Start, &e))?;
        let refuse = |kind, cause: &str| Err(ParseError::new(kind, Place::Start, cause));
        let blank = buffer
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        match buffer.get(blank) {
            Some(byte @ (b'{' | b'[')) => {
                let byte = *byte;
                stream.reader.consume(blank);
                return Ok(byte);
            }
            Some(b'<') => {
                return refuse(
                    ErrorKind::NotTheFormat,
                    "begins with `<`, like a web page, not with JSON",
                );
            }
            Some(_) => return refuse(ErrorKind::NotTheFormat, "does not begin with JSON"),
            None if buffer.is_empty() => {
                return refuse(ErrorKind::Truncated, "nothing but white space");
            }
            None => stream.reader.consume(blank),
        }
    }
}

/// Takes one document with its name (empty outside archives) and says what became of it.
pub(super) type Each<'a> = dyn FnMut(&mut Tally, &str, &[u8]) -> Result<Outcome, String> + 'a;

/// Documents of an archive's members, of a list, of lines, or the one document that the file is.
///
/// `each` says what became of one; broken syntax in a member or line is a bad record, in a whole file an error.
pub(super) fn documents(
    mut opened: Opened<'_>,
    limits: &Limits,
    wanted: &dyn Fn(&str) -> bool,
    tally: &mut Tally,
    each: &mut Each<'_>,
) -> Result<(), ParseError> {
    let is_archive = members(&mut opened, limits, wanted, &mut |name, bytes| {
        let outcome = bytes.and_then(|bytes| each(tally, name, bytes));
        tally.record(name, outcome);
    })?;
    let Opened::Stream(mut stream) = opened else {
        return Ok(());
    };
    if is_archive {
        return Ok(());
    }
    if first_byte(&mut stream)? == b'[' {
        return elements(stream, &mut |raw, at| {
            let outcome = each(tally, "", raw.get().as_bytes());
            tally.record(format_args!("element {at}"), outcome);
        });
    }
    let mut line = Vec::new();
    next_line(&mut stream, limits, 1, &mut line)?;
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(&line) {
        if !error.is_eof() {
            return Err(ParseError::json(error));
        }
        stream.mark.record();
        let room = limits
            .record_bytes_max
            .saturating_sub(line.len() as u64)
            .saturating_add(1);
        let tail = stream.reader.take(room).read_to_end(&mut line);
        tail.map_err(|e| ParseError::read(Place::Start, &e))?;
        if line.len() as u64 > limits.record_bytes_max {
            let cause = format!("one document over {} bytes", limits.record_bytes_max);
            return Err(ParseError::new(ErrorKind::TooLarge, Place::Start, cause));
        }
        serde_json::from_slice::<IgnoredAny>(&line).map_err(ParseError::json)?;
        let outcome = each(tally, "", &line);
        tally.record("the document", outcome);
        return Ok(());
    }
    let mut number = 1_u64;
    loop {
        if !line.iter().all(u8::is_ascii_whitespace) {
            let outcome = each(tally, "", &line);
            tally.record(format_args!("line {number}"), outcome);
        }
        number += 1;
        if !next_line(&mut stream, limits, number, &mut line)? {
            return Ok(());
        }
    }
}

/// Reads one line without its end into `line`; false at the end of the stream.
pub(super) fn next_line(
    stream: &mut Stream<'_>,
    limits: &Limits,
    number: u64,
    line: &mut Vec<u8>,
) -> Result<bool, ParseError> {
    line.clear();
    stream.mark.record();
    let place = Place::Line {
        line: number,
        column: 0,
    };
    let room = limits.record_bytes_max.saturating_add(1);
    let read = stream.reader.by_ref().take(room).read_until(b'\n', line);
    let read = read.map_err(|e| ParseError::read(place.clone(), &e))?;
    if read as u64 > limits.record_bytes_max {
        let cause = format!("a line over {} bytes", limits.record_bytes_max);
        return Err(ParseError::new(ErrorKind::TooLarge, place, cause));
    }
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    Ok(read > 0)
}

/// Calls `each` for the elements of the list that the file is, with their number from 1.
pub(super) fn elements(
    stream: Stream<'_>,
    each: &mut dyn FnMut(&RawValue, u64),
) -> Result<(), ParseError> {
    let Stream { reader, mark } = stream;
    run(reader, Elements { mark: &mark, each })
}

/// Calls `each` for the elements of the list `list` of the object that the file is; the other members are returned.
///
/// # Errors
/// As for any file, and when the object has no such list.
pub(super) fn elements_of(
    stream: Stream<'_>,
    list: &'static str,
    each: &mut dyn FnMut(&RawValue, u64),
) -> Result<HashMap<String, Box<RawValue>>, ParseError> {
    let Stream { reader, mark } = stream;
    run(
        reader,
        ObjectWithList {
            mark: &mark,
            list,
            each,
        },
    )
}

/// Calls `each` for the members of the objects that are the members of the object that the file is.
pub(super) fn entries_of_entries(
    stream: Stream<'_>,
    each: &mut dyn FnMut(&str, &str, &RawValue),
) -> Result<(), ParseError> {
    let Stream { reader, mark } = stream;
    run(reader, OuterEntries { mark: &mark, each })
}

fn run<'de, R: Read, S: DeserializeSeed<'de>>(reader: R, seed: S) -> Result<S::Value, ParseError> {
    let mut json = serde_json::Deserializer::from_reader(reader);
    let value = seed.deserialize(&mut json).map_err(ParseError::json)?;
    json.end().map_err(ParseError::json)?;
    Ok(value)
}

/// A string member of an object's remains, as [`elements_of`] returns them.
pub(super) fn string_of(rest: &HashMap<String, Box<RawValue>>, key: &str) -> Option<String> {
    let raw = rest.get(key)?;
    serde_json::from_str(raw.get())
        .map_err(|e| error::words(&e))
        .ok()
}
