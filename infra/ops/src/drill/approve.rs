//! `drill approve`: the hash of a template that somebody has read, written into `watchkeeper.toml`.

use std::{fs, path::Path};

use anyhow::{Context, Error, Result, bail};
use serde_json::Value;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};
use watchkeeper_domain::{
    config::Config,
    drill::{Drill, TemplateRef},
    fis::is_refused,
    ports::Experiments,
};

use super::find;
use crate::{
    checkout::{Checkout, shown},
    cli::{Approve, Place},
    lint::{self, Judged},
    screen::Screen,
    stack::{Stack, told},
};

/// Shows every finding about the template, and writes its hash at the drill, unless a rule refuses it. Returns whether
/// it is approved.
///
/// # Errors
/// An unknown drill; a file or an account without that template; one whose hash is known only once it is deployed; AWS,
/// or a configuration, that cannot be read; one that cannot be written.
pub async fn approve(place: &Place, what: &Approve, screen: &mut Screen) -> Result<bool> {
    let checkout = Checkout::find(place)?;
    let drills = checkout.config()?.drills;
    let drill = find(&drills, &what.name)?;
    let (source, judged) = match &what.template {
        Some(file) => (file.display().to_string(), of_file(file, what.resource.as_deref(), drill)?),
        None => deployed(drill).await.with_context(|| format!("{} is not approved", drill.name))?,
    };
    screen.write(&lint::shown_as(&source, &judged))?;
    let (Some(template), false) = (&judged.template, is_refused(&judged.findings)) else {
        screen.line(&format!(
            "{} is not approved: mend what is refused, or allow it in its limits",
            drill.name
        ))?;
        return Ok(false);
    };
    if let Some(function) = deferred(&serde_json::to_value(template)?) {
        bail!(
            "{source}: {function} is known only once it is deployed: deploy it, and approve what is in AWS with \
             `watchkeeper drill approve {}`",
            drill.name
        );
    }
    let (hash, config) = (template.hash(), shown(&checkout.config));
    if drill.approved.as_ref() == Some(&hash) {
        screen.line(&format!("{} was approved as it is", drill.name))?;
        return Ok(true);
    }
    let text = approved(&checkout.config_text()?, &drill.name, &hash)?;
    fs::write(&checkout.config, text).with_context(|| format!("could not write {config}"))?;
    screen.line(&format!("{} is approved in {config}: commit it, and have that reviewed", drill.name))?;
    Ok(true)
}

/// The template as it is in FIS, and where that is.
async fn deployed(drill: &Drill) -> Result<(String, Judged)> {
    let stack = Stack::connect().await;
    let (region, fis) = (stack.region()?, stack.fis()?);
    let id = match &drill.template {
        TemplateRef::Id(id) => id.clone(),
        name @ TemplateRef::Name(_) => {
            name.among(&fis.templates().await.map_err(told)?).map_err(Error::msg)?
        }
    };
    let template = fis.template(&id).await.map_err(told)?;
    let template =
        template.with_context(|| format!("FIS has no template {id} in this account and {region}"))?;
    Ok((format!("FIS in {region}"), lint::judge_one(id, &template, &drill.limits)))
}

/// The template of the file that is called `resource`, or the only one, or the one that the drill names.
fn of_file(path: &Path, resource: Option<&str>, drill: &Drill) -> Result<Judged> {
    let mut judged = lint::judge(path, &drill.limits)?;
    let wanted = match &drill.template {
        TemplateRef::Name(name) if judged.len() > 1 => resource.or(Some(name)),
        TemplateRef::Name(_) | TemplateRef::Id(_) => resource,
    };
    if let Some(wanted) = wanted {
        judged.retain(|judged| judged.name == wanted || judged.startable_name() == Some(wanted));
    }
    let mut names: Vec<_> = judged.iter().map(|judged| judged.name.clone()).collect();
    match (judged.pop(), names.len()) {
        (Some(judged), 1) => Ok(judged),
        (None, _) => bail!("{}: there is no template {} in it", path.display(), wanted.unwrap_or_default()),
        (Some(_), _) => {
            names.sort();
            bail!("{}: name one with --resource: {}", path.display(), names.join(", "))
        }
    }
}

/// A value that CloudFormation decides when it deploys, if there is one.
fn deferred(value: &Value) -> Option<String> {
    let is_function = |key: &String| key == "Ref" || key.starts_with("Fn::");
    match value {
        Value::Object(fields) if fields.len() == 1 && fields.keys().any(is_function) => {
            Some(value.to_string())
        }
        Value::Object(fields) => fields.values().find_map(deferred),
        Value::Array(items) => items.iter().find_map(deferred),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// `text` with the approval of `drill` in it, and otherwise as it was.
fn approved(text: &str, drill: &str, hash: &str) -> Result<String> {
    let mut document: DocumentMut = text.parse()?;
    let drills = document.get_mut("drill").and_then(Item::as_array_of_tables_mut);
    let mut drills = drills.into_iter().flat_map(ArrayOfTables::iter_mut);
    let table = drills.find(|table| table.get("name").and_then(Item::as_str) == Some(drill));
    set(table.with_context(|| format!("write {drill} as a `[[drill]]` of its own"))?, hash);
    drop(drills);
    let text = document.to_string();
    let config = Config::parse(&text).ok();
    let written = config.as_ref().and_then(|config| config.drills.named(drill)?.approved.as_deref());
    if written != Some(hash) {
        bail!("the configuration could not be changed: write approved = \"{hash}\" at {drill} yourself");
    }
    Ok(text)
}

/// Where there was none, it stands below `template`.
fn set(table: &mut Table, hash: &str) {
    if let Some(old) = table.get_mut("approved").and_then(Item::as_value_mut) {
        let decor = old.decor().clone();
        *old = hash.into();
        *old.decor_mut() = decor;
        return;
    }
    let order: Vec<_> = table.iter().map(|(key, _)| key.to_owned()).collect();
    let place =
        |key: &str| order.iter().position(|known| known == if key == "approved" { "template" } else { key });
    table.insert("approved", value(hash));
    table.sort_values_by(|one, _, other, _| {
        let rank = |key: &toml_edit::Key| (place(key.get()), key.get() == "approved");
        rank(one).cmp(&rank(other))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef";
    const TEXT: &str = r#"# ours

[[drill]]
name   = "one"           # kept
template = "EXT1" # from the stack

# Off until it was read.
enabled = false
service = "s"
environment = "e"
zone = "UTC"
#alarms = []

# A window.
[[drill.window]]
days = ["MON"]
from = "09:00"
to = "16:00"

[[drill]]
name = "two"
template = "EXT2"
approved = "ffffffffffffffffffffffffffffffff" # by me
service = "s"
environment = "e"
zone = "UTC"
"#;

    #[test]
    fn an_approval_is_one_line_and_everything_else_stays() {
        let expected = TEXT.replace("the stack\n", &format!("the stack\napproved = \"{HASH}\"\n"));
        assert_eq!(approved(TEXT, "one", HASH).unwrap(), expected);
    }

    #[test]
    fn an_approval_replaces_the_one_before_and_keeps_its_comment() {
        let expected = TEXT.replace(&"f".repeat(32), HASH);
        assert_eq!(approved(TEXT, "two", HASH).unwrap(), expected);
    }

    #[test]
    fn drills_in_another_form_are_left_alone() {
        let text = "drill = [{ name = \"one\", template = \"EXT1\", service = \"s\", environment = \"e\", zone = \"UTC\" }]\n";
        assert!(approved(text, "one", HASH).unwrap_err().to_string().contains("[[drill]]"));
    }
}
