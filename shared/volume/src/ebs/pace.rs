//! How many requests are under way, and how many a second: more as long as all is well, half after a throttle.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::snapshots::IN_FLIGHT;

/// How many are under way at first.
const FIRST: f64 = 32.0;
/// The time between two requests: 900 a second, of the 1,000 that a snapshot takes (Service Quotas, L-1774F84A and
/// L-028ACFB9, which cannot be raised).
const GAP: Duration = Duration::from_micros(1_111);
/// How far requests may run ahead of that.
const BURST: u32 = 64;
/// After a cut the next one waits so long: a throttle hits all that are under way.
const CALM: Duration = Duration::from_secs(1);

/// The pace of one kind of request.
#[derive(Debug)]
pub(super) struct Pace {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: f64,
    under_way: usize,
    /// When the next request would start if all had started on time.
    next: Option<Instant>,
    cut: Option<Instant>,
}

/// One request under way. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Permit<'a>(&'a Pace);

impl Pace {
    pub fn new() -> Self {
        let state = State { limit: FIRST, under_way: 0, next: None, cut: None };
        Self { state: Mutex::new(state), freed: Notify::new() }
    }

    /// Waits until one more request may start.
    pub async fn permit(&self) -> Permit<'_> {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if self.lock().enter() {
                break;
            }
            freed.await;
        }
        let permit = Permit(self);
        let early = self.lock().early(Instant::now());
        wait(early).await;
        permit
    }

    /// A request went well: one more may be under way once as many as are allowed have.
    pub fn went_well(&self) {
        let mut state = self.lock();
        state.limit = (state.limit + 1.0 / state.limit).min(IN_FLIGHT as f64);
    }

    /// A request was throttled: half as many may be under way.
    pub fn was_throttled(&self) {
        let now = Instant::now();
        let mut state = self.lock();
        if state.cut.is_none_or(|cut| now.duration_since(cut) >= CALM) {
            state.limit = (state.limit / 2.0).max(1.0);
            state.cut = Some(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self) -> bool {
        let may = (self.under_way as f64) < self.limit.floor();
        self.under_way += usize::from(may);
        may
    }

    /// How long the next request has to wait.
    fn early(&mut self, now: Instant) -> Duration {
        let next = self.next.map_or(now, |next| next.max(now));
        self.next = Some(next + GAP);
        next.duration_since(now).saturating_sub(GAP * BURST)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.lock().under_way -= 1;
        self.0.freed.notify_waiters();
    }
}

/// Waits: the one place where this crate does.
#[expect(
    clippy::disallowed_methods,
    reason = "a pace and a back-off of milliseconds, within the caller's time"
)]
pub(super) async fn wait(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_than_900_start_in_a_second() {
        let pace = Pace::new();
        let start = Instant::now();
        let requests = stream::iter(0..1864).map(|_| async {
            let _permit = pace.permit().await;
        });
        requests.buffer_unordered(IN_FLIGHT).collect::<Vec<()>>().await;
        let took = start.elapsed();
        assert!(took > Duration::from_millis(1_990) && took < Duration::from_millis(2_100), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn from_32_under_way_to_128_and_half_after_a_throttle() {
        let pace = Pace::new();
        assert_eq!(fill(&pace).await, 32);
        (0..40_000).for_each(|_| pace.went_well());
        assert_eq!(fill(&pace).await, 128);
        (0..50).for_each(|_| pace.was_throttled());
        assert_eq!(fill(&pace).await, 64, "one throttle hits many requests and counts once");
        tokio::time::advance(CALM).await;
        pace.was_throttled();
        assert_eq!(fill(&pace).await, 32);
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_happens_one_request_may_be_under_way() {
        let pace = Pace::new();
        for _ in 0..10 {
            pace.was_throttled();
            tokio::time::advance(CALM).await;
        }
        assert_eq!(fill(&pace).await, 1);
    }

    /// How many get a permit while none ends.
    async fn fill(pace: &Pace) -> usize {
        let mut permits = Vec::new();
        while let Ok(permit) = tokio::time::timeout(Duration::from_secs(9), pace.permit()).await {
            permits.push(permit);
        }
        permits.len()
    }
}
