//! The device: what it reads, what it holds, what it puts ahead.

use std::{sync::Arc, time::Duration};

use fs_ext4::block_io::BlockDevice as _;
use tokio::time::timeout;
use watchkeeper_volume::{
    device::{Device, MEMORY},
    snapshots::{BLOCK, Block, BlockIndex, Origin, SnapshotId, Snapshots as _},
};

use crate::{bases::order, bytes, memory::Memory};

const SMALL: usize = 16 * BLOCK;
/// After this time it is clear that somebody waits, and after the other that nobody comes.
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

/// A completed snapshot of 1 GiB with these blocks.
async fn base(store: &Memory, blocks: &[(u32, Vec<u8>)]) -> SnapshotId {
    let id = store.start(&order(Origin::Empty, 1, "base")).await.unwrap();
    let mut digests = Vec::new();
    for (index, bytes) in blocks {
        let block = Block::new(bytes.clone().into()).unwrap();
        store.put(&id, BlockIndex(*index), &block).await.unwrap();
        digests.push(block.digest());
    }
    let checksum = watchkeeper_volume::snapshots::Digest::linear(digests);
    store.complete(&id, u32::try_from(blocks.len()).unwrap(), checksum).await.unwrap();
    store.calls();
    id
}

/// Runs `work` with the device on a thread where it may wait.
async fn with<T: Send + 'static>(
    device: &Arc<Device<Memory>>,
    work: impl FnOnce(&Device<Memory>) -> T + Send + 'static,
) -> T {
    let device = Arc::clone(device);
    tokio::task::spawn_blocking(move || work(&device)).await.unwrap()
}

fn at(index: u64) -> u64 {
    index * BLOCK as u64
}

#[tokio::test]
async fn absent_blocks_are_zeros_and_cost_no_call() {
    let store = Memory::default();
    let base = base(&store, &[(3, bytes(3, BLOCK))]).await;
    let device = Device::open(store.clone(), &base, MEMORY).await.unwrap();
    let read = with(&device, |device| {
        let mut read = vec![9; 3 * BLOCK];
        device.read_at(at(2), &mut read).unwrap();
        read
    })
    .await;
    assert!(read == [vec![0; BLOCK], bytes(3, BLOCK), vec![0; BLOCK]].concat());
    assert_eq!(store.calls().gets, 1);
}

#[tokio::test]
async fn only_what_changed_is_put() {
    let store = Memory::default();
    let old: Vec<(u32, Vec<u8>)> = (0..6).map(|index| (index, bytes(index.into(), BLOCK))).collect();
    let base = base(&store, &old).await;
    let device = Device::open(store.clone(), &base, MEMORY).await.unwrap();
    with(&device, |device| {
        device.write_at(at(0) + 5, b"new").unwrap(); // a part
        device.write_at(at(1), &bytes(1, BLOCK)).unwrap(); // what is there, whole: nobody has to read it to write it
        device.write_at(at(2) + 100, &bytes(2, BLOCK)[100..200]).unwrap(); // what is there, in part
        device.write_at(at(3), &vec![0; BLOCK]).unwrap(); // zeros over something
        device.write_at(at(7), &vec![0; BLOCK]).unwrap(); // zeros over nothing
        device.write_at(at(8) + 9, b"and nothing again").unwrap();
        device.write_at(at(8) + 9, &[0; 17]).unwrap();
    })
    .await;
    let child = store.start(&order(Origin::Parent(base), 1, "child")).await.unwrap();
    let put: Vec<u32> = device.upload(&child).await.unwrap().keys().map(|index| index.0).collect();
    assert_eq!(put, [0, 1, 3], "the second is put since it was never compared");
    assert!(store.block(&child, BlockIndex(3)).unwrap().iter().all(|byte| *byte == 0));
    assert_eq!(
        store.block(&child, BlockIndex(0)).unwrap()[..9],
        [&bytes(0, 5)[..], b"new", &bytes(0, 9)[8..]].concat()
    );
    assert_eq!(store.calls().gets, 2, "whole blocks are not read before they are written");
    let counts = device.progress().counts();
    assert_eq!((counts.read, counts.to_put, counts.put), (2, 3, 3));
}

#[tokio::test]
async fn what_is_written_back_to_what_it_was_is_not_put() {
    let store = Memory::default();
    let base = base(&store, &[(0, bytes(1, BLOCK))]).await;
    let device = Device::open(store.clone(), &base, MEMORY).await.unwrap();
    with(&device, |device| {
        device.write_at(0, &[1, 2, 3]).unwrap();
        device.write_at(0, &bytes(1, 3)).unwrap();
    })
    .await;
    let child = store.start(&order(Origin::Parent(base), 1, "child")).await.unwrap();
    assert!(device.upload(&child).await.unwrap().is_empty());
    assert_eq!(device.progress().counts().to_put, 0);
}

