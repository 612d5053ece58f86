//! The five-minute sweep: pages past their timeout, deadlines come closer, outboxes that a crash left behind.

use std::collections::BTreeMap;

use jiff::Timestamp;
use watchkeeper_domain::{
    case::CaseId,
    config::Config,
    failure::Failure,
    records::{HEAD, Key},
};
use watchkeeper_shell::{Outcome, Report, Run};

use crate::{About, NAME, World, decide::Reason, report, unread};

/// How many cases one sweep looks at: each takes about five calls, and there are thirty seconds.
const AT_ONCE: usize = 100;

/// Looks at what is due. The index only nominates: every case is read and decided as if an event had come, and leaves
/// the index once nothing more is to be done. One that fails does not keep the others waiting.
pub(crate) async fn sweep(world: &impl World, config: &Config, run: &Run) -> Report {
    let due = match world.due(NAME, run.now).await {
        Ok(due) => due,
        Err(failure) => return Report::failed("sweep", failure),
    };
    let mut whole = Report::new("sweep", Outcome::Unchanged, "");
    for (about, items) in nominated(due).into_iter().take(AT_ONCE) {
        whole = whole.and(match look(world, config, &about, &items, run).await {
            Ok(report) => report,
            Err(failure) => Report::failed("sweep", failure),
        });
    }
    whole
}

/// What an item of the index is about.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Nominee {
    Case(About),
    Unread(Key),
}

/// One look for each case and communication, however many of its items are due.
fn nominated(due: Vec<(Key, Timestamp)>) -> BTreeMap<Nominee, Vec<(Key, Timestamp)>> {
    let mut nominees: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (key, at) in due {
        let nominee = match CaseId::from_partition(&key.pk) {
            Some(case) => Nominee::Case(About { case, communication: communication(&key) }),
            None => Nominee::Unread(key.clone()),
        };
        nominees.entry(nominee).or_default().push((key, at));
    }
    nominees
}

fn communication(key: &Key) -> Option<String> {
    if key.sk == HEAD {
        return None;
    }
    let (communication, _page) = key.sk.strip_prefix("PAGE#")?.rsplit_once('#')?;
    Some(communication.to_owned())
}

async fn look(
    world: &impl World,
    config: &Config,
    nominee: &Nominee,
    items: &[(Key, Timestamp)],
    run: &Run,
) -> Result<Report, Failure> {
    let (report, rest, waiting) = match nominee {
        Nominee::Case(about) => {
            let concluded = about.conclude(world, config, run).await?;
            let waiting = matches!(concluded.because, Reason::WaitingForPages { .. });
            (report("sweep", &concluded, run.now), concluded.rest, waiting)
        }
        Nominee::Unread(key) => {
            let concluded = unread::conclude_again(world, key, run).await?;
            (report("sweep", &concluded, run.now), concluded.rest, false)
        }
    };
    if let (Some(rest), false) = (rest, waiting) {
        for (key, was) in items {
            let next = rest.until.filter(|_| key.sk == HEAD);
            world.rest(key, *was, next).await?;
        }
    }
    Ok(report)
}
