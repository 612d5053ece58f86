//! What a template may do at most.

use jiff::SignedDuration;
use wildmatch::WildMatch;

/// A tag of an AWS resource.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// The limits that a template is held to.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The tag by which a resource's owner agrees to drills. By default `ChaosReady=Yes`.
    pub opt_in_tag: Tag,
    /// The most resources that one target may select by number: by default 5, as many as the FIS quota lets most
    /// actions resolve by tag (AWS FIS User Guide, "Quotas and limitations").
    pub max_count: u64,
    /// The largest share of resources, in percent: by default 50. At 100, `ALL` is allowed.
    pub max_percent: u64,
    /// The longest planned run: by default 1 hour. FIS itself allows 12.
    pub max_duration: SignedDuration,
    /// Whether actions are allowed that stopping the experiment can't undo. By default they are not.
    pub allow_destructive: bool,
    /// Patterns (`*`, `?`) of the action ids allowed: by default `aws:*`. An action that is not known here is allowed
    /// only by its exact id.
    pub allowed_actions: Vec<String>,
    /// Patterns of the ARNs of roles that FIS may act as (`[drills] roles`). By default none, which allows every role.
    pub allowed_roles: Vec<String>,
    /// Patterns of the ARNs of SSM documents whose blast radius somebody has read and accepted. By default none;
    /// commands that begin with `AWSFIS-` need no allowance.
    pub allow_ssm_automation: Vec<String>,
    /// Whether `emptyTargetResolutionMode: skip` only warns. By default it refuses.
    pub allow_empty_targets: bool,
    /// Whether a template without a log only warns. By default it refuses.
    pub allow_unlogged: bool,
    /// Patterns (`*`, `?`) of the tags, as `KEY=VALUE`, that forbid to hit a resource even if it has opted in. By default none.
    pub forbid_tags: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            opt_in_tag: Tag { key: "ChaosReady".to_owned(), value: "Yes".to_owned() },
            max_count: 5,
            max_percent: 50,
            max_duration: SignedDuration::from_hours(1),
            allow_destructive: false,
            allowed_actions: vec!["aws:*".to_owned()],
            allowed_roles: Vec::new(),
            allow_ssm_automation: Vec::new(),
            allow_empty_targets: false,
            allow_unlogged: false,
            forbid_tags: Vec::new(),
        }
    }
}

impl Limits {
    /// Whether `allowed_actions` has a pattern for `id`.
    pub(super) fn allows_action(&self, id: &str) -> bool {
        self.allowed_actions.iter().any(|pattern| WildMatch::new(pattern).matches(id))
    }

    /// Whether `allowed_actions` has `id` itself.
    pub(super) fn names_action(&self, id: &str) -> bool {
        self.allowed_actions.iter().any(|allowed| allowed == id)
    }

    /// Whether FIS may act as the role `arn`.
    pub(super) fn allows_role(&self, arn: &str) -> bool {
        self.allowed_roles.is_empty()
            || self.allowed_roles.iter().any(|pattern| WildMatch::new(pattern).matches(arn))
    }

    /// Whether the tag `key`=`value` forbids to hit a resource.
    pub fn forbids_tag(&self, key: &str, value: &str) -> bool {
        let tag = format!("{key}={value}");
        self.forbid_tags.iter().any(|pattern| WildMatch::new(pattern).matches(&tag))
    }

    /// Whether the SSM document `arn` is allowed explicitly.
    pub(super) fn allows_document(&self, arn: &str) -> bool {
        self.allow_ssm_automation.iter().any(|pattern| WildMatch::new(pattern).matches(arn))
    }
}