#[tokio::test]
async fn what_was_read_goes_when_memory_runs_short_and_is_read_again() {
    let store = Memory::default();
    let old: Vec<(u32, Vec<u8>)> = (0..40).map(|index| (index, bytes(index.into(), BLOCK))).collect();
    let base = base(&store, &old).await;
    let device = Device::open(store.clone(), &base, SMALL).await.unwrap();
    for _ in 0..2 {
        with(&device, |device| {
            for index in 0..40 {
                let mut read = [0; 8];
                device.read_at(at(index), &mut read).unwrap();
                assert_eq!(read[..], bytes(index, 8));
            }
        })
        .await;
    }
    assert!(device.peak_memory() < SMALL + 2 * BLOCK, "{}", device.peak_memory());
    assert!(store.calls().gets > 40);
}

#[tokio::test]
async fn of_blocks_that_were_written_in_part_only_that_part_stays() {
    let store = Memory::default();
    let old: Vec<(u32, Vec<u8>)> = (0..40).map(|index| (index, bytes(index.into(), BLOCK))).collect();
    let base = base(&store, &old).await;
    let device = Device::open(store.clone(), &base, SMALL).await.unwrap();
    with(&device, |device| {
        for index in 0..40 {
            device.write_at(at(index) + 70, b"changed").unwrap();
        }
        let mut read = [0; 16];
        device.read_at(at(1) + 69, &mut read).unwrap();
        assert_eq!(read[..], [&bytes(1, 70)[69..], b"changed", &bytes(1, 85)[77..]].concat());
    })
    .await;
    let child = store.start(&order(Origin::Parent(base), 1, "child")).await.unwrap();
    assert_eq!(device.upload(&child).await.unwrap().len(), 40);
    for index in 0..40 {
        let mut expected = bytes(index.into(), BLOCK);
        expected[70..77].copy_from_slice(b"changed");
        assert!(store.block(&child, BlockIndex(index)).unwrap() == expected, "{index}");
    }
}

#[tokio::test]
async fn blocks_of_which_only_the_start_was_written_take_little_room() {
    let device = Device::blank(Memory::default(), 1, SMALL);
    with(&device, |device| {
        (0..100).try_for_each(|index| device.write_at(at(index), &bytes(index, 4096))).unwrap();
    })
    .await;
    assert!(device.peak_memory() < 2 * BLOCK, "{}", device.peak_memory());
}

#[tokio::test]
async fn blocks_of_finished_files_are_put_ahead() {
    let store = Memory::default();
    let device = Device::blank(store.clone(), 1, SMALL);
    let child = store.start(&order(Origin::Empty, 1, "child")).await.unwrap();
    device.send_ahead(&child);
    with(&device, |device| {
        for index in 0..100 {
            device.write_at(at(index), &bytes(index, BLOCK)).unwrap();
            device.settle(at(index), BLOCK as u64);
        }
        device.write_at(at(200), b"not settled").unwrap();
    })
    .await;
    let ahead = store.calls().puts;
    assert!(ahead >= 80, "{ahead}");
    assert!(device.peak_memory() < SMALL + 2 * BLOCK, "{}", device.peak_memory());
    assert_eq!(device.upload(&child).await.unwrap().len(), 101);
    assert_eq!(store.calls().puts, 101 - ahead, "no block is put twice");
    for index in 0..100 {
        assert!(store.block(&child, BlockIndex(index)).unwrap() == bytes(index.into(), BLOCK), "{index}");
    }
}

/// A blank device that may put ahead.
async fn ahead(store: Memory) -> (Memory, Arc<Device<Memory>>, SnapshotId) {
    let device = Device::blank(store.clone(), 1, SMALL);
    let child = store.start(&order(Origin::Empty, 1, "child")).await.unwrap();
    device.send_ahead(&child);
    (store, device, child)
}

/// Writes blocks that are final at once.
fn fill(device: &Device<Memory>, mut blocks: std::ops::Range<u64>) -> fs_ext4::Result<()> {
    blocks.try_for_each(|index| {
        device.write_at(at(index), &bytes(index, BLOCK))?;
        device.settle(at(index), BLOCK as u64);
        Ok(())
    })
}

