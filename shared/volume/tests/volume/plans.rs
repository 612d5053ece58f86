//! Plans of any sort, on bases of any sort: the volume is sound, and has what the plan says.

use std::collections::BTreeMap;

use proptest::{
    collection::vec,
    prelude::{Strategy, any, prop_oneof},
    test_runner::{Config, TestRunner},
};
use watchkeeper_domain::failure::Failure;
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

/// One thing to do. Names are few, so that things meet.
#[derive(Clone, Debug)]
enum Step {
    Write { path: String, seed: u64, size: usize },
    Remove(String),
    MakeDir(String),
}

fn path() -> impl Strategy<Value = String> {
    vec(0_u8..5, 1..5).prop_map(|names| {
        let names: Vec<String> = names.iter().map(|name| format!("n{name}")).collect();
        names.join("/")
    })
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![0..200_usize, 3_000..9_000_usize, 400_000..1_200_000_usize, 5_200_000..6_300_000_usize]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (path(), any::<u64>(), size()).prop_map(|(path, seed, size)| Step::Write { path, seed, size }),
        2 => path().prop_map(Step::Remove),
        1 => path().prop_map(Step::MakeDir),
    ]
}

/// The model: files by path, and directories.
#[derive(Clone, Debug, Default)]
struct Model(BTreeMap<String, Option<(u64, usize)>>);

impl Model {
    fn is_dir(&self, path: &str) -> bool {
        path.is_empty() || self.0.get(path) == Some(&None)
    }

    fn has_below(&self, path: &str) -> bool {
        self.0.keys().any(|other| other.starts_with(&format!("{path}/")))
    }

    /// Whether directories can be made down to `path`, and they are.
    fn make_dirs(&mut self, path: &str) -> bool {
        let all: Vec<String> =
            path.match_indices('/').map(|(at, _)| path[..at].to_owned()).chain([path.to_owned()]).collect();
        // As the volume does it: one after the other, until a file is in the way.
        for path in all.into_iter().filter(|path| !path.is_empty()) {
            match self.0.get(&path) {
                Some(Some(_)) => return false,
                Some(None) => {}
                None => _ = self.0.insert(path, None),
            }
        }
        true
    }
}

/// Does a step to both, and asserts that they agree whether it can be done.
fn take(volume: &Volume<Memory>, model: &mut Model, step: &Step) -> Result<(), Failure> {
    match step {
        Step::MakeDir(path) => {
            let made = volume.make_dirs([path.as_str()], &DIRECTORY);
            assert_eq!(made.is_ok(), model.make_dirs(path), "{step:?}: {made:?}");
        }
        Step::Write { path, seed, size } => {
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            if !model.make_dirs(parent) || model.is_dir(path) {
                return Ok(());
            }
            volume.make_dirs([parent], &DIRECTORY)?;
            volume.write_file(path, &bytes(*seed, *size)[..], &OURS)?;
            model.0.insert(path.clone(), Some((*seed, *size)));
        }
        Step::Remove(path) => {
            if model.is_dir(path) && model.has_below(path) {
                assert!(volume.remove(path).is_err(), "{step:?}");
                return Ok(());
            }
            let was_there = model.0.remove(path).is_some();
            assert_eq!(volume.remove(path)?, was_there, "{step:?}");
            let mut above = path.as_str();
            while let Some((parent, _)) = above.rsplit_once('/') {
                if !was_there || model.has_below(parent) {
                    break;
                }
                model.0.remove(parent);
                above = parent;
            }
        }
    }
    Ok(())
}

/// Asserts that the volume has what the model has.
fn compare(volume: &Volume<Memory>, model: &Model) -> Result<(), Failure> {
    let mut found = BTreeMap::new();
    volume.walk("", &mut |path, stat| {
        if path != "lost+found" {
            found.insert(path.to_owned(), stat.kind == Kind::Directory);
        }
    })?;
    let expected: BTreeMap<String, bool> =
        model.0.iter().map(|(path, content)| (path.clone(), content.is_none())).collect();
    assert_eq!(found, expected);
    for (path, content) in &model.0 {
        if let Some((seed, size)) = content {
            assert!(volume.read(path)? == bytes(*seed, *size), "{path}");
        }
    }
    Ok(())
}

/// Two nights of steps on a base. A volume of 1 GiB that fills up is no part of it.
async fn check(options: Option<&[&str]>, nights: [Vec<Step>; 2]) {
    let store = Memory::default();
    let directory = tempfile::tempdir().unwrap();
    let mut base = match options {
        None => made(&store, 1, |_| Ok(((), Done::default()))).await.0,
        Some(options) => match judge::mke2fs(&directory, "1G", options) {
            Some(image) => store.import(&image),
            None => return,
        },
    };
    let mut model = Model::default();
    for (number, steps) in nights.into_iter().enumerate() {
        let mut next = model.clone();
        let edit = move |volume: &Volume<Memory>| {
            compare(volume, &next)?;
            for step in &steps {
                take(volume, &mut next, step)?;
            }
            compare(volume, &next)?;
            Ok((next, Done::default()))
        };
        (base, model, _) = night(&store, &base, &format!("night-{number}"), edit).await;
        judge::assert_sound(&store, &base);
    }
}

fn run(options: Option<&'static [&'static str]>, cases: u32) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let nights = [vec(step(), 1..40), vec(step(), 1..40)];
    let outcome = TestRunner::new(config).run(&nights, |nights| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(options, nights));
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn any_plan_on_a_volume_of_ours() {
    run(None, 12);
}

#[test]
fn any_plan_on_a_volume_with_a_journal_and_the_newest_features() {
    run(Some(&["-O", "orphan_file,metadata_csum_seed,inline_data"]), 3);
}

#[test]
fn any_plan_on_a_volume_with_small_blocks() {
    run(Some(&["-b", "1024", "-O", "^has_journal"]), 3);
}
