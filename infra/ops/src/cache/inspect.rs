//! `cache inspect`: a look into a snapshot, block by block as they are needed, without any volume.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use watchkeeper_domain::{cache::Cache, failure::Failure, text::count};
use watchkeeper_volume::{
    device::{Device, MEMORY},
    ebs::Ebs,
    ext4::{Audit, Kind, Stat, Volume},
    night::aside,
    snapshots::SnapshotId,
};

use self::listing::{Row, rows, to_json, to_text};
use super::{find, known};
use crate::{
    checkout::Checkout,
    cli::{Place, cache::Inspect},
    screen::Screen,
    stack::{Stack, told},
    when,
};

mod listing;

/// How long it may take.
const WITHIN: Duration = Duration::from_secs(30 * 60);
/// How many pieces of a file wait until they are written.
const PIECES: usize = 4;

/// Looks into a snapshot. Returns whether an audit found nothing wrong; else true.
///
/// # Errors
/// An unknown cache or generation; a snapshot that cannot be read; a filesystem that is refused; nothing at the path.
pub async fn inspect(place: &Place, what: &Inspect, screen: &mut Screen) -> Result<bool> {
    let config = Checkout::find(place)?.config()?;
    let cache = find(&config, &what.name)?;
    let stack = Stack::connect().await;
    let snapshot = snapshot(&stack, cache, what).await?;
    let device = Device::open(stack.ebs()?.within(WITHIN), &snapshot, MEMORY).await.map_err(told)?;
    let asked =
        Asked { path: what.path.clone(), audit: what.audit, with_content: !what.json, now: when::now() };
    let (sender, pieces) = mpsc::channel(PIECES);
    let volume = Arc::clone(&device);
    let looking = aside(move || look(volume, &asked, &sender));
    let (found, written) = tokio::join!(looking, copy(pieces, screen));
    let found = found.map_err(told)?;
    written?;
    let is_well = found.show(what, &snapshot, screen)?;
    // Nothing is lost where nobody reads this.
    let read = usize::try_from(device.progress().counts().read).unwrap_or(usize::MAX);
    let _ = screen.error(&format!("{} of 512 KiB read from {snapshot}", count(read, "block")));
    Ok(is_well)
}

/// The snapshot that was asked for.
async fn snapshot(stack: &Stack, cache: &Cache, what: &Inspect) -> Result<SnapshotId> {
    if let Some(snapshot) = &what.snapshot {
        return Ok(SnapshotId::new(snapshot));
    }
    let table = stack.table(&what.table);
    let table =
        table.context("no snapshot: name one with --snapshot, or the table that knows the generations")?;
    let standing = known::standing(&table, &cache.name).await?;
    let found = known::generation(&standing, &cache.name, what.generation)?;
    Ok(SnapshotId::new(&found.snapshot))
}

/// What is looked for.
struct Asked {
    path: String,
    audit: bool,
    with_content: bool,
    now: Timestamp,
}

/// What was found.
enum Found {
    Audit(Audit),
    Directory(Vec<Row>),
    /// Its content has been shown, where that was asked for.
    File(Stat),
}

/// Looks, on a thread where it may wait. The content of a file goes through `content` piece by piece.
fn look(device: Arc<Device<Ebs>>, asked: &Asked, content: &mpsc::Sender<Vec<u8>>) -> Result<Found, Failure> {
    let volume = Volume::open_read_only(device, asked.now)?;
    if asked.audit {
        // Walking reads what the audit needs many blocks at a time; it would read one after the other.
        volume.walk("", &mut |_, _| ())?;
        return volume.audit().map(Found::Audit);
    }
    let path = asked.path.as_str();
    let refused = |cause: &str| Err(Failure::new("show", path, cause));
    let Some(stat) = volume.stat(path)? else {
        return refused("there is no such file or directory on the volume");
    };
    match stat.kind {
        Kind::Directory => rows(&volume, path).map(Found::Directory),
        Kind::File if asked.with_content => {
            volume.warm_reads([path], true)?;
            // Whoever reads no more is noticed by the writer.
            volume.read_with(path, |piece| _ = content.blocking_send(piece.to_vec()))?;
            Ok(Found::File(stat))
        }
        Kind::File => Ok(Found::File(stat)),
        Kind::Link => refused("it is a symbolic link, and links are not followed here"),
        Kind::Other => refused("it is neither a file nor a directory"),
    }
}

/// Writes the pieces to standard output as they come.
async fn copy(mut pieces: mpsc::Receiver<Vec<u8>>, screen: &mut Screen) -> std::io::Result<()> {
    while let Some(piece) = pieces.recv().await {
        screen.bytes(&piece)?;
    }
    Ok(())
}

impl Found {
    fn show(&self, what: &Inspect, snapshot: &SnapshotId, screen: &mut Screen) -> Result<bool> {
        let is_well = match self {
            Self::Audit(audit) => audit.is_clean(),
            Self::Directory(_) | Self::File(_) => true,
        };
        if what.json {
            screen.line(&self.to_json(what, snapshot).to_string())?;
            return Ok(is_well);
        }
        match self {
            Self::Audit(audit) => screen.write(&audited(audit))?,
            Self::Directory(rows) => screen.write(&to_text(rows))?,
            Self::File(_) => {}
        }
        Ok(is_well)
    }

    fn to_json(&self, what: &Inspect, snapshot: &SnapshotId) -> Value {
        match self {
            Self::Audit(audit) => json!({
                "snapshot": snapshot, "directories": audit.directories, "inodes": audit.inodes, "wrong": audit.wrong,
                "findings": audit.findings,
            }),
            Self::Directory(rows) => {
                let entries: Vec<_> = rows.iter().map(|row| to_json(&row.name, row.stat.as_ref())).collect();
                json!({ "snapshot": snapshot, "path": what.path, "entries": entries })
            }
            Self::File(stat) => {
                json!({ "snapshot": snapshot, "path": what.path, "file": to_json(&what.path, Some(stat)) })
            }
        }
    }
}

fn audited(audit: &Audit) -> String {
    let number = |it: u64| usize::try_from(it).unwrap_or(usize::MAX);
    let looked = format!(
        "{} directories and {} inodes were compared with the bitmaps",
        audit.directories, audit.inodes
    );
    if audit.is_clean() {
        return format!("{looked}: nothing is wrong\n");
    }
    let findings: String = audit.findings.iter().map(|it| format!("  - {it}\n")).collect();
    format!("{looked}: {}\n{findings}", count(number(audit.wrong), "problem"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audit_says_how_much_is_wrong_and_the_first_of_it() {
        let findings = vec!["inode 12 has 2 links, and 1 name".to_owned()];
        let audit = Audit { directories: 3, inodes: 4, wrong: 30, findings };
        let told = "3 directories and 4 inodes were compared with the bitmaps: 30 problems\n  \
                    - inode 12 has 2 links, and 1 name\n";
        assert_eq!(audited(&audit), told);
    }
}
