//! A tree of files for parsers that read through a root.

use crate::parts;
use overlock_rootfs::Root;
use std::fs;
use std::path::Path;

/// A folder whose files are written anew for each input.
pub struct Tree {
    root: Root,
    folder: tempfile::TempDir,
}

impl Tree {
    /// A tree with these files.
    pub fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = Root::open(folder.path()).expect("a folder just made");
        let tree = Self { root, folder };
        for (path, bytes) in files {
            tree.put(path, bytes);
        }
        tree
    }

    /// The tree as readers see it.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a file in the tree"))
            .expect("a folder of our own");
        fs::write(path, bytes).expect("a file of our own");
    }

    /// Writes the parts of an input as these files.
    pub fn put_all<const N: usize>(&self, paths: [&str; N], input: &[u8]) {
        for (path, part) in paths.iter().zip(parts::split::<N>(input)) {
            self.put(path, part);
        }
    }
}
