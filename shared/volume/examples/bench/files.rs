//! What the night brings, as files, so that both sides read it from the same place.

use std::{collections::BTreeSet, fmt::Write as _, fs, io, path::Path};

use watchkeeper_sim::maven;

/// Writes the files of the night into `folder`, and beside it the commands with which `debugfs` writes them, if it is run
/// where this was: it takes no file with a path, only one in the directory that it is in.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path) -> io::Result<()> {
    let (base, tonight) = (maven::base(), maven::tonight());
    let known: BTreeSet<&str> = base.iter().map(|file| file.path.as_str()).collect();
    let known_directories = maven::directories(&base);
    let mut commands = String::new();
    for directory in maven::directories(&tonight) {
        fs::create_dir_all(folder.join(directory))?;
        if !known_directories.contains(directory) {
            let _ = writeln!(commands, "mkdir /{directory}");
        }
    }
    for file in &tonight {
        let source = folder.join(&file.path);
        fs::write(&source, file.bytes())?;
        if known.contains(file.path.as_str()) {
            let _ = writeln!(commands, "rm /{}", file.path);
        }
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let _ = writeln!(commands, "cd /{}\nwrite {} {name}", file.directory(), source.display());
    }
    fs::write(folder.with_extension("debugfs"), commands)
}
