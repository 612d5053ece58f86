//! `check`: every problem in the configuration, the files that it names, the drills' schedules, the template and the
//! sample events, all at once; and in the secrets of channels, if it may connect.

use anyhow::Result;
use serde_json::json;
use watchkeeper_domain::{config::Config, render::terminal::Paint, text::count};

use crate::{
    checkout::{Checkout, shown},
    cli::{Check, Place},
    screen::Screen,
    when,
};

mod caches;
mod connect;
mod drills;
mod events;
mod secrets;
mod template;

/// A problem and its place.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// What is wrong, and the mend.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// What was found, and in how many files it was looked for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Findings {
    /// The problems.
    pub problems: Vec<Finding>,
    /// The files.
    pub files: usize,
    /// The channels whose secrets were read.
    pub channels: usize,
}

impl Findings {
    fn add(&mut self, file: &str, (line, column): (usize, usize), message: impl Into<String>) {
        self.problems.push(Finding { file: file.to_owned(), line, column, message: message.into() });
    }
}

/// Checks everything. Returns whether there is no problem.
///
/// # Errors
/// When this is not the repository, or nobody reads the output any more.
pub async fn check(place: &Place, what: &Check, screen: &mut Screen) -> Result<bool> {
    let checkout = Checkout::find(place)?;
    let mut findings = Findings::default();
    config(&checkout, &mut findings);
    let template = template::check(&checkout, &mut findings);
    events::check(&checkout, template.as_ref(), &mut findings);
    if what.connect {
        findings.channels = connect::check(&checkout, &mut findings).await;
    }
    if what.json {
        screen.line(&to_json(&findings).to_string())?;
    } else {
        screen.write(&to_text(&findings, screen))?;
    }
    Ok(findings.problems.is_empty())
}

fn config(checkout: &Checkout, findings: &mut Findings) {
    let file = shown(&checkout.config);
    findings.files += 1;
    match checkout.config_text() {
        Err(error) => findings.add(&file, (1, 1), format!("{error:#}")),
        Ok(text) => match Config::parse(&text) {
            Ok(config) => {
                drills::check(checkout, &text, &config.drills, when::now(), findings);
                caches::check(checkout, &text, &config.caches, when::now(), findings);
            }
            Err(problems) => {
                for problem in problems {
                    findings.add(&file, (problem.line, problem.column), problem.message);
                }
            }
        },
    }
}

fn to_json(findings: &Findings) -> serde_json::Value {
    let problem =
        |it: &Finding| json!({"file": it.file, "line": it.line, "column": it.column, "message": it.message});
    json!({"problems": findings.problems.iter().map(problem).collect::<Vec<_>>(), "files": findings.files})
}

fn to_text(findings: &Findings, screen: &Screen) -> String {
    let files = count(findings.files, "file");
    if findings.problems.is_empty() {
        let secrets = match findings.channels {
            0 => String::new(),
            1 => "; the secret of 1 channel looks right".to_owned(),
            channels => format!("; the secrets of {} look right", count(channels, "channel")),
        };
        return format!(
            "no problems in the configuration, the template and the sample events, {files}{secrets}\n"
        );
    }
    let lines: Vec<_> = findings.problems.iter().map(Finding::to_string).collect();
    let total = screen.paint(&count(lines.len(), "problem"), Paint::Bold);
    format!("{}\n{total} in {files}\n", lines.join("\n"))
}
