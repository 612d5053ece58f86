//! What the alarms did: their states are replayed from their changes, backwards from what they are now.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Because, Before, Breach, Doubt, Evidence, Trial};
use crate::{
    experiment::{Status, windows::Windows},
    ports::AlarmChange,
};

const OK: &str = "OK";
const ALARM: &str = "ALARM";

/// The alarms of a trial in its windows.
pub(super) struct Watched<'a> {
    trial: &'a Trial<'a>,
    windows: Option<&'a Windows>,
    alarms: BTreeMap<String, States<'a>>,
    unread: Vec<Because>,
}

/// One alarm.
#[derive(Default)]
struct States<'a> {
    /// Its changes, the earliest first.
    changes: Vec<&'a AlarmChange>,
    /// What it is now, unless it does not exist.
    now: Option<&'a str>,
}

impl States<'_> {
    fn at(&self, at: Timestamp) -> Option<&str> {
        let last = self.changes.iter().rev().find(|change| change.at <= at).map(|change| &change.to);
        let next = || self.changes.first().map(|change| &change.from);
        last.or_else(next).map(String::as_str).or(self.now)
    }

    /// When it first went off after `from`, before `to`.
    fn raised(&self, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
        let raises = |change: &&&AlarmChange| change.to == ALARM && from < change.at && change.at < to;
        self.changes.iter().find(raises).map(|change| change.at)
    }

    /// Since when it has been `OK` at `at`, if it is.
    fn well_since(&self, at: Timestamp) -> Option<Option<Timestamp>> {
        let last = self.changes.iter().rev().find(|change| change.at <= at);
        (self.at(at)? == OK).then(|| last.map(|change| change.at))
    }
}

impl<'a> Watched<'a> {
    pub(super) fn of(trial: &'a Trial<'a>, windows: Option<&'a Windows>, evidence: &'a Evidence) -> Self {
        let arns = trial.alarms();
        let mut unread = Vec::new();
        let mut alarms = BTreeMap::new();
        match (&evidence.alarms, &evidence.changes) {
            (Ok(now), Ok(changes)) => {
                for arn in arns {
                    let now = now.iter().find(|alarm| alarm.arn == arn).map(|alarm| alarm.state.as_str());
                    let mut changes: Vec<_> = changes.iter().filter(|change| change.arn == arn).collect();
                    changes.sort();
                    if now.is_none() {
                        let why = "it does not exist any more".to_owned();
                        unread.push(Because::Doubted(Doubt::Unread { what: arn.clone(), why }));
                    }
                    alarms.insert(arn, States { changes, now });
                }
            }
            (Err(why), _) | (_, Err(why)) if !arns.is_empty() => {
                let what = "the alarms".to_owned();
                unread.push(Because::Doubted(Doubt::Unread { what, why: why.clone() }));
            }
            (Err(_), _) | (_, Err(_)) => {}
        }
        Self { trial, windows, alarms, unread }
    }

    /// Everything that the alarms say about the run.
    pub(super) fn because(&self) -> Vec<Because> {
        let mut because = self.unread.clone();
        because.extend(self.before());
        if let Some(windows) = self.windows {
            because.extend(self.raised(windows));
            because.extend(self.undetected(windows));
            because.extend(self.unwell(windows));
        }
        because
    }

    /// From the start of the first action to the first alarm.
    pub(super) fn time_to_detect(&self) -> Option<SignedDuration> {
        let windows = self.windows?;
        let (from, to) = (windows.fault.from, windows.recovery.to);
        let first = self.alarms.values().filter_map(|alarm| alarm.raised(from, to)).min()?;
        Some(first.duration_since(from))
    }

    /// From the end of the last action until the last alarm was `OK`, if all of them were in time.
    pub(super) fn time_to_recover(&self) -> Option<SignedDuration> {
        let windows = self.windows?;
        if !self.unread.is_empty() {
            return None;
        }
        let after = |since: Timestamp| since.duration_since(windows.fault.to).max(SignedDuration::ZERO);
        self.alarms.values().try_fold(SignedDuration::ZERO, |all, alarm| {
            let since = alarm.well_since(windows.recovery.to)?;
            Some(since.map_or(all, |since| all.max(after(since))))
        })
    }

