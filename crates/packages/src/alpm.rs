//! pacman's local database, configuration and repository databases.
//!
//! `overlock-host` calls [`installed`] and then [`survey`]. Local and repository databases hold the same `desc`
//! files (`%FIELD%`, value lines, empty line), one folder or tar entry a package; one scanner reads both
//! (alpm-db-desc(5), alpm-repo-desc(5), pacman.conf(5)).

mod conf;
mod database;
mod desc;
mod survey;

pub use database::{Installed, installed};
pub use desc::{Desc, parse_desc};
pub use survey::{Listed, read_repository, survey};
