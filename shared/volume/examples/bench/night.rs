//! A night as `cache-refresher` does it, once the files are there.

use std::{fs::File, path::PathBuf};

use watchkeeper_domain::failure::Failure;
use watchkeeper_sim::maven;
use watchkeeper_volume::{
    device::{Device, MEMORY},
    ebs::Ebs,
    ext4::Volume,
    night::{self, Done, Verdict},
    snapshots::{Origin, SnapshotId, Snapshots},
};

use crate::{DIRECTORY, FILE, NOW, SIZE_GIB, order};

/// Makes the volume that every night begins with.
///
/// # Errors
/// When the endpoint fails.
pub async fn base(ebs: &Ebs) -> Result<SnapshotId, Failure> {
    let device = Device::blank(ebs.clone(), SIZE_GIB, MEMORY);
    let snapshot = ebs.start(&order(Origin::Empty, SIZE_GIB)).await?;
    device.send_ahead(&snapshot);
    let fill = |volume: &Volume<Ebs>| {
        let files = maven::base();
        volume.make_dirs(maven::directories(&files), &DIRECTORY)?;
        files.iter().try_for_each(|file| volume.write_file(&file.path, &file.bytes()[..], &FILE).map(drop))
    };
    night::make(&device, ("cache", [7; 16], NOW), fill).await?;
    let receipt = night::upload(&device, &snapshot).await?;
    ebs.complete(&snapshot, receipt.blocks, receipt.checksum).await?;
    Ok(snapshot)
}

/// Opens the snapshot `base`, writes tonight's files from `folder`, uploads what changed and completes; then reads it
/// back if it `is_checked`.
///
/// # Errors
/// When the endpoint fails, a file cannot be read, or the new snapshot is not what it should be.
pub async fn night(
    ebs: Ebs,
    base: SnapshotId,
    folder: PathBuf,
    is_checked: bool,
) -> Result<SnapshotId, Failure> {
    let device = Device::open(ebs.clone(), &base, MEMORY).await?;
    let snapshot = ebs.start(&order(Origin::Parent(base.clone()), SIZE_GIB)).await?;
    device.send_ahead(&snapshot);
    let done = night::edit(&device, NOW, move |volume| write(volume, &folder)).await?;
    let receipt = night::upload(&device, &snapshot).await?;
    ebs.complete(&snapshot, receipt.blocks, receipt.checksum).await?;
    if is_checked {
        drop(device);
        match night::verify(&ebs, (Some(&base), &receipt), (done, NOW), MEMORY).await? {
            Verdict::Sound { .. } => {}
            Verdict::Unsound(faults) => {
                return Err(Failure::new("check", snapshot.as_str(), format!("{faults:?}")));
            }
        }
    }
    Ok(snapshot)
}

fn write(volume: &Volume<Ebs>, folder: &std::path::Path) -> Result<Done, Failure> {
    let files = maven::tonight();
    volume.warm(files.iter().map(|file| file.path.as_str()))?;
    volume.make_dirs(maven::directories(&files), &DIRECTORY)?;
    let mut done = Done::default();
    for file in &files {
        let content = File::open(folder.join(&file.path));
        let content = content.map_err(|error| Failure::new("read", file.path.as_str(), error))?;
        done.written.push(volume.write_file(&file.path, content, &FILE)?);
    }
    Ok(done)
}
