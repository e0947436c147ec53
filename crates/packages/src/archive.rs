//! Compressed files and tar archives as streams with bounds.
//!
//! Repository metadata arrives as gzip, xz, zstd or bzip2, sometimes around a tar. Everything is read as a stream,
//! so memory does not depend on the file, and every stream ends with an error once it has given more bytes than its
//! reader allows: a bomb costs its limit and no more.

mod stream;
mod tar;

pub use stream::{Bounded, decoded};
pub use tar::{TarEntry, TarReader};
