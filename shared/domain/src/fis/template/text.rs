//! A text of a template, or the function that will give it.

use serde::Serialize;
use serde_json::Value;

/// A text of a template.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Text {
    /// It is known.
    Known(String),
    /// CloudFormation decides when it deploys: an intrinsic function (`{"Ref": "AlarmArn"}`).
    Deferred(Value),
}

impl Text {
    /// The text, when it is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            Self::Deferred(_) => None,
        }
    }

    /// Whether it is known to be `text`.
    pub fn is(&self, text: &str) -> bool {
        self.known() == Some(text)
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::Known(String::new())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Known(text.to_owned())
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Known(text) => f.write_str(text),
            Self::Deferred(function) => write!(f, "{function}"),
        }
    }
}

/// By what is shown: an order for sorting, without a meaning.
impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |text: &Self| (matches!(text, Self::Deferred(_)), text.to_string());
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
