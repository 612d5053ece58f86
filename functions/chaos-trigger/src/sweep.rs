//! The minute's sweep: what is to be announced, and every run that can go on.

use jiff::SignedDuration;
use watchkeeper_domain::{decision::Decision, failure::Failure, records::Record};
use watchkeeper_shell::{Outcome, Report, conclude, conclude::Rest};

use crate::{
    NAME, Stage, World, ask,
    decide::{Effect, News, Reason},
    log::{self, Entry},
    standing::Standing,
};

/// How often the sweep ticks (`template.yaml`).
const EVERY: SignedDuration = SignedDuration::from_mins(1);

impl<W: World> Stage<'_, W> {
    /// The index only nominates: every drill is read and decided as if an event had come. One that fails does not keep
    /// the others waiting.
    pub(crate) async fn sweep(&self) -> Report {
        let due = match self.world.due(NAME, self.run.now).await {
            Ok(due) => due,
            Err(failure) => return Report::failed("sweep", failure),
        };
        let mut whole = Report::new("sweep", Outcome::Unchanged, "");
        for (key, was) in &due {
            let Some(name) = key.pk.strip_prefix("DRILL#") else { continue };
            let (report, rest) = match self.config.drills.named(name) {
                Some(_) => self.passes("sweep", name, News::Look).await,
                None => {
                    self.forget(name).await.unwrap_or_else(|failure| (Report::failed("sweep", failure), None))
                }
            };
            whole = whole.and(report);
            // What is over leaves the index, and what waits comes back in its time.
            let rest = rest.filter(|rest| rest.until.is_none_or(|until| until > self.run.now));
            if let Some(rest) = rest
                && let Err(failure) = self.world.rest(key, *was, rest.until).await
            {
                whole = whole.and(Report::failed("sweep", failure));
            }
        }
        for drill in &self.config.drills.drills {
            for ask in ask::upcoming(drill, self.run.now, EVERY) {
                whole = whole.and(self.drill("sweep", &drill.name, News::Asked(ask)).await);
            }
        }
        whole
    }

    /// The drill is not declared any more: its run ends, if it has not begun. What has begun is watched to its end.
    async fn forget(&self, name: &str) -> Result<(Report, Option<Rest>), Failure> {
        let key = Standing::key(name);
        let reason = Reason::Cancelled("it is no longer in watchkeeper.toml".to_owned());
        let concluded = conclude(
            self.world,
            self.run,
            &key,
            async || Ok((self.world.read(&key).await?, ())),
            |record: &Record<Standing, Effect>, (): &()| {
                let Some(standing) = record.state.as_ref().filter(|it| it.run.is_some()) else {
                    return Decision::because(Reason::Nothing);
                };
                let log = Entry::new(&reason, standing.run.as_ref(), None, self.run.now);
                let next = Standing { run: None, ..standing.clone() };
                Decision::because(reason.clone()).record(next).then(Effect::Log(Box::new(log)))
            },
            async |effect, repeated| match effect {
                Effect::Tell(notice) => self.world.publish(notice, repeated).await,
                Effect::Emit(event) => self.world.put(event).await,
                Effect::Log(entry) => log::keep(self.world, name, entry).await,
                Effect::TakeFloor { .. }
                | Effect::Start(_)
                | Effect::Arm { .. }
                | Effect::Aim { .. }
                | Effect::Disarm { .. } => Ok(()), // acts are never in an outbox
            },
        )
        .await?;
        Ok((self.report("sweep", &concluded), concluded.rest))
    }
}
