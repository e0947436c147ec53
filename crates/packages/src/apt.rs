//! apt's sources, lists and candidates.
