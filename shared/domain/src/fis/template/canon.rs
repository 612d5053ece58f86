//! The canonical form of a template.

use serde_json::{Map, Value, json};

use super::{Template, Text};
use crate::text::fingerprint;

/// Names the form: a change of it changes every hash, which asks for new approvals.
const FORM: &str = "fis-template-1";

pub(super) fn hash(template: &Template) -> String {
    fingerprint([FORM, &sorted(json!(ordered(template.clone()))).to_string()])
}

/// The template with every default said, and every list that has no order in one.
fn ordered(mut template: Template) -> Template {
    template.stop_conditions.sort();
    for target in template.targets.values_mut() {
        target.resource_arns.sort();
        target.filters.iter_mut().for_each(|filter| filter.values.sort());
        target.filters.sort();
    }
    template.actions.values_mut().for_each(|action| action.start_after.sort());
    let options = &mut template.experiment_options;
    options.account_targeting.get_or_insert(Text::from("single-account"));
    options.empty_target_resolution_mode.get_or_insert(Text::from("fail"));
    options.actions_mode.get_or_insert(Text::from("run-all"));
    template
}

/// `value` with the keys of every object in order, whatever order its map keeps.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(Map::from_iter(fields))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(value: &Value) -> String {
        Template::parse(value).unwrap().hash()
    }

    #[test]
    fn a_default_said_is_a_default_unsaid() {
        let said = json!({ "description": "", "tags": {}, "targets": {}, "experimentOptions": {
            "accountTargeting": "single-account", "emptyTargetResolutionMode": "fail" } });
        assert_eq!(hash_of(&said), hash_of(&json!({})));
    }

    #[test]
    fn more_accounts_or_a_field_that_nobody_knows_are_a_change() {
        let plain = hash_of(&json!({}));
        assert_ne!(hash_of(&json!({ "targetAccountConfigurationsCount": 2 })), plain);
        assert_ne!(hash_of(&json!({ "blastShield": true })), plain);
    }

    #[test]
    fn a_text_that_looks_like_a_function_is_not_one() {
        let function = hash_of(&json!({ "RoleArn": { "Ref": "Role" } }));
        assert_ne!(hash_of(&json!({ "RoleArn": "{\"Ref\":\"Role\"}" })), function);
    }
}
