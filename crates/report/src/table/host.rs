//! Which host, the verdict, and what really runs on it.

use super::canvas::{Canvas, Line, Paint};
use super::{more, names};
use crate::verdict::{Tally, Tone, verdict as judge};
use crate::view::{View, newer_kernel};
use crate::{Style, words};
use overlock_model::decision::Decision;
use overlock_model::effective::RebootReason;
use overlock_model::exposure::ExposureState;
use overlock_model::os::Support;
use std::io;

/// Column at which the verdict's sentence begins, beside its word.
const BESIDE: usize = 11;

pub(super) fn header(view: &View<'_>, canvas: &mut Canvas<'_>) -> io::Result<()> {
    let host = &view.report.host;
    let release = host
        .os
        .name
        .clone()
        .unwrap_or_else(|| format!("{} {}", host.os.id, host.os.version_id));
    let mut first = vec![
        (
            Paint::Strong,
            host.name
                .clone()
                .unwrap_or_else(|| "unnamed host".to_owned()),
        ),
        (Paint::Text, release),
    ];
    first.extend(host.arch.iter().map(|arch| (Paint::Text, arch.clone())));
    let paint = match host.support {
        Support::EndOfLife { .. } => Paint::Alarm,
        Support::Unknown => Paint::Warning,
        Support::Supported { .. } | Support::LongTerm { .. } => Paint::Faint,
    };
    let kernel = host.kernel.running.as_ref().map_or_else(
        || "no kernel runs here".to_owned(),
        |release| format!("kernel {release}"),
    );
    canvas.flow(0, &first)?;
    canvas.flow(
        0,
        &[
            (Paint::Faint, kernel),
            (paint, words::support(&host.support)),
            (
                Paint::Faint,
                format!("judged {}", words::minute(view.report.generated)),
            ),
        ],
    )
}

pub(super) fn verdict(view: &View<'_>, canvas: &mut Canvas<'_>) -> io::Result<()> {
    let verdict = judge(view.report);
    let paint = match verdict.tone {
        Tone::Urgent => Paint::Alarm,
        Tone::Attention | Tone::Unknown => Paint::Warning,
        Tone::Clear => Paint::Calm,
    };
    canvas.blank()?;
    let mut first = Line::default();
    first.push(paint, verdict.word).to(BESIDE);
    canvas.flow_after(first, BESIDE, &[(Paint::Strong, verdict.sentence)])?;
    let tally = Tally::of(view.report);
    if !view.report.exposures.is_empty() {
        let mut counts: Vec<_> = [
            Decision::Immediate,
            Decision::OutOfCycle,
            Decision::Scheduled,
            Decision::Defer,
        ]
        .into_iter()
        .filter(|decision| tally.count(*decision) > 0)
        .map(|decision| {
            let count = words::number(tally.count(decision));
            (
                super::decision_paint(decision),
                format!("{count} {}", words::decision(decision)),
            )
        })
        .collect();
        if tally.late > 0 {
            counts.push((
                Paint::Alarm,
                format!("{} past the deadline", words::number(tally.late)),
            ));
        }
        let next = view
            .report
            .exposures
            .iter()
            .filter_map(|exposure| exposure.deadline);
        if let Some(deadline) = next.min() {
            let left = words::until(deadline, view.report.generated);
            counts.push((
                Paint::Text,
                format!("first deadline {} ({left})", words::date(deadline)),
            ));
        }
        canvas.flow(BESIDE, &counts)?;
    }
    if !verdict.doubts.is_empty() {
        let mut line = Line::default();
        if verdict.tone != Tone::Unknown {
            line.push(Paint::Warning, "NOT KNOWN");
        }
        let doubts: Vec<_> = verdict
            .doubts
            .into_iter()
            .map(|doubt| (Paint::Warning, doubt))
            .collect();
        line.to(BESIDE);
        canvas.flow_after(line, BESIDE, &doubts)?;
    }
    Ok(())
}

/// Kernels, reboots and processes that run replaced code; silent when there is nothing to say.
pub(super) fn running(view: &View<'_>, canvas: &mut Canvas<'_>, style: &Style) -> io::Result<()> {
    let report = view.report;
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
    let effective = report.host.effective.as_ref();
    let mut lines = Vec::new();
    if let Some((running, newest)) = newer_kernel(&report.host.kernel) {
        lines.push((
            Paint::Warning,
            format!("reboot pending: {running} runs, {newest} is installed"),
        ));
    }
    for reason in effective
        .iter()
        .flat_map(|effective| &effective.reboot_required)
    {
        match reason {
            RebootReason::Marker { path, packages } => {
                let packages = if packages.is_empty() {
                    "no package named".to_owned()
                } else {
                    names(packages, 6)
                };
                lines.push((
                    Paint::Warning,
                    format!(
                        "reboot asked for by /{} ({packages})",
                        path.trim_start_matches('/')
                    ),
                ));
            }
            RebootReason::Kernel { .. } => {}
        }
    }
    if pending > 0 {
        let exposures = words::count(pending, "exposure is", "exposures are");
        lines.push((
            Paint::Text,
            format!("{exposures} fixed on disk, but the old code still runs"),
        ));
    }
    if dormant > 0 {
        let exposures = words::count(dormant, "exposure is", "exposures are");
        lines.push((
            Paint::Faint,
            format!("{exposures} only in a kernel that does not run"),
        ));
    }
    if mitigated > 0 {
        let exposures = words::count(mitigated, "exposure is", "exposures are");
        lines.push((
            Paint::Warning,
            format!("{exposures} only kept in check by measures (`overlock mitigate --list`)"),
        ));
    }
    let stale = effective
        .map(|effective| effective.stale.as_slice())
        .unwrap_or_default();
    if lines.is_empty() && stale.is_empty() {
        return Ok(());
    }
    canvas.title("RUNNING CODE", "a fix counts when it runs")?;
    for (paint, text) in lines {
        canvas.text(2, paint, &text)?;
    }
    for process in stale.iter().take(style.limit()) {
        let mut line = Line::new(2);
        let process_name = format!("{} [{}]", process.name, process.pid);
        line.push(Paint::Text, "restart ");
        match &process.unit {
            Some(unit) => line
                .push(Paint::Strong, unit)
                .push(Paint::Faint, &format!("  {process_name}")),
            None => line.push(Paint::Strong, &process_name),
        };
        line.push(Paint::Faint, " still maps ");
        let old = if process.packages.is_empty() {
            &process.files
        } else {
            &process.packages
        };
        line.push(Paint::Text, &names(old, 4));
        canvas.line(&line)?;
    }
    more(canvas, 2, stale.len().saturating_sub(style.limit()))?;
    let blind = effective.map_or(0, |effective| effective.processes_unseen);
    if blind > 0 {
        let processes = words::count(blind, "process", "processes");
        canvas.text(
            2,
            Paint::Warning,
            &format!("{processes} could not be looked into"),
        )?;
    }
    Ok(())
}
