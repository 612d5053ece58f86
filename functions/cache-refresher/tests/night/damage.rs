//! Snapshots that are not what they should be.

use std::io::{Read, Seek, SeekFrom, Write};

use cache_refresher::night::{Outcome, Sealed};
use watchkeeper_sim::{ebs::Damage, maven::bytes};
use watchkeeper_volume::{
    ext4::Volume,
    night::{Fault, Verdict},
    snapshots::SnapshotId,
};

use crate::{
    estate::{Estate, THEIRS, Task},
    judge::Image,
};

async fn base(estate: &Estate) -> SnapshotId {
    let fill = |volume: &Volume<_>| {
        volume.make_dirs(["m2/old"], &THEIRS)?;
        for number in 0..50 {
            volume.write_file(&format!("m2/old/{number}"), &bytes(number, 5_000)[..], &THEIRS)?;
        }
        Ok(())
    };
    estate.base(1, fill).await
}

fn night(estate: &Estate, base: &SnapshotId) -> Task {
    let mut task = estate.task(&[("m2/new/x", bytes(1, 700_000)), ("m2/old/7", bytes(2, 5_001))]);
    task.next(base);
    task
}

async fn sealed(estate: &Estate, task: &Task) -> Option<Sealed> {
    match estate.run(task).await {
        Ok(Outcome::Written(sealed, _)) => {
            estate.complete(&sealed).await;
            Some(sealed)
        }
        Ok(other @ (Outcome::Idle(_) | Outcome::Rehearsed(_))) => panic!("{other:?}"),
        Err(_) => None,
    }
}

/// A byte that is wrong anywhere in what describes the files is found before the child is used.
#[tokio::test]
async fn a_base_that_is_damaged_gives_no_child_that_is_thought_sound() {
    let estate = Estate::new().await;
    let sound = base(&estate).await;
    let image = Image::of(&estate.store, &sound);
    // The first group of our own layout: superblock, descriptors, bitmaps, inodes, directories.
    let places =
        [1024 + 0x10, 4096 + 0x0E, 2 * 4096 + 70, 3 * 4096, 4 * 4096 + 256 + 4, (4 + 512) * 4096 + 24];
    for (place, number) in places.into_iter().zip(0..) {
        let mut file = std::fs::OpenOptions::new().read(true).write(true).open(image.path()).unwrap();
        turn(&mut file, place);
        file.rewind().unwrap();
        let damaged = SnapshotId::new(estate.store.import(1, &mut file).unwrap());
        turn(&mut file, place);
        let mut task = night(&estate, &damaged);
        task.token = format!("damaged-{number}");
        if let Some(sealed) = sealed(&estate, &task).await {
            let verdict = estate.check(&task, &sealed).await;
            assert!(matches!(verdict, Verdict::Unsound(_)), "{place:#x}: {verdict:?}");
        }
    }
    let task = night(&estate, &sound);
    let sealed = sealed(&estate, &task).await.unwrap();
    assert!(matches!(estate.check(&task, &sealed).await, Verdict::Sound { files: 2, .. }));
}

fn turn(file: &mut std::fs::File, place: u64) {
    let mut byte = [0];
    file.seek(SeekFrom::Start(place)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(place)).unwrap();
    file.write_all(&[byte[0] ^ 0x55]).unwrap();
}

#[tokio::test]
async fn whatever_block_of_the_child_is_damaged_is_found() {
    let estate = Estate::new().await;
    let base = base(&estate).await;
    let task = night(&estate, &base);
    let sealed = sealed(&estate, &task).await.unwrap();
    let id = sealed.receipt.snapshot.as_str();
    let written = estate.store.snapshot(id).unwrap().written;
    assert!(written.len() > 3, "{written:?}");
    for index in written {
        estate.store.corrupt(id, index, Damage::Silent).unwrap();
        let verdict = estate.check(&task, &sealed).await;
        assert!(matches!(&verdict, Verdict::Unsound(faults) if !faults.is_empty()), "{index}: {verdict:?}");
        estate.store.corrupt(id, index, Damage::Silent).unwrap(); // turned back
    }
    assert!(matches!(estate.check(&task, &sealed).await, Verdict::Sound { .. }));
}

#[tokio::test]
async fn what_the_child_says_of_itself_counts_only_with_the_digest_that_was_kept() {
    let estate = Estate::new().await;
    let base = base(&estate).await;
    let task = night(&estate, &base);
    let mut sealed = sealed(&estate, &task).await.unwrap();
    let kept = sealed.manifest.clone();
    sealed.manifest.digest = sealed.receipt.checksum;
    let verdict = estate.check(&task, &sealed).await;
    let path = ".watchkeeper/generation.json".to_owned();
    let fault = Fault::Content { path: path.clone(), cause: "other bytes".to_owned() };
    assert_eq!(verdict, Verdict::Unsound(vec![fault]));
    sealed.manifest = kept;
    sealed.manifest.path = "nowhere".to_owned();
    let Verdict::Unsound(faults) = estate.check(&task, &sealed).await else { panic!("sound") };
    assert_eq!(faults[0].to_string(), "nowhere is not what was written: it is not there");
}
