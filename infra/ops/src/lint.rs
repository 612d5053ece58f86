//! `drill lint`: what would be wrong with starting an experiment from a template.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Error, Result, bail};
use serde_json::{Value, json};
use watchkeeper_domain::{
    drill::template::startable_name,
    fis::{
        self, Finding, Limits, Severity, Tag, Template, action_minutes, cloudformation, duration::shown,
        is_refused, plan::CENTS_PER_ACTION_MINUTE, planned_duration,
    },
    text::count,
};
use watchkeeper_sim::template::document;

use crate::{
    checkout::Checkout,
    cli::{Lint, Place},
    drill::ours::Ours,
    screen::Screen,
};

/// One template of a file.
pub(crate) struct Judged {
    pub(crate) name: String,
    pub(crate) template: Option<Template>,
    pub(crate) findings: Vec<Finding>,
}

impl Judged {
    /// What a drill may call it.
    pub(crate) fn startable_name(&self) -> Option<&str> {
        let template = self.template.as_ref()?;
        startable_name(|tag| template.tags.get(tag)?.known())
    }
}

/// Judges every template in the files, one after the other. Returns whether all of them may be started.
///
/// # Errors
/// A file that cannot be read, is neither JSON nor YAML, or holds no template; a name that none of ours has.
pub fn lint(place: &Place, options: &Lint, screen: &mut Screen) -> Result<bool> {
    let limits = limits(options)?;
    let mut is_clear = true;
    for file in &options.files {
        let (path, all) = meant(place, file, &limits)?;
        for judged in all {
            is_clear &= judged.template.is_some() && !is_refused(&judged.findings);
            if options.json {
                screen.line(&as_json(&path, &judged).to_string())?;
            } else {
                screen.write(&shown_as(&path.display().to_string(), &judged))?;
            }
        }
    }
    Ok(is_clear)
}

fn limits(options: &Lint) -> Result<Limits> {
    let mut limits = Limits {
        allow_destructive: options.allow_destructive,
        allow_unlogged: options.allow_unlogged,
        ..Limits::default()
    };
    if let Some(tag) = &options.opt_in {
        let Some((key, value)) = tag.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            bail!("--opt-in {tag}: give a tag as KEY=VALUE, as in ChaosReady=Yes");
        };
        limits.opt_in_tag = Tag { key: key.to_owned(), value: value.to_owned() };
    }
    limits.max_count = options.max_count.unwrap_or(limits.max_count);
    limits.max_percent = options.max_percent.unwrap_or(limits.max_percent);
    limits.allow_ssm_automation.clone_from(&options.allow_document);
    limits.allowed_roles.clone_from(&options.allow_role);
    Ok(limits)
}

/// Every template of `file`, or the one of ours that is called so; with its file.
fn meant(place: &Place, file: &Path, limits: &Limits) -> Result<(PathBuf, Vec<Judged>)> {
    let is_name = file.extension().is_none() && !file.exists();
    let ours = match Checkout::find(place) {
        Ok(checkout) if is_name => Ours::read(&checkout)?,
        Ok(_) | Err(_) => None,
    };
    let Some(ours) = ours else { return Ok((file.to_owned(), judge(file, limits)?)) };
    let own = ours.find(&file.to_string_lossy()).map_err(Error::msg)?;
    let mut all = judge(&own.file, limits)?;
    all.retain(|judged| judged.name == own.logical_id);
    Ok((own.file.clone(), all))
}

/// Every template of the file.
pub(crate) fn judge(path: &Path, limits: &Limits) -> Result<Vec<Judged>> {
    let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    let document =
        document(&text).map_err(|failure| anyhow::anyhow!("{}: {}", path.display(), failure.chain()))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let templates = match document.get("Resources") {
        Some(_) => cloudformation::templates(&document, &pseudo_parameters()),
        None => BTreeMap::from([(stem, document)]),
    };
    if templates.is_empty() {
        bail!("{}: there is no AWS::FIS::ExperimentTemplate in it", path.display());
    }
    Ok(templates.into_iter().map(|(name, template)| judge_one(name, &template, limits)).collect())
}

/// A template must be good in every account and Region, so that any will do to judge it.
fn pseudo_parameters() -> BTreeMap<String, String> {
    let known = [("AWS::Partition", "aws"), ("AWS::Region", "us-east-1"), ("AWS::AccountId", "123456789012")];
    known.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Judges one template, which is called `name` where it is.
pub(crate) fn judge_one(name: String, template: &Value, limits: &Limits) -> Judged {
    match Template::parse(template) {
        Ok(template) => Judged { name, findings: fis::lint(&template, limits), template: Some(template) },
        Err(findings) => Judged { name, template: None, findings },
    }
}

/// The verdict for people. `place` is where the template is.
pub(crate) fn shown_as(place: &str, judged: &Judged) -> String {
    let verdict = match (&judged.template, is_refused(&judged.findings)) {
        (None, _) => "is not a template",
        (Some(_), true) => "refused",
        (Some(_), false) => "may be started",
    };
    let mut text = format!("{place}: {}: {verdict}\n", judged.name);
    for finding in &judged.findings {
        text.push_str(&format!("  {finding}\n"));
    }
    if let Some(template) = &judged.template {
        text.push_str(&format!("  {}\n  hash {}\n", plan(template), template.hash()));
    }
    text
}

/// How long it takes and what it costs at most, as far as that is known before.
fn plan(template: &Template) -> String {
    let time = planned_duration(template).map_or_else(|| "for an unknown time".to_owned(), shown);
    match action_minutes(template) {
        Some(minutes) => {
            let cents = minutes * CENTS_PER_ACTION_MINUTE;
            let minutes = count(usize::try_from(minutes).unwrap_or(usize::MAX), "action-minute");
            format!("runs {time}, {minutes}, at most ${}.{:02}", cents / 100, cents % 100)
        }
        None => format!("runs {time}; its cost is unknown"),
    }
}

fn as_json(path: &Path, judged: &Judged) -> Value {
    let findings = judged.findings.iter().map(|finding| {
        json!({
            "severity": if finding.severity == Severity::Refuse { "refuse" } else { "warn" },
            "rule": finding.rule,
            "place": finding.place,
            "message": finding.message,
        })
    });
    json!({
        "file": path,
        "template": judged.name,
        "refused": judged.template.is_none() || is_refused(&judged.findings),
        "findings": findings.collect::<Vec<_>>(),
        "hash": judged.template.as_ref().map(Template::hash),
        "action_minutes": judged.template.as_ref().and_then(action_minutes),
        "planned_seconds": judged.template.as_ref().and_then(planned_duration).map(|it| it.as_secs()),
    })
}
