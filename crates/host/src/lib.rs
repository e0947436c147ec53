//! What a host is, and what really runs on it.
//!
//! The scan calls this crate once for each root. It answers four questions: which release this is and how long that
//! gets security updates, which kernels are installed and which one was booted, which processes still execute files
//! that are no longer on disk, and whether something asks for a reboot. Everything is read; nothing found is executed.
//!
//! ```text
//! os-release ───────► release ──► support (dates: feed, else built-in table)
//! packages + uname ─► kernel ──┐
//! /proc ────────────► processes┼─► effective state
//! markers ──────────► reboot ──┘
//! dpkg.log ─────────► history      which version a stale process still runs
//! ```
//!
//! [`release`], [`reboot`] and [`history`] read files through a `Root`; [`processes`] reads `/proc`; [`support`] and
//! [`kernel`] are pure, apart from [`kernel::uname`].

#![forbid(unsafe_code)]

pub mod architecture;
pub mod cgroup;
pub mod history;
pub mod kernel;
pub mod kernel_release;
pub mod maps;
mod printable;
pub mod processes;
pub mod reboot;
pub mod release;
pub mod support;

use overlock_model::effective::Effective;
use overlock_model::os::Kernel;
use overlock_rootfs::Root;
use std::path::Path;

/// The effective state of the running system: processes, units and reasons to reboot.
///
/// `None` for a root that does not run: a chroot or an image has no processes, which is not the same as none stale.
///
/// # Errors
/// When `/proc` cannot be listed.
pub fn effective(
    root: &Root,
    kernel: &Kernel,
) -> Result<Option<Effective>, processes::SurveyError> {
    if !root.is_running() {
        return Ok(None);
    }
    let mut effective = processes::survey(root, Path::new("/proc"), processes::Limits::default())?;
    effective.reboot_required = reboot::reasons(root, kernel);
    Ok(Some(effective))
}
