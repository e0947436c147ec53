//! `overlock apply PLAN`.

use super::read_input;
use crate::cli::Apply;
use crate::exit::{Done, Failure};
use crate::patch::{carry, site};
use crate::state::State;
use overlock_guard::Limits;

pub fn run(args: &Apply, state: &State) -> Result<Done, Failure> {
    let limits = Limits::default();
    // One byte more than is allowed, so that the guard sees that it is too much.
    let bytes = read_input(&args.plan, limits.plan_bytes_max as u64 + 1)?;
    let plan = overlock_guard::read(&bytes, &limits).map_err(site::refusal)?;
    let journal = site::journal(state)?;
    carry::apply(&plan, journal, None, &args.carry, state)
}
