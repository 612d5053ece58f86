//! What is wrong with a template, where, and how to mend it.

use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The template must not be started.
    Refuse,
    /// Somebody should look; by itself it stops nothing.
    Warn,
}

/// One thing that a rule found.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The rule, in kebab-case: stable, so that it can be searched for and counted.
    pub rule: &'static str,
    /// Where, in the API's spelling, whatever form the template came in: `targets.Nodes.selectionMode`.
    pub place: String,
    /// What is wrong, and the mend.
    pub message: String,
}

impl Finding {
    pub(super) fn refuse(rule: &'static str, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Refuse, rule, place: place.into(), message: message.into() }
    }

    pub(super) fn warn(rule: &'static str, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warn, rule, place: place.into(), message: message.into() }
    }

    /// A limit can't be held to a value that CloudFormation decides.
    pub(super) fn unresolved(place: impl Into<String>) -> Self {
        let mend = "only a deployment decides this value: give its parameter a default, or judge the deployed template";
        Self::refuse("unresolved", place, mend)
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Refuse => "refused",
            Severity::Warn => "warning",
        };
        write!(f, "{severity}: {}: {} [{}]", self.place, self.message, self.rule)
    }
}

/// Whether any of `findings` forbids a start.
pub fn is_refused(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_alone_refuses_nothing() {
        let warning = Finding::warn("log-absent", "logConfiguration", "add one");
        assert_eq!(warning.to_string(), "warning: logConfiguration: add one [log-absent]");
        assert!(!is_refused(std::slice::from_ref(&warning)));
        assert!(is_refused(&[warning, Finding::refuse("role-absent", "roleArn", "add one")]));
    }
}
