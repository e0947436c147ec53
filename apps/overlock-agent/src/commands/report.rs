//! `overlock-agent report`: what would be sent, to the last byte.

use super::options;
use crate::cli::{Places, Report};
use crate::exit::{Failure, say};
use overlock_agent::identity::Folder;
use overlock_agent::look::look;
use overlock_model::plan::HostId;
use overlock_protocol::check_in::Instance;
use overlock_protocol::{Message, Section, SectionReport, Update};
use std::io::Write;

pub fn run(args: &Report, places: &Places) -> Result<(), Failure> {
    let options = options(places)?;
    let now = jiff::Timestamp::now();
    let mut sections = look(&options, now).map_err(Failure::environment)?;
    if let Some(only) = args.section {
        sections.retain(|section, _| *section == only);
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if !args.json {
        writeln!(
            out,
            "{:<14}{:>8}{:>12}  digest",
            "section", "lines", "bytes"
        )?;
        for section in Section::ALL {
            match sections.get(&section) {
                Some(content) => writeln!(
                    out,
                    "{:<14}{:>8}{:>12}  {}",
                    section.as_str(),
                    content.lines().len(),
                    content.text().len(),
                    content.digest()
                )?,
                None if args.section.is_none_or(|only| only == section) => {
                    let why = if options.switches.on(section) {
                        "could not be seen"
                    } else {
                        "switched off"
                    };
                    writeln!(out, "{:<14}{:>8}{:>12}  {why}", section.as_str(), "-", "-")?;
                }
                None => {}
            }
        }
        out.flush()?;
        return Ok(());
    }
    let report = overlock_protocol::Report {
        schema: overlock_protocol::Report::schema(),
        host: host(places),
        instance: Instance::from_random([0; 8]),
        count: 0,
        collected: now,
        sections: sections
            .into_iter()
            .map(|(section, content)| SectionReport {
                section,
                digest: content.digest(),
                update: Update::Full {
                    lines: content.lines().to_vec(),
                },
            })
            .collect(),
        dropped: Vec::new(),
    };
    out.write_all(&report.to_bytes().map_err(Failure::environment)?)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

fn host(places: &Places) -> HostId {
    Folder::at(&places.state)
        .identity()
        .map(|identity| identity.host)
        .unwrap_or_else(|_| {
            say("this host is not enrolled, or you may not see as whom: the host id is a stand-in");
            HostId::from_random([0; 16])
        })
}
