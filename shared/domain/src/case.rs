//! An AWS Health event as one account sees it: pages, the communication that they make up, the case.
//!
//! Field meanings: AWS Health User Guide, "Reference: AWS Health events Amazon EventBridge schema".

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    notice::{Kind, Severity},
    records::State,
    text::fingerprint,
};

mod values;

pub use values::{Actionability, Category, EntityStatus, Status, When};

/// What makes two deliveries the same case: the affected account and the event ARN. An ARN alone is shared by accounts.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct CaseId {
    /// The affected account: 12 digits.
    pub account: String,
    /// The event ARN, at most 1,600 characters.
    pub event_arn: String,
}

impl CaseId {
    /// The partition of the case in the table.
    pub fn partition(&self) -> String {
        format!("CASE#{}#{}", self.account, self.event_arn)
    }

    /// The case that a partition belongs to, if it is one.
    pub fn from_partition(pk: &str) -> Option<Self> {
        let (account, event_arn) = pk.strip_prefix("CASE#")?.split_once('#')?;
        Some(Self { account: account.to_owned(), event_arn: event_arn.to_owned() })
    }

    /// The thread of every notice of the case: short, and safe to show.
    pub fn thread(&self) -> String {
        fingerprint([self.account.as_str(), &self.event_arn])
    }
}

/// A resource that the event names.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entity {
    /// `entityValue`: an ARN, a bare id, `UNKNOWN`, `AWS_ACCOUNT` or an account id.
    pub value: String,
    /// `status`.
    pub status: EntityStatus,
    /// `tags`, which only old events and drills carry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// Everything that a page says, besides which page it is and its entities. The same on every page.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Content {
    /// `lastUpdatedTime`; the time at which the first copy was sent, where AWS left it out.
    pub updated_at: Timestamp,
    /// `service`, in upper case: `RDS`.
    pub service: String,
    /// `eventTypeCode`.
    pub type_code: String,
    /// `eventTypeCategory`.
    pub category: Category,
    /// `eventScopeCode`: `ACCOUNT_SPECIFIC`, `PUBLIC`, or empty.
    pub scope: String,
    /// `eventRegion`: the impacted Region, or `global`.
    pub region: String,
    /// `startTime`: of a planned change, the soonest date on which resources are affected.
    pub start: Option<When>,
    /// `endTime`. It may lie ahead while the event is open.
    pub end: Option<When>,
    /// `statusCode`, or what the schema before 2023 implies.
    pub status: Status,
    /// `latestDescription`, cleaned.
    pub description: String,
    /// `eventMetadata`.
    pub metadata: BTreeMap<String, String>,
    /// `actionability`.
    pub actionability: Option<Actionability>,
    /// `personas`; the documented spelling `OPERATIONAL` becomes `OPERATIONS`.
    pub personas: Vec<String>,
    /// Whether it came as an "AWS Health Abuse Event".
    pub abuse: bool,
    /// Whether it is a drill (source `watchkeeper.drill`), and not from AWS.
    pub drill: bool,
}

/// One page as it was delivered: written once, never changed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Page {
    /// The case.
    pub case: CaseId,
    /// `communicationId` without its page suffix, or a fingerprint of the content where AWS sent none.
    pub communication: String,
    /// `page`, from 1.
    pub page: u32,
    /// `totalPages`.
    pub total_pages: u32,
    /// When it reached us: the page timeout runs from here.
    pub received_at: Timestamp,
    /// What it says.
    pub content: Content,
    /// Its share of `affectedEntities`.
    pub entities: Vec<Entity>,
}

impl Page {
    /// The sort key of the page.
    pub fn sort_key(&self) -> String {
        format!("{}{:05}", page_prefix(&self.communication), self.page)
    }
}

/// What the sort keys of a communication's pages begin with.
pub fn page_prefix(communication: &str) -> String {
    format!("PAGE#{communication}#")
}

/// Which of two communications is the newer one: by `lastUpdatedTime`, then by status. Arrival means nothing.
pub type Order = (Timestamp, u8);

/// What AWS said at one time about one event: the pages of it that have come, merged.
#[derive(Clone, Debug, PartialEq)]
pub struct Communication {
    /// Its id.
    pub id: String,
    /// What it says.
    pub content: Content,
    /// The entities of all its pages, in page order.
    pub entities: Vec<Entity>,
    /// How many pages have come.
    pub pages: u32,
    /// How many there are.
    pub total_pages: u32,
    /// When the first of them came.
    pub first_received_at: Timestamp,
}

