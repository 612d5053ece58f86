//! Linux's own tools, which say whether a volume is sound and what it has. A test that lacks one says so loudly.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::NamedTempFile;
use watchkeeper_sim::ebs::Store;
use watchkeeper_volume::snapshots::SnapshotId;

/// A snapshot as an image.
pub struct Image(NamedTempFile);

impl Image {
    /// The image of a snapshot, which `e2fsck` finds sound.
    pub fn of(store: &Store, snapshot: &SnapshotId) -> Self {
        let image = NamedTempFile::new().unwrap();
        store.export(snapshot.as_str(), &mut File::create(image.path()).unwrap()).unwrap();
        let image = Self(image);
        if let Some(done) = image.ask("e2fsck", &["-f", "-n"]) {
            assert!(done.status.success(), "{}", said(&done));
        }
        image
    }

    /// A new filesystem of `size` (as in `64M`), if there is something to make it with.
    pub fn mke2fs(size: &str) -> Option<File> {
        let image = NamedTempFile::new().unwrap();
        let mut command = Command::new(tool("mke2fs")?);
        let done = command.args(["-q", "-F", "-t", "ext4"]).arg(image.path()).arg(size).output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
        Some(image.reopen().unwrap())
    }

    /// Asserts that `path` has this content.
    pub fn assert_has(&self, path: &str, content: &[u8]) {
        if let Some(done) = self.ask("debugfs", &["-R", &format!("cat \"/{path}\"")]) {
            assert!(done.stdout == content, "{path}: {}", String::from_utf8_lossy(&done.stderr));
        }
    }

    /// Asserts that `path` is not there.
    pub fn assert_lacks(&self, path: &str) {
        if let Some(stat) = self.stat(path) {
            assert_eq!(stat, "", "{path}");
        }
    }

    /// What `debugfs` knows of `path`.
    pub fn stat(&self, path: &str) -> Option<String> {
        let done = self.ask("debugfs", &["-R", &format!("stat \"/{path}\"")])?;
        Some(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    fn ask(&self, name: &str, arguments: &[&str]) -> Option<Output> {
        Some(Command::new(tool(name)?).args(arguments).arg(self.path()).output().unwrap())
    }
}

fn tool(name: &str) -> Option<PathBuf> {
    let places =
        ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/opt/homebrew/opt/e2fsprogs/sbin"];
    let found = places.iter().map(|place| Path::new(place).join(name)).find(|path| path.exists());
    if found.is_none() {
        eprintln!("SKIPPED: {name} of e2fsprogs is not there, so nobody judges this filesystem");
    }
    found
}

fn said(done: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    format!("{}\n{out}\n{err}", done.status)
}
