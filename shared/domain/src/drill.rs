//! Drills: what the configuration declares of one, when it is due, the facts it is judged on, and every guard.
//!
//! | module | what it holds |
//! |---|---|
//! | [`book`] | the open issues of AWS Health |
//! | [`deployments`] | what was deployed lately |
//! | [`facts`] | what a guard judges |
//! | [`guards`] | every guard: what is known in, an objection or none out |
//! | [`template`] | which experiment template is started: by id or by name |
//! | [`when`] | cron in a time zone, windows of the week, holidays: daylight saving included |

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, civil::Date, civil::Time, civil::Weekday, tz::TimeZone};
use wildmatch::WildMatch;

use crate::{
    channel::SecretName,
    config::NoticeMatcher,
    experiment::hypothesis::Hypothesis,
    fis::{Limits, Template},
    text::fingerprint,
};

pub mod book;
pub mod deployments;
pub mod facts;
pub mod guards;
pub mod template;
pub mod when;

pub use book::Book;
pub use deployments::Deployments;
pub use facts::{Fact, Facts, Fleet, Floor, Halt, Proof, Targets};
pub use guards::{Guard, Objection};
pub use template::{ListedTemplate, TemplateRef};
pub use when::{Cron, Occurrence};

/// `[drills]`: what holds for all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drills {
    /// `[[drill]]`, in the order of the file. Names are unique.
    pub drills: Vec<Drill>,
    /// `[drills] zones`: the ids of Availability Zones by their names in this account (`eu-west-1a = "euw1-az2"`).
    /// Without an entry a name can't narrow an open Health issue: then it counts for the whole Region.
    pub zone_ids: std::collections::BTreeMap<String, String>,
    /// `[drills] health_api`: whether the AWS Health API is asked as well as the cases kept here. It needs a Business
    /// support plan or a higher one; without one, every drill would be refused.
    pub health_api: bool,
    /// `[drills] incident_url`: the `https` address of a page that lists the open incidents, besides the OpsItems. What it
    /// has to answer is said at [`crate::ports::Calendars::incidents`].
    pub incident_url: Option<String>,
}

impl Drills {
    /// The drill called `name`.
    pub fn named(&self, name: &str) -> Option<&Drill> {
        self.drills.iter().find(|drill| drill.name == name)
    }
}

/// `[[drill]]`: a rehearsal of one failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Drill {
    /// `name`: small letters, digits and dashes, at most 40 characters. It names the schedule, too.
    pub name: String,
    /// `template`: the FIS experiment template, by its id (`EXT…`) or by the name of one of ours.
    pub template: TemplateRef,
    /// `approved`: [`Template::hash`] of the template that somebody has read and approved. Without one it never starts.
    pub approved: Option<String>,
    /// `enabled`: off by default.
    pub enabled: bool,
    /// `service`: what is exercised, in the users' own words.
    pub service: String,
    /// `environment`: `staging`, `production`.
    pub environment: String,
    /// `owner`: who hears of it and answers for it.
    pub owner: Option<String>,
    /// `runbook`: an `https` address.
    pub runbook: Option<String>,
    /// `schedule`: when it is due. Without one it runs only on other triggers.
    pub schedule: Option<Cron>,
    /// `zone`: the IANA time zone of schedule, windows and holidays.
    pub zone: TimeZone,
    /// `flexible_minutes`: the flexible time window of the schedule. By default 0, which is none.
    pub flexible: SignedDuration,
    /// `[[drill.window]]`: the whole run and its recovery must lie in one of them. Without any, at no time.
    pub windows: Vec<Window>,
    /// `holidays`: days without drills, in `zone`; those of `[drills] holidays` included.
    pub holidays: BTreeSet<Date>,
    /// `calendars`: SSM Change Calendars, by name or ARN, that must be open until the run and its recovery are over.
    pub calendars: Vec<String>,
    /// `alarms`: ARNs of CloudWatch alarms that must be `OK`, besides the stop conditions of the template.
    pub alarms: BTreeSet<String>,
    /// `stable_minutes`: for how long they must have been so. By default 10.
    pub stable: SignedDuration,
    /// `health_services`: the AWS services whose open issues object (`EC2`, `EKS`), besides those of the template's actions.
    pub health_services: BTreeSet<String>,
    /// `announce_minutes`: how long before the start people are told. By default 15.
    pub announce: SignedDuration,
    /// `late_minutes`: how much later than due it may still start. By default 20.
    pub lateness: SignedDuration,
    /// `recovery_minutes`: how long the service may take to recover; it belongs to the run. By default 30.
    pub recovery: SignedDuration,
    /// `on_call`: where somebody must be on call, that of `[drills]` if the drill has none of its own.
    pub on_call: Option<OnCall>,
    /// `quiet_after_deployment_minutes`: how long after the end of a deployment it may not start, nor while one is under
    /// way. By default 0, which is not asked.
    pub quiet: SignedDuration,
    /// `interval_hours`: the least time between two starts. Previews and refusals don't count. By default 20.
    pub interval: SignedDuration,
    /// `interval_work_days`: how many work days must lie between two starts, the day of the second included: Monday to
    /// Friday in `zone`, without `holidays`. By default 0, which asks for none.
    pub interval_work_days: u64,
    /// `max_runs_per_week`: how often it may really start on seven days in a row. By default as often as it is due.
    pub max_runs_per_week: Option<u64>,
    /// `chance_percent`: how likely a scheduled run takes place; decided by its name and due time. By default 100.
    pub chance: u64,
    /// `max_cost_dollars`: the most that FIS may bill for one run. By default 10.
    pub max_cost_cents: u64,
    /// `limits`: what the template may do, and to how many resources.
    pub limits: Limits,
    /// `limits.max_zones`: in how many Availability Zones resources may be hit. By default 1.
    pub max_zones: u64,
    /// `limits.min_healthy`: how many of the resources of one type that have opted in must be left by the run. By default
    /// nobody asks. Of instances, those count whose status checks pass; of other types, those that exist: whether each of
    /// them is well, only `alarms` tell.
    pub min_healthy: Option<u64>,
    /// `promotion`: another drill that must have passed before.
    pub promotion: Option<Promotion>,
    /// `after_deployment`: pipelines or deployments after which it is due: `codepipeline:NAME`, `codedeploy:APP/GROUP`;
    /// `*` and `?` as in rules.
    pub after_deployment: Vec<WildMatch>,
    /// `rehearses`: the Health cases whose opening makes it due.
    pub rehearses: Option<NoticeMatcher>,
    /// `weight`: how much its verdict counts in the score of its service, 1 to 10. By default 5.
    pub weight: u64,
    /// `[drill.hypothesis]`: what must be true of the service while it is harmed, and after.
    pub hypothesis: Option<Hypothesis>,
}