impl Communication {
    /// Merges pages of one communication, in whatever order they come. `None` when there are none.
    pub fn merge(mut pages: Vec<Page>) -> Option<Self> {
        pages.sort_by_key(|page| page.page);
        pages.dedup_by_key(|page| page.page);
        let first_received_at = pages.iter().map(|page| page.received_at).min()?;
        let total_pages = pages.iter().map(|page| page.total_pages).max()?;
        let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        let mut pages = pages.into_iter();
        let first = pages.next()?;
        let mut entities = first.entities;
        entities.extend(pages.flat_map(|page| page.entities));
        Some(Self {
            id: first.communication,
            content: first.content,
            entities,
            pages: count,
            total_pages,
            first_received_at,
        })
    }

    /// Its place among the communications of the case.
    pub fn order(&self) -> Order {
        (self.content.updated_at, self.content.status.rank())
    }

    /// Whether every page has come.
    pub fn is_complete(&self) -> bool {
        self.pages >= self.total_pages
    }

    /// Whether the event is over.
    pub fn is_closed(&self) -> bool {
        self.content.status == Status::Closed
    }

    /// How many entities are in each status.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::new();
        for entity in &self.entities {
            *counts.entry(entity.status.as_str().to_owned()).or_default() += 1;
        }
        counts
    }

    /// A fingerprint of all that a person would call news: the same for a reminder that repeats what was said.
    pub fn digest(&self) -> String {
        let content = &self.content;
        let mut entities: Vec<_> =
            self.entities.iter().map(|e| (e.value.as_str(), e.status.as_str())).collect();
        entities.sort_unstable();
        let start = content.start.as_ref().map(when_text).unwrap_or_default();
        let end = content.end.as_ref().map(when_text).unwrap_or_default();
        let status = content.status.to_string();
        let said = [status.as_str(), &start, &end, &content.description];
        let named = entities.into_iter().flat_map(|(value, status)| [value, status]);
        fingerprint(said.into_iter().chain(named))
    }
}

fn when_text(when: &When) -> String {
    match when {
        When::At(at) => at.to_string(),
        When::Raw(raw) => raw.clone(),
    }
}

/// How many entities are in each status, by AWS's word for it.
pub type Counts = BTreeMap<String, u32>;

/// How many entities of `counts` have nothing left to do.
pub fn done(counts: &Counts) -> u32 {
    let done = [EntityStatus::Resolved, EntityStatus::Unimpaired];
    done.iter().filter_map(|status| counts.get(status.as_str())).sum()
}

/// The head of a case: what is known now, and how far people have been told.
///
/// It holds no lists that grow with the estate: entities stay in the pages.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Case {
    /// Which case.
    pub id: CaseId,
    /// The newest communication that was taken in.
    pub communication: String,
    /// Its place: an older one is stale.
    pub order: Order,
    /// A fingerprint of what it said.
    pub digest: String,
    /// Every communication at `order`, with the number of its pages that were taken in: what is a duplicate.
    pub heard: BTreeMap<String, u32>,
    /// `service`.
    pub service: String,
    /// `eventTypeCode`.
    pub type_code: String,
    /// `eventRegion`.
    pub region: String,
    /// The status of the event.
    pub status: Status,
    /// What sort of event it is.
    pub kind: Kind,
    /// How much it matters, as last told.
    pub severity: Severity,
    /// The day by which somebody must have acted.
    pub deadline: Option<Timestamp>,
    /// Who owns it.
    pub owner: Option<String>,
    /// Entities by status.
    pub entities: Counts,
    /// The communication that `entities` and `owner` are from: a closing one often names none.
    pub entities_from: Option<(Order, String)>,
    /// One line for lists.
    pub headline: String,
    /// How many notices there have been.
    pub seq: u32,
    /// When the next countdown notice is due.
    pub remind_at: Option<Timestamp>,
    /// When the case was first heard of.
    pub opened_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

/// A case lives as long as its event does, which for an unresolved planned change is four years past its date
/// (AWS Health User Guide, "Planned lifecycle events"), and a year longer.
impl State for Case {
    fn wake_at(&self) -> Option<Timestamp> {
        self.remind_at
    }

    fn expires_at(&self) -> Option<Timestamp> {
        let years = if self.is_closed() { 1 } else { 5 };
        let from = self.deadline.unwrap_or(self.changed_at).max(self.changed_at);
        // AWS's dates can be anything.
        Some(from.saturating_add(YEAR * years).unwrap_or(Timestamp::MAX))
    }
}

/// A year of 365 days.
pub const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

impl Case {
    /// Whether the event is over.
    pub fn is_closed(&self) -> bool {
        self.status == Status::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_names_its_case() {
        let id = CaseId { account: "111122223333".into(), event_arn: "arn:aws:health:x::event/A#B".into() };
        assert_eq!(CaseId::from_partition(&id.partition()), Some(id));
    }
}
