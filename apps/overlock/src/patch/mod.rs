//! Patching this host: making a plan, carrying it out, showing what was done. The commands are in `commands`.

pub mod carry;
mod live;
pub mod making;
pub mod mitigating;
pub mod printing;
pub mod rebuilding;
pub mod rooting;
pub mod schedule;
pub mod site;
