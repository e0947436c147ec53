//! An error with its causes as one line, for what is kept or sent instead of ending the work: a feed's state, a line
//! of [`Unseen`](crate::inventory::Unseen).

/// Most characters of the line.
const CHARS_MAX: usize = 500;

/// An error and its causes in one line, at most 500 characters, none of them a control character.
#[must_use]
pub fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = next.source();
    }
    line.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(CHARS_MAX)
        .collect()
}
