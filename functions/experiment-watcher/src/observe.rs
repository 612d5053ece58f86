//! Everything that a decision is made on, read at one moment. What could not be read says so.

use jiff::SignedDuration;
use watchkeeper_domain::{
    drill::{Drill, Drills, Facts, alarms_of},
    experiment::{
        DRILL_TAG, Experiment, Status,
        verdict::{Evidence, Trial},
    },
    failure::Failure,
};
use watchkeeper_shell::observe::{self, fact, halt, targets};

use crate::{
    Post, World,
    decide::{News, Rules, Seen, is_lost, taken_in, trial},
    watch::Watch,
};

/// How long a verdict waits for what cannot be read.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// The drill that the experiment belongs to, if the configuration has it.
pub(crate) fn drill_of<'a>(watch: &Watch, seen: &Seen, drills: &'a Drills) -> Option<&'a Drill> {
    let tag = seen.experiment.as_ref().and_then(|it| it.listed.tags.get(DRILL_TAG));
    drills.named(tag.or(watch.timeline.drill.as_ref())?)
}

impl<W: World> Post<'_, W> {
    /// Reads what the next decision about the experiment needs, and no more.
    pub(crate) async fn look(&self, watch: &Watch, news: &News) -> Result<Seen, Failure> {
        let mut seen = Seen {
            news: news.clone(),
            experiment: None,
            resolved: None,
            template: None,
            facts: None,
            evidence: None,
        };
        if watch.verdict.is_some() {
            return Ok(seen);
        }
        seen.experiment = self.world.experiment(&watch.timeline.experiment).await?;
        let drill = drill_of(watch, &seen, &self.config.drills);
        match seen.experiment.clone().filter(|it| !it.listed.skips_actions) {
            Some(experiment) => self.follow(watch, drill, &experiment, &mut seen).await,
            None => self.remember(watch, drill, &mut seen).await,
        }
        Ok(seen)
    }

    /// FIS knows it: its targets as soon as they can be known, the facts as long as it can be ended.
    async fn follow(&self, watch: &Watch, drill: Option<&Drill>, experiment: &Experiment, seen: &mut Seen) {
        let id = &experiment.listed.id;
        let is_over = experiment.listed.status.is_terminal();
        let has_targets = is_over || matches!(experiment.listed.status, Status::Running | Status::Stopping);
        if has_targets && watch.timeline.targets.is_none() {
            seen.resolved = Some(fact(self.world.resolved(id).await));
        }
        if watch.template.is_none() || !is_over {
            seen.template = observe::template(self.world, &experiment.listed.template).await.ok().flatten();
        }
        if is_over {
            self.remember(watch, drill, seen).await;
        } else {
            seen.facts = Some(self.facts(drill, experiment, seen, has_targets).await);
        }
    }

    /// It is over, or lost: what it is judged on, once all of that can be there.
    async fn remember(&self, watch: &Watch, drill: Option<&Drill>, seen: &mut Seen) {
        let now = self.run.now;
        let rules = Rules { drill, drills: &self.config.drills, site: self.site, now };
        let known = taken_in(watch, seen);
        if known.timeline.skips_actions == Some(true) {
            return;
        }
        let trial = trial(&known, rules);
        let at = match known.timeline.is_over() {
            true => trial.judged_at().unwrap_or(now),
            false if is_lost(&known, seen, now) => now - PATIENCE,
            false => return,
        };
        if at <= now {
            let evidence = self.evidence(&trial, watch).await;
            let unread = unread(&evidence, seen).filter(|_| now.duration_since(at) < PATIENCE);
            seen.evidence = Some(unread.map_or(Ok(evidence), Err));
        }
    }

    /// What is not asked for, since there is no time to ask about, is known to be nothing.
    async fn evidence(&self, trial: &Trial<'_>, watch: &Watch) -> Evidence {
        let (world, id, alarms) = (self.world, &watch.timeline.experiment, trial.alarms());
        let is_stopped = trial.timeline.end == Some(Status::Stopped);
        let history = trial.history(self.run.now);
        let series = async {
            match trial.windows() {
                Some(windows) => world.series(&trial.queries(), windows.asked()).await,
                None => Ok(Vec::new()),
            }
        };
        let changes = async {
            match history {
                Some(within) => world.alarm_changes(&alarms, within).await,
                None => Ok(Vec::new()),
            }
        };
        let stops = async {
            match history.filter(|_| is_stopped) {
                Some(within) => world.stop_calls(id, within).await,
                None => Ok(Vec::new()),
            }
        };
        let (series, changes, stops, alarms) = tokio::join!(series, changes, stops, world.alarms(&alarms));
        let halted = watch.stop.as_ref().map(|(why, _)| why.clone());
        Evidence {
            series: fact(series),
            alarms: fact(alarms),
            changes: fact(changes),
            stops: fact(stops),
            halted,
        }
    }

    /// The facts for the guards, read side by side.
    async fn facts(
        &self,
        drill: Option<&Drill>,
        experiment: &Experiment,
        seen: &Seen,
        has_targets: bool,
    ) -> Facts {
        let names = drill.map(|it| it.calendars.clone()).unwrap_or_default();
        let alarms = drill.map(|it| alarms_of(it, seen.template.as_ref())).unwrap_or_default();
        let (halt, lever, calendars, issues, alarms) = tokio::join!(
            halt(self.world),
            self.world.lever(),
            self.world.calendars(&names, self.run.now),
            observe::issues(self.world, &self.config.drills, self.site),
            self.world.alarms(&alarms),
        );
        let targets = match drill.filter(|_| has_targets) {
            Some(drill) => Some(fact(targets(self.world, drill, experiment, self.run.now).await)),
            None => None,
        };
        let unasked = || "nobody asks that of a run".to_owned();
        Facts {
            halt: fact(halt),
            lever: fact(lever),
            template: Ok(seen.template.clone()),
            calendars: fact(calendars),
            incidents: Err(unasked()),
            on_call: Err(unasked()),
            deployments: Err(unasked()),
            issues: fact(issues),
            alarms: fact(alarms),
            active: Err(unasked()),
            floor: Err(unasked()),
            proofs: Err(unasked()),
            targets,
        }
    }
}

/// What could not be read, or not completely. A verdict is for good, so it waits a while for what may come yet.
fn unread(evidence: &Evidence, seen: &Seen) -> Option<String> {
    let Evidence { series, alarms, changes, stops, halted: _ } = evidence;
    let incomplete = series.iter().flatten().find(|series| !series.complete);
    let incomplete = incomplete.map(|series| format!("CloudWatch has not given all points of {}", series.id));
    let targets = seen.resolved.as_ref().and_then(|resolved| resolved.as_ref().err());
    let failures =
        [series.as_ref().err(), alarms.as_ref().err(), changes.as_ref().err(), stops.as_ref().err(), targets];
    failures.into_iter().flatten().next().cloned().or(incomplete)
}
