//! Canonical JSON: one value, one byte string (RFC 8785, JSON Canonicalization Scheme), with integers only.

use serde::Serialize;
use serde_json::Value;

/// Largest integer that every JSON reader holds exactly (RFC 7493, section 2.2): 2^53 − 1.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// A value has no canonical form here.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// Plans hold no fractions, and no integers that some readers would round.
    #[error("`{0}` is no integer between -(2^53 - 1) and 2^53 - 1")]
    Number(serde_json::Number),
    /// The value cannot be written as JSON at all.
    #[error("it cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// The canonical bytes of anything that serializes.
///
/// # Errors
/// When a number is no safe integer, or the value is no JSON.
pub fn to_canonical(value: &impl Serialize) -> Result<Vec<u8>, CanonicalError> {
    canonical(&serde_json::to_value(value)?)
}

/// The canonical bytes of a JSON value.
///
/// ```
/// # use overlock_model::plan::canonical;
/// let value = serde_json::from_str(r#"{ "b": [1, "é\u000f"], "a": null }"#).unwrap();
/// assert_eq!(canonical(&value).unwrap(), "{\"a\":null,\"b\":[1,\"é\\u000f\"]}".as_bytes());
/// ```
///
/// # Errors
/// When a number is no safe integer.
pub fn canonical(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut bytes = Vec::new();
    write(value, &mut bytes)?;
    Ok(bytes)
}

fn write(value: &Value, bytes: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Null => bytes.extend(b"null"),
        Value::Bool(true) => bytes.extend(b"true"),
        Value::Bool(false) => bytes.extend(b"false"),
        Value::Number(number) => {
            let safe = number.as_u64().is_some_and(|number| number <= INTEGER_MAX)
                || number
                    .as_i64()
                    .is_some_and(|number| number.unsigned_abs() <= INTEGER_MAX);
            if !safe {
                return Err(CanonicalError::Number(number.clone()));
            }
            bytes.extend(number.to_string().bytes());
        }
        Value::String(text) => write_text(text, bytes)?,
        Value::Array(list) => {
            bytes.push(b'[');
            for (at, item) in list.iter().enumerate() {
                if at > 0 {
                    bytes.push(b',');
                }
                write(item, bytes)?;
            }
            bytes.push(b']');
        }
        Value::Object(object) => {
            // Section 3.2.3: names are ordered by their UTF-16 code units.
            let mut names: Vec<&String> = object.keys().collect();
            names.sort_by_cached_key(|name| name.encode_utf16().collect::<Vec<u16>>());
            bytes.push(b'{');
            for (at, name) in names.into_iter().enumerate() {
                if at > 0 {
                    bytes.push(b',');
                }
                write_text(name, bytes)?;
                bytes.push(b':');
                write(object.get(name).unwrap_or(&Value::Null), bytes)?;
            }
            bytes.push(b'}');
        }
    }
    Ok(())
}

/// The JSON writer escapes just what section 3.2.2.2 asks for, in the same form.
fn write_text(text: &str, bytes: &mut Vec<u8>) -> Result<(), CanonicalError> {
    serde_json::to_writer(bytes, text)?;
    Ok(())
}
