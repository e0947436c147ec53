//! A plan that the reporter hands over: checked as if it came from anywhere, kept, and begun in a unit of its own.
//!
//! `overlock apply` asks the guard again when the run begins; here it is asked first, so that nothing that is not approved
//! is ever written down or started for whoever controls the reporter or the server.

use crate::durable;
use jiff::Timestamp;
use overlock_apply::program::{Call, Program};
use overlock_apply::{manager, trust};
use overlock_guard::{Host, Limits, Protected, Trust};
use overlock_journal::{Journal, runs};
use overlock_model::plan::{HostId, PlanFile, PlanId};
use overlock_model::run::{Entry, Event};
use overlock_rootfs::Root;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The program that carries plans out.
const OVERLOCK: &str = "/usr/bin/overlock";

/// Where plans, journal and trust are.
#[derive(Debug, Clone)]
pub struct Site {
    /// Root's own data: `/var/lib/overlock`.
    pub data: PathBuf,
    /// Whose signatures count.
    pub trust: PathBuf,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            data: "/var/lib/overlock".into(),
            trust: trust::PATH.into(),
        }
    }
}

/// Checks a plan and keeps it.
///
/// # Errors
/// Why it is refused.
pub fn take(site: &Site, text: &str, now: Timestamp) -> Result<(PlanId, PathBuf), String> {
    let words = |error: &dyn std::error::Error| overlock_model::one_line::in_one_line(error);
    let plan = overlock_guard::read(text.as_bytes(), &Limits::default())
        .map_err(|refusal| words(&refusal))?;
    let trust = trust::read(&site.trust).map_err(|error| words(&error))?;
    // Unsigned plans are root's own to apply, and whoever asks here is not root.
    if matches!(trust, Trust::UnsignedLocalAllowed) {
        return Err(format!(
            "nobody may approve plans on this host: there is no `{}`",
            site.trust.display()
        ));
    }
    // No journal is one without entries; that there is no host in it is refused next.
    let entries = Journal::read(&site.data.join("journal"))
        .map_err(|error| words(&error))?
        .unwrap_or_default();
    let id = runs::host(&entries).ok_or("this host has no journal yet: it is not enrolled")?;
    let host = host(id, &entries, trust).map_err(|error| words(error.as_ref()))?;
    overlock_guard::examine(&plan, &host, now).map_err(|refusal| words(&refusal))?;
    let path = keep(site, &plan).map_err(|error| format!("the plan cannot be kept: {error}"))?;
    Ok((plan.id, path))
}

/// This host for the guard.
fn host(id: &HostId, entries: &[Entry], trust: Trust) -> Result<Host, Box<dyn std::error::Error>> {
    let manager = manager::of_this_host(Duration::from_secs(60))?;
    let os = overlock_host::release::read(&Root::open("/")?)?;
    let os = os
        .ecosystem()
        .ok_or("this release has no name that plans know")?;
    let kernel = manager.kernel_packages(&overlock_host::kernel::uname().release);
    Ok(Host {
        foreign: manager.foreign()?,
        protected: Protected::default().and(kernel),
        generation_floor: runs::generation_floor(entries),
        seen_plan: entries.iter().rev().find_map(|entry| match &entry.event {
            Event::Started { plan, .. } => Some(*plan),
            _ => None,
        }),
        time_floor: entries.last().map(|entry| entry.at),
        ..Host::new(id.clone(), os.as_str(), manager.native(), trust)
    })
}

fn keep(site: &Site, plan: &PlanFile) -> std::io::Result<PathBuf> {
    let folder = site.data.join("helper");
    durable::make_folder(&folder)?;
    let path = folder.join(format!("{}.json", plan.id));
    durable::write(&path, &plan.bytes().map_err(std::io::Error::other)?)?;
    Ok(path)
}

/// Begins the run of a kept plan in a transient unit, which outlives the helper and an upgrade of it.
///
/// # Errors
/// When systemd does not start it; a run of the same plan that is under way has the unit's name.
pub fn start(site: &Site, id: &PlanId, path: &Path) -> Result<(), String> {
    if !Path::new("/run/systemd/system").is_dir() {
        return Err("systemd does not run here, and nothing else can begin a run".to_owned());
    }
    let name: String = id.to_string().chars().take(16).collect();
    let log = site.data.join("helper").join(format!("{id}.log"));
    let call = Call::new(
        Program::SystemdRun,
        [
            "--quiet".to_owned(),
            "--collect".to_owned(),
            format!("--unit=overlock-plan-{name}"),
            "--service-type=exec".to_owned(),
            format!("--description=Overlock plan {id}"),
            "--property=StandardInput=null".to_owned(),
            format!("--property=StandardOutput=append:{}", log.display()),
            "--property=StandardError=journal".to_owned(),
            // A run that is begun is ended by itself or taken up again, never by a limit or by want of memory.
            "--property=OOMScoreAdjust=-500".to_owned(),
            "--".to_owned(),
            OVERLOCK.to_owned(),
            "apply".to_owned(),
            path.display().to_string(),
            "--format".to_owned(),
            "json".to_owned(),
        ],
    );
    call.output()
        .map(drop)
        .map_err(|error| overlock_model::one_line::in_one_line(&error))
}
