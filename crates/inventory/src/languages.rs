//! Packages of languages: what could not be searched is said, and never ends a collection.

use crate::missed;
use overlock_packages::language::{self, LanguageSurvey};
use overlock_rootfs::Root;
use std::path::Path;

/// Searches the file tree for packages of languages, in the built-in list of directories.
#[must_use]
pub fn language_packages(root: &Root, cache: Option<&Path>) -> LanguageSurvey {
    let options = language::Options {
        cache,
        ..language::Options::default()
    };
    language::survey(root, &options).unwrap_or_else(|error| LanguageSurvey {
        unseen: vec![missed("language packages", &error)],
        ..LanguageSurvey::default()
    })
}
