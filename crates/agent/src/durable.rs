//! Files that survive a loss of power: written beside their place, synced, renamed, and the folder synced.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

/// Makes a folder for its owner alone, with those above it, if it is not there.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file whole or not at all, readable for its owner alone.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let new = path.with_extension("new");
    write_new(&new, folder, bytes)?.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder)?.sync_all()
}

/// Writes a file whole or not at all, without waiting for the disk: for what can be made again.
pub(crate) fn write_lightly(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let new = path.with_extension("new");
    write_new(&new, folder, bytes)?;
    fs::rename(&new, path)
}

fn write_new(new: &Path, folder: &Path, bytes: &[u8]) -> io::Result<File> {
    // What a crash left may be somebody else's, or a link; it is never written through.
    match fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(new)?;
    // Root enrols for the user that the agent runs as: files belong to whoever their folder belongs to.
    let (of_folder, of_file) = (fs::metadata(folder)?, file.metadata()?);
    if (of_folder.uid(), of_folder.gid()) != (of_file.uid(), of_file.gid()) && of_file.uid() == 0 {
        fchown(&file, Some(of_folder.uid()), Some(of_folder.gid()))?;
    }
    file.write_all(bytes)?;
    Ok(file)
}

/// A file of at most `most` bytes; `None` if there is none.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {most} bytes"),
        ));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_a_crash_left_is_replaced_and_never_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.json");
        let elsewhere = folder.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, folder.path().join("identity.new")).unwrap();
        write(&path, b"secret").unwrap();
        assert!(!elsewhere.exists());
        assert_eq!(read(&path, 6).unwrap().unwrap(), b"secret");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(read(&path, 5).is_err());
        assert_eq!(read(&elsewhere, 5).unwrap(), None);
    }
}
