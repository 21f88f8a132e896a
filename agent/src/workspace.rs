//! The folders that Blender sees. One room for each Blender process, gone when it is not needed.
//!
//! ```text
//! work/7/in/        may only be read:  driver.py, scene-…/ (the artist's layout), merged.exr
//! work/7/own/       may be written:    home/, out/<work>/
//! ```
//! A room has the files of the scene that is open in it and of no other. Files are hard links to
//! blobs where the jail keeps Blender from writing to them, else copies.

use std::io;
use std::path::{Path, PathBuf};

use blendnet_net::blobs::BlobStore;
use blendnet_protocol::{BlobId, ManifestFile, PackPath, SceneId, WorkId};

/// Why files could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// It was deleted, or never sent.
    #[error("the content of `{path}` is missing (blob {blob}); send it again")]
    Missing {
        /// Where it belongs.
        path: String,
        /// Its content.
        blob: BlobId,
    },
    /// The disk refuses.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

/// The folders of one Blender process. Dropping it removes them.
#[derive(Debug)]
pub struct Room {
    root: PathBuf,
    copies: bool,
}

impl Room {
    /// Makes the room `number` under `work`. `copies`: the jail does not protect hard links.
    pub fn create(work: &Path, number: u64, copies: bool) -> io::Result<Self> {
        let room = Self { root: work.join(number.to_string()), copies };
        for folder in [room.input(), room.home(), room.root.join("own/out")] {
            fs_err::create_dir_all(folder)?;
        }
        Ok(room)
    }

    /// What Blender may read.
    pub fn input(&self) -> PathBuf {
        self.root.join("in")
    }

    /// What Blender may write.
    pub fn own(&self) -> PathBuf {
        self.root.join("own")
    }

    /// Blender's `HOME` and temporary folder.
    pub fn home(&self) -> PathBuf {
        self.root.join("own/home")
    }

    /// Makes the folder for the results of a work that begins with this sample of a frame.
    pub fn create_out(&self, work: &WorkId, first_sample: u32) -> io::Result<PathBuf> {
        let folder = self.root.join("own/out").join(format!("{work}.{first_sample}"));
        fs_err::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Folder of a scene's files.
    pub fn scene(&self, id: &SceneId) -> PathBuf {
        self.input().join(format!("scene-{id}"))
    }

    /// Lays out files of a scene. Blocks.
    pub fn lay_out(
        &self,
        id: &SceneId,
        files: &[ManifestFile],
        blobs: &BlobStore,
    ) -> Result<PathBuf, LayoutError> {
        let root = self.scene(id);
        for file in files {
            self.place(&root, &file.path, &file.blob, blobs)?;
        }
        Ok(root)
    }

    /// Places one blob for Blender to read, beside the scene. Blocks.
    pub fn place_input(
        &self,
        name: &PackPath,
        blob: &BlobId,
        blobs: &BlobStore,
    ) -> Result<PathBuf, LayoutError> {
        self.place(&self.input(), name, blob, blobs)
    }

    fn place(
        &self,
        root: &Path,
        path: &PackPath,
        blob: &BlobId,
        blobs: &BlobStore,
    ) -> Result<PathBuf, LayoutError> {
        let missing = || LayoutError::Missing { path: path.to_string(), blob: blob.clone() };
        let source = blobs.path(blob).ok_or_else(missing)?;
        // `PackPath` cannot leave the folder, and no link is ever made in it.
        let target = root.join(path.as_str());
        if let Some(folder) = target.parent() {
            fs_err::create_dir_all(folder)?;
        }
        if self.copies || fs_err::hard_link(&source, &target).is_err() {
            fs_err::copy(&source, &target)?;
        }
        Ok(target)
    }

    /// Takes a file or folder away; what is left goes with the room.
    pub fn remove(&self, path: &Path) {
        let removed = match fs_err::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => fs_err::remove_dir_all(path),
            Ok(_) => fs_err::remove_file(path),
            Err(_) => Ok(()),
        };
        if let Err(error) = removed {
            tracing::warn!(%error, "a folder of Blender stays until the agent ends");
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.remove(&self.root);
    }
}

/// The path of a file that Blender says it wrote to `out`: really there, inside, and no link.
pub fn written(out: &Path, name: &str) -> Option<PathBuf> {
    let path = out.join(PackPath::new(name).ok()?.as_str());
    let real = fs_err::canonicalize(&path).ok()?;
    let inside = real.starts_with(fs_err::canonicalize(out).ok()?);
    let is_file = fs_err::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
    (inside && is_file).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_files_inside_the_folder_count_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        fs_err::create_dir_all(out.join("sub")).unwrap();
        fs_err::write(dir.path().join("secret"), "x").unwrap();
        fs_err::write(out.join("sub/0001.png"), "x").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), out.join("link.png")).unwrap();
        std::os::unix::fs::symlink(dir.path(), out.join("up")).unwrap();
        assert!(written(&out, "sub/0001.png").is_some());
        for bad in ["../secret", "/etc/passwd", "link.png", "up/secret", "sub", "missing.png", ""] {
            assert_eq!(written(&out, bad), None, "{bad}");
        }
    }

    #[test]
    fn a_room_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let room = Room::create(dir.path(), 1, false).unwrap();
        fs_err::write(room.home().join("x"), "x").unwrap();
        drop(room);
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 0);
    }
}
