//! Experiments from their announcement to their verdict: what is seen, stopped, proved and told, and what must never
//! happen.

mod crashes;
mod gates;
mod moto;
mod order;
mod samples;
mod stops;
mod strangers;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use watchkeeper_domain::{
    drill::{Drill, Halt},
    experiment::{
        DRILL_TAG, Experiment, Order, Ordered, Status, THREAD_TAG, TOKEN_TAG,
        hypothesis::{Hypothesis, Measure, Metric, Source, Tolerance},
        statistics::Aggregate,
        verdict::Verdict,
        windows::Interval,
    },
    ports::Starts,
    records::{Entry, Key, Nothing, Records, Write},
};
use watchkeeper_sim::memory::Memory;
use watchkeeper_tests::support::range::{Range, TEMPLATE, drill};

/// What the drill is judged by.
const LATENCY: &str = "latency";
/// A person.
const ADA: &str = "arn:aws:iam::123456789012:user/ada";

/// A second at most; two while the fault lasts; well again ten minutes later.
fn hypothesis() -> Hypothesis {
    let metric = Metric {
        namespace: "AWS/ApplicationELB".into(),
        name: "TargetResponseTime".into(),
        dimensions: BTreeMap::new(),
        stat: "p99".into(),
    };
    let measure = Measure {
        name: LATENCY.into(),
        source: Source::Metric(metric),
        unit: "s".into(),
        period: SignedDuration::from_mins(1),
        aggregate: Aggregate::default(),
        steady: Tolerance { max: Some(1.0), ..Tolerance::default() },
        fault: Some(Tolerance { max: Some(2.0), ..Tolerance::default() }),
    };
    Hypothesis {
        title: None,
        measures: vec![measure],
        alarms: BTreeSet::new(),
        detected_by: BTreeSet::new(),
        detect_within: SignedDuration::from_mins(5),
        recovery: Some(SignedDuration::from_mins(10)),
        baseline: SignedDuration::from_mins(20),
        min_data_percent: 80,
    }
}

/// A drill that claims something.
fn claiming(name: &str) -> Drill {
    Drill { hypothesis: Some(hypothesis()), ..drill(name) }
}

/// A watched range with that drill, on which everything is well.
fn range() -> Range<Memory> {
    range_of(vec![claiming("stop-one")])
}

fn range_of(drills: Vec<Drill>) -> Range<Memory> {
    let range = Range::watched(Memory::default(), drills);
    range.estate.measured.set(LATENCY, 0.5);
    range
}

/// The last experiment that is no preview.
fn run(range: &Range<Memory>) -> Option<Experiment> {
    range.estate.fis.runs().into_iter().rfind(|run| !run.listed.skips_actions)
}

/// Lets time pass until the run stands at `status`. Returns its id.
async fn until(range: &Range<Memory>, status: Status) -> String {
    for _ in 0..90 {
        range.minutes(1).await;
        if let Some(run) = run(range).filter(|run| run.listed.status == status) {
            return run.listed.id;
        }
    }
    panic!("never {status:?}: {:?}", range.headlines());
}

/// Lets time pass until the run has begun.
async fn started(range: &Range<Memory>) -> String {
    until(range, Status::Running).await
}

/// Lets time pass until the preview is ordered: what is changed then is changed between preview and start.
async fn previewed(range: &Range<Memory>) {
    while range.orders().0.is_empty() {
        range.minutes(1).await;
    }
}

/// Lets time pass until the run is ordered: it has not begun yet.
async fn ordered(range: &Range<Memory>) -> String {
    while range.orders().1.is_empty() {
        range.minutes(1).await;
    }
    run(range).expect("a run").listed.id
}

/// Lets time pass until the experiment is judged.
async fn judged(range: &Range<Memory>, id: &str) -> Verdict {
    for _ in 0..180 {
        range.minutes(1).await;
        if let Some(verdict) = range.known(id).await.verdict {
            return verdict;
        }
    }
    panic!("never judged: {:?}", range.headlines());
}

/// From the first action to the last, at the planned time.
fn fault(run: &Experiment) -> Interval {
    let from = run.actions["stop"].started_at.expect("a start");
    Interval { from, to: from + SignedDuration::from_mins(10) }
}

/// Starts an experiment as `chaos-trigger` would, of the drill if one is named; as a person would, without.
async fn start(range: &Range<Memory>, drill: Option<&str>, token: &str) -> String {
    let tags = match drill {
        Some(drill) => vec![(DRILL_TAG, drill), (TOKEN_TAG, token), (THREAD_TAG, "thread-1")],
        None => vec![("Name", "a look")],
    };
    let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let order = Order { template: TEMPLATE.into(), token: token.into(), skips_actions: false, tags };
    match range.estate.fis.start(&order).await.expect("an answer") {
        Ordered::Accepted(id) => id,
        Ordered::Rejected(words) => panic!("{words}"),
    }
}

/// Ada halts all drills.
async fn halt(range: &Range<Memory>) {
    halt_in(&range.records, range.clock.now()).await;
}

async fn halt_in(records: &Memory, at: Timestamp) {
    let halt = Some(Halt { by: "ada".into(), because: "sale".into(), at });
    let write = Write { body: &halt, due: None, expires_at: None };
    let none: Vec<Entry<Nothing>> = Vec::new();
    records.swap(&Key::head("HALT"), 0, &write, &none).await.expect("a table").expect("no race");
}

/// No notice has come twice without being marked.
fn assert_repeats_are_marked(range: &Range<Memory>) {
    let mut seen = BTreeSet::new();
    for (notice, repeated) in range.channels.notices() {
        assert!(seen.insert(notice.id.clone()) || repeated, "told twice, unmarked: {}", notice.headline);
    }
}

/// The first reason of a verdict.
fn because(verdict: &Verdict) -> String {
    verdict.because[0].to_string()
}
