//! Which rules hold tonight: what the feeders have said decides.

use std::collections::BTreeSet;

use jiff::{civil::Date, tz::TimeZone};
use watchkeeper_domain::cache::{Feeder, Prune};
use watchkeeper_packages::{Cause, Plan, VolumePath};

use crate::night::{Job, edit::folder, feeders};

/// What is needed to choose what goes.
#[derive(Debug)]
pub(in crate::night) struct Rules {
    pub prune: Prune,
    /// The folders that somebody has named.
    pub named: BTreeSet<String>,
    pub today: Date,
    /// Which rules do not hold tonight, and why not.
    pub suspended: Vec<String>,
}

impl Rules {
    pub(in crate::night) fn of(job: &Job<'_>, plan: &Plan) -> Self {
        let mut rules = Self {
            prune: job.cache.prune,
            named: named(job, plan),
            today: job.began.to_zoned(TimeZone::UTC).date(),
            suspended: Vec::new(),
        };
        for (number, (feeder, named)) in (1..).zip(job.cache.feeders.iter().zip(&plan.named)) {
            let name = format!("feeder {number} ({})", feeders::kind(feeder));
            rules.heed(feeder, *named, &name, job);
        }
        if plan.problems.iter().any(|problem| problem.cause == Cause::TooDeep) {
            rules.suspend("not everything that belongs to the packages was found".to_owned());
        }
        rules
    }

    fn heed(&mut self, feeder: &Feeder, named: usize, name: &str, job: &Job<'_>) {
        let tells_all = feeders::tells_all(feeder, job);
        if tells_all && named == 0 {
            self.suspend(format!("{name} has named nothing"));
        } else if !tells_all && matches!(feeder, Feeder::Nexus { .. }) && self.prune.unused_days.is_some() {
            self.prune.unused_days = None;
            self.suspended.push(format!(
                "{name} names only what is new, so nobody knows what is unused: `unused_days` takes nothing out beside \
                 `delta`"
            ));
        }
    }

    fn suspend(&mut self, because: String) {
        if self.prune != Prune::default() {
            self.prune = Prune::default();
            self.suspended.push(format!("{because}: nothing is taken out"));
        }
    }
}

/// The folders that somebody has named tonight: a feeder, even where it cannot have its way, or a job.
fn named(job: &Job<'_>, plan: &Plan) -> BTreeSet<String> {
    let wanted = plan.wanted.iter().map(|wanted| wanted.path.as_str());
    let there = plan.already_there.iter().map(VolumePath::as_str);
    let problems = plan.problems.iter().map(|problem| problem.subject.as_str());
    let named = wanted.chain(there).chain(problems).filter_map(folder);
    let mut named: BTreeSet<String> = named.map(str::to_owned).collect();
    for feeder in &job.cache.feeders {
        let Feeder::Missed { under, .. } = feeder else { continue };
        let under = under.as_ref().map(|under| format!("{under}/")).unwrap_or_default();
        let missed = job.missed.iter().filter_map(|report| folder(&report.path));
        named.extend(missed.map(|folder| format!("{under}{folder}")));
    }
    named
}
