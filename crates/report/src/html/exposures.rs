//! Exposures by decision, worst first; the groups that call for no action are folded.

use super::escape::esc;
use super::{heat, identifier, open_section};
use crate::verdict::is_late;
use crate::view::{View, reason};
use crate::words;
use overlock_model::decision::Decision;
use overlock_model::exposure::Exposure;
use std::io::{self, Write};

pub(super) fn exposures(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let total = view.report.exposures.len();
    if total == 0 {
        return Ok(());
    }
    let beside = format!("{}, worst first", words::number(total));
    open_section(out, "exposures", "Exposures", &beside)?;
    writeln!(
        out,
        "<div class=\"filter\" hidden><input id=\"filter\" type=\"search\" placeholder=\"Filter: CVE, package, word\" \
         aria-label=\"Filter exposures\"><span id=\"shown\" class=\"soft\" aria-live=\"polite\"></span></div>"
    )?;
    for (decision, group) in view.groups() {
        let open = if decision == Decision::Defer {
            ""
        } else {
            " open"
        };
        writeln!(
            out,
            "<details class=\"card\"{open}><summary><b class=\"tag {}\">{}</b> {}<span>{}</span></summary>",
            heat(decision),
            words::decision(decision),
            words::number(group.len()),
            words::decision_meaning(decision)
        )?;
        writeln!(
            out,
            "<table class=\"exposures\">\n<caption>Exposures: {}</caption>\n<thead><tr><th scope=\"col\">Vulnerability</th>\
             <th scope=\"col\">Package</th><th scope=\"col\">CVSS</th><th scope=\"col\">EPSS</th><th scope=\"col\">Act by</th>\
             <th scope=\"col\">Fix</th><th scope=\"col\">Why</th></tr></thead>\n<tbody>",
            words::decision(decision)
        )?;
        for exposure in group {
            row(view, exposure, out)?;
        }
        writeln!(out, "</tbody></table></details>")?;
    }
    writeln!(out, "</section>")
}

fn row(view: &View<'_>, exposure: &Exposure, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<tr><th scope=\"row\">{}",
        identifier(&exposure.vulnerability)
    )?;
    if let Some(kev) = &exposure.kev {
        let ransomware = if kev.ransomware { " ransomware" } else { "" };
        write!(
            out,
            " <span class=\"tag hot\" title=\"listed {}\">KEV{ransomware}</span>",
            kev.added
        )?;
    }
    for advisory in exposure.advisories.iter().take(2) {
        write!(out, "<small>{}</small>", identifier(advisory))?;
    }
    write!(
        out,
        "</th><td class=\"what\">{}<small class=\"v\">{}</small></td>",
        esc(&exposure.package),
        esc(&exposure.installed)
    )?;
    match &exposure.cvss {
        Some(cvss) => write!(
            out,
            "<td class=\"d\" data-label=\"CVSS\" title=\"{}\">{:.1}<small>{}</small></td>",
            esc(&cvss.vector),
            cvss.score,
            esc(&cvss.severity)
        )?,
        None => write!(out, "<td class=\"soft\" data-label=\"CVSS\">unknown</td>")?,
    }
    match &exposure.epss {
        Some(epss) => write!(
            out,
            "<td class=\"d\" data-label=\"EPSS\">{}</td>",
            words::percent(epss.score)
        )?,
        None => write!(out, "<td class=\"soft\" data-label=\"EPSS\">unknown</td>")?,
    }
    match exposure.deadline {
        Some(deadline) => {
            let now = view.report.generated;
            let late = if is_late(exposure, now) { " late" } else { "" };
            let left = words::until(deadline, now);
            write!(
                out,
                "<td class=\"d{late}\" data-label=\"act by\">{}<small>{left}</small></td>",
                words::date(deadline)
            )?;
        }
        None => write!(out, "<td class=\"soft\" data-label=\"act by\">no date</td>")?,
    }
    match &exposure.fixed {
        Some(fixed) => write!(
            out,
            "<td class=\"v\" data-label=\"fix\">{}</td>",
            esc(fixed)
        )?,
        None => write!(
            out,
            "<td data-label=\"fix\">{}</td>",
            words::status(exposure.status)
        )?,
    }
    write!(out, "<td class=\"why\">")?;
    if let Some(state) = words::state(exposure.state) {
        write!(out, "<span class=\"tag warm\">{state}</span> ")?;
    }
    write!(out, "{}", esc(&reason(exposure)))?;
    for note in exposure.summary.iter().chain(&exposure.evidence.notes) {
        write!(out, "<small>{}</small>", esc(note))?;
    }
    writeln!(out, "</td></tr>")
}
