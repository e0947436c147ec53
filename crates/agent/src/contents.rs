//! What the server may have of this host, kept for deltas: section texts, each in a file named by its digest.
//!
//! A file whose bytes do not have the digest of its name is as good as no file, so nothing here is synced: what a crash
//! spoils is sent in full.

use crate::durable;
use overlock_model::plan::Digest;
use overlock_protocol::{Limits, SectionContent};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of contents.
#[derive(Debug, Clone)]
pub struct Contents {
    folder: PathBuf,
}

impl Contents {
    /// In this state directory.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(state: &Path) -> io::Result<Self> {
        let folder = state.join("sections");
        durable::make_folder(&folder)?;
        Ok(Self { folder })
    }

    /// Keeps a content.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, content: &SectionContent) -> io::Result<Digest> {
        let text = content.text();
        let digest = Digest::of(text.as_bytes());
        if self.text(&digest).is_none() {
            durable::write_lightly(&self.path(&digest), text.as_bytes())?;
        }
        Ok(digest)
    }

    /// The content of a digest, if it is here whole. Why it is not makes no difference: it is sent in full.
    #[must_use]
    pub fn get(&self, digest: &Digest) -> Option<SectionContent> {
        SectionContent::from_text(&self.text(digest)?, &Limits::WIRE).ok()
    }

    /// Drops all but these.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn keep_only(&self, wanted: &BTreeSet<Digest>) -> io::Result<()> {
        let wanted: BTreeSet<String> = wanted.iter().map(Digest::to_string).collect();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if !entry
                .file_name()
                .to_str()
                .is_some_and(|name| wanted.contains(name))
            {
                // It may have gone by itself; what stays takes room and nothing else.
                std::fs::remove_file(entry.path()).ok();
            }
        }
        Ok(())
    }

    fn text(&self, digest: &Digest) -> Option<String> {
        let bytes = durable::read(&self.path(digest), Limits::WIRE.unpacked_bytes).ok()??;
        let text = String::from_utf8(bytes).ok()?;
        (Digest::of(text.as_bytes()) == *digest).then_some(text)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(digest.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_that_was_spoiled_is_no_content_until_it_is_put_again() {
        let folder = tempfile::tempdir().unwrap();
        let contents = Contents::open(folder.path()).unwrap();
        let content = SectionContent::of(["a", "b"]).unwrap();
        let digest = contents.put(&content).unwrap();
        assert_eq!(contents.get(&digest), Some(content.clone()));
        std::fs::write(contents.path(&digest), "\"a\"").unwrap();
        assert_eq!(contents.get(&digest), None);
        contents.put(&content).unwrap();
        assert_eq!(contents.get(&digest), Some(content));
        contents.keep_only(&BTreeSet::new()).unwrap();
        assert_eq!(contents.get(&digest), None);
    }
}
