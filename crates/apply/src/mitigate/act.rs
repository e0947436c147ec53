//! One measure, by its kind: what there was, put in place, taken away, whether it holds.

use super::{Former, Kept, MitigateError, Notes, hold, module, parameter, unit};
use overlock_model::mitigation::{Force, Measure, Mitigation};
use overlock_model::run::RunId;

/// Whether this host can take it, in a plan of all these; what is worth knowing before.
pub(super) fn check(measure: &Measure, all: &[Mitigation], run: RunId) -> Notes {
    match measure {
        Measure::DisableUnit { unit } => unit::check(measure, unit, all),
        Measure::Sysctl { key, value } => parameter::check(measure, key, *value, run),
        Measure::BlockModule { module } => module::check(measure, module),
        Measure::HoldPackage { package } => hold::check(measure, package),
    }
}

pub(super) fn former(measure: &Measure) -> Result<Former, MitigateError> {
    match measure {
        Measure::DisableUnit { unit } => unit::former(unit),
        Measure::Sysctl { key, .. } => parameter::former(key),
        Measure::BlockModule { module } => module::former(module),
        Measure::HoldPackage { package } => hold::former(package),
    }
}

pub(super) fn put(kept: &Kept, run: RunId) -> Notes {
    match &kept.mitigation.measure {
        Measure::DisableUnit { .. } => unit::put(&kept.former, run),
        Measure::Sysctl { key, value } => parameter::put(key, *value, run),
        Measure::BlockModule { module } => module::put(module, run),
        Measure::HoldPackage { package } => hold::put(package),
    }
}

pub(super) fn take(kept: &Kept, run: RunId) -> Notes {
    match &kept.mitigation.measure {
        Measure::DisableUnit { .. } => unit::take(&kept.former, run),
        Measure::Sysctl { key, value } => parameter::take(key, *value, &kept.former, run),
        Measure::BlockModule { module } => module::take(module, run),
        Measure::HoldPackage { package } => hold::take(package, &kept.former),
    }
}

pub(super) fn force(kept: &Kept, run: RunId) -> Result<Force, MitigateError> {
    match &kept.mitigation.measure {
        Measure::DisableUnit { .. } => unit::force(&kept.former, run),
        Measure::Sysctl { key, value } => parameter::force(key, *value, run),
        Measure::BlockModule { module } => module::force(module, run),
        Measure::HoldPackage { package } => hold::force(package),
    }
}
