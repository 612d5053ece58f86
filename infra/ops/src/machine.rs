//! The system on one machine: the real table adapter on an embedded DynamoDB, and the fake world around it.

use std::{collections::VecDeque, panic::AssertUnwindSafe};

use anyhow::{Result, anyhow};
use aws_sdk_dynamodb::Client;
use cache_refresher::Setting;
use dynoxide::Database;
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use watchkeeper_domain::{
    cache::Manifests,
    config::Config,
    drill::Site,
    failure::Failure,
    records::{Key, Records},
};
use watchkeeper_shell::{Outcome, Report, Run, Table, lambda};
use watchkeeper_sim::{
    channels::Channels,
    clock::Clock,
    depot::Stock,
    estate::Estate,
    fis::{ACCOUNT, REGION},
    fuse::Fuse,
    world::World,
};

use crate::{
    board::Board,
    channels,
    checkout::Checkout,
    delivery::{Delivery, SWEEP},
    envelope::{from_bus, from_topic, is_envelope, recipient},
    functions::Function,
    queue::Queue,
    routes::Routes,
    state,
    sweeps::{Sweeps, announcements, under_way},
    when,
};

/// How much longer time goes on for what is to be shown later: quiet hours end within a day.
const LONGEST_HOLD: SignedDuration = SignedDuration::from_hours(25);

/// The whole system.
#[derive(Debug)]
pub struct Machine {
    /// Who owns what, and where people read.
    pub config: Config,
    /// Who hears what.
    pub routes: Routes,
    /// The table, the channels and the clock.
    pub world: World<Table, Board>,
    /// The table once more, for what no function does.
    pub client: Client,
    /// Snapshots, volumes and repositories.
    pub stock: Stock,
    site: Site,
    sweeps: Sweeps,
    manifests: Manifests,
}

impl Machine {
    /// The machine whose state is the one of `checkout`, which is created if there is none.
    ///
    /// # Errors
    /// What is missing or broken of the template, the configuration or the state; when a channel cannot be reached.
    pub async fn open(checkout: &Checkout) -> Result<Self> {
        let rules = Rules::read(checkout)?;
        let webhooks = channels::connect(&rules.config.routing).await?;
        let board = Board::new(webhooks, Queue::within(&checkout.state));
        Self::start(rules, state::open(&checkout.state)?, board).await
    }

    /// A machine that begins with a copy of the state of `checkout`, and leaves that alone. Nothing leaves it.
    ///
    /// # Errors
    /// What is missing or broken of the template, the configuration or the state.
    pub async fn copy(checkout: &Checkout) -> Result<Self> {
        let rules = Rules::read(checkout)?;
        Self::start(rules, state::copy(&checkout.state)?, Board::default()).await
    }

    async fn start(
        Rules { routes, config, manifests }: Rules,
        database: Database,
        screens: Board,
    ) -> Result<Self> {
        let client = state::serve(database).await?;
        let records = Table::new(client.clone(), state::TABLE);
        records.create().await.map_err(|failure| anyhow!("{}", failure.chain()))?;
        let (channels, fuse, clock) = (Channels::default(), Fuse::never(), Clock::at(Timestamp::UNIX_EPOCH));
        let (estate, stock) = (Estate::at(&clock), Stock::start(&clock).await?);
        let world = World { records, screens, channels, fuse, clock, estate };
        let site = Site { account: ACCOUNT.to_owned(), region: REGION.to_owned(), leash: false };
        Ok(Self { config, sweeps: Sweeps::of(&routes.bus), routes, world, client, stock, site, manifests })
    }

