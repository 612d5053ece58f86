//! How often a schedule ticks.

use jiff::SignedDuration;

/// The expression of a schedule (EventBridge Scheduler User Guide, "Schedule types").
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Every {
    /// `rate(5 minutes)`.
    Rate(SignedDuration),
    /// `cron(…)` or `at(…)`, as it was written.
    Text(String),
}

impl Every {
    /// Parses `expression`. `None` when no schedule looks like that.
    pub fn parse(expression: &str) -> Option<Self> {
        let (kind, rest) = expression.split_once('(')?;
        let inner = rest.strip_suffix(')')?;
        match kind {
            "rate" => rate(inner).map(Self::Rate),
            "cron" | "at" => Some(Self::Text(expression.to_owned())),
            _ => None,
        }
    }
}

fn rate(text: &str) -> Option<SignedDuration> {
    let (count, unit) = text.split_once(' ')?;
    let count: u32 = count.parse().ok().filter(|count| *count > 0)?;
    let seconds = match unit.strip_suffix('s').unwrap_or(unit) {
        "minute" => 60,
        "hour" => 60 * 60,
        "day" => 24 * 60 * 60,
        _ => return None,
    };
    Some(SignedDuration::from_secs(i64::from(count) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_duration_and_what_is_no_schedule_is_none() {
        assert_eq!(Every::parse("rate(5 minutes)"), Some(Every::Rate(SignedDuration::from_mins(5))));
        assert_eq!(Every::parse("rate(1 day)"), Some(Every::Rate(SignedDuration::from_hours(24))));
        let cron = "cron(0 3 * * ? *)";
        assert_eq!(Every::parse(cron), Some(Every::Text(cron.to_owned())));
        for wrong in ["rate(0 minutes)", "rate(5 weeks)", "rate(5minutes)", "rate(5 minutes", "5 minutes", ""]
        {
            assert_eq!(Every::parse(wrong), None, "{wrong}");
        }
    }
}
