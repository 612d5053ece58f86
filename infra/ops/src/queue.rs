//! What no channel will ever show: a file in the place of notifier's failure queue.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use watchkeeper_domain::{notice::Notice, text};

use crate::{checkout, envelope::from_topic};

/// The file in the folder of the state.
const FILE: &str = "undelivered.jsonl";

/// The file, one message a line. Each can be delivered again with `watchkeeper replay`, as the one in the real queue
/// can be invoked with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Queue {
    file: PathBuf,
}

impl Queue {
    /// The one in the folder `state`. There is no file until something waits.
    pub fn within(state: &Path) -> Self {
        Self { file: state.join(FILE) }
    }

    /// The file, as people are shown it.
    pub fn shown(&self) -> String {
        checkout::shown(&self.file)
    }

    /// Adds what `channel` refuses because of `cause`, unless it waits already.
    ///
    /// # Errors
    /// When the file can be neither read nor written.
    pub fn put(&self, channel: &str, notice: &Notice, cause: &str) -> io::Result<()> {
        let payload = from_topic(notice, false, Some(channel), notice.at);
        let is_same = |line: &Value| line["channel"] == channel && line["requestPayload"] == payload;
        let text = self.text()?;
        if messages(&text).any(|line| is_same(&line)) {
            return Ok(());
        }
        let line = json!({"channel": channel, "cause": text::line(cause), "requestPayload": payload});
        // Whoever was stopped in the middle of a line must not take the next one with it.
        let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.file)?;
        file.write_all(format!("{newline}{line}\n").as_bytes())
    }

    /// How many wait.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn waiting(&self) -> io::Result<usize> {
        Ok(messages(&self.text()?).count())
    }

    fn text(&self) -> io::Result<String> {
        match fs::read_to_string(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            text => text,
        }
    }
}

fn messages(text: &str) -> impl Iterator<Item = Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok())
}
