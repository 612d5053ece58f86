//! A night on a base of every origin: `mke2fs`, `mke2fs -d`, Linux, ourselves.

use std::{fs, sync::Arc};

use watchkeeper_domain::failure::Failure;
use watchkeeper_volume::{
    device::{Device, Full, MEMORY},
    ext4::{Volume, Written},
    night::{self, Done, Verdict},
    snapshots::{Order, Origin, SnapshotId, Snapshots},
};

use crate::{
    DIRECTORY, OURS, bytes, judge,
    memory::{Calls, Memory},
    now,
};

/// A run of a night, from start to verdict.
pub async fn night<T: Send + 'static>(
    store: &Memory,
    base: &SnapshotId,
    name: &str,
    edit: impl FnOnce(&Volume<Memory>) -> Result<(T, Done), Failure> + Send + 'static,
) -> (SnapshotId, T, Calls) {
    let size_gib = size_gib(store, base).await;
    let device = Device::open(store.clone(), base, MEMORY).await.unwrap();
    store.calls();
    let (came_of_it, done) = night::edit(&device, now(), edit).await.unwrap();
    let order = order(Origin::Parent(base.clone()), size_gib, name);
    let snapshot = seal(store, &device, &order, Some(base), done).await;
    (snapshot.0, came_of_it, snapshot.1)
}

/// Uploads what a device has, completes it, and has it verified. The calls are those until then.
pub async fn seal(
    store: &Memory,
    device: &Arc<Device<Memory>>,
    order: &Order,
    parent: Option<&SnapshotId>,
    done: Done,
) -> (SnapshotId, Calls) {
    let snapshot = store.start(order).await.unwrap();
    let receipt = night::upload(device, &snapshot).await.unwrap();
    store.complete(&snapshot, receipt.blocks, receipt.checksum).await.unwrap();
    let calls = store.calls();
    let verdict = night::verify(store, (parent, &receipt), (done, now()), MEMORY).await.unwrap();
    assert!(matches!(verdict, Verdict::Sound { .. }), "{verdict:?}");
    (snapshot, calls)
}

pub fn order(origin: Origin, size_gib: u32, token: &str) -> Order {
    let (token, description) = (token.to_owned(), String::new());
    Order { origin, size_gib, token, timeout_minutes: 30, description, tags: Vec::new() }
}

pub async fn size_gib(store: &Memory, snapshot: &SnapshotId) -> u32 {
    u32::try_from(store.list(snapshot).await.unwrap().size() >> 30).unwrap()
}

/// A new filesystem of ours, with what `edit` does to it.
pub async fn made<T: Send + 'static>(
    store: &Memory,
    size_gib: u32,
    edit: impl FnOnce(&Volume<Memory>) -> Result<(T, Done), Failure> + Send + 'static,
) -> (SnapshotId, T) {
    let device = Device::blank(store.clone(), size_gib, MEMORY);
    let snapshot = store.start(&order(Origin::Empty, size_gib, "made")).await.unwrap();
    device.send_ahead(&snapshot);
    let (came_of_it, done) = night::make(&device, ("cache", [7; 16], now()), edit).await.unwrap();
    let receipt = night::upload(&device, &snapshot).await.unwrap();
    assert!(device.peak_memory() < 300_000_000, "{}", device.peak_memory());
    store.complete(&snapshot, receipt.blocks, receipt.checksum).await.unwrap();
    let verdict = night::verify(store, (None, &receipt), (done, now()), MEMORY).await.unwrap();
    assert!(matches!(verdict, Verdict::Sound { .. }), "{verdict:?}");
    (snapshot, came_of_it)
}

/// What [`small`] leaves behind.
pub const JAR: &str = "repository/org/x/y/1/y-1.jar";

/// A small night: new directories, a file of 9 MiB, one that is replaced, one that is removed.
pub fn small(volume: &Volume<Memory>) -> Result<((), Done), Failure> {
    let paths = [JAR, "repository/org/x/y/1/y-1.pom", "repository/gone/soon"];
    volume.warm(paths)?;
    volume.make_dirs(["repository/org/x/y/1", "repository/gone"], &DIRECTORY)?;
    volume.write_file(paths[2], &b"soon"[..], &OURS)?;
    let mut written: Vec<Written> = Vec::new();
    written.push(volume.write_file(JAR, bytes(1, 9 << 20).as_slice(), &OURS)?);
    volume.write_file(paths[1], &bytes(2, 70_000)[..], &OURS)?;
    written.push(volume.write_file(paths[1], &b"shorter"[..], &OURS)?);
    assert!(volume.remove(paths[2])?);
    assert!(!volume.exists("repository/gone")?);
    Ok(((), Done { written, removed: vec![paths[2].to_owned()] }))
}

