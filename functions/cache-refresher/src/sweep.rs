//! The minute's sweep: nights that are due, and everything that can go on.

use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::{cache::Cache, drill::when::occurrences};
use watchkeeper_shell::{Outcome, Report, conclude::Rest};

use crate::{NAME, Stage, World, decide::News, pool::Pool};

/// How much later than due a night may still begin.
const LATENESS: SignedDuration = SignedDuration::from_hours(3);
/// How often pools are looked at although nothing was heard of them: somebody may have changed the configuration, or
/// deleted a volume.
const POOLS_EVERY: i8 = 15;

impl<W: World> Stage<'_, W> {
    /// The index only nominates: everything is read and decided as if an event had come. What fails does not keep the
    /// others waiting.
    pub(crate) async fn sweep(&self) -> Report {
        let due = match self.world.due(NAME, self.run.now).await {
            Ok(due) => due,
            Err(failure) => return Report::failed("sweep", failure),
        };
        let mut whole = Report::new("sweep", Outcome::Unchanged, "");
        for (key, was) in &due {
            let (report, rest) = self.nominated(&key.pk).await;
            whole = whole.and(report);
            // What is over leaves the index, and what waits comes back in its time.
            let rest = rest.filter(|rest| rest.until.is_none_or(|until| until > self.run.now));
            if let Some(rest) = rest
                && let Err(failure) = self.world.rest(key, *was, rest.until).await
            {
                whole = whole.and(Report::failed("sweep", failure));
            }
        }
        for cache in self.setting.config.caches.iter().filter(|cache| cache.enabled) {
            if let Some(news) = due_night(cache, self.run.now) {
                whole = whole.and(self.cache(cache, "sweep", news).await.0);
            }
            if self.run.now.to_zoned(jiff::tz::TimeZone::UTC).minute() % POOLS_EVERY == 0 {
                whole = whole.and(self.pools(cache, "sweep").await);
            }
        }
        whole
    }

    /// What the index has named. A cache that is not declared any more is left as it is: nothing of it is deleted on a
    /// guess.
    async fn nominated(&self, pk: &str) -> (Report, Option<Rest>) {
        let nothing = || Report::new("sweep", Outcome::Unchanged, "");
        let name = pk.strip_prefix("CACHE#").or_else(|| Pool::parse(pk).map(|(cache, _)| cache));
        let Some(cache) = name.and_then(|name| self.named(name)) else {
            return (nothing(), Some(Rest { until: None }));
        };
        match Pool::parse(pk) {
            Some((_, zone)) => self.pool(cache, zone, "sweep").await,
            None => self.cache(cache, "sweep", News::Look).await,
        }
    }
}

/// The last night that has come due within the last hours. Whether it was begun already, the record says.
fn due_night(cache: &Cache, now: Timestamp) -> Option<News> {
    let cron = cache.schedule.as_ref()?;
    let from = now.checked_sub(LATENESS).ok()?;
    let until = now.checked_add(SignedDuration::from_secs(1)).ok()?;
    let last = occurrences(cron, &cache.zone, from, until).last()?;
    let because = format!("its schedule, {}", cron.text);
    Some(News::Asked { id: last.to_string(), because })
}
