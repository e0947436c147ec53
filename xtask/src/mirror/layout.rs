//! The folder that is written: where a feed's file goes, and that it appears whole or not at all.

use anyhow::{Context, Result};
use overlock_feeds::publishers;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A mirror below one folder.
pub struct Layout {
    root: PathBuf,
}

/// An archive that is being filled.
pub type Archive = ZipWriter<BufWriter<File>>;

impl Layout {
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Where the file of this feed stands.
    pub fn path(&self, feed: &str) -> Result<PathBuf> {
        let publisher = publishers::find(feed)
            .with_context(|| format!("no publisher has the feed `{feed}`"))?;
        let path = publisher
            .mirror_path()
            .with_context(|| format!("`{}` has no place in a mirror", publisher.url))?;
        Ok(self.root.join(path))
    }

    /// Writes the file of a feed: `fill` gets it under another name, and it gets its own when all is written.
    pub fn write(
        &self,
        feed: &str,
        fill: impl FnOnce(&mut BufWriter<File>) -> Result<()>,
    ) -> Result<()> {
        let path = self.path(feed)?;
        let part = path.with_added_extension("part");
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make `{}`", folder.display()))?;
        }
        let file =
            File::create(&part).with_context(|| format!("cannot write `{}`", part.display()))?;
        let mut file = BufWriter::with_capacity(1 << 16, file);
        fill(&mut file).with_context(|| format!("cannot lay out `{feed}`"))?;
        file.into_inner()?;
        fs::rename(&part, &path)
            .with_context(|| format!("cannot put `{}` in its place", path.display()))
    }

    /// Writes an archive; `fill` adds its entries and says how many.
    pub fn archive(
        &self,
        feed: &str,
        fill: impl FnOnce(&mut Archive) -> Result<u64>,
    ) -> Result<()> {
        let mut entries = 0;
        self.write(feed, |file| {
            let mut archive = ZipWriter::new(BufWriter::new(file.get_ref().try_clone()?));
            entries = fill(&mut archive)?;
            archive.finish()?.flush()?;
            Ok(())
        })?;
        println!("{feed}: {entries} records");
        Ok(())
    }
}

/// Adds one file. The fastest level of deflate: a mirror is read more often than it is carried anywhere.
pub fn add(archive: &mut Archive, name: &str, content: &[u8]) -> Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1));
    archive.start_file(name, options)?;
    archive.write_all(content)?;
    Ok(())
}
