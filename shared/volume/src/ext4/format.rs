//! A new filesystem, with nothing written that is zeros or can be computed.

use fs_ext4::{Superblock, bgd::BlockGroupDescriptor, block_io::BlockDevice, checksum::Checksummer, mkfs};

/// The size of a block of the filesystem, in bytes.
const BLOCK: u32 = 4096;

// Where a group descriptor of 64 bytes keeps what (ext4 documentation, "Block Group Descriptors").
const FLAGS: usize = 0x12;
const BLOCK_BITMAP_SUM: [usize; 2] = [0x18, 0x38];
const INODE_BITMAP_SUM: [usize; 2] = [0x1A, 0x3A];
const UNUSED_INODES: usize = 0x1C;
const SUM: usize = 0x1E;

/// The inode bitmap is not on disk: all inodes are free.
const INODE_UNINIT: u16 = 1;
/// The block bitmap is not on disk: only the group's own tables are in use.
const BLOCK_UNINIT: u16 = 2;
/// The inode table is zeros.
const ITABLE_ZEROED: u16 = 4;

/// Makes the filesystem. `device` is zeros, and whole GiB, so that all groups have the same size.
///
/// The ext4 crate writes the bitmaps of every group. Here the groups that nothing is in say that theirs are not there,
/// as `mke2fs` does it, so that a volume of 100 GiB has some 20 blocks instead of 800.
pub(super) fn format(device: &dyn BlockDevice, label: &str, uuid: [u8; 16]) -> fs_ext4::Result<()> {
    mkfs::format_filesystem(device, Some(label), Some(uuid), device.size_bytes(), BLOCK)?;
    let superblock = Superblock::read(device)?;
    let table_length = superblock.block_group_count() as usize * usize::from(superblock.desc_size);
    let mut table = vec![0; table_length];
    device.read_at(u64::from(BLOCK), &mut table)?;
    let sums = Checksummer::from_superblock(&superblock);
    for (group, descriptor) in (0..).zip(table.chunks_exact_mut(usize::from(superblock.desc_size))) {
        let known = BlockGroupDescriptor::parse(descriptor, superblock.desc_size)?;
        let mut flags = ITABLE_ZEROED;
        if group > 0 {
            flags |= INODE_UNINIT | BLOCK_UNINIT;
            forget(device, descriptor, known.inode_bitmap, INODE_BITMAP_SUM)?;
            put(descriptor, UNUSED_INODES, superblock.inodes_per_group as u16);
            forget(device, descriptor, known.block_bitmap, BLOCK_BITMAP_SUM)?;
        }
        put(descriptor, FLAGS, flags);
        put(descriptor, SUM, 0);
        let sum = sums.crc_with_prefix(group as u32, descriptor) as u16;
        put(descriptor, SUM, sum);
    }
    for group in (0..superblock.block_group_count()).filter(|group| superblock.group_has_super(*group)) {
        let start = group * u64::from(superblock.blocks_per_group);
        device.write_at((start + 1) * u64::from(BLOCK), &table)?;
    }
    Ok(())
}

/// Takes a bitmap off the disk, and its checksum out of the descriptor.
fn forget(
    device: &dyn BlockDevice,
    descriptor: &mut [u8],
    bitmap: u64,
    sum: [usize; 2],
) -> fs_ext4::Result<()> {
    for half in sum {
        put(descriptor, half, 0);
    }
    device.write_at(bitmap * u64::from(BLOCK), &[0; BLOCK as usize])
}

fn put(descriptor: &mut [u8], at: usize, value: u16) {
    descriptor[at..at + 2].copy_from_slice(&value.to_le_bytes());
}
