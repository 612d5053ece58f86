//! `template.yaml` and the repository around it, as data.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::Value;
use watchkeeper_sim::template::document;

/// A path in the repository.
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A file of the repository.
pub fn source(path: &str) -> String {
    fs::read_to_string(repository(path)).expect(path)
}

/// The resources of `template.yaml`, with CloudFormation's tags as objects (`{"Ref": "Table"}`).
pub fn resources() -> BTreeMap<String, Value> {
    let resources = document(&source("template.yaml")).expect("a template")["Resources"].clone();
    serde_json::from_value(resources).expect("resources by logical id")
}

/// The sample events in `events/<folder>`, by file name. A function that hears no rule may have none.
pub fn events(folder: &str) -> BTreeMap<String, Value> {
    let Ok(files) = fs::read_dir(repository("events").join(folder)) else { return BTreeMap::new() };
    let paths = files.map(|file| file.expect("an entry").path());
    let json = paths.filter(|path| path.extension().is_some_and(|it| it == "json"));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a readable file");
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (name, serde_json::from_str(&text).expect("JSON"))
    };
    json.map(read).collect()
}
