//! Which features of ext4 are written, which are refused by name, and what is left of a base that is refused.

use jiff::Timestamp;
use watchkeeper_domain::failure::Failure;
use watchkeeper_volume::{
    device::{Device, MEMORY},
    ext4::{Refusal, Volume},
    snapshots::SnapshotId,
};

use crate::{bases::small_night, judge, memory::Memory, now};

/// What came of opening a base: the volume is dropped again. Asserts that nothing changed.
async fn open(store: &Memory, base: &SnapshotId, now: Timestamp) -> Result<(), Failure> {
    let device = Device::open(store.clone(), base, MEMORY).await.unwrap();
    let volume = device.clone();
    let opened = tokio::task::spawn_blocking(move || Volume::open(volume, now).map(|_| ())).await.unwrap();
    assert_eq!(device.changed(), 0, "opening it changed it");
    opened
}

async fn refusal(store: &Memory, base: &SnapshotId) -> Refusal {
    let failure = open(store, base, now()).await.unwrap_err();
    Refusal::of(&failure).unwrap_or_else(|| panic!("{}", failure.chain())).clone()
}

async fn is_written(options: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let Some(image) = judge::mke2fs(&directory, "1G", options) else { return };
    let store = Memory::default();
    let base = store.import(&image);
    open(&store, &base, now()).await.unwrap();
    small_night(&store, &base).await;
}

async fn is_refused(options: &[&str], name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let Some(image) = judge::mke2fs(&directory, "1G", options) else { return };
    let store = Memory::default();
    let base = store.import(&image);
    let Refusal::Features(features) = refusal(&store, &base).await else {
        panic!("refused for another reason")
    };
    assert_eq!(features, [name]);
}

#[tokio::test]
async fn written_without_a_journal() {
    is_written(&["-O", "^has_journal"]).await;
}

#[tokio::test]
async fn written_with_the_defaults_of_newer_mke2fs() {
    is_written(&["-O", "orphan_file,metadata_csum_seed"]).await;
}

#[tokio::test]
async fn written_without_64_bit_and_checksums() {
    is_written(&["-O", "^64bit,^metadata_csum"]).await;
}

#[tokio::test]
async fn written_without_flexible_groups_and_directory_indexes() {
    is_written(&["-O", "^flex_bg,^dir_index"]).await;
}

#[tokio::test]
async fn written_with_inline_data() {
    is_written(&["-O", "inline_data"]).await;
}

#[tokio::test]
async fn written_with_blocks_of_1_kib() {
    is_written(&["-b", "1024"]).await;
}

#[tokio::test]
async fn written_with_fast_commit() {
    is_written(&["-O", "fast_commit"]).await;
}

#[tokio::test]
async fn written_with_large_directories() {
    is_written(&["-O", "large_dir"]).await;
}

#[tokio::test]
async fn written_with_meta_groups() {
    is_written(&["-O", "meta_bg,^resize_inode"]).await;
}

#[tokio::test]
async fn refused_with_bigalloc() {
    is_refused(&["-O", "bigalloc"], "bigalloc").await;
}

#[tokio::test]
async fn refused_with_casefold() {
    is_refused(&["-O", "casefold"], "casefold").await;
}

#[tokio::test]
async fn refused_with_quota() {
    is_refused(&["-O", "quota"], "quota").await;
}

#[tokio::test]
async fn refused_with_encrypt() {
    is_refused(&["-O", "encrypt"], "encrypt").await;
}

#[tokio::test]
async fn refused_with_multiple_mount_protection() {
    is_refused(&["-O", "mmp"], "mmp").await;
}

#[tokio::test]
async fn refused_with_large_attributes() {
    is_refused(&["-O", "ea_inode"], "ea_inode").await;
}

#[tokio::test]
async fn refused_with_verity() {
    is_refused(&["-O", "verity"], "verity").await;
}