/// `[[drill.window]]`: a part of the week. One that does not end later than it begins ends on the next day.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Window {
    /// `days`: on which it begins.
    pub days: Vec<Weekday>,
    /// `from`: when it begins.
    pub from: Time,
    /// `to`: when it is over; that moment is not in it.
    pub to: Time,
}

/// `promotion = { after = "…", within_days = … }`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Promotion {
    /// `after`: the name of the drill in the environment before.
    pub after: String,
    /// `within_days`: how long ago it may have passed.
    pub within: SignedDuration,
}

/// `on_call = { pagerduty_schedule = "…", secret = "…" }`: an on-call schedule of PagerDuty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OnCall {
    /// `pagerduty_schedule`: its id (`P…`). An escalation policy must use it: otherwise it calls nobody.
    pub schedule: String,
    /// `secret`: the name of the secret that holds a key of the REST API, for which reading is enough.
    pub secret: SecretName,
    /// `endpoint`: `https://api.pagerduty.com`, or `https://api.eu.pagerduty.com`.
    pub endpoint: String,
}

impl Drill {
    /// When the run of `occurrence` is due: somewhere in the flexible window, and the same for the same run.
    pub fn due(&self, occurrence: &Occurrence) -> Timestamp {
        let minutes = u64::try_from(self.flexible.as_mins()).unwrap_or_default();
        let digest = fingerprint([self.name.as_str(), &occurrence.to_string(), "jitter"]);
        let dice =
            digest.get(..8).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default();
        let late = i64::try_from(dice.checked_rem(minutes).unwrap_or_default()).unwrap_or_default();
        occurrence.at + SignedDuration::from_mins(late)
    }

    /// How long a run and its recovery take, or `None` when the template doesn't say.
    pub fn span(&self, template: &Template) -> Option<SignedDuration> {
        crate::fis::planned_duration(template)?.checked_add(self.recovery)
    }
}

/// The ARNs of the alarms that must be `OK` before `drill` starts: those that must not ring while it runs, and those of its
/// hypothesis. One by which the fault is to be detected proves nothing if it rings already.
pub fn alarms_before(drill: &Drill, template: Option<&Template>) -> BTreeSet<String> {
    let claimed = drill.hypothesis.iter().flat_map(Hypothesis::all_alarms);
    alarms_of(drill, template).into_iter().chain(claimed).collect()
}

/// The ARNs of the alarms that end a run of `drill`: its own, and the stop conditions of its template.
pub fn alarms_of(drill: &Drill, template: Option<&Template>) -> BTreeSet<String> {
    let conditions = template.into_iter().flat_map(|template| &template.stop_conditions);
    let stops = conditions.filter_map(|it| it.value.as_ref()?.known().map(str::to_owned));
    drill.alarms.iter().cloned().chain(stops).collect()
}

/// The partition of everything about `drill`: where it stands, its log, what it has proved.
pub fn partition(drill: &str) -> String {
    format!("DRILL#{drill}")
}

/// Where drills take place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Site {
    /// The account of the stack.
    pub account: String,
    /// The Region of the stack.
    pub region: String,
    /// Whether everything is decided and told, and nothing in the account is touched. On by default.
    pub leash: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn drill(line: &str) -> Drill {
        let must = "name = \"a\"\ntemplate = \"EXT1\"\nservice = \"s\"\nenvironment = \"e\"\nzone = \"UTC\"";
        Config::parse(&format!("[[drill]]\n{must}\n{line}\n")).unwrap().drills.drills.remove(0)
    }

    #[test]
    fn a_flexible_run_is_due_within_its_window_and_always_at_the_same_moment() {
        let cron = Cron::parse("cron(0 10 * * ? *)").unwrap();
        let (from, to) = ("2026-11-01T00:00:00Z".parse().unwrap(), "2026-12-01T00:00:00Z".parse().unwrap());
        let runs: Vec<_> = when::occurrences(&cron, &TimeZone::UTC, from, to).collect();
        let delays = |drill: &Drill| -> Vec<i64> {
            runs.iter().map(|run| drill.due(run).duration_since(run.at).as_mins()).collect()
        };
        let flexible = delays(&drill("flexible_minutes = 30"));
        assert!(flexible.iter().all(|delay| (0..30).contains(delay)), "{flexible:?}");
        assert!(flexible.iter().collect::<BTreeSet<_>>().len() > 10, "{flexible:?}");
        assert_eq!(flexible, delays(&drill("flexible_minutes = 30")));
        assert_eq!(delays(&drill("")), [0; 30]);
    }
}
