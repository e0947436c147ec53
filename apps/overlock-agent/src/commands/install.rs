//! `overlock-agent install` and `uninstall`.

use super::enrol;
use crate::cli::{Install, Places, Uninstall};
use crate::exit::{Failure, say};
use overlock_agent::install::{self, InstallError, Parts};

pub fn install(args: &Install, places: &Places) -> Result<(), Failure> {
    let parts = if args.monitor_only {
        Parts::Reporter
    } else {
        Parts::ReporterAndHelper
    };
    install::lay_out(parts, say).map_err(failure)?;
    enrol::run(&args.enrol, places)?;
    install::start(parts, say).map_err(failure)
}

pub fn uninstall(args: &Uninstall, _: &Places) -> Result<(), Failure> {
    install::remove(args.purge, say).map_err(failure)
}

fn failure(error: InstallError) -> Failure {
    let hint = error.hint();
    Failure::environment(error).hint(hint)
}
