//! A Maven cache of 642 MB and a night of 109 MB, and what they may cost: figures that are the same on every machine.

use cache_refresher::night::Outcome;
use watchkeeper_domain::{
    cache::{Feeder, Source},
    failure::Failure,
};
use watchkeeper_sim::{
    ebs::Operation,
    maven::{self, bytes},
};
use watchkeeper_volume::{ebs::Ebs, ext4::Volume, snapshots::BLOCK};

use crate::{
    estate::{Estate, THEIRS, cache},
    judge::Image,
};

fn fill(volume: &Volume<Ebs>) -> Result<(), Failure> {
    let files = maven::base();
    volume.make_dirs(maven::directories(&files), &THEIRS)?;
    files.iter().try_for_each(|file| volume.write_file(&file.path, &file.bytes()[..], &THEIRS).map(drop))
}

#[tokio::test]
async fn a_night_costs_what_it_brings_and_not_what_the_cache_has() {
    let estate = Estate::new().await;
    estate.store.set(|settings| settings.verify = false);
    let base = estate.base(100, fill).await;
    let mut tonight = maven::tonight();
    // What replaces another is one byte longer, so that the list says that it is not the same.
    tonight.iter_mut().rev().take(100).for_each(|file| file.size += 1);
    let files: Vec<_> = tonight.iter().map(|file| (file.path.as_str(), file.bytes())).collect();
    let size: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!((files.len(), size), (2_101, 109_329_130));
    let mut task = estate.task(&files);
    task.next(&base);
    let before = estate.store.counters();
    let (snapshot, account) = estate.publish(&task).await;
    let after = estate.store.counters();
    let puts = after.requests(Operation::PutSnapshotBlock) - before.requests(Operation::PutSnapshotBlock);
    let gets = after.requests(Operation::GetSnapshotBlock) - before.requests(Operation::GetSnapshotBlock);
    eprintln!("{account:?}; {} gets to verify", gets - account.blocks_read);
    assert_eq!((account.written_files, account.written_bytes, account.left), (2_101, size as u64, 0));
    assert_eq!(puts, account.blocks, "nothing is put twice");
    assert!(puts <= 2 * size.div_ceil(BLOCK) as u64 && puts <= 362, "{puts}");
    assert!(account.blocks_read <= 158, "{}", account.blocks_read);
    assert!(account.peak_memory <= 300_000_000, "{}", account.peak_memory);
    assert!(gets - account.blocks_read <= 400, "{gets}");
    let image = Image::of(&estate.store, &snapshot);
    files.iter().step_by(300).for_each(|(path, bytes)| image.assert_has(path, bytes));
}

/// A manifest names everything each night, so every POM is read each night: it names others.
#[tokio::test]
async fn a_night_without_news_reads_poms_and_directories_and_no_package() {
    const ARTIFACTS: usize = 300;
    let estate = Estate::new().await;
    let pom = format!("<project><!--{}--></project>", "x".repeat(3_000));
    let mut manifest = String::new();
    for number in 0..ARTIFACTS {
        let path = format!("m2/g/a{number}/1/a{number}-1");
        estate.repository.file(&format!("{path}.pom"), pom.as_bytes());
        estate.repository.file(&format!("{path}.jar"), &bytes(number as u64, 300_000));
        manifest.push_str(&format!("g:a{number}:1\n"));
    }
    let repository = format!("{}/m2", estate.repository.base);
    let mut task = estate.task(&[]);
    let source = Source::File("all".into());
    task.cache = cache(vec![Feeder::Manifest { source, repository, under: None }]);
    task.manifests.insert("all".to_owned(), manifest);
    let (snapshot, account) = estate.publish(&task).await;
    assert_eq!(account.written_files, 2 * ARTIFACTS as u64);
    task.next(&snapshot);
    let requests = estate.repository.requests();
    let Outcome::Idle(idle) = estate.run(&task).await.unwrap() else { panic!("not idle") };
    eprintln!("{} blocks written, {} read in a night without news", account.blocks, idle.blocks_read);
    assert_eq!((idle.planned_files, estate.repository.requests() - requests), (0, 0));
    assert!(account.blocks > 170 && idle.blocks_read < 15, "{idle:?}");
}
