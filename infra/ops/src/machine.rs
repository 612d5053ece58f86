//! The system on one machine: the real table adapter on an embedded DynamoDB, and the fake world around it.

use std::panic::AssertUnwindSafe;

use anyhow::{Result, anyhow};
use aws_sdk_dynamodb::Client;
use dynoxide::Database;
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use watchkeeper_domain::{config::Config, failure::Failure, records::Records};
use watchkeeper_shell::{Outcome, Report, Run, Table};
use watchkeeper_sim::{
    bus::{Bus, DEFAULT, Source},
    clock::Clock,
    world::World,
};

use crate::{
    checkout::Checkout,
    delivery::{Delivery, SWEEP},
    functions::Function,
    state,
    sweeps::Sweeps,
    when,
};

/// How long an invocation may take, as in `template.yaml`.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// The whole system.
#[derive(Debug)]
pub struct Machine {
    /// Who owns what.
    pub config: Config,
    /// Who hears what.
    pub bus: Bus,
    /// The table, the channels and the clock.
    pub world: World<Table>,
    /// The table once more, for what no function does.
    pub client: Client,
    sweeps: Sweeps,
}

impl Machine {
    /// The machine whose state is the one of `checkout`, which is created if there is none.
    ///
    /// # Errors
    /// What is missing or broken of the template, the configuration or the state.
    pub async fn open(checkout: &Checkout) -> Result<Self> {
        let rules = Rules::read(checkout)?;
        Self::start(rules, state::open(&checkout.state)?).await
    }

    /// A machine that begins with a copy of the state of `checkout`, and leaves that alone.
    ///
    /// # Errors
    /// What is missing or broken of the template, the configuration or the state.
    pub async fn copy(checkout: &Checkout) -> Result<Self> {
        let rules = Rules::read(checkout)?;
        Self::start(rules, state::copy(&checkout.state)?).await
    }

    async fn start(Rules { bus, config }: Rules, database: Database) -> Result<Self> {
        let client = state::serve(database).await?;
        let table = Table::new(client.clone(), state::TABLE);
        table.create().await.map_err(|failure| anyhow!("{}", failure.chain()))?;
        let world =
            World { clock: Clock::at(Timestamp::UNIX_EPOCH), ..World::new(table, Timestamp::UNIX_EPOCH) };
        Ok(Self { config, sweeps: Sweeps::of(&bus), bus, world, client })
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
            deliveries.push(match Function::named(&logical_id) {
                Some(function) => self.invoke(function, payload).await,
                None => {
                    let reason =
                        format!("{logical_id} does not run here: add it to infra/ops/src/functions.rs");
                    Delivery::undelivered(payload, now, Outcome::Failed, reason)
                }
            });
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

    /// Lets time pass until no page can be missing any more.
    ///
    /// # Errors
    /// When the table cannot be asked what is due.
    pub async fn finish(&mut self) -> Result<Vec<Delivery>, Failure> {
        let longest = self.config.health.page_timeout + self.sweeps.longest();
        self.wait_until(self.now() + longest).await
    }

    /// Lets time pass until `moment`. Returns the sweeps that had something to say.
    async fn wait_until(&mut self, moment: Timestamp) -> Result<Vec<Delivery>, Failure> {
        let mut spoken = Vec::new();
        loop {
            let mut next = None;
            for (index, function) in self.sweeps.functions() {
                let due = self.world.due(function.name(), moment).await?;
                let tick = self.sweeps.next(index, &due).filter(|tick| *tick <= moment);
                next = tick.map(|tick| (tick, index)).into_iter().chain(next).min();
            }
            let Some((tick, index)) = next else { break };
            let (function, input) = self.sweeps.begin(index, tick);
            self.world.clock.advance_to(tick);
            let delivery = self.invoke(function, &input).await.from(SWEEP);
            if delivery.outcome != Outcome::Unchanged {
                spoken.push(delivery);
            }
        }
        self.world.clock.advance_to(moment);
        Ok(spoken)
    }

    /// The logical ids of the functions that hear `payload`: what the schedules send, envelopes, and whatever matches a
    /// rule.
    pub fn functions_for(&self, payload: &Value) -> Vec<&str> {
        if is_envelope(payload) {
            return vec!["HealthResponder"];
        }
        let is_tick = |name: &&str| self.sweeps.sends(name, payload);
        match self.bus.routes().iter().map(|route| route.function.as_str()).find(is_tick) {
            Some(function) => vec![function],
            None => self.bus.functions_for(payload, DEFAULT),
        }
    }

    /// The rules of `template.yaml`, each as `function: pattern`.
    pub fn rules(&self) -> Vec<String> {
        let rules = self.bus.routes().iter().filter_map(|route| match &route.source {
            Source::Rule { pattern, .. } => Some(format!("{} hears {}", route.function, pattern.source())),
            Source::Schedule { .. } | Source::Topic { .. } | Source::Other(_) => None,
        });
        rules.collect()
    }

    /// Invokes `function` with `payload` at the time on the clock.
    pub async fn invoke(&self, function: Function, payload: &Value) -> Delivery {
        let now = self.now();
        let run = Run { function: function.name(), now, deadline: now + PATIENCE };
        let handled = AssertUnwindSafe(function.handle(&self.world, &self.config, payload, &run));
        // As in Lambda, where a panic is a failed invocation and the next event finds the function well.
        let report = handled.catch_unwind().await.unwrap_or_else(|_| {
            let event_id = payload["id"].as_str().unwrap_or("-").to_owned();
            let failure = Failure::new("handle", "the event", "the function panicked");
            Report { event_id, ..Report::failed("panic", failure) }
        });
        self.world.channels.take_events();
        Delivery::of(function.name(), now, report, self.world.channels.take_notices())
    }
}

/// What the repository says.
struct Rules {
    bus: Bus,
    config: Config,
}

impl Rules {
    fn read(checkout: &Checkout) -> Result<Self> {
        let bus = Bus::from_template(&checkout.template()?);
        let bus = bus.map_err(|failure| anyhow!("{}", failure.chain()))?;
        Ok(Self { bus, config: checkout.config()? })
    }
}

/// SNS, SQS, or the record of a failed invocation: no rule sees these, they are meant for one function.
pub fn is_envelope(payload: &Value) -> bool {
    payload["Records"].is_array()
        || payload.get("requestPayload").is_some()
        || payload["Type"] == "Notification"
}
