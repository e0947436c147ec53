//! Version order of every packaging scheme, as Rust functions and byte keys.
