//! The ports through which a function reaches the world, besides [`crate::records::Records`].
//!
//! The traits in the bound of a function's `handle` are its IAM policy; a test holds the two together.

use crate::{
    failure::Failure,
    notice::{DomainEvent, Notice},
};

/// The SNS topic `notices`: `sns:Publish`.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Notices {
    /// Publishes `notice`. `repeated` says that an earlier attempt may have arrived: the message is marked so.
    /// There is no idempotency key, so an attempt that times out is [`Failure::ambiguous`].
    async fn publish(&self, notice: &Notice, repeated: bool) -> Result<(), Failure>;
}

/// The custom event bus `watchkeeper`: `events:PutEvents`.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Events {
    /// Puts `event` on the bus. Subscribers deduplicate by its id.
    async fn put(&self, event: &DomainEvent) -> Result<(), Failure>;
}
