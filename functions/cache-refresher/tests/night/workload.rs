//! A Maven cache of 642 MB and a night of 109 MB, and what they may cost: figures that are the same on every machine.

use std::collections::BTreeSet;

use cache_refresher::night::Outcome;
use watchkeeper_domain::{
    cache::{Feeder, Source},
    failure::Failure,
};
use watchkeeper_sim::ebs::Operation;
use watchkeeper_volume::{ebs::Ebs, ext4::Volume, snapshots::BLOCK};

use crate::{
    estate::{Estate, THEIRS, bytes, cache},
    judge::Image,
};

/// A file: its path, the seed of its content, its size.
type File = (String, u64, usize);

/// The files of a version of an artifact: jar, pom, their checksums, and what Maven keeps about where they came from.
fn version(number: u64) -> Vec<File> {
    let artifact = number % 3_400;
    let group = artifact % 850;
    let directory =
        format!("repository/top{}/group{group}/artifact{artifact}/1.{}", group % 27, number / 3_400);
    // Most jars are small, and a few have megabytes.
    let jar = match number % 100 {
        0 => 3_000_000 + number * 131 % 900_000,
        1..=20 => 200_000 + number * 977 % 100_000,
        _ => 2_000 + number * 7_919 % 44_000,
    };
    let name = format!("artifact{artifact}-1.{}", number / 3_400);
    vec![
        (format!("{directory}/{name}.jar"), number, usize::try_from(jar).unwrap()),
        (format!("{directory}/{name}.pom"), number + 1, usize::try_from(1_500 + number % 4_000).unwrap()),
        (format!("{directory}/{name}.jar.sha1"), number + 2, 40),
        (format!("{directory}/{name}.pom.sha1"), number + 3, 40),
        (format!("{directory}/_remote.repositories"), number + 4, 180),
    ]
}

/// The night: 2,000 small new files, a jar of 50 MiB, 100 replaced ones. 109 MB.
fn tonight() -> Vec<File> {
    let new = (0..1_000).flat_map(|number| {
        let group = number % 850;
        let directory = format!("repository/top{}/group{group}/artifact{number}/2.{number}", group % 27);
        let jar = usize::try_from(14_000 + number * 7_919 % 60_000).unwrap();
        [
            (format!("{directory}/a-2.{number}.jar"), number + 9_000, jar),
            (format!("{directory}/a-2.{number}.pom"), number + 9_001, 3_000),
        ]
    });
    let large = ("repository/top0/group0/artifact0/9/big.jar".to_owned(), 77, 50 << 20);
    // One byte longer, so that the list says that they are others.
    let replaced = (0..100).map(|number| {
        let (path, seed, size) = version(number * 59).swap_remove(0);
        (path, seed + 50_000, size + 1)
    });
    new.chain([large]).chain(replaced).collect()
}

fn fill(volume: &Volume<Ebs>) -> Result<(), Failure> {
    let files: Vec<File> = (0..5_997).flat_map(version).collect();
    let folders: BTreeSet<&str> =
        files.iter().filter_map(|(path, ..)| Some(path.rsplit_once('/')?.0)).collect();
    volume.make_dirs(folders, &THEIRS)?;
    for (path, seed, size) in &files {
        volume.write_file(path, &bytes(*seed, *size)[..], &THEIRS)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_night_costs_what_it_brings_and_not_what_the_cache_has() {
    let estate = Estate::new().await;
    estate.store.set(|settings| settings.verify = false);
    let base = estate.base(100, fill).await;
    let files: Vec<(String, Vec<u8>)> =
        tonight().into_iter().map(|(path, seed, size)| (path, bytes(seed, size))).collect();
    let files: Vec<(&str, Vec<u8>)> =
        files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
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
