//! The values of AWS Health events. What AWS has added since is kept as sent, and a date that nobody understands as well.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `eventTypeCategory`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Category {
    /// Something is broken now.
    Issue,
    /// News about the account.
    AccountNotification,
    /// Something will change at a known time.
    ScheduledChange,
    /// AWS is looking into something.
    Investigation,
    /// A value that AWS has added since, kept as sent.
    #[serde(untagged)]
    Other(String),
}

/// `statusCode` of an event.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// The date is ahead.
    Upcoming,
    /// It is going on, or the date has passed with resources unresolved.
    Open,
    /// It is over.
    Closed,
    /// A value that AWS has added since, kept as sent.
    #[serde(untagged)]
    Other(String),
}

impl Status {
    /// Which of two statuses with the same `lastUpdatedTime` is the later one.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Upcoming => 0,
            Self::Open | Self::Other(_) => 1,
            Self::Closed => 2,
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Upcoming => "upcoming",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Other(raw) => raw,
        })
    }
}

/// `status` of an affected entity.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EntityStatus {
    /// An issue affects it.
    Impaired,
    /// An issue does not affect it any more.
    Unimpaired,
    /// A planned change still has to be made on it.
    Pending,
    /// The change is made, or the resource is gone.
    Resolved,
    /// AWS does not know, or did not say.
    Unknown,
    /// A value that AWS has added since, kept as sent.
    #[serde(untagged)]
    Other(String),
}

impl EntityStatus {
    /// Whether nothing is left to do about the entity.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Resolved | Self::Unimpaired)
    }

    /// The word that AWS uses.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Impaired => "IMPAIRED",
            Self::Unimpaired => "UNIMPAIRED",
            Self::Pending => "PENDING",
            Self::Resolved => "RESOLVED",
            Self::Unknown => "UNKNOWN",
            Self::Other(raw) => raw,
        }
    }
}

/// `actionability`, since December 2025.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Actionability {
    /// Somebody has to do something.
    ActionRequired,
    /// Somebody has to look whether there is something to do.
    ActionMayBeRequired,
    /// Nothing to do.
    Informational,
    /// A value that AWS has added since, kept as sent.
    #[serde(untagged)]
    Other(String),
}

/// A date as AWS wrote it: understood, or kept raw, so that an odd one never hides a notice.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum When {
    /// Understood.
    At(Timestamp),
    /// As sent.
    Raw(String),
}

impl When {
    /// The moment, when it was understood.
    pub fn timestamp(&self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(*at),
            Self::Raw(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_value_is_kept_as_sent() {
        let status: Status = serde_json::from_str("\"paused\"").unwrap();
        assert_eq!(status, Status::Other("paused".into()));
        assert_eq!(serde_json::to_string(&status).unwrap(), "\"paused\"");
        let known: Category = serde_json::from_str("\"scheduledChange\"").unwrap();
        assert_eq!(known, Category::ScheduledChange);
    }

    #[test]
    fn a_date_that_nobody_understands_survives_storage() {
        for text in ["\"2026-11-05T10:00:00Z\"", "\"next Tuesday, perhaps\""] {
            let when: When = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&when).unwrap(), text);
        }
    }
}