    /// Delivers `payload` as AWS would, at its own time or now: the sweeps that had something to say until then, and
    /// every invocation.
    ///
    /// # Errors
    /// When the table cannot be asked what is due.
    pub async fn deliver(&mut self, payload: &Value) -> Result<Vec<Delivery>, Failure> {
        let mut deliveries = self.wait_until(self.arrival(payload)).await?;
        let now = self.now();
        let functions: Vec<_> = self.functions_for(payload).into_iter().map(str::to_owned).collect();
        if functions.is_empty() {
            let reason = "no rule matches".to_owned();
            deliveries.push(Delivery::undelivered(payload, now, Outcome::Foreign, reason));
        }
        for logical_id in functions {
            let delivery = self.invoke_by_id(&logical_id, payload).await;
            deliveries.extend(self.publish_what_it_told(delivery).await);
        }
        Ok(deliveries)
    }

    /// Advances the clock to when `payload` comes, without letting any sweep run.
    pub fn arrive(&mut self, payload: &Value) {
        self.world.clock.advance_to(self.arrival(payload));
    }

    /// The time on the clock.
    pub fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    fn arrival(&self, payload: &Value) -> Timestamp {
        let is_first = self.now() == Timestamp::UNIX_EPOCH;
        when::happened(payload).unwrap_or_else(|| if is_first { when::now() } else { self.now() })
    }

    /// Lets time pass until no page can be missing any more, and all that people are to read later has been shown.
    ///
    /// # Errors
    /// When the table cannot be asked what is due.
    pub async fn finish(&mut self) -> Result<Vec<Delivery>, Failure> {
        let longest = self.config.health.page_timeout + self.sweeps.longest();
        let mut spoken = self.wait_until(self.now() + longest).await?;
        let end = self.now() + LONGEST_HOLD;
        while let Some((tick, _)) = self.next_tick(end, |function| function == Function::Notifier).await? {
            spoken.extend(self.wait_until(tick).await?);
        }
        Ok(spoken)
    }

    /// Lets time pass until `moment`. Returns the sweeps that had something to say.
    async fn wait_until(&mut self, moment: Timestamp) -> Result<Vec<Delivery>, Failure> {
        let mut spoken = Vec::new();
        while let Some((tick, index)) = self.next_tick(moment, |_| true).await? {
            let (function, input) = self.sweeps.begin(index, tick);
            self.world.clock.advance_to(tick);
            let delivery = self.invoke(function, &input).await;
            if delivery.outcome != Outcome::Unchanged {
                let all = self.publish_what_it_told(delivery).await;
                spoken.extend(all.into_iter().map(|delivery| delivery.from(SWEEP)));
            }
        }
        self.world.clock.advance_to(moment);
        Ok(spoken)
    }

    /// The next tick until `moment` of a sweep that something is due for, with the number of the sweep.
    async fn next_tick(
        &mut self,
        moment: Timestamp,
        is_asked: impl Fn(Function) -> bool,
    ) -> Result<Option<(Timestamp, usize)>, Failure> {
        let mut next = None;
        for (index, function) in self.sweeps.functions().into_iter().filter(|(_, it)| is_asked(*it)) {
            let mut due = self.world.due(function.name(), moment).await?;
            due.extend(self.expected(function, moment));
            let tick = self.sweeps.next(index, &due).filter(|tick| *tick <= moment);
            next = tick.map(|tick| (tick, index)).into_iter().chain(next).min();
        }
        Ok(next)
    }

    /// What the sweep of `function` finds until `moment` although no item of the table is due.
    fn expected(&self, function: Function, moment: Timestamp) -> Vec<(Key, Timestamp)> {
        if self.now() == Timestamp::UNIX_EPOCH {
            return Vec::new(); // nothing has happened yet
        }
        match function {
            Function::ChaosTrigger => announcements(&self.config.drills, self.now(), moment),
            Function::ExperimentWatcher => under_way(&self.world.estate.fis.runs()),
            Function::HealthResponder | Function::Notifier | Function::CacheRefresher => Vec::new(),
        }
    }

