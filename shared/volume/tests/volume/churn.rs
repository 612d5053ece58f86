//! Eight nights, one on top of the other.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use watchkeeper_volume::{
    ext4::{Kind, Volume},
    night::Done,
};

use crate::{
    DIRECTORY, OURS,
    bases::{made, night},
    bytes, judge,
    memory::Memory,
};

/// What should be on the volume: the seed and the size of the content of each path.
type Content = BTreeMap<String, (u64, usize)>;

const VERSIONS: u64 = 500;

/// The two files of one version.
fn version(number: u64) -> [(String, (u64, usize)); 2] {
    let directory = format!("repository/g{}/a{}/{number}", number % 17, number % 101);
    let size = usize::try_from(number * 7_919 % 40_000).unwrap();
    [(format!("{directory}/x.jar"), (number, size)), (format!("{directory}/x.pom"), (number + 1, 2_000))]
}

/// Makes a volume into one with this content: removes what is too much, writes what is new or other.
fn bring(
    volume: &Volume<Memory>,
    old: &Content,
    new: &Content,
) -> Result<Done, watchkeeper_domain::failure::Failure> {
    let mut done = Done::default();
    for path in old.keys().filter(|path| !new.contains_key(*path)) {
        assert!(volume.remove(path)?, "{path}");
        done.removed.push(path.clone());
    }
    volume.make_dirs(new.keys().filter_map(|path| Some(path.rsplit_once('/')?.0)), &DIRECTORY)?;
    for (path, content) in new.iter().filter(|(path, content)| old.get(*path) != Some(content)) {
        done.written.push(volume.write_file(path, &bytes(content.0, content.1)[..], &OURS)?);
    }
    Ok(done)
}

#[tokio::test]
async fn after_each_of_8_nights_the_volume_is_sound_and_has_what_it_should() {
    let store = Memory::default();
    let mut content: Content = (0..VERSIONS).flat_map(version).collect();
    let first = content.clone();
    let (mut base, ()) =
        made(&store, 4, move |volume| Ok(((), bring(volume, &Content::new(), &first)?))).await;
    let puts = Arc::new(Mutex::new(Vec::new()));
    for number in 1..=8_u64 {
        let mut next = content.clone();
        for version in ((number - 1) * 15..number * 15).flat_map(version) {
            next.remove(&version.0);
        }
        next.extend((VERSIONS + number * 30..VERSIONS + number * 30 + 30).flat_map(version));
        for value in next.values_mut().skip(usize::try_from(number).unwrap() * 37).step_by(50).take(10) {
            *value = (value.0 + 1_000_000, value.1 / 2 + 777);
        }
        let (old, new) = (content, next.clone());
        let (child, (), calls) = night(&store, &base, &format!("night-{number}"), move |volume| {
            Ok(((), bring(volume, &old, &new)?))
        })
        .await;
        puts.lock().unwrap().push(calls.puts);
        judge::assert_sound(&store, &child);
        content = next;
        let expected = content.clone();
        let (_, (), idle) = night(&store, &child, "nothing", move |volume| {
            let mut found = Content::new();
            volume.walk("repository", &mut |path, stat| {
                if stat.kind == Kind::File {
                    found.insert(path.to_owned(), expected.get(path).copied().unwrap_or_default());
                }
            })?;
            assert!(found.keys().eq(expected.keys()));
            for (path, (seed, size)) in &found {
                assert!(volume.read(path)? == bytes(*seed, *size), "{path}");
            }
            Ok(((), Done::default()))
        })
        .await;
        assert_eq!(idle.puts, 0, "a night in which nothing is done changes nothing");
        store.drop_all_but(&child);
        base = child;
    }
    let puts = puts.lock().unwrap();
    eprintln!("{puts:?}");
    let (least, most) = (puts.iter().min().unwrap(), puts.iter().max().unwrap());
    assert!(*most <= least * 2, "nights get more expensive: {puts:?}");
}
