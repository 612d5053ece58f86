//! What happens to a request before anything is done for it.

use std::{collections::VecDeque, future::pending};

use tokio::time::Instant;

use super::{
    refusal::Refusal,
    request::Route,
    script::{Fault, Operation},
    store::{State, Store},
};

impl Store {
    /// Lets a request in, with what is to go wrong about it later. Never comes back if it is to be left alone.
    pub(super) async fn admit(&self, route: &Route<'_>) -> Result<Option<Fault>, Refusal> {
        if *self.is_stopped.borrow() {
            return pending().await;
        }
        let (latency, admitted) = self.with(|state| {
            let latency = state.settings.latency.get(&route.operation).copied();
            (latency, state.admit(route.operation, route.snapshot))
        });
        if let Some(latency) = latency {
            #[expect(clippy::disallowed_methods, reason = "the latency of a real server, in real time")]
            tokio::time::sleep(latency).await;
        }
        match admitted {
            Ok(Some(Fault::Hang)) => pending().await,
            admitted => admitted,
        }
    }
}

impl State {
    fn admit(&mut self, operation: Operation, snapshot: &str) -> Result<Option<Fault>, Refusal> {
        *self.counters.requests.entry(operation).or_default() += 1;
        let fault = self.scripts.get_mut(&operation).and_then(VecDeque::pop_front);
        if let Some(refusal) = fault.and_then(|fault| refusal(fault, snapshot)) {
            return Err(refusal);
        }
        if self.settings.denied.contains(&operation) {
            return Err(Refusal::denied());
        }
        if let Some(quotas) = &self.settings.quotas {
            self.windows.admit(quotas, operation, snapshot, Instant::now())?;
        }
        Ok(fault)
    }
}

/// The refusal that a fault is, if it is one.
fn refusal(fault: Fault, snapshot: &str) -> Option<Refusal> {
    match fault {
        Fault::RequestThrottled => Some(Refusal::throttled("ACCOUNT_THROTTLED")),
        Fault::Throttling => Some(Refusal::throttling()),
        Fault::Server(status) => Some(Refusal::server(status)),
        Fault::NotFound => Some(Refusal::not_found(snapshot)),
        Fault::Denied => Some(Refusal::denied()),
        Fault::Unreadable => Some(Refusal::unreadable()),
        Fault::Hang
        | Fault::Lose
        | Fault::Cut
        | Fault::HalfThenHang
        | Fault::HalfThenCut
        | Fault::WrongChecksum => None,
    }
}
