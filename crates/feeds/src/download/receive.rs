//! What arrives: counted, bounded, hashed and written.

use std::io::Write;

use aws_lc_rs::digest;
use tempfile::NamedTempFile;

use super::{Fetched, Meter, Received, Wanted};
use crate::error::Cause;
use crate::store::Validators;

/// Bounds what is written, by the limit and by what was announced.
pub(super) struct Receiver<'a> {
    file: Hashing,
    announced: Option<u64>,
    limit: u64,
    meter: &'a dyn Meter,
}

impl<'a> Receiver<'a> {
    pub(super) fn new(wanted: &Wanted<'a>, announced: Option<u64>) -> Result<Self, Cause> {
        if announced.is_some_and(|length| length > wanted.limit) {
            return Err(Cause::TooLarge {
                limit: wanted.limit,
            });
        }
        if let Some(length) = announced {
            wanted.meter.announced(length);
        }
        let file = Hashing::new((wanted.receiving)()?);
        Ok(Self {
            file,
            announced,
            limit: wanted.limit,
            meter: wanted.meter,
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let received = self.file.written.saturating_add(length);
        if received > self.limit {
            return Err(Cause::TooLarge { limit: self.limit });
        }
        if let Some(announced) = self.announced.filter(|announced| received > *announced) {
            return Err(Cause::Length {
                received,
                announced,
            });
        }
        self.meter.advanced(length);
        self.file.write(bytes)
    }

    /// The error for a length that is not the announced one.
    pub(super) fn cut(&self) -> Option<Cause> {
        let received = self.file.written;
        let announced = self.announced.filter(|announced| *announced != received)?;
        Some(Cause::Length {
            received,
            announced,
        })
    }

    pub(super) fn finish(self, validators: Validators) -> Result<Fetched, Cause> {
        if let Some(cause) = self.cut() {
            return Err(cause);
        }
        let (file, size_bytes, sha256) = self.file.finish();
        Ok(Fetched::File(Received {
            file,
            size_bytes,
            sha256,
            validators,
        }))
    }
}

/// A file that is hashed while it is written.
pub(crate) struct Hashing {
    file: NamedTempFile,
    hash: digest::Context,
    written: u64,
}

impl Hashing {
    pub(crate) fn new(file: NamedTempFile) -> Self {
        Self {
            file,
            hash: digest::Context::new(&digest::SHA256),
            written: 0,
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        self.hash.update(bytes);
        self.written = self
            .written
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.file.write_all(bytes).map_err(|source| Cause::Disk {
            path: self.file.path().to_owned(),
            source,
        })
    }

    /// The file, its size in bytes and its SHA-256 in lower-case hex.
    pub(crate) fn finish(self) -> (NamedTempFile, u64, String) {
        (self.file, self.written, hex(self.hash.finish().as_ref()))
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirror::Source;

    #[test]
    fn more_bytes_than_announced_is_an_error_at_once() {
        struct Deaf;
        impl Meter for Deaf {
            fn announced(&self, _: u64) {}
            fn advanced(&self, _: u64) {}
        }
        let source = Source::File("/x".into());
        let wanted = Wanted {
            source: &source,
            limit: 100,
            known: None,
            receiving: &|| Ok(NamedTempFile::new().unwrap()),
            meter: &Deaf,
        };
        let mut receiver = Receiver::new(&wanted, Some(4)).unwrap();
        receiver.write(b"four").unwrap();
        assert!(matches!(
            receiver.write(b"+"),
            Err(Cause::Length {
                received: 5,
                announced: 4
            })
        ));
        let mut receiver = Receiver::new(&wanted, None).unwrap();
        assert!(matches!(
            receiver.write(&[0; 101]),
            Err(Cause::TooLarge { limit: 100 })
        ));
        assert!(matches!(
            Receiver::new(&wanted, Some(101)),
            Err(Cause::TooLarge { .. })
        ));
    }
}
