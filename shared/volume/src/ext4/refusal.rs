//! Which filesystems are not written, and why not.

use fs_ext4::{
    Filesystem, Superblock,
    features::{Incompat, RoCompat},
    jbd2,
    superblock::{EXT4_ERROR_FS, EXT4_VALID_FS},
};
use watchkeeper_domain::failure::Failure;

/// Why a filesystem is left alone. Nothing of it was changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// It has features that are not kept consistent here, by the names that `mke2fs` and `tune2fs` know.
    #[error("it has {}, which cannot be written here", .0.join(", "))]
    Features(Vec<String>),
    /// Its files are not mapped by extents: ext2 or ext3.
    #[error("it is not ext4: it has no extents")]
    NoExtents,
    /// It was not unmounted, or its journal has something left to replay. Mount it, unmount it, make a snapshot.
    #[error("it is not clean: {0}")]
    NotClean(&'static str),
    /// What it says of itself is wrong.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

impl Refusal {
    /// The refusal that is the cause of `failure`, if one is.
    pub fn of(failure: &Failure) -> Option<&Self> {
        failure.source.downcast_ref()
    }
}

/// What is written without harm: what the ext4 crate keeps consistent, and what e2fsck and Linux have found sound.
const SOUND_INCOMPAT: Incompat = Incompat::FILETYPE
    .union(Incompat::META_BG)
    .union(Incompat::EXTENTS)
    .union(Incompat::BIT64)
    .union(Incompat::FLEX_BG)
    .union(Incompat::CSUM_SEED)
    .union(Incompat::LARGEDIR)
    .union(Incompat::INLINE_DATA);
const SOUND_RO_COMPAT: RoCompat = RoCompat::SPARSE_SUPER
    .union(RoCompat::LARGE_FILE)
    .union(RoCompat::HUGE_FILE)
    .union(RoCompat::GDT_CSUM)
    .union(RoCompat::DIR_NLINK)
    .union(RoCompat::EXTRA_ISIZE)
    .union(RoCompat::METADATA_CSUM);

/// Names as in `mke2fs` (ext4(5)); a bit without one is shown as a number.
const INCOMPAT: [(u32, &str); 7] = [
    (0x1, "compression"),
    (0x8, "journal_dev"),
    (0x100, "mmp"),
    (0x400, "ea_inode"),
    (0x1000, "dirdata"),
    (0x10000, "encrypt"),
    (0x20000, "casefold"),
];
const RO_COMPAT: [(u32, &str); 9] = [
    (0x4, "btree_dir"),
    (0x80, "snapshot_bitmap"),
    (0x100, "quota"),
    (0x200, "bigalloc"),
    (0x800, "replica"),
    (0x1000, "read-only"),
    (0x2000, "project"),
    (0x8000, "verity"),
    (0x10000, "orphan_present"),
];

/// What the superblock gives as a reason not to write.
pub(super) fn of_superblock(superblock: &Superblock) -> Option<Refusal> {
    let recover = Incompat::RECOVER.bits();
    if superblock.feature_incompat & recover != 0 {
        return Some(Refusal::NotClean("its journal has to be replayed (needs_recovery)"));
    }
    let incompat = superblock.feature_incompat & !SOUND_INCOMPAT.bits();
    let ro_compat = superblock.feature_ro_compat & !SOUND_RO_COMPAT.bits();
    let mut features = named(incompat, "incompat", &INCOMPAT);
    features.extend(named(ro_compat, "ro_compat", &RO_COMPAT));
    if !features.is_empty() {
        return Some(Refusal::Features(features));
    }
    if superblock.feature_incompat & Incompat::EXTENTS.bits() == 0 {
        return Some(Refusal::NoExtents);
    }
    if superblock.state & EXT4_ERROR_FS != 0 {
        return Some(Refusal::NotClean("it has recorded errors"));
    }
    if superblock.state & EXT4_VALID_FS == 0 {
        return Some(Refusal::NotClean("it was not unmounted"));
    }
    (superblock.last_orphan != 0).then_some(Refusal::NotClean("it has files that were being deleted"))
}

/// What a look at the rest gives as a reason. `filesystem` is one that cannot be written.
pub(super) fn of_journal(filesystem: &Filesystem) -> fs_ext4::Result<Option<Refusal>> {
    let journal = jbd2::read_superblock(filesystem)?;
    let is_clean = journal.is_none_or(|journal| journal.is_clean());
    Ok((!is_clean).then_some(Refusal::NotClean("its journal has something left to replay")))
}

fn named(bits: u32, set: &str, names: &[(u32, &str)]) -> Vec<String> {
    let bits = (0..32).map(|shift| 1_u32 << shift).filter(|bit| bits & bit != 0);
    bits.map(|bit| {
        let name = names.iter().find(|(known, _)| *known == bit);
        name.map_or_else(|| format!("{set} {bit:#x}"), |(_, name)| (*name).to_owned())
    })
    .collect()
}
