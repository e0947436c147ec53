//! Artifacts by their hash: the host's own store, for the way forward and for the way back.
//!
//! A file is in the store under its SHA-256 only after we hashed it ourselves (R3). It is hashed again before it is
//! installed, since weeks may lie between.

use aws_lc_rs::digest;
use overlock_model::plan::{Artifact, Digest};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A folder of artifacts.
#[derive(Debug, Clone)]
pub struct Artifacts {
    folder: PathBuf,
}

/// An artifact is not what the plan names.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// It cannot be read or written.
    #[error("cannot read or write `{path}`")]
    Disk {
        /// Where.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Other bytes.
    #[error("`{path}` is not the artifact of the plan: its SHA-256 is {found}, not {expected}")]
    Other {
        /// Where.
        path: PathBuf,
        /// What it is.
        found: Digest,
        /// What the plan names.
        expected: Digest,
    },
}

impl Artifacts {
    /// Of a folder; made when something is added.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder; whatever is downloaded into it by another name is in nobody's way.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where an artifact is or would be. Package managers look at the extension.
    #[must_use]
    pub fn path(&self, artifact: &Artifact, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", artifact.sha256))
    }

    /// Whether it is there and whole, by its hash.
    ///
    /// # Errors
    /// When it is there and cannot be read; one with another hash is removed and counts as missing.
    pub fn has(&self, artifact: &Artifact, extension: &str) -> Result<bool, ArtifactError> {
        let path = self.path(artifact, extension);
        match hash_file(&path) {
            Ok((found, size)) if found == artifact.sha256 && size == artifact.size => Ok(true),
            Ok(_) => {
                let failed = disk(&path);
                fs::remove_file(&path).map_err(failed)?;
                Ok(false)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(disk(&path)(source)),
        }
    }

    /// Takes a file in, if its bytes are those of the plan.
    ///
    /// # Errors
    /// When they are not, or the disk fails.
    pub fn take(
        &self,
        file: &Path,
        artifact: &Artifact,
        extension: &str,
    ) -> Result<PathBuf, ArtifactError> {
        fs::create_dir_all(&self.folder).map_err(disk(&self.folder))?;
        let to = self.path(artifact, extension);
        // Into our folder first: what is hashed is then what is kept, whoever else can write to the source.
        let new = self.folder.join(format!(".new-{}", artifact.sha256));
        if fs::rename(file, &new).is_err() {
            fs::copy(file, &new).map_err(disk(file))?;
        }
        let (found, _) = hash_file(&new).map_err(disk(&new))?;
        if found != artifact.sha256 {
            fs::remove_file(&new).map_err(disk(&new))?;
            return Err(ArtifactError::Other {
                path: file.to_owned(),
                found,
                expected: artifact.sha256,
            });
        }
        File::open(&new)
            .and_then(|file| file.sync_all())
            .map_err(disk(&new))?;
        fs::rename(&new, &to).map_err(disk(&to))?;
        Ok(to)
    }
}

fn disk(path: &Path) -> impl Fn(io::Error) -> ArtifactError {
    move |source| ArtifactError::Disk {
        path: path.to_owned(),
        source,
    }
}

/// SHA-256 and size of a file.
///
/// # Errors
/// When it cannot be read.
pub fn hash_file(path: &Path) -> io::Result<(Digest, u64)> {
    let mut file = File::open(path)?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 256 << 10];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        context.update(bytes);
        size += u64::try_from(read).unwrap_or(u64::MAX);
    }
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    Ok((Digest::from_bytes(bytes), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(bytes: &[u8]) -> Artifact {
        Artifact {
            sha256: Digest::of(bytes),
            size: bytes.len() as u64,
            origin: "test".to_owned(),
            path: None,
        }
    }

    #[test]
    fn only_the_bytes_of_the_plan_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let store = Artifacts::new(folder.path().join("artifacts"));
        let file = folder.path().join("a.deb");
        let wanted = artifact(b"good");
        fs::write(&file, b"evil").unwrap();
        assert!(matches!(
            store.take(&file, &wanted, "deb"),
            Err(ArtifactError::Other { .. })
        ));
        assert!(!store.has(&wanted, "deb").unwrap());
        fs::write(&file, b"good").unwrap();
        store.take(&file, &wanted, "deb").unwrap();
        assert!(store.has(&wanted, "deb").unwrap());
    }

    /// T6: an artifact that was changed in the store is not installed.
    #[test]
    fn changed_artifact_counts_as_missing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Artifacts::new(folder.path().to_owned());
        let wanted = artifact(b"good");
        fs::write(store.path(&wanted, "deb"), b"goof").unwrap();
        assert!(!store.has(&wanted, "deb").unwrap());
        assert!(!store.path(&wanted, "deb").exists());
    }
}
