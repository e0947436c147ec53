//! The table of targets, a file for each kind of input.

mod alpm;
mod apk;
mod apt;
mod archive;
mod deb;
mod documents;
mod feeds;
mod host;
mod language;
mod plan;
mod report;
mod rpm;
mod tables;
mod versions;
mod wire;

use crate::Target;

/// Every target.
pub fn targets() -> impl Iterator<Item = &'static Target> {
    [
        deb::TARGETS,
        apt::TARGETS,
        rpm::TARGETS,
        apk::TARGETS,
        alpm::TARGETS,
        archive::TARGETS,
        language::TARGETS,
        documents::TARGETS,
        host::TARGETS,
        feeds::TARGETS,
        tables::TARGETS,
        versions::TARGETS,
        report::TARGETS,
        plan::TARGETS,
        wire::TARGETS,
    ]
    .into_iter()
    .flatten()
}
