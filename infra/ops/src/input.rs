//! Event files, read: one event, an array of events, or one event a line.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::checkout::shown;

/// The extensions of files that are picked up in a folder.
const EXTENSIONS: [&str; 3] = ["json", "ndjson", "jsonl"];

/// An event of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The file, as people are shown it.
    pub file: String,
    /// The event, or why it cannot be read.
    pub event: Result<Value, Unread>,
}

/// Why an event cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unread {
    /// Line and column, from 1, if the file could be read.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
}

impl Unread {
    /// The problem with its place in `file`.
    pub fn within(&self, file: &str) -> String {
        match self.place {
            Some((line, column)) => format!("{file}:{line}:{column}: {}", self.message),
            None => format!("{file}: {}", self.message),
        }
    }
}

/// The events of `paths`, files as named and folders sorted by path. What cannot be read is in its place.
pub fn read(paths: &[PathBuf]) -> Vec<Input> {
    paths.iter().flat_map(|path| files(path)).flat_map(|file| read_file(&file)).collect()
}

/// The event files below `path`, or `path` itself if it is not a folder.
fn files(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return vec![path.to_owned()] };
    let mut entries: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let is_folder = |path: &PathBuf| path.is_dir() && !path.is_symlink();
    let is_event = |path: &PathBuf| {
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        path.is_file() && EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
    };
    entries.retain(|path| is_folder(path) || is_event(path));
    entries.iter().flat_map(|path| if path.is_dir() { files(path) } else { vec![path.clone()] }).collect()
}

/// The events of one file.
pub fn read_file(path: &Path) -> Vec<Input> {
    let file = shown(path);
    let events = match fs::read(path) {
        Ok(bytes) => parse(&String::from_utf8_lossy(&bytes)),
        Err(error) => vec![Err(Unread { place: None, message: error.to_string() })],
    };
    events.into_iter().map(|event| Input { file: file.clone(), event }).collect()
}

/// The events in `text`.
pub fn parse(text: &str) -> Vec<Result<Value, Unread>> {
    let text = text.trim_start_matches('\u{feff}');
    match serde_json::from_str(text) {
        Ok(Value::Array(events)) => events.into_iter().map(Ok).collect(),
        Ok(event) => vec![Ok(event)],
        Err(_) if is_one_a_line(text) => {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            lines.map(|(index, line)| serde_json::from_str(line).map_err(|it| place(&it, index))).collect()
        }
        Err(_) if text.trim().is_empty() => {
            vec![Err(Unread { place: Some((1, 1)), message: "the file is empty".to_owned() })]
        }
        Err(error) => vec![Err(place(&error, 0))],
    }
}

/// Whether one of the first lines is an event by itself. A broken one does not hide the others.
fn is_one_a_line(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).take(3);
    lines.any(|line| serde_json::from_str::<Value>(line).is_ok_and(|value| value.is_object()))
}

/// `error` in its place, where `before` is the number of lines above.
fn place(error: &serde_json::Error, before: usize) -> Unread {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message);
    let place = Some((before + error.line(), error.column().max(1)));
    Unread { place, message: format!("not JSON: {message}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_file_holds_one_event_or_an_array_or_one_a_line() {
        assert_eq!(parse("\u{feff}{\"id\":\n1}\n"), [Ok(json!({"id": 1}))]);
        assert_eq!(parse("[{\"id\":1},{\"id\":2}]"), [Ok(json!({"id": 1})), Ok(json!({"id": 2}))]);
        assert_eq!(parse("{\"id\":1}\n\n{\"id\":2}\n"), [Ok(json!({"id": 1})), Ok(json!({"id": 2}))]);
        assert_eq!(parse("[]"), []);
    }

    fn unread(line: usize, column: usize, message: &str) -> Result<Value, Unread> {
        Err(Unread { place: Some((line, column)), message: message.to_owned() })
    }

    #[test]
    fn what_is_not_json_is_named_with_its_place_and_hides_nothing_else() {
        assert_eq!(
            parse("{\"id\":1}\n{\"id\":\n{\"id\":2}\n"),
            [Ok(json!({"id": 1})), unread(2, 6, "not JSON: EOF while parsing a value"), Ok(json!({"id": 2}))]
        );
        assert_eq!(parse("{\n  \"id\" 1\n}"), [unread(2, 8, "not JSON: expected `:`")]);
        assert_eq!(parse(" \n"), [unread(1, 1, "the file is empty")]);
    }
}
