//! The point at which a fake operation lets others go first, as a network call would.

use std::{future::poll_fn, task::Poll};

/// Is pending once, so that futures which are polled together really interleave. It needs no runtime.
pub(crate) async fn turn() {
    let mut waited = false;
    poll_fn(|context| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
