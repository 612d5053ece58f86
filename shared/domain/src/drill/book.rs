//! The open issues of AWS Health as its cases tell them: what every guard can read without a support plan.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    notice::{Kind, Notice},
    ports::Issue,
    records::{Key, State},
    text,
};

/// An issue of which nothing was heard for so long is forgotten: its end was lost.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24 * 14);
/// How many are kept: the newest. Guards need one to object.
const KEPT: usize = 200;
/// How many characters of AWS's text are kept: zones are named early.
const TEXT: usize = 1000;

/// The open issues, by thread of their case: the head of `ISSUES`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Book {
    open: BTreeMap<String, (Issue, Timestamp)>,
    /// The newest notice of each case that was taken in: copies and older ones change nothing.
    heard: BTreeMap<String, (u32, Timestamp)>,
}

impl State for Book {
    fn wake_at(&self) -> Option<Timestamp> {
        None
    }

    fn expires_at(&self) -> Option<Timestamp> {
        None
    }
}

impl Book {
    /// Where it is kept.
    pub fn key() -> Key {
        Key::head("ISSUES")
    }

    /// The issues that are open for `region`, or for all of them.
    pub fn open(self, region: &str) -> Vec<Issue> {
        let open = self.open.into_values().map(|(issue, _)| issue);
        open.filter(|issue| issue.region == region || issue.region == "global").collect()
    }

    /// The book once `notice` is taken in at `now`. One that is about no issue, or not the newest of its case, changes
    /// nothing.
    #[must_use]
    pub fn with(mut self, notice: &Notice, now: Timestamp) -> Self {
        let is_old = self.heard.get(&notice.thread).is_some_and(|(seq, _)| *seq >= notice.seq);
        if notice.kind != Kind::Issue || is_old {
            return self;
        }
        self.heard.retain(|_, (_, at)| now.duration_since(*at) < FORGOTTEN);
        self.open.retain(|_, (_, at)| now.duration_since(*at) < FORGOTTEN);
        self.heard.insert(notice.thread.clone(), (notice.seq, now));
        if notice.is_closed() {
            self.open.remove(&notice.thread);
        } else {
            self.open.insert(notice.thread.clone(), (issue(notice), now));
        }
        while self.open.len() > KEPT {
            let oldest = self.open.iter().min_by_key(|(_, (_, at))| *at).map(|(thread, _)| thread.clone());
            self.open.remove(&oldest.unwrap_or_default());
        }
        self
    }
}

fn issue(notice: &Notice) -> Issue {
    let names: Vec<_> = notice.resources.iter().map(|resource| resource.name.as_str()).collect();
    let (text, names) = (text::cut(&text::line(&notice.text), TEXT), text::cut(&names.join(" "), TEXT));
    Issue {
        arn: notice.event_arn.clone(),
        service: notice.service.to_uppercase(),
        region: notice.region.clone(),
        type_code: notice.type_code.clone(),
        text: format!("{text} {names}"),
    }
}
