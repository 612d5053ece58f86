//! The parts of a SAM template that say which function hears what.

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;
use watchkeeper_domain::failure::Failure;

/// A CloudFormation document as JSON, with intrinsic functions in their long form (`{"Ref": "X"}`). JSON is YAML, too.
///
/// # Errors
/// Text that is not YAML, and keys that are no texts.
pub fn document(yaml: &str) -> Result<Value, Failure> {
    let parse = |error: String| Failure::new("parse", "the template", error);
    let root: Yaml = serde_yaml_ng::from_str(yaml).map_err(|error| parse(error.to_string()))?;
    to_json(&root).map_err(|reason| parse(reason.to_string()))
}

/// A parsed `template.yaml`, in its own order.
#[derive(Debug)]
pub(crate) struct Template {
    root: Yaml,
}

/// An entry under `Events` of a function.
#[derive(Debug)]
pub(crate) struct Event {
    /// The logical id of the function.
    pub(crate) function: String,
    /// Its name under `Events`.
    pub(crate) name: String,
    /// Its `Type`.
    pub(crate) kind: String,
    /// Its `Properties`, with intrinsic functions in their long form.
    pub(crate) properties: Value,
}

impl Template {
    /// Parses `yaml`.
    pub(crate) fn parse(yaml: &str) -> Result<Self, Failure> {
        let root: Yaml =
            serde_yaml_ng::from_str(yaml).map_err(|error| Failure::new("parse", "the template", error))?;
        if root.get("Resources").and_then(Yaml::as_mapping).is_none() {
            return Err(Failure::new("parse", "the template", "it has no Resources"));
        }
        Ok(Self { root })
    }

    /// The events of all functions.
    pub(crate) fn events(&self) -> Result<Vec<Event>, Failure> {
        let mut events = Vec::new();
        for (function, resource) in entries(self.root.get("Resources")) {
            if resource.get("Type").and_then(Yaml::as_str) != Some("AWS::Serverless::Function") {
                continue;
            }
            let all = resource.get("Properties").and_then(|properties| properties.get("Events"));
            for (name, event) in entries(all) {
                let subject = || format!("event {name} of {function}");
                let kind = event.get("Type").and_then(Yaml::as_str);
                let kind = kind.ok_or_else(|| Failure::new("read", subject(), "it has no Type"))?;
                let properties = event.get("Properties").map_or(Ok(Value::Null), to_json);
                events.push(Event {
                    function: function.to_owned(),
                    name: name.to_owned(),
                    kind: kind.to_owned(),
                    properties: properties.map_err(|reason| Failure::new("read", subject(), reason))?,
                });
            }
        }
        Ok(events)
    }

    /// What `value` names: a text, the default of the parameter or the logical id of the resource that it refers to.
    /// `None` when that is only known at deployment.
    pub(crate) fn name(&self, value: &Value) -> Option<String> {
        if let Some(text) = value.as_str() {
            return Some(text.to_owned());
        }
        let id = value.get("Ref").or_else(|| value.get("Fn::GetAtt")?.get(0))?.as_str()?;
        if self.root.get("Resources")?.get(id).is_some() {
            return Some(id.to_owned());
        }
        let parameter = self.root.get("Parameters")?.get(id)?;
        Some(parameter.get("Default")?.as_str()?.to_owned())
    }

    /// The name of the bus that `value` stands for.
    pub(crate) fn bus(&self, value: &Value) -> Option<String> {
        let name = self.name(value)?;
        let resource = self.root.get("Resources")?.get(&name).filter(|_| !value.is_string());
        let named = resource.and_then(|bus| bus.get("Properties")?.get("Name")?.as_str());
        let name = named.unwrap_or(&name);
        Some(name.rsplit_once(":event-bus/").map_or(name, |(_, last)| last).to_owned())
    }
}

fn entries(mapping: Option<&Yaml>) -> impl Iterator<Item = (&str, &Yaml)> {
    let entries = mapping.and_then(Yaml::as_mapping).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.as_str()?, value)))
}

/// `yaml` as JSON. `!Ref X` becomes `{"Ref": "X"}`, `!GetAtt A.B` becomes `{"Fn::GetAtt": ["A", "B"]}`, and so on
/// (CloudFormation User Guide, "Intrinsic function reference").
fn to_json(yaml: &Yaml) -> Result<Value, String> {
    match yaml {
        Yaml::Null => Ok(Value::Null),
        Yaml::Bool(truth) => Ok(Value::Bool(*truth)),
        Yaml::Number(number) => serde_json::to_value(number).map_err(|error| error.to_string()),
        Yaml::String(text) => Ok(Value::String(text.clone())),
        Yaml::Sequence(items) => items.iter().map(to_json).collect(),
        Yaml::Mapping(mapping) => {
            let mut object = Map::new();
            for (key, value) in mapping {
                let key = key.as_str().ok_or_else(|| format!("the key {key:?} is not a text"))?;
                object.insert(key.to_owned(), to_json(value)?);
            }
            Ok(Value::Object(object))
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let operand = to_json(&tagged.value)?;
            let (name, operand) = match (tag.trim_start_matches('!'), operand.as_str()) {
                (name @ ("Ref" | "Condition"), _) => (name.to_owned(), operand),
                ("GetAtt", Some(path)) => {
                    ("Fn::GetAtt".to_owned(), path.splitn(2, '.').map(Value::from).collect())
                }
                (name, _) => (format!("Fn::{name}"), operand),
            };
            Ok(Value::Object(Map::from_iter([(name, operand)])))
        }
    }
}