    /// The logical ids of the functions that hear `payload`: what the schedules send, envelopes, and whatever matches a
    /// rule.
    pub fn functions_for(&self, payload: &Value) -> Vec<&str> {
        if is_envelope(payload) {
            return vec![recipient(payload).logical_id()];
        }
        match self.sweeps.heard_by(payload) {
            none if none.is_empty() => self.routes.functions_for(payload),
            functions => functions,
        }
    }

    /// `delivery`, and what comes of it: its notices go to whoever hears the topic, its domain events to whoever hears
    /// the bus.
    async fn publish_what_it_told(&self, delivery: Delivery) -> Vec<Delivery> {
        let mut said = self.said_by(&delivery);
        let mut all = vec![delivery];
        while let Some((logical_id, payload)) = said.pop_front() {
            let delivery = self.invoke_by_id(&logical_id, &payload).await.following();
            said.extend(self.said_by(&delivery));
            // Every domain event is heard; what comes of none of them is nothing to show.
            let is_idle = matches!(delivery.outcome, Outcome::Unchanged | Outcome::Foreign);
            if !is_idle || delivery.function == Some(Function::Notifier.name()) {
                all.push(delivery);
            }
        }
        all
    }

    /// The functions that hear what was said in `delivery`, each with what it is given.
    fn said_by(&self, delivery: &Delivery) -> VecDeque<(String, Value)> {
        let mut said = VecDeque::new();
        for (notice, repeated) in &delivery.notices {
            let payload = from_topic(notice, *repeated, None, self.now());
            let hear = self.routes.hear_notices().into_iter();
            said.extend(hear.map(|logical_id| (logical_id.to_owned(), payload.clone())));
        }
        for event in &delivery.events {
            let payload = from_bus(event, self.now());
            let hear = self.routes.functions_for(&payload).into_iter();
            said.extend(hear.map(|logical_id| (logical_id.to_owned(), payload.clone())));
        }
        said
    }

    async fn invoke_by_id(&self, logical_id: &str, payload: &Value) -> Delivery {
        match Function::named(logical_id) {
            Some(function) => self.invoke(function, payload).await,
            None => {
                let reason = format!("{logical_id} does not run here: add it to infra/ops/src/functions.rs");
                Delivery::undelivered(payload, self.now(), Outcome::Failed, reason)
            }
        }
    }

    /// Invokes `function` with `payload` at the time on the clock.
    pub async fn invoke(&self, function: Function, payload: &Value) -> Delivery {
        let now = self.now();
        let run = Run { function: function.name(), now, deadline: now + function.timeout() };
        // On the heap: whoever awaits it would otherwise hold the futures of all functions on the stack.
        let setting = Setting { config: &self.config, manifests: &self.manifests, site: &self.site };
        let handled = Box::pin(function.handle((&self.world, &self.stock), setting, payload, &run));
        let handled = AssertUnwindSafe(handled);
        // As in Lambda, where a panic is a failed invocation and the next event finds the function well.
        let report = handled.catch_unwind().await.unwrap_or_else(|_| {
            let event_id = payload["id"].as_str().unwrap_or("-").to_owned();
            let failure = Failure::new("handle", "the event", "the function panicked");
            Report { event_id, ..Report::failed("panic", failure) }
        });
        let delivery = Delivery::of(function.name(), now, report, self.world.channels.take_notices());
        let delivery = Delivery { events: self.world.channels.take_events(), ..delivery };
        delivery.showing(self.world.screens.take())
    }
}

/// What the repository says.
struct Rules {
    routes: Routes,
    config: Config,
    manifests: Manifests,
}

impl Rules {
    fn read(checkout: &Checkout) -> Result<Self> {
        let routes = Routes::from_template(&checkout.template()?)?;
        let config = channels::on_one_machine(checkout.config()?);
        let manifests =
            lambda::manifests(&checkout.config, &config).map_err(|failure| anyhow!("{}", failure.chain()))?;
        Ok(Self { routes, config, manifests })
    }
}

#[cfg(test)]
mod tests;
