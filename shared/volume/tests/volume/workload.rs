//! A Maven cache of 642 MB and a night of 109 MB, and what they may cost: figures that are the same on every machine.

use std::{collections::BTreeSet, sync::Arc};

use watchkeeper_domain::failure::Failure;
use watchkeeper_volume::{
    device::{Device, MEMORY},
    ext4::Volume,
    night::{self, Done},
    snapshots::{BLOCK, Origin},
};

use crate::{
    DIRECTORY, OURS,
    bases::{made, order, seal},
    bytes, judge,
    memory::Memory,
    now,
};

/// How many versions of artifacts the base has. Each is five files.
const VERSIONS: u64 = 5_997;
/// What coldsnap does with the same base and night: it reads all blocks, and puts all that are not zeros.
const COLDSNAP: (u64, u64) = (1_587, 1_811);

/// A file: its path, the seed of its content, its size.
type File = (String, u64, usize);

/// The cache: 29,985 files in 10,275 directories, 642 MB.
fn base() -> Vec<File> {
    (0..VERSIONS).flat_map(version).collect()
}

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
    let mut files: Vec<File> = (0..1_000)
        .flat_map(|number| {
            let artifact = number % 3_400;
            let group = artifact % 850;
            let directory =
                format!("repository/top{}/group{group}/artifact{artifact}/2.{number}", group % 27);
            let jar = usize::try_from(14_000 + number * 7_919 % 60_000).unwrap();
            [
                (format!("{directory}/a-2.{number}.jar"), number + 9_000, jar),
                (format!("{directory}/a-2.{number}.pom"), number + 9_001, 3_000),
            ]
        })
        .collect();
    files.push(("repository/top0/group0/artifact0/9/big.jar".to_owned(), 77, 50 << 20));
    for number in 0..100 {
        let (path, seed, size) = version(number * 59).swap_remove(0);
        files.push((path, seed + 50_000, size));
    }
    files
}

fn directories(files: &[File]) -> BTreeSet<String> {
    files.iter().filter_map(|(path, ..)| Some(path.rsplit_once('/')?.0.to_owned())).collect()
}

fn total(files: &[File]) -> usize {
    files.iter().map(|(_, _, size)| size).sum()
}

fn write(volume: &Volume<Memory>, files: &[File]) -> Result<Done, Failure> {
    volume.make_dirs(directories(files).iter().map(String::as_str), &DIRECTORY)?;
    let mut done = Done::default();
    for (path, seed, size) in files {
        done.written.push(volume.write_file(path, &bytes(*seed, *size)[..], &OURS)?);
    }
    Ok(done)
}

#[tokio::test]
async fn a_night_reads_a_tenth_and_puts_a_fifth_of_what_coldsnap_does() {
    let store = Memory::default();
    let files = base();
    assert_eq!(files.len(), 29_985);
    let ends = files.iter().flat_map(|(path, ..)| path.match_indices('/').map(|(at, _)| &path[..at]));
    assert_eq!(ends.collect::<BTreeSet<&str>>().len(), 10_275);
    assert_eq!(total(&files), 642_027_040);
    let base = made(&store, 100, move |volume| {
        let mut done = write(volume, &files)?;
        done.written = done.written.into_iter().step_by(50).collect();
        Ok(((), done))
    });
    let (base, ()) = base.await;
    assert!(store.size(&base) < 1_600, "as many blocks as coldsnap found, not more: {}", store.size(&base));

    let device = Device::open(store.clone(), &base, MEMORY).await.unwrap();
    store.calls();
    let files = tonight();
    let bytes = total(&files);
    assert_eq!((files.len(), bytes), (2_101, 109_329_030));
    let edit = move |volume: &Volume<Memory>| {
        volume.warm(files.iter().map(|(path, ..)| path.as_str()))?;
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
