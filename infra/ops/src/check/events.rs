//! The sample events: each reaches the function whose folder it is in, and no other.

use std::fs;

use serde_json::Value;

use super::{Findings, template::Template};
use crate::{
    checkout::{Checkout, shown},
    envelope::is_envelope,
    input::{self, Input},
};

/// Events that reach nobody.
const FOREIGN: &str = "foreign";
/// Events that are broken, and reach whom they may.
const MALFORMED: &str = "malformed";

/// Checks every event file. Without a template, whether they can be read.
pub(super) fn check(checkout: &Checkout, template: Option<&Template>, findings: &mut Findings) {
    let folder = match checkout.events() {
        Ok(folder) => folder,
        Err(error) => return findings.add("events", (1, 1), format!("{error:#}")),
    };
    let mut folders: Vec<_> =
        fs::read_dir(&folder).into_iter().flatten().flatten().map(|it| it.path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    for path in folders {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let expected = match template {
            Some(template) => expectation(template, &name),
            None => Some(Expected::Anything),
        };
        let Some(expected) = expected else {
            let message =
                format!("no function is called {name}, so nobody hears of the events in this folder");
            findings.add(&shown(&path), (1, 1), message);
            continue;
        };
        for Input { file, event } in input::read(&[path]) {
            findings.files += 1;
            match event {
                Err(problem) => findings.add(&file, problem.place.unwrap_or((1, 1)), problem.message),
                Ok(event) => {
                    let problem = template.and_then(|template| misrouted(template, &expected, &event));
                    problem.into_iter().for_each(|problem| findings.add(&file, (1, 1), problem));
                }
            }
        }
    }
}

/// Who should hear of the events in a folder.
#[derive(Debug)]
enum Expected {
    Function(String),
    Nobody,
    Anything,
}

fn expectation(template: &Template, folder: &str) -> Option<Expected> {
    match folder {
        FOREIGN => Some(Expected::Nobody),
        MALFORMED => Some(Expected::Anything),
        _ => {
            let mut functions = template.functions.iter();
            functions.find(|(_, name)| name == folder).map(|(id, _)| Expected::Function(id.clone()))
        }
    }
}

/// Why `event` does not reach whom it should. Envelopes reach a function without a rule. What FIS does, and what becomes of
/// a case, several functions hear.
fn misrouted(template: &Template, expected: &Expected, event: &Value) -> Option<String> {
    let found = template.routes.functions_for(event);
    let names = |ids: &[&str]| if ids.is_empty() { "no function".to_owned() } else { ids.join(", ") };
    let wanted = match expected {
        Expected::Anything => return None,
        Expected::Function(_) if is_envelope(event) => return None,
        Expected::Function(id) => {
            let ticks = template.routes.bus.ticks();
            let is_tick = ticks.iter().any(|tick| tick.function == *id && tick.input == *event);
            if is_tick || found.contains(&id.as_str()) {
                return None;
            }
            id.as_str()
        }
        Expected::Nobody if found.is_empty() => return None,
        Expected::Nobody => "no function",
    };
    Some(format!("the rules send this event to {}, and not to {wanted}", names(&found)))
}
