//! The template: each function can be built, is configured, and is routed here exactly as in AWS.

use std::fs;

use serde_yaml_ng::Value as Yaml;
use watchkeeper_domain::failure::Failure;
use watchkeeper_sim::bus::Bus;

use super::Findings;
use crate::{
    checkout::{Checkout, shown},
    functions::Function,
    routes::{NOTICES, Routes},
};

/// What the template says about who runs where.
pub(super) struct Template {
    /// The routes.
    pub(super) routes: Routes,
    /// The logical id and the folder name of each function.
    pub(super) functions: Vec<(String, String)>,
}

/// Checks the template, and returns what is needed to check the events.
pub(super) fn check(checkout: &Checkout, findings: &mut Findings) -> Option<Template> {
    findings.files += 1;
    let file = shown(&checkout.root.join("template.yaml"));
    let text = match checkout.template() {
        Ok(text) => text,
        Err(error) => {
            findings.add(&file, (1, 1), format!("{error:#}"));
            return None;
        }
    };
    let root: Yaml = match serde_yaml_ng::from_str(&text) {
        Ok(root) => root,
        Err(error) => {
            let place = error.location().map_or((1, 1), |at| (at.line(), at.column()));
            findings.add(&file, place, format!("not YAML: {error}"));
            return None;
        }
    };
    let mut functions = Vec::new();
    for (logical_id, properties) in functions_of(&root) {
        let place = place_of(&text, logical_id);
        let mut problems = unrouted(&root, logical_id);
        problems.extend(unfit(&root, logical_id, properties));
        let code = properties["CodeUri"].as_str().unwrap_or_default();
        problems.extend(unbuilt(checkout, code, &root["Resources"][logical_id]));
        for problem in problems {
            findings.add(&file, place, format!("{logical_id}: {problem}"));
        }
        let name = code.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        functions.push((logical_id.to_owned(), name.to_owned()));
    }
    // Each rule was tried by itself; this fails only when one of them has been reported.
    let bus = Bus::from_template(&text).ok()?;
    let routes = Routes::new(bus).map_err(|error| findings.add(&file, (1, 1), error.to_string())).ok()?;
    if routes.hear_notices().is_empty() {
        findings.add(&file, (1, 1), format!("no function hears the topic {NOTICES}: nobody would be told"));
    }
    Some(Template { routes, functions })
}

fn functions_of(root: &Yaml) -> Vec<(&str, &Yaml)> {
    let resources = root.get("Resources").and_then(Yaml::as_mapping).into_iter().flatten();
    let functions = resources.filter(|(_, resource)| {
        resource.get("Type").and_then(Yaml::as_str) == Some("AWS::Serverless::Function")
    });
    functions.filter_map(|(id, resource)| Some((id.as_str()?, resource.get("Properties")?))).collect()
}

/// What keeps events of the function from being routed. Each is tried alone, so that one does not hide another.
fn unrouted(root: &Yaml, logical_id: &str) -> Vec<String> {
    let events = &root["Resources"][logical_id]["Properties"]["Events"];
    let names: Vec<_> = events.as_mapping().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let tried = names.iter().filter_map(|name| {
        let mut alone = root.clone();
        for (id, resource) in alone.get_mut("Resources")?.as_mapping_mut()? {
            let Some(events) = resource.get_mut("Properties").and_then(|it| it.get_mut("Events")) else {
                continue;
            };
            let keep = id.as_str() == Some(logical_id);
            if let Some(events) = events.as_mapping_mut() {
                events.retain(|event, _| keep && event == name);
            }
        }
        let yaml = serde_yaml_ng::to_string(&alone).ok()?;
        Bus::from_template(&yaml).err().map(|failure: Failure| failure.chain())
    });
    tried.collect()
}

/// Why the function cannot start, or not here.
fn unfit(root: &Yaml, logical_id: &str, properties: &Yaml) -> Option<String> {
    let Some(function) = Function::named(logical_id) else {
        let mut events = properties["Events"].as_mapping().into_iter().flatten();
        let has_rule = events.any(|(_, event)| event["Type"] == "EventBridgeRule" || event["Type"] == "SNS");
        let mend = "hears events and does not run on one machine: add it to infra/ops/src/functions.rs";
        return has_rule.then(|| mend.to_owned());
    };
    let set = |of: &Yaml, name: &str| Some(of.get("Environment")?.get("Variables")?.get(name)?.clone());
    let globals = root.get("Globals").and_then(|globals| globals.get("Function")).unwrap_or(&Yaml::Null);
    let variable = |name: &str| set(properties, name).or_else(|| set(globals, name)).map(|_| name.to_owned());
    function.unset(variable).map(|unset| format!("environment variables are {unset}"))
}

/// Why `CodeUri` does not lead to the crate whose binary is deployed.
fn unbuilt(checkout: &Checkout, code: &str, function: &Yaml) -> Option<String> {
    let manifest = checkout.root.join(code).join("Cargo.toml");
    let Ok(text) = fs::read_to_string(&manifest) else {
        return Some(format!("CodeUri `{code}` holds no crate: there is no {}", shown(&manifest)));
    };
    let Ok(manifest) = text.parse::<toml::Table>() else {
        return Some(format!("{} is not TOML", shown(&manifest)));
    };
    let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str()?;
    let named = manifest.get("bin").and_then(|bins| bins.as_array()).into_iter().flatten();
    let mut names = named.chain(manifest.get("package")).filter_map(|it| it.get("name")?.as_str());
    let exists = names.any(|name| name == binary);
    (!exists).then(|| format!("Binary `{binary}` is not a binary of the crate in {code}"))
}

/// Where the resource begins.
fn place_of(text: &str, logical_id: &str) -> (usize, usize) {
    let begins =
        |line: &str| line.trim_start().strip_prefix(logical_id).is_some_and(|rest| rest.starts_with(':'));
    let line =
        text.lines().position(|line| line.starts_with("  ") && !line.starts_with("   ") && begins(line));
    line.map_or((1, 1), |index| (index + 1, 3))
}