#[tokio::test]
async fn refused_when_it_is_ext2_or_ext3() {
    for options in
        [["-O", "^extents,^64bit,^metadata_csum"], ["-O", "^extents,^64bit,^metadata_csum,^has_journal"]]
    {
        let directory = tempfile::tempdir().unwrap();
        let Some(image) = judge::mke2fs(&directory, "1G", &options) else { return };
        let store = Memory::default();
        let base = store.import(&image);
        assert_eq!(refusal(&store, &base).await, Refusal::NoExtents);
    }
}

#[tokio::test]
async fn refused_when_a_bit_is_set_that_nobody_knows() {
    let directory = tempfile::tempdir().unwrap();
    let Some(image) = judge::mke2fs(&directory, "1G", &["-O", "^metadata_csum"]) else { return };
    let store = Memory::default();
    let base = store.import(&image);
    store.damage(&base, 1024 + 0x62, |bytes| bytes[1] |= 0x40);
    let Refusal::Features(features) = refusal(&store, &base).await else {
        panic!("refused for another reason")
    };
    assert_eq!(features, ["incompat 0x40000000"]);
}

#[tokio::test]
async fn refused_when_its_journal_has_to_be_replayed() {
    let directory = tempfile::tempdir().unwrap();
    let Some(image) = judge::mke2fs(&directory, "1G", &[]) else { return };
    if !judge::debugfs(&image, "feature needs_recovery") {
        return;
    }
    let store = Memory::default();
    let base = store.import(&image);
    assert!(matches!(refusal(&store, &base).await, Refusal::NotClean(why) if why.contains("needs_recovery")));
}

#[tokio::test]
async fn refused_when_its_journal_is_not_empty_and_nothing_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let Some(image) = judge::mke2fs(&directory, "1G", &["-O", "^metadata_csum"]) else { return };
    // `s_start` of the journal's own superblock, big-endian at 0x1C (ext4 documentation, "Journal (jbd2)").
    let store = Memory::default();
    let base = store.import(&image);
    let journal = journal_offset(&image);
    store.damage(&base, journal, |bytes| {
        assert_eq!(bytes[..4], [0xC0, 0x3B, 0x39, 0x98]);
        bytes[0x1F] = 1;
    });
    assert!(matches!(refusal(&store, &base).await, Refusal::NotClean(why) if why.contains("replay")));
}

/// Where the journal's first block is: behind the extent in inode 8, as `debugfs` says.
fn journal_offset(image: &std::path::Path) -> u64 {
    let tool = judge::tool("debugfs").unwrap();
    let done = std::process::Command::new(tool).args(["-R", "blocks <8>"]).arg(image).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    text.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 4096
}

#[tokio::test]
async fn refused_when_it_was_not_unmounted_or_has_recorded_errors_or_orphans() {
    let directory = tempfile::tempdir().unwrap();
    let Some(image) = judge::mke2fs(&directory, "1G", &["-O", "^metadata_csum"]) else { return };
    for (offset, value, why) in [(0x3A, 0, "unmounted"), (0x3A, 3, "errors"), (0xE8, 12, "deleted")] {
        let store = Memory::default();
        let base = store.import(&image);
        store.damage(&base, 1024 + offset, |bytes| bytes[0] = value);
        let refusal = refusal(&store, &base).await;
        assert!(matches!(refusal, Refusal::NotClean(reason) if reason.contains(why)), "{refusal:?}");
    }
}

#[tokio::test]
async fn refused_when_there_is_no_filesystem_or_its_head_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let Some(image) = judge::mke2fs(&directory, "1G", &[]) else { return };
    for offset in [1024 + 0x38, 1024 + 0x10, 4096 + 0x0C] {
        let store = Memory::default();
        let base = store.import(&image);
        store.damage(&base, offset, |bytes| bytes[0] ^= 0xFF);
        let refusal = refusal(&store, &base).await;
        assert!(matches!(refusal, Refusal::Damaged(_)), "{offset:#x}: {refusal:?}");
    }
}