pub async fn small_night(store: &Memory, base: &SnapshotId) -> SnapshotId {
    let (child, (), _) = night(store, base, "child", small).await;
    judge::assert_sound(store, &child);
    child
}

#[tokio::test]
async fn a_base_of_mke2fs_with_its_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let Some(image) = judge::mke2fs(&directory, "1G", &[]) else { return };
    let store = Memory::default();
    let base = store.import(&image);
    let child = small_night(&store, &base).await;
    judge::assert_mountable(&store, &child, &[(JAR, &bytes(1, 9 << 20))]);
}

#[tokio::test]
async fn a_base_that_mke2fs_filled_from_a_directory() {
    let (directory, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(tree.path());
    let Some(image) = judge::mke2fs(&directory, "1G", &["-d", tree.path().to_str().unwrap()]) else { return };
    let store = Memory::default();
    let base = store.import(&image);
    let child = small_night(&store, &base).await;
    judge::assert_mountable(
        &store,
        &child,
        &[("repository/d7/f7", &bytes(7, 7_000)), (JAR, &bytes(1, 9 << 20))],
    );
}

#[tokio::test]
async fn a_base_that_linux_filled() {
    let directory = tempfile::tempdir().unwrap();
    let Some(image) = judge::mke2fs(&directory, "1G", &[]) else { return };
    if !judge::with_mount(&image, fill) {
        return;
    }
    let store = Memory::default();
    let base = store.import(&image);
    let child = small_night(&store, &base).await;
    judge::assert_mountable(
        &store,
        &child,
        &[("repository/d7/f7", &bytes(7, 7_000)), (JAR, &bytes(1, 9 << 20))],
    );
}

#[tokio::test]
async fn a_base_of_our_own() {
    let store = Memory::default();
    let (base, ()) = made(&store, 3, small).await;
    judge::assert_sound(&store, &base);
    let (child, (), _) = night(&store, &base, "next", |volume| {
        let written = vec![volume.write_file(JAR, &bytes(3, 5 << 20)[..], &OURS)?];
        Ok(((), Done { written, removed: Vec::new() }))
    })
    .await;
    judge::assert_sound(&store, &child);
    judge::assert_mountable(&store, &child, &[(JAR, &bytes(3, 5 << 20))]);
}

#[tokio::test]
async fn a_new_volume_of_100_gib_has_a_few_dozen_blocks() {
    let store = Memory::default();
    let (base, space) = made(&store, 100, |volume| Ok((volume.space()?, Done::default()))).await;
    judge::assert_sound(&store, &base);
    assert!(store.size(&base) <= 40, "{}", store.size(&base));
    assert_eq!(u64::from(space.block_size) * space.blocks, 100 << 30);
    assert!(space.free_blocks > space.blocks / 100 * 98 && space.free_inodes > 6_000_000, "{space:?}");
    let (child, (), _) = night(&store, &base, "next", small).await;
    judge::assert_sound(&store, &child);
}

#[tokio::test]
async fn what_was_written_is_seen_with_owner_mode_and_time() {
    let store = Memory::default();
    let modified = "1969-07-20T20:17:40.25Z".parse().unwrap();
    let (_, stat) = made(&store, 1, move |volume| {
        volume.make_dirs(["a/b"], &DIRECTORY)?;
        let attributes =
            watchkeeper_volume::ext4::Attributes { mode: 0o640, uid: 70_000, gid: 80_000, modified };
        volume.write_file("a/b/c", &b"hello"[..], &attributes)?;
        assert_eq!(volume.read("a/b/c")?, b"hello");
        let mut seen = Vec::new();
        volume.walk("a", &mut |path, stat| seen.push((path.to_owned(), stat.size)))?;
        assert_eq!(seen, [("a/b".to_owned(), 4096), ("a/b/c".to_owned(), 5)]);
        Ok((volume.stat("a/b/c")?.unwrap(), Done::default()))
    })
    .await;
    assert_eq!((stat.mode, stat.uid, stat.gid, stat.modified), (0o640, 70_000, 80_000, modified));
}

#[tokio::test]
async fn the_same_run_gives_the_same_bytes() {
    let store = Memory::default();
    let (base, ()) = made(&store, 1, |_| Ok(((), Done::default()))).await;
    let mut runs = Vec::new();
    for run in ["one", "two"] {
        let device = Device::open(store.clone(), &base, MEMORY).await.unwrap();
        night::edit(&device, now(), small).await.unwrap();
        let order = order(Origin::Parent(base.clone()), 1, run);
        let snapshot = store.start(&order).await.unwrap();
        runs.push(device.upload(&snapshot).await.unwrap());
    }
    assert!(!runs[0].is_empty());
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn a_file_is_larger_than_memory_where_nothing_may_be_put_ahead() {
    let device = Device::blank(Memory::default(), 1, 8 << 20);
    let edit = |volume: &Volume<Memory>| volume.write_file("large", &bytes(1, 60 << 20)[..], &OURS);
    let failure = night::make(&device, ("cache", [7; 16], now()), edit).await.unwrap_err();
    assert!(Full::is_cause_of(&failure), "{}", failure.chain());
    assert!(failure.chain().ends_with("needs more than 8 MiB of memory"), "{}", failure.chain());
    assert!(!Full::is_cause_of(&Failure::new("write", "large", "no room")));
}

#[tokio::test]
async fn a_file_may_be_larger_than_memory() {
    let store = Memory::default();
    let device = Device::blank(store.clone(), 1, 8 << 20);
    let snapshot = store.start(&order(Origin::Empty, 1, "large")).await.unwrap();
    device.send_ahead(&snapshot);
    let edit = |volume: &Volume<Memory>| {
        let written = vec![volume.write_file("large", &bytes(1, 60 << 20)[..], &OURS)?];
        Ok(Done { written, removed: Vec::new() })
    };
    let done = night::make(&device, ("cache", [7; 16], now()), edit).await.unwrap();
    let receipt = night::upload(&device, &snapshot).await.unwrap();
    store.complete(&snapshot, receipt.blocks, receipt.checksum).await.unwrap();
    let verdict = night::verify(&store, (None, &receipt), (done, now()), MEMORY).await.unwrap();
    assert!(matches!(verdict, Verdict::Sound { bytes: 62_914_560, .. }), "{verdict:?}");
    judge::assert_sound(&store, &snapshot);
}

/// A byte that is wrong anywhere in what describes the files is found before the child is used.
#[tokio::test]
async fn a_base_that_is_damaged_gives_no_child_that_is_thought_sound() {
    let store = Memory::default();
    let (base, ()) = made(&store, 1, |volume| {
        volume.make_dirs(["repository/old"], &DIRECTORY)?;
        for number in 0..50 {
            volume.write_file(&format!("repository/old/{number}"), &bytes(number, 5_000)[..], &OURS)?;
        }
        Ok(((), Done::default()))
    })
    .await;
    // The first groups of our own layout: descriptors at block 1, bitmaps at 2 and 3, inodes from 4 on, directories
    // behind the inodes.
    let places =
        [1024 + 0x10, 4096 + 0x0E, 2 * 4096 + 70, 3 * 4096, 4 * 4096 + 256 + 4, (4 + 512) * 4096 + 24];
    for place in places {
        let damaged = store.copy(&base);
        store.damage(&damaged, place, |bytes| bytes[0] ^= 0x55);
        let verdict = try_night(&store, &damaged).await;
        assert!(!matches!(verdict, Ok(Verdict::Sound { .. })), "{place:#x}: {verdict:?}");
    }
    assert!(matches!(try_night(&store, &store.copy(&base)).await, Ok(Verdict::Sound { .. })));
}

async fn try_night(store: &Memory, base: &SnapshotId) -> Result<Verdict, Failure> {
    let device = Device::open(store.clone(), base, MEMORY).await?;
    let ((), done) = night::edit(&device, now(), small).await?;
    let snapshot = store.start(&order(Origin::Parent(base.clone()), 1, "tried")).await?;
    let receipt = night::upload(&device, &snapshot).await?;
    store.complete(&snapshot, receipt.blocks, receipt.checksum).await?;
    night::verify(store, (Some(base), &receipt), (done, now()), MEMORY).await
}

fn fill(root: &std::path::Path) {
    for number in 0..60_u64 {
        let directory = root.join(format!("repository/d{number}"));
        fs::create_dir_all(&directory).unwrap();
        fs::write(
            directory.join(format!("f{number}")),
            bytes(number, 1000 * usize::try_from(number).unwrap()),
        )
        .unwrap();
    }
}