    /// When the first alarm that should have stayed quiet went off while the run lasted, its `end` included.
    pub(super) fn raised_until(&self, end: Timestamp) -> Option<Timestamp> {
        let from = self.windows?.fault.from;
        self.quiet().filter_map(|(_, alarm)| alarm.raised(from, just_after(end))).min()
    }

    /// The alarms that should stay quiet: stop conditions, and those that the hypothesis names.
    fn quiet(&self) -> impl Iterator<Item = (&String, &States<'a>)> {
        let is_named = |arn: &str| self.trial.hypothesis.is_some_and(|it| it.alarms.contains(arn));
        let stops = &self.trial.timeline.stop_alarms;
        self.alarms.iter().filter(move |(arn, _)| stops.contains(*arn) || is_named(arn))
    }

    /// Those that were not `OK` when the first action began, or when a run was stopped before any did.
    fn before(&self) -> Vec<Because> {
        let is_stopped = self.trial.timeline.end == Some(Status::Stopped);
        let stopped_at = || self.trial.run().filter(|_| is_stopped).map(|run| run.to);
        let Some(at) = self.windows.map(|windows| windows.fault.from).or_else(stopped_at) else {
            return Vec::new();
        };
        let bad = self.alarms.iter().filter_map(|(arn, alarm)| Some((arn, alarm.at(at)?)));
        let bad = bad.filter(|(_, state)| *state != OK);
        let before = |(arn, state): (&String, &str)| {
            Because::Before(Before::Alarm { alarm: arn.clone(), state: state.to_owned() })
        };
        bad.map(before).collect()
    }

    /// Those that should have stayed quiet and did not.
    fn raised(&self, windows: &Windows) -> Vec<Because> {
        let end = self.trial.run().map_or(windows.fault.to, |run| run.to);
        let is_stopped = self.trial.timeline.end == Some(Status::Stopped);
        let to = windows.recovery.to.max(just_after(end));
        let raised = |(arn, alarm): (&String, &States<'_>)| {
            let at = alarm.raised(windows.fault.from, to)?;
            let has_stopped = is_stopped && at <= end && self.trial.timeline.stop_alarms.contains(arn);
            let alarm = arn.clone();
            Some(Because::Broken(if has_stopped {
                Breach::StopCondition { alarm, at }
            } else {
                Breach::Alarm { alarm, at }
            }))
        };
        self.quiet().filter_map(raised).collect()
    }

    /// Whether none of those that should notice has done so in time.
    fn undetected(&self, windows: &Windows) -> Option<Because> {
        let hypothesis = self.trial.hypothesis.filter(|it| !it.detected_by.is_empty())?;
        let within = hypothesis.detect_within;
        let until = windows.fault.from.saturating_add(within).ok()?;
        let watches = |(arn, _): &(&String, &States<'_>)| hypothesis.detected_by.contains(*arn);
        let mut detecting = self.alarms.iter().filter(watches).peekable();
        detecting.peek()?;
        let noticed = detecting.any(|(_, alarm)| alarm.raised(windows.fault.from, until).is_some());
        (!noticed).then_some(Because::Broken(Breach::NotDetected { within }))
    }

    /// Those that were not `OK` at the end of the recovery.
    fn unwell(&self, windows: &Windows) -> Vec<Because> {
        let within = windows.recovery.duration();
        let unwell = |(arn, alarm): (&String, &States<'_>)| match alarm.at(windows.recovery.to)? {
            OK => None,
            ALARM => Some(Because::Broken(Breach::NotRecovered { what: arn.clone(), within })),
            state => {
                let doubt = Doubt::AlarmBlind { alarm: arn.clone(), state: state.to_owned() };
                Some(Because::Doubted(doubt))
            }
        };
        self.alarms.iter().filter_map(unwell).collect()
    }
}

/// The moment after `end`: what happens at the end is still part of it.
fn just_after(end: Timestamp) -> Timestamp {
    end.checked_add(SignedDuration::from_nanos(1)).unwrap_or(end)
}
