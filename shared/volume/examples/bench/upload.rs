//! An image without holes, through the device that a first night writes to.

use std::{fs::File, io::Read, path::PathBuf, sync::Arc};

use fs_ext4::block_io::BlockDevice;
use watchkeeper_domain::failure::Failure;
use watchkeeper_volume::{
    device::Device,
    ebs::Ebs,
    night,
    snapshots::{BLOCK, Origin, SnapshotId, Snapshots},
};

use crate::order;

/// What the device may take: 64 blocks, as many as coldsnap has workers.
const MEMORY: usize = 64 * BLOCK;
/// The size of a page of memory, in bytes.
const PAGE: usize = 4096;

/// Uploads `image`, whose size is whole GiB.
///
/// # Errors
/// When the endpoint fails, or the image cannot be read.
pub async fn upload(ebs: &Ebs, image: PathBuf) -> Result<SnapshotId, Failure> {
    let broken = |error| Failure::new("read", "the image", error);
    let file = File::open(image).map_err(broken)?;
    let size = file.metadata().map_err(broken)?.len();
    let size_gib = u32::try_from(size >> 30).unwrap_or(u32::MAX);
    let device = Device::blank(ebs.clone(), size_gib, MEMORY);
    let snapshot = ebs.start(&order(Origin::Empty, size_gib)).await?;
    device.send_ahead(&snapshot);
    let target = Arc::clone(&device);
    night::aside(move || copy(file, &target)).await?;
    let receipt = night::upload(&device, &snapshot).await?;
    ebs.complete(&snapshot, receipt.blocks, receipt.checksum).await?;
    Ok(snapshot)
}

/// Writes block after block, each final.
fn copy(mut file: File, device: &Device<Ebs>) -> Result<(), Failure> {
    // In the middle of a page copies are fast everywhere. Where malloc puts a large buffer, 16 bytes into a page, the kernel
    // takes four times as long to fill it on AMD's processors with FSRM; and copying from the start of a page to there,
    // loads wait for stores that only look as if they were to the same place.
    let mut memory = vec![0; BLOCK + 2 * PAGE];
    let start = memory.as_ptr().align_offset(PAGE) + PAGE / 2;
    let block = &mut memory[start..start + BLOCK];
    for offset in (0..device.size()).step_by(BLOCK) {
        file.read_exact(block).map_err(|error| Failure::new("read", "the image", error))?;
        device.write_at(offset, block).map_err(|error| Failure::new("write", "the device", error))?;
        device.settle(offset, BLOCK as u64);
    }
    Ok(())
}
