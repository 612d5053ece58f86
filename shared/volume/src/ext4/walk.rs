//! Everything that a directory has, at any depth.

use watchkeeper_domain::failure::Failure;

use super::{Kind, Stat, Volume, path};
use crate::snapshots::Snapshots;

/// How many directories are read together.
const TOGETHER: usize = 1_000;

impl<S: Snapshots> Volume<S> {
    /// Shows everything below a directory to `visit`: its path without a leading `/`, and what is known of it. A
    /// directory comes before what it has. It goes level by level, so that what many directories take is read at once.
    ///
    /// # Errors
    /// When a directory is not to be read.
    pub fn walk(&self, path: &str, visit: &mut impl FnMut(&str, &Stat)) -> Result<(), Failure> {
        let names = path::names(path)?;
        let Some(top) = self.find(&names)? else { return Ok(()) };
        let mut level = vec![(names.join("/"), top)];
        while !level.is_empty() {
            let mut below = Vec::new();
            for directories in level.chunks(TOGETHER) {
                below.append(&mut self.visit_all(directories, visit)?);
            }
            level = below;
        }
        Ok(())
    }

    /// Shows what is in these directories, and returns the directories among it.
    fn visit_all(
        &self,
        directories: &[(String, u32)],
        visit: &mut impl FnMut(&str, &Stat),
    ) -> Result<Vec<(String, u32)>, Failure> {
        self.warm_content(directories.iter().map(|(_, number)| *number))?;
        let mut found = Vec::new();
        for (above, directory) in directories {
            for (entry, number) in self.entries(*directory, above)? {
                let path = if above.is_empty() { entry.name } else { format!("{above}/{}", entry.name) };
                found.push((path, number, entry.kind));
            }
        }
        self.warm_inodes(found.iter().map(|(_, number, _)| *number))?;
        for (path, number, _) in &found {
            visit(path, &Stat::of(&self.inode(*number, path)?));
        }
        found.retain(|(_, _, kind)| *kind == Kind::Directory);
        Ok(found.into_iter().map(|(path, number, _)| (path, number)).collect())
    }
}
