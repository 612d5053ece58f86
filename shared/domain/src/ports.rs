//! The ports through which a function reaches the world, besides [`crate::records::Records`].
//!
//! The traits that a function's `World` is made of are its IAM policy; a test holds the two together.

use crate::{
    channel::Channel,
    failure::Failure,
    message::{Message, Post, Trouble},
    notice::{DomainEvent, Notice},
};

mod caches;
mod drills;
mod watch;

pub use caches::{
    Archive, Made, Snapshot, SnapshotCopy, SnapshotState, Volume, VolumeOrder, VolumeOrigin, VolumeState,
    Volumes,
};
pub use drills::{
    Alarm, Alarms, CalendarState, Calendars, DeadMan, Experiments, Inventory, Issue, Issues, OnCalls, Starts,
    Stops,
};
pub use watch::{AlarmChange, History, Metrics, Point, Query, Series, StopCall, StopSort};

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

/// Everything that shows messages to people: webhooks over HTTPS, and the SNS topic `messages`.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Channels {
    /// Shows `message` on `channel`, as `post` says. Returns the id of the message where the channel gives one.
    /// An implementation waits at most 5 s, tries once, and reads the secret again after a 401 or 403.
    async fn show(
        &self,
        channel: &Channel,
        message: &Message,
        post: &Post,
    ) -> Result<Option<String>, Trouble>;
}

/// The failure queue for what a channel will never show: `sqs:SendMessage`.
#[expect(async_fn_in_trait, reason = "functions run on one thread, so futures need not be Send")]
pub trait Undelivered {
    /// Puts the notice there, with the channel and the cause.
    async fn put_undelivered(&self, channel: &str, notice: &Notice, cause: &str) -> Result<(), Failure>;
}
