//! Patches one host.