#[tokio::test]
async fn writing_goes_on_once_some_of_what_was_put_ahead_has_arrived() {
    let (store, device, child) = ahead(Memory::with_puts(0)).await;
    let writing = Arc::clone(&device);
    let mut writer = tokio::spawn(async move { with(&writing, |device| fill(device, 0..19)).await });
    assert!(
        timeout(SHORT, &mut writer).await.is_err(),
        "16 blocks are all that memory holds, on their way or not"
    );
    store.puts.add_permits(8);
    timeout(LONG, writer).await.expect("7 may be on their way still").unwrap().unwrap();
    assert!(device.peak_memory() < SMALL + 2 * BLOCK, "{}", device.peak_memory());
    store.puts.add_permits(100);
    assert_eq!(device.upload(&child).await.unwrap().len(), 19);
    assert_eq!(store.calls().puts, 19);
    for index in 0..19 {
        assert!(store.block(&child, BlockIndex(index)).unwrap() == bytes(index.into(), BLOCK), "{index}");
    }
}

#[tokio::test]
async fn a_put_ahead_that_fails_fails_the_write_that_waits_for_it() {
    let (store, device, _) = ahead(Memory::with_puts(0).refusing(0)).await;
    let mut writer = tokio::spawn(async move { with(&device, |device| fill(device, 0..19)).await });
    assert!(timeout(SHORT, &mut writer).await.is_err());
    store.puts.add_permits(1);
    let failed = timeout(LONG, writer).await.unwrap().unwrap().unwrap_err();
    assert!(format!("{failed:?}").contains("refused"), "{failed:?}");
}

#[tokio::test]
async fn a_put_ahead_that_fails_while_nobody_waits_fails_a_later_write_or_the_upload() {
    for writes_on in [true, false] {
        let (_, device, child) = ahead(Memory::default().refusing(14)).await;
        with(&device, |device| fill(device, 0..16)).await.unwrap();
        while device.progress().counts().put < 14 {
            tokio::task::yield_now().await;
        }
        let failed = match writes_on {
            true => format!("{:?}", with(&device, |device| fill(device, 16..40)).await.unwrap_err()),
            false => device.upload(&child).await.unwrap_err().chain(),
        };
        assert!(failed.contains("refused"), "{failed}");
    }
}

#[tokio::test]
async fn what_was_put_ahead_can_neither_be_read_nor_written() {
    let store = Memory::default();
    let device = Device::blank(store.clone(), 1, SMALL);
    let child = store.start(&order(Origin::Empty, 1, "child")).await.unwrap();
    device.send_ahead(&child);
    with(&device, |device| {
        for index in 0..40 {
            device.write_at(at(index), &bytes(index, BLOCK)).unwrap();
            device.settle(at(index), BLOCK as u64);
        }
        let read = device.read_at(at(0), &mut [0; 4]).unwrap_err().to_string();
        assert!(read.contains("block 0"), "{read}");
        assert!(device.write_at(at(0) + 4096, &[1]).is_err());
        device.read_at(at(39), &mut [0; 4]).unwrap();
    })
    .await;
}

#[tokio::test]
async fn more_changes_than_memory_holds_are_an_error_unless_they_may_be_put_ahead() {
    let store = Memory::default();
    let device = Device::blank(store.clone(), 1, SMALL);
    let failed = with(&device, |device| {
        (0..40).find_map(|index| device.write_at(at(index), &bytes(index, BLOCK)).err())
    })
    .await;
    let text = format!("{:?}", failed.unwrap());
    assert!(text.contains("Full { memory: 8388608 }"), "{text}");
}

#[tokio::test]
async fn the_end_of_the_volume_is_the_end() {
    let device = Device::blank(Memory::default(), 1, SMALL);
    with(&device, |device| {
        assert!(device.read_at((1 << 30) - 4, &mut [0; 4]).is_ok());
        assert!(device.read_at((1 << 30) - 3, &mut [0; 4]).is_err());
        assert!(device.write_at(u64::MAX - 1, &[1; 4]).is_err());
    })
    .await;
}

#[tokio::test]
async fn a_prefetch_reads_every_block_once_and_none_that_is_there() {
    let store = Memory::default();
    let old: Vec<(u32, Vec<u8>)> = (0..10).map(|index| (index, bytes(index.into(), BLOCK))).collect();
    let base = base(&store, &old).await;
    let device = Device::open(store.clone(), &base, MEMORY).await.unwrap();
    device.prefetch([(at(1) - 1, 2), (at(0), 10), (at(5), 0), (at(500), at(3))]).await.unwrap();
    device.prefetch([(at(0), at(3))]).await.unwrap();
    assert_eq!(store.calls().gets, 4);
}
