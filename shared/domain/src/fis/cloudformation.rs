//! The experiment templates inside a CloudFormation document.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Parameters and pseudo parameters (`AWS::Region`) by name.
pub type Parameters = BTreeMap<String, String>;

/// The properties of each `AWS::FIS::ExperimentTemplate` of `document`, by logical id, with `parameters` and the
/// defaults of the document's own parameters put in for `Ref` and `Fn::Sub`. What is still unknown stays a function:
/// it is decided when the stack is deployed. Intrinsic functions must be in their long form (`{"Fn::Sub": …}`).
///
/// Source: AWS CloudFormation User Guide, "Intrinsic function reference".
pub fn templates(document: &Value, parameters: &Parameters) -> BTreeMap<String, Value> {
    let known = defaults(document).into_iter().chain(parameters.clone()).collect();
    let resources = document.get("Resources").and_then(Value::as_object).into_iter().flatten();
    let templates = resources.filter(|(_, resource)| resource["Type"] == "AWS::FIS::ExperimentTemplate");
    templates.map(|(id, resource)| (id.clone(), resolved(&resource["Properties"], &known))).collect()
}

fn defaults(document: &Value) -> Parameters {
    let parameters = document.get("Parameters").and_then(Value::as_object).into_iter().flatten();
    let default =
        |(name, parameter): (&String, &Value)| Some((name.clone(), scalar(parameter.get("Default")?)?));
    parameters.filter_map(default).collect()
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn resolved(value: &Value, known: &Parameters) -> Value {
    match value {
        Value::Object(fields) => function(fields, known).unwrap_or_else(|| {
            fields.iter().map(|(key, value)| (key.clone(), resolved(value, known))).collect()
        }),
        Value::Array(items) => items.iter().map(|item| resolved(item, known)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// What a `Ref` or `Fn::Sub` gives, when all of it is known. `AWS::NoValue` is nothing.
fn function(fields: &Map<String, Value>, known: &Parameters) -> Option<Value> {
    let (name, argument) = fields.iter().next().filter(|_| fields.len() == 1)?;
    match (name.as_str(), argument) {
        ("Ref", Value::String(parameter)) if parameter == "AWS::NoValue" => Some(Value::Null),
        ("Ref", Value::String(parameter)) => known.get(parameter).cloned().map(Value::String),
        ("Fn::Sub", Value::String(text)) => substituted(text, known).map(Value::String),
        ("Fn::Sub", Value::Array(items)) => {
            let [text, own] = items.as_slice() else { return None };
            let own = own
                .as_object()?
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), scalar(&resolved(value, known))?)));
            substituted(text.as_str()?, &known.clone().into_iter().chain(own).collect()).map(Value::String)
        }
        _ => None,
    }
}

/// `text` with each `${Name}` replaced, and each `${!Name}` as `${Name}`. `None` when a name is not known.
fn substituted(text: &str, known: &Parameters) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}')?;
        out.push_str(before);
        match name.strip_prefix('!') {
            Some(literal) => out.extend(["${", literal, "}"]),
            None => out.push_str(known.get(name.trim())?),
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_put_in_and_the_rest_is_left_to_the_deployment() {
        let document = json!({
            "Parameters": { "Mode": { "Default": "COUNT(1)" }, "Minutes": { "Default": 5 }, "Alarm": {} },
            "Resources": {
                "Role": { "Type": "AWS::IAM::Role", "Properties": {} },
                "Drill": { "Type": "AWS::FIS::ExperimentTemplate", "Properties": {
                    "RoleArn": { "Fn::GetAtt": ["Role", "Arn"] },
                    "SelectionMode": { "Ref": "Mode" },
                    "Duration": { "Fn::Sub": "PT${Minutes}M ${!kept}" },
                    "Own": { "Fn::Sub": ["${A}-${Minutes}", { "A": { "Ref": "Mode" } }] },
                    "Alarm": [{ "Ref": "Alarm" }, { "Fn::Sub": "${Alarm}:x" }],
                    "Nothing": { "Ref": "AWS::NoValue" },
                } },
            },
        });
        let given = Parameters::from([("Minutes".to_owned(), "7".to_owned())]);
        assert_eq!(
            templates(&document, &given),
            BTreeMap::from([(
                "Drill".to_owned(),
                json!({
                    "RoleArn": { "Fn::GetAtt": ["Role", "Arn"] },
                    "SelectionMode": "COUNT(1)",
                    "Duration": "PT7M ${kept}",
                    "Own": "COUNT(1)-7",
                    "Alarm": [{ "Ref": "Alarm" }, { "Fn::Sub": "${Alarm}:x" }],
                    "Nothing": null,
                })
            )])
        );
    }

    #[test]
    fn a_document_without_templates_has_none() {
        for document in [json!(null), json!({}), json!({ "Resources": [] }), json!("x")] {
            assert!(templates(&document, &Parameters::new()).is_empty());
        }
    }
}
