//! A Maven cache of 642 MB and a night of 109 MB, and what they may cost: figures that are the same on every machine.

use std::sync::Arc;

use watchkeeper_domain::failure::Failure;
use watchkeeper_sim::maven::{self, File};
use watchkeeper_volume::{
    device::{Device, MEMORY},
    ext4::Volume,
    night::{self, Done},
    snapshots::{BLOCK, Origin},
};

use crate::{
    DIRECTORY, OURS,
    bases::{made, order, seal},
    judge,
    memory::Memory,
    now,
};

/// What coldsnap does with the same base and night: it reads all blocks, and puts all that are not zeros.
const COLDSNAP: (u64, u64) = (1_587, 1_811);

fn write(volume: &Volume<Memory>, files: &[File]) -> Result<Done, Failure> {
    volume.make_dirs(maven::directories(files), &DIRECTORY)?;
    let mut done = Done::default();
    for file in files {
        done.written.push(volume.write_file(&file.path, &file.bytes()[..], &OURS)?);
    }
    Ok(done)
}

#[tokio::test]
async fn a_night_reads_a_tenth_and_puts_a_fifth_of_what_coldsnap_does() {
    let store = Memory::default();
    let files = maven::base();
    let base = made(&store, 100, move |volume| {
        let mut done = write(volume, &files)?;
        done.written = done.written.into_iter().step_by(50).collect();
        Ok(((), done))
    });
    let (base, ()) = base.await;
    assert!(store.size(&base) < 1_600, "as many blocks as coldsnap found, not more: {}", store.size(&base));

    let device = Device::open(store.clone(), &base, MEMORY).await.unwrap();
    store.calls();
    let files = maven::tonight();
    let bytes: usize = files.iter().map(|file| file.size).sum();
    let edit = move |volume: &Volume<Memory>| {
        volume.warm(files.iter().map(|file| file.path.as_str()))?;
        write(volume, &files)
    };
    let done = night::edit(&device, now(), edit).await.unwrap();
    let order = order(Origin::Parent(base.clone()), 100, "child");
    let (child, calls) = seal(&store, &Arc::clone(&device), &order, Some(&base), done).await;
    let verified = store.calls().gets;
    eprintln!(
        "{bytes} bytes: {calls:?}, {} bytes of memory, {verified} gets to verify",
        device.peak_memory()
    );
    assert!(calls.puts <= 2 * bytes.div_ceil(BLOCK) as u64, "{calls:?}");
    assert!(calls.puts <= COLDSNAP.1 / 5 && calls.gets <= COLDSNAP.0 / 10, "{calls:?}");
    assert!(device.peak_memory() <= 300_000_000, "{}", device.peak_memory());
    assert!(verified <= 400, "{verified}");
    judge::assert_sound(&store, &child);
}
