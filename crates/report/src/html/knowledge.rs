//! What was judged and what was not, from which feeds, and what could not be seen.

use super::escape::esc;
use super::open_section;
use crate::verdict::{adds_up, staleness};
use crate::view::View;
use crate::words;
use overlock_model::coverage::DepthLimit;
use std::io::{self, Write};

/// Names beside a gap before the rest is only counted.
const NAMES_MAX: usize = 40;

pub(super) fn coverage(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let coverage = &view.report.coverage;
    let packages = words::count(coverage.packages, "package", "packages");
    open_section(
        out,
        "coverage",
        "Coverage",
        &format!("{packages}, each in exactly one row"),
    )?;
    writeln!(out, "<div class=\"card pad\"><dl>")?;
    for (count, text) in [
        (coverage.vulnerable, "vulnerable, a fix exists"),
        (coverage.unfixed, "vulnerable, no fix yet"),
        (
            coverage.not_vulnerable,
            "judged, nothing known against them",
        ),
    ] {
        writeln!(out, "<dt>{}</dt><dd>{text}</dd>", words::number(count))?;
    }
    let loud = if coverage.not_covered > 0 {
        " class=\"warm-text\""
    } else {
        ""
    };
    write!(
        out,
        "<dt{loud}>{}</dt><dd{loud}>not judged",
        words::number(coverage.not_covered)
    )?;
    for gap in &coverage.gaps {
        let shown: Vec<String> = gap
            .names
            .iter()
            .take(NAMES_MAX)
            .map(|name| esc(name).to_string())
            .collect();
        let mut names = shown.join(", ");
        if gap.names.len() > NAMES_MAX {
            names.push_str(&format!(
                " and {} more",
                words::number(gap.names.len() - NAMES_MAX)
            ));
        }
        write!(
            out,
            "<small><b>{}</b> {}: ",
            words::number(gap.packages),
            words::not_covered(gap.reason)
        )?;
        write!(out, "{names}</small>")?;
    }
    writeln!(out, "</dd></dl>")?;
    writeln!(out, "<ul class=\"notes\">")?;
    if !adds_up(view.report) {
        writeln!(
            out,
            "<li class=\"hot-text\">These counts do not add up; please report this.</li>"
        )?;
    }
    if coverage.advisories_unknown {
        writeln!(
            out,
            "<li class=\"hot-text\">Advisories unknown: no advisory data is at hand, updates are listed by the package manager’s word.</li>"
        )?;
    }
    for depth in &coverage.depth {
        let loud = if depth.limit == DepthLimit::None {
            ""
        } else {
            " class=\"warm-text\""
        };
        let feeds = depth.feeds.join(", ");
        writeln!(
            out,
            "<li{loud}>{}: {} <span class=\"soft\">({})</span></li>",
            esc(&depth.ecosystem),
            words::depth(depth.limit),
            esc(&feeds)
        )?;
    }
    if coverage.depth.is_empty() {
        writeln!(
            out,
            "<li class=\"warm-text\">No feed says anything about this host’s packages.</li>"
        )?;
    }
    for root in &view.report.host.search_roots {
        let pruned = root.pruned.join(", ");
        let pruned = if pruned.is_empty() {
            String::new()
        } else {
            format!(", left out {}", esc(&pruned))
        };
        let entries = words::count(root.entries, "entry", "entries");
        writeln!(
            out,
            "<li class=\"soft\">searched <code>{}</code> ({entries}{pruned})</li>",
            esc(&root.path)
        )?;
    }
    writeln!(out, "</ul></div>\n</section>")
}

pub(super) fn feeds(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = view.report;
    if report.feeds.is_empty() {
        open_section(out, "feeds", "Feeds", "none at hand")?;
        return writeln!(out, "</section>");
    }
    open_section(out, "feeds", "Feeds", "what the judgement stands on")?;
    writeln!(
        out,
        "<div class=\"card\"><table>\n<caption>Feeds with their age</caption>\n<thead><tr><th scope=\"col\">Feed</th>\
         <th scope=\"col\">Content of</th><th scope=\"col\">Fetched</th><th scope=\"col\" class=\"n\">Records</th>\
         <th scope=\"col\" class=\"n\">Unreadable</th><th scope=\"col\">State</th></tr></thead>\n<tbody>"
    )?;
    for feed in &report.feeds {
        let when = |at: Option<jiff::Timestamp>| {
            at.map_or_else(
                || "unknown".to_owned(),
                |at| {
                    format!(
                        "{}<small>{}</small>",
                        words::date(at),
                        words::age(at, report.generated)
                    )
                },
            )
        };
        let state = staleness(feed, report.generated).map_or_else(
            || "fresh".to_owned(),
            |why| format!("<span class=\"tag warm\">stale</span> {}", esc(&why)),
        );
        writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"d\" data-label=\"content of\">{}</td>\
             <td class=\"d\" data-label=\"fetched\">{}</td><td class=\"n\" data-label=\"records\">{}</td>\
             <td class=\"n\" data-label=\"unreadable\">{}</td><td>{state}</td></tr>",
            esc(&feed.id),
            when(feed.dated),
            when(feed.fetched),
            words::number(feed.records),
            words::number(feed.quarantined)
        )?;
    }
    writeln!(out, "</tbody></table></div>\n</section>")
}

pub(super) fn unseen(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let unseen = &view.report.host.unseen;
    if unseen.is_empty() {
        return Ok(());
    }
    open_section(
        out,
        "unseen",
        "Not seen",
        "what this scan could not look at",
    )?;
    writeln!(out, "<div class=\"card\"><ul class=\"list\">")?;
    for thing in unseen {
        writeln!(
            out,
            "<li>{}<small>{}</small></li>",
            esc(&thing.what),
            esc(&thing.why)
        )?;
    }
    writeln!(out, "</ul></div>\n</section>")
}
