//! What to install, most risk removed first, and what stays.

use super::escape::esc;
use super::{heat, identifier, open_section};
use crate::view::View;
use crate::words;
use overlock_model::update::Update;
use std::io::{self, Write};

pub(super) fn updates(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = view.report;
    if report.updates.is_empty() {
        open_section(out, "updates", "Patch first", "")?;
        let why = if report.exposures.is_empty() {
            "No update is offered that is known to end an exposure."
        } else {
            "No update on offer ends any of the exposures below; “Held” says why."
        };
        return writeln!(out, "<div class=\"card pad\">{why}</div>\n</section>");
    }
    let (title, beside) = words::updates_heading(report);
    open_section(out, "updates", title, &beside)?;
    writeln!(
        out,
        "<div class=\"card\"><table class=\"updates\">\n<caption>Updates ranked by the risk they remove</caption>\n\
         <thead><tr><th scope=\"col\">#</th><th scope=\"col\">Update</th><th scope=\"col\">Decision</th>\
         <th scope=\"col\">Ends</th><th scope=\"col\">After it</th><th scope=\"col\" class=\"n\">Risk removed</th></tr></thead>\n<tbody>"
    )?;
    for (at, update) in report.updates.iter().enumerate() {
        row(view, at + 1, update, out)?;
    }
    writeln!(out, "</tbody></table></div>\n</section>")
}

fn row(view: &View<'_>, rank: usize, update: &Update, out: &mut dyn Write) -> io::Result<()> {
    let ends = view.ends(update);
    let now = view.report.generated;
    let others: Vec<&str> = update
        .members
        .iter()
        .map(|member| member.package.as_str())
        .filter(|package| *package != update.package)
        .collect();
    write!(
        out,
        "<tr><td>{rank}</td><th scope=\"row\">{}<small class=\"v\">{} → {}</small>",
        esc(&update.package),
        esc(&update.from),
        esc(&update.to)
    )?;
    if !others.is_empty() {
        write!(out, "<small>with {}</small>", esc(&others.join(", ")))?;
    }
    write!(out, "<small>from {}</small></th><td>", esc(&update.origin))?;
    let heat = update.decision.map_or("", heat);
    match update.decision {
        Some(decision) => write!(
            out,
            "<span class=\"tag {heat}\">{}</span>",
            words::decision(decision)
        )?,
        None => write!(
            out,
            "<span class=\"soft\">{}</span>",
            words::ends_nothing(view.report)
        )?,
    }
    if let Some(deadline) = update.deadline {
        let late = if deadline < now {
            " class=\"late\""
        } else {
            ""
        };
        write!(
            out,
            "<small><span{late}>by {} ({})</span></small>",
            words::date(deadline),
            words::until(deadline, now)
        )?;
    }
    write!(out, "</td><td class=\"what\">")?;
    if let Some(first) = update.resolves.first() {
        write!(out, "{}", identifier(first))?;
        if update.resolves.len() > 1 {
            let more = words::number(update.resolves.len() - 1);
            let all = update.resolves.join(", ");
            write!(
                out,
                " <span class=\"soft\" title=\"{}\">+{more}</span>",
                esc(&all)
            )?;
        }
        if ends.exploited > 0 {
            write!(out, " <span class=\"tag hot\">KEV</span>")?;
        }
        if let Some(worst) = ends.worst {
            write!(
                out,
                "<small>{}</small>",
                esc(&words::cvss(worst.cvss.as_ref()))
            )?;
        }
        if ends.forensics {
            write!(
                out,
                "<small class=\"warm-text\">collect evidence first</small>"
            )?;
        }
    }
    write!(out, "</td><td class=\"what\">")?;
    if let Some(reboot) = &update.reboot {
        write!(
            out,
            "<span class=\"tag warm\">reboot</span><small>{}</small>",
            esc(reboot)
        )?;
    }
    if !update.restarts.is_empty() {
        write!(
            out,
            "restart<small>{}</small>",
            esc(&update.restarts.join(", "))
        )?;
    }
    let share = if update.risk_removed.is_finite() {
        update.risk_removed.clamp(0.0, 1.0)
    } else {
        0.0
    };
    writeln!(
        out,
        "</td><td class=\"n\" data-label=\"risk removed\">{}<svg class=\"bar\" viewBox=\"0 0 100 6\" \
         preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"t\" width=\"100\" height=\"6\"/>\
         <rect class=\"f {heat}\" width=\"{:.1}\" height=\"6\"/></svg></td></tr>",
        words::percent(share),
        share * 100.0
    )
}

pub(super) fn held(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let groups = view.held();
    if groups.is_empty() {
        return Ok(());
    }
    let packages = words::count(view.report.held.len(), "package stays", "packages stay");
    open_section(
        out,
        "held",
        "Held",
        &format!("{packages} exposed for now, and why"),
    )?;
    writeln!(out, "<div class=\"card\"><ul class=\"list\">")?;
    for (reason, members) in groups {
        write!(out, "<li>{}<small>", esc(&words::hold(reason)))?;
        for (at, held) in members.iter().enumerate() {
            let between = if at > 0 { ", " } else { "" };
            write!(
                out,
                "{between}{} <code>{}</code>",
                esc(&held.package),
                esc(&held.installed)
            )?;
            match held.vulnerabilities.as_slice() {
                [] => {}
                [only] => write!(out, " ({})", identifier(only))?,
                [first, rest @ ..] => write!(out, " ({} +{})", identifier(first), rest.len())?,
            }
        }
        writeln!(out, "</small></li>")?;
    }
    writeln!(out, "</ul></div>\n</section>")
}
