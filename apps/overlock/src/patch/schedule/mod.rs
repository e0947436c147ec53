//! Patching in a window with nobody there: what is set, what it lets through, and one time of it.

pub mod bounds;
pub mod file;
pub mod notes;
pub mod time;
