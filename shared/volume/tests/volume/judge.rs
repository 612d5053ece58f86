//! Linux's own tools, which say whether a filesystem is sound. A test that lacks one says so loudly and passes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;
use watchkeeper_volume::snapshots::SnapshotId;

use crate::memory::Memory;

/// A tool of e2fsprogs, if it is there.
pub fn tool(name: &str) -> Option<PathBuf> {
    let places =
        ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/opt/homebrew/opt/e2fsprogs/sbin"];
    let found = places.iter().map(|place| Path::new(place).join(name)).find(|path| path.exists());
    if found.is_none() {
        eprintln!("SKIPPED: {name} of e2fsprogs is not there, so nobody judges this filesystem");
    }
    found
}

/// A new image of `size` (as in `1G`) with these options of `mke2fs`, if there is one to make it.
pub fn mke2fs(directory: &TempDir, size: &str, options: &[&str]) -> Option<PathBuf> {
    let tool = tool("mke2fs")?;
    let image = directory.path().join("base.img");
    let _ = fs::remove_file(&image);
    let mut command = Command::new(tool);
    command.args(["-q", "-F", "-t", "ext4", "-E", "nodiscard"]).args(options).arg(&image).arg(size);
    let done = command.output().unwrap();
    if !done.status.success() {
        eprintln!("SKIPPED: mke2fs {options:?}: {}", String::from_utf8_lossy(&done.stderr));
        return None;
    }
    Some(image)
}

/// Asserts that `e2fsck` finds nothing wrong with a snapshot.
pub fn assert_sound(store: &Memory, snapshot: &SnapshotId) {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("snapshot.img");
    store.export(snapshot, &image);
    assert_image_sound(&image);
}

/// Asserts that `e2fsck` finds nothing wrong with an image.
pub fn assert_image_sound(image: &Path) {
    if let Some(tool) = tool("e2fsck") {
        let done = Command::new(tool).args(["-f", "-n"]).arg(image).output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
    }
}

/// Asserts that Linux mounts a snapshot read-write and reads these files from it. Needs root and a loop device.
pub fn assert_mountable(store: &Memory, snapshot: &SnapshotId, files: &[(&str, &[u8])]) {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("snapshot.img");
    store.export(snapshot, &image);
    let mounted = with_mount(&image, |root| {
        for (path, content) in files {
            assert!(fs::read(root.join(path)).unwrap() == *content, "{path}");
        }
        fs::write(root.join("written by Linux"), "so it is").unwrap();
    });
    if mounted {
        assert_image_sound(&image);
    }
}

/// Does `work` with an image mounted by the kernel. Says whether that is possible here.
pub fn with_mount(image: &Path, work: impl FnOnce(&Path)) -> bool {
    let point = tempfile::tempdir().unwrap();
    let mount = Command::new("mount").args(["-o", "loop"]).arg(image).arg(point.path()).output();
    match mount {
        Ok(done) if done.status.success() => {}
        Ok(done) => {
            eprintln!("SKIPPED: the kernel does not mount here: {}", said(&done));
            return false;
        }
        Err(error) => {
            eprintln!("SKIPPED: the kernel does not mount here: {error}");
            return false;
        }
    }
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(point.path())));
    let done = Command::new("umount").arg(point.path()).output().unwrap();
    assert!(done.status.success(), "{}", said(&done));
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
    true
}

/// Has `debugfs` do something to an image.
pub fn debugfs(image: &Path, request: &str) -> bool {
    let Some(tool) = tool("debugfs") else { return false };
    let done = Command::new(tool).args(["-w", "-R", request]).arg(image).output().unwrap();
    assert!(done.status.success(), "{}", said(&done));
    true
}

fn said(done: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    format!("{}\n{out}\n{err}", done.status)
}
