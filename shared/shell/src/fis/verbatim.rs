//! An answer as it came over the wire: the SDK's types know only the fields of their own day.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use aws_sdk_fis::config::{
    ConfigBag, Intercept, RuntimeComponents, interceptors::AfterDeserializationInterceptorContextRef,
};
use serde_json::Value;

/// Keeps the body of the last answer to a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Verbatim {
    body: Arc<Mutex<Vec<u8>>>,
}

impl Verbatim {
    /// The value of `field` in the body.
    pub(super) fn field(&self, field: &'static str) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        let mut body: Value = serde_json::from_slice(&body)?;
        let value = body.get_mut(field).map(Value::take);
        value.filter(Value::is_object).ok_or_else(|| format!("an answer without `{field}`").into())
    }
}

impl Intercept for Verbatim {
    fn name(&self) -> &'static str {
        "Verbatim"
    }

    /// The first moment at which the SDK has read the whole body.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let body = context.response().body().bytes().unwrap_or_default();
        *self.body.lock().unwrap_or_else(PoisonError::into_inner) = body.to_vec();
        Ok(())
    }
}
