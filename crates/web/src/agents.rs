//! What agents ask for, as `overlock-protocol` says it: enrol, hello, report, poll, renew.

pub mod refused;
