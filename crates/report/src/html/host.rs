//! The head of the page, the verdict, and what really runs.

use super::escape::esc;
use super::open_section;
use crate::verdict::{Tally, Tone, verdict as judge};
use crate::view::{View, newer_kernel};
use crate::words;
use overlock_model::decision::Decision;
use overlock_model::effective::RebootReason;
use overlock_model::exposure::ExposureState;
use overlock_model::os::Support;
use std::io::{self, Write};

pub(super) fn header(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let host = &view.report.host;
    let name = host.name.as_deref().unwrap_or("unnamed host");
    let release = host
        .os
        .name
        .clone()
        .unwrap_or_else(|| format!("{} {}", host.os.id, host.os.version_id));
    writeln!(out, "<header>\n<h1>{}</h1>\n<p class=\"meta\">", esc(name))?;
    writeln!(out, "<span>{}</span>", esc(&release))?;
    if let Some(arch) = &host.arch {
        writeln!(out, "<span>{}</span>", esc(arch))?;
    }
    if let Some(kernel) = &host.kernel.running {
        writeln!(out, "<span>kernel {}</span>", esc(kernel))?;
    }
    let support = words::support(&host.support);
    let loud = matches!(host.support, Support::EndOfLife { .. } | Support::Unknown);
    let (open, close) = if loud { ("<b>", "</b>") } else { ("", "") };
    writeln!(out, "<span>{open}{}{close}</span>", esc(&support))?;
    writeln!(
        out,
        "<span>judged {}</span>\n</p>",
        words::minute(view.report.generated)
    )?;
    verdict(view, out)?;
    writeln!(out, "</header>")
}

fn verdict(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = view.report;
    let verdict = judge(report);
    let tone = match verdict.tone {
        Tone::Urgent => "urgent",
        Tone::Attention => "attention",
        Tone::Unknown => "unknown",
        Tone::Clear => "clear",
    };
    writeln!(out, "<div class=\"verdict {tone}\" role=\"status\">")?;
    writeln!(
        out,
        "<strong>{}</strong> <span>{}</span>",
        verdict.word,
        esc(&verdict.sentence)
    )?;
    if !verdict.doubts.is_empty() {
        writeln!(out, "<h2>What is not known</h2>\n<ul>")?;
        for doubt in &verdict.doubts {
            writeln!(out, "<li>{}</li>", esc(doubt))?;
        }
        writeln!(out, "</ul>")?;
    }
    writeln!(out, "</div>")?;
    if report.exposures.is_empty() {
        return Ok(());
    }
    let tally = Tally::of(report);
    writeln!(out, "<ul class=\"tiles\">")?;
    for decision in [
        Decision::Immediate,
        Decision::OutOfCycle,
        Decision::Scheduled,
        Decision::Defer,
    ] {
        let count = tally.count(decision);
        let heat = if count > 0 { super::heat(decision) } else { "" };
        let count = words::number(count);
        writeln!(
            out,
            "<li class=\"{heat}\"><b>{count}</b> {}</li>",
            words::decision(decision)
        )?;
    }
    let heat = if tally.late > 0 { "hot" } else { "" };
    writeln!(
        out,
        "<li class=\"{heat}\"><b>{}</b> past the deadline</li>\n</ul>",
        words::number(tally.late)
    )
}

/// Kernels, reboots and processes that run replaced code; silent when there is nothing to say.
pub(super) fn running(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = view.report;
    let effective = report.host.effective.as_ref();
    let mut items = Vec::new();
    if let Some((running, newest)) = newer_kernel(&report.host.kernel) {
        items.push(format!(
            "<span class=\"warm-text\">Reboot pending:</span> <code>{}</code> runs, <code>{}</code> is installed",
            esc(&running),
            esc(&newest)
        ));
    }
    for reason in effective
        .iter()
        .flat_map(|effective| &effective.reboot_required)
    {
        if let RebootReason::Marker { path, packages } = reason {
            let packages = packages.join(", ");
            items.push(format!(
                "Reboot asked for by <code>{}</code> <small>{}</small>",
                esc(path),
                esc(&packages)
            ));
        }
    }
    let states = |state| {
        report
            .exposures
            .iter()
            .filter(|exposure| exposure.state == state)
            .count()
    };
    let (pending, dormant, mitigated) = (
        states(ExposureState::Installed),
        states(ExposureState::Dormant),
        states(ExposureState::Mitigated),
    );
    if pending > 0 {
        let exposures = words::count(pending, "exposure is", "exposures are");
        items.push(format!(
            "{exposures} fixed on disk, but the old code still runs"
        ));
    }
    if dormant > 0 {
        let exposures = words::count(dormant, "exposure is", "exposures are");
        items.push(format!("{exposures} only in a kernel that does not run"));
    }
    if mitigated > 0 {
        let exposures = words::count(mitigated, "exposure is", "exposures are");
        items.push(format!("{exposures} only kept in check by measures"));
    }
    for process in effective.iter().flat_map(|effective| &effective.stale) {
        let old = if process.packages.is_empty() {
            &process.files
        } else {
            &process.packages
        };
        items.push(format!(
            "Restart <b>{}</b> <small>{} [{}] still maps {}</small>",
            esc(process.unit.as_deref().unwrap_or(&process.name)),
            esc(&process.name),
            process.pid,
            esc(&old.join(", "))
        ));
    }
    let blind = effective.map_or(0, |effective| effective.processes_unseen);
    if items.is_empty() && blind == 0 {
        return Ok(());
    }
    if blind > 0 {
        let processes = words::count(blind, "process", "processes");
        items.push(format!(
            "<span class=\"warm-text\">{processes} could not be looked into</span>"
        ));
    }
    open_section(out, "running", "Running code", "a fix counts when it runs")?;
    writeln!(out, "<div class=\"card\"><ul class=\"list\">")?;
    for item in items {
        writeln!(out, "<li>{item}</li>")?;
    }
    writeln!(out, "</ul></div>\n</section>")
}
