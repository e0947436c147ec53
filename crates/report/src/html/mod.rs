//! One self-contained page: no asset, no network, readable without its script.
//!
//! For people who get a report by mail or from a build. The content security policy allows exactly the one style sheet
//! and the one script below, by their hashes, and nothing else, so that even a hole in the escaping loads and runs
//! nothing. Light and dark follow the reader's system; on a narrow screen table rows become cards.

mod escape;
mod exposures;
mod host;
mod knowledge;
mod updates;

use crate::Style;
use crate::view::View;
use escape::esc;
use overlock_model::decision::Decision;
use overlock_model::scan::ScanReport;
use std::io::{self, Write};

const CSS: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("filter.js");

/// SHA-256 of the texts above, base64, as the policy wants them; a test holds them together.
const CSS_HASH: &str = "6ThBaGm6NZAqGQGic+riZXnI0AQAVm0nz965Rrlw13w=";
const SCRIPT_HASH: &str = "0UHYpUJPf5ndJkdWvqDrzp3Jpr/Q6SHNxc7g7nat/tM=";

/// Writes the page, always with every row.
///
/// # Errors
/// When `out` does.
pub fn write(report: &ScanReport, out: &mut dyn Write, _style: &Style) -> io::Result<()> {
    let view = View::new(report);
    let name = report.host.name.as_deref().unwrap_or("unnamed host");
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{CSS_HASH}'; \
         script-src 'sha256-{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{} · Overlock scan</title>\n<style>{CSS}</style>\n</head>\n<body>\n<div class=\"wrap\">\n",
        esc(name)
    )?;
    host::header(&view, out)?;
    writeln!(out, "<main>")?;
    updates::updates(&view, out)?;
    exposures::exposures(&view, out)?;
    host::running(&view, out)?;
    updates::held(&view, out)?;
    knowledge::coverage(&view, out)?;
    knowledge::feeds(&view, out)?;
    knowledge::unseen(&view, out)?;
    writeln!(out, "</main>")?;
    writeln!(
        out,
        "<footer><p>Overlock {} · {} · judged {}</p></footer>\n</div>\n<script>{SCRIPT}</script>\n</body>\n</html>",
        env!("CARGO_PKG_VERSION"),
        esc(&report.schema),
        crate::words::minute(report.generated),
    )
}

/// Class of a decision's colour.
fn heat(decision: Decision) -> &'static str {
    match decision {
        Decision::Immediate => "hot",
        Decision::OutOfCycle => "warm",
        Decision::Scheduled | Decision::Defer => "",
    }
}

fn open_section(out: &mut dyn Write, id: &str, title: &str, beside: &str) -> io::Result<()> {
    let beside = if beside.is_empty() {
        String::new()
    } else {
        format!("<small>{}</small>", esc(beside))
    };
    writeln!(
        out,
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}{beside}</h2>"
    )
}

/// A list of identifiers, linked where a public page is known.
fn identifier(id: &str) -> String {
    match crate::links::link(id) {
        Some(page) => format!(
            "<a href=\"{}\" rel=\"noreferrer noopener\">{}</a>",
            esc(&page),
            esc(id)
        ),
        None => esc(id).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{CSS, CSS_HASH, SCRIPT, SCRIPT_HASH};

    fn base64(bytes: &[u8]) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let bits = chunk
                .iter()
                .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            for place in 0..4 {
                let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
                text.push(if place > chunk.len() {
                    '='
                } else {
                    char::from(letter)
                });
            }
        }
        text
    }

    #[test]
    fn policy_allows_exactly_the_embedded_style_and_script() {
        for (text, hash) in [(CSS, CSS_HASH), (SCRIPT, SCRIPT_HASH)] {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
            assert_eq!(base64(digest.as_ref()), hash);
        }
    }

    #[test]
    fn embedded_texts_cannot_close_their_element() {
        assert!(!CSS.contains("</") && !SCRIPT.contains("</"));
    }
}
