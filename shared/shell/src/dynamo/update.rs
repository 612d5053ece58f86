//! One conditional `UpdateItem`, put together path by path.

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use jiff::Timestamp;
use watchkeeper_domain::{failure::Failure, records::Key};

use super::{
    Table,
    item::{Attributes, text},
};
use crate::error::failure;

/// What an update found.
pub(super) enum After {
    /// It was made: the item as it is now.
    Changed(Attributes),
    /// The condition did not hold: the item as it is, if there is one.
    Unmet(Option<Attributes>),
}

impl After {
    /// The item as it is after the update, whether it was made or not.
    pub(super) fn item(self) -> Option<Attributes> {
        match self {
            Self::Changed(item) => Some(item),
            Self::Unmet(item) => item,
        }
    }
}

/// An update of the item at a key. Every name is a placeholder, since many words are reserved
/// (DynamoDB Developer Guide, "Reserved words in DynamoDB": `schema` and `until` are).
pub(super) struct Update {
    key: String,
    request: UpdateItemFluentBuilder,
    names: Vec<String>,
    values: usize,
    set: Vec<String>,
    remove: Vec<String>,
    conditions: Vec<String>,
}

impl Update {
    /// An update of the item at `key` that does nothing yet.
    pub(super) fn of(table: &Table, key: &Key) -> Self {
        let request = table.client.update_item().table_name(&table.name);
        Self {
            key: key.to_string(),
            request: request.key("pk", text(&key.pk)).key("sk", text(&key.sk)),
            names: Vec::new(),
            values: 0,
            set: Vec::new(),
            remove: Vec::new(),
            conditions: Vec::new(),
        }
    }

    /// Only if the attribute `name` is absent.
    pub(super) fn when_absent(mut self, name: &str) -> Self {
        let condition = format!("attribute_not_exists({})", self.path(&[name]));
        self.conditions.push(condition);
        self
    }

    /// Only if the attribute `name` is there.
    pub(super) fn when_present(mut self, name: &str) -> Self {
        let condition = format!("attribute_exists({})", self.path(&[name]));
        self.conditions.push(condition);
        self
    }

    /// Only if `path` has this value.
    pub(super) fn when(mut self, path: &[&str], value: AttributeValue) -> Self {
        let condition = format!("{} = {}", self.path(path), self.value(value));
        self.conditions.push(condition);
        self
    }

    /// Sets `path`. All of it but the last name must be there.
    pub(super) fn set(mut self, path: &[&str], value: AttributeValue) -> Self {
        let action = format!("{} = {}", self.path(path), self.value(value));
        self.set.push(action);
        self
    }

    /// Sets `path` if it is absent.
    pub(super) fn add(mut self, path: &[&str], value: AttributeValue) -> Self {
        let path = self.path(path);
        let action = format!("{path} = if_not_exists({path}, {})", self.value(value));
        self.set.push(action);
        self
    }

    /// Removes `path`.
    pub(super) fn remove(mut self, path: &[&str]) -> Self {
        let path = self.path(path);
        self.remove.push(path);
        self
    }

    /// Moves the end of the lease of the entry `id`, if it still is `from`. What is doubtful stays so.
    pub(super) fn lease(self, id: &str, from: Timestamp, until: Timestamp, doubtful: bool) -> Self {
        let lease = ["outbox", id, "until"];
        let update = self.when(&lease, text(from.to_string())).set(&lease, text(until.to_string()));
        if !doubtful {
            return update;
        }
        update.set(&["outbox", id, "doubtful"], AttributeValue::Bool(true))
    }

    /// Makes the update if all conditions hold.
    pub(super) async fn send(self) -> Result<After, Failure> {
        let actions = [("SET", &self.set), ("REMOVE", &self.remove)];
        let actions = actions.iter().filter(|(_, actions)| !actions.is_empty());
        let actions: Vec<_> =
            actions.map(|(verb, actions)| format!("{verb} {}", actions.join(", "))).collect();
        let sent = self
            .request
            .update_expression(actions.join(" "))
            .condition_expression(self.conditions.join(" AND "))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match sent {
            Ok(answer) => return Ok(After::Changed(answer.attributes.unwrap_or_default())),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(unmet)) => {
                Ok(After::Unmet(unmet.item.clone()))
            }
            _ => Err(failure("write", self.key, error)),
        }
    }

    fn path(&mut self, names: &[&str]) -> String {
        let names: Vec<_> = names.iter().map(|name| self.name(name)).collect();
        names.join(".")
    }

    fn name(&mut self, name: &str) -> String {
        if let Some(n) = self.names.iter().position(|known| known == name) {
            return format!("#n{n}");
        }
        let placeholder = format!("#n{}", self.names.len());
        self.names.push(name.to_owned());
        self.request = self.request.clone().expression_attribute_names(&placeholder, name);
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values);
        self.values += 1;
        self.request = self.request.clone().expression_attribute_values(&placeholder, value);
        placeholder
    }
}
