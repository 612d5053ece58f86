//! The table, made by hand: on one machine and in tests. In production `template.yaml` makes it.

use aws_sdk_dynamodb::{
    error::BuildError,
    operation::create_table::{CreateTableError, builders::CreateTableFluentBuilder},
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};
use watchkeeper_domain::failure::Failure;

use super::{SWEEP_INDEX, Table};
use crate::error::failure;

impl Table {
    /// Creates the table with its key and its index, unless it is there already. For one machine and tests:
    /// `template.yaml` adds what keeps the state safe in production.
    pub async fn create(&self) -> Result<(), Failure> {
        let request = self
            .definition()
            .map_err(|error| Failure::new("create", format!("table {}", self.name), error))?;
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(failure("create", format!("table {}", self.name), error)),
        }
    }

    fn definition(&self) -> Result<CreateTableFluentBuilder, BuildError> {
        let mut request =
            self.client.create_table().table_name(&self.name).billing_mode(BillingMode::PayPerRequest);
        for name in ["pk", "sk", "sweep", "due_at"] {
            let attribute =
                AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
            request = request.attribute_definitions(attribute.build()?);
        }
        let index = GlobalSecondaryIndex::builder()
            .index_name(SWEEP_INDEX)
            .key_schema(key("sweep", KeyType::Hash)?)
            .key_schema(key("due_at", KeyType::Range)?)
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
        Ok(request
            .key_schema(key("pk", KeyType::Hash)?)
            .key_schema(key("sk", KeyType::Range)?)
            .global_secondary_indexes(index.build()?))
    }
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
}
