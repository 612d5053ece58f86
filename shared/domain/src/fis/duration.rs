//! Durations as FIS and Chaos Mesh write them.

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// Reads an ISO 8601 duration as FIS takes it: `PT5M`, `PT1H30M`.
///
/// Source: AWS FIS User Guide, "AWS FIS Actions reference" ("a string in ISO 8601 format").
///
/// # Errors
/// What is wrong, and the mend: another form (`5m`), months where minutes were meant (`P5M`), nothing or less.
pub fn iso(text: &str) -> Result<SignedDuration, String> {
    let unreadable =
        || format!("`{text}` is no ISO 8601 duration: write PT5M for five minutes, PT1H for an hour");
    let span = text.starts_with('P').then(|| text.parse::<Span>().ok()).flatten().ok_or_else(unreadable)?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(format!("`{text}` counts months or years: write PT5M for five minutes, with the T"));
    }
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| unreadable())?;
    if duration <= SignedDuration::ZERO {
        return Err(format!("`{text}` is no time at all: write PT1M or longer"));
    }
    Ok(duration)
}

/// Reads a duration as Go and Chaos Mesh write it: `30s`, `1h30m`.
///
/// Source: Chaos Mesh, `api/v1alpha1/podchaos_types.go` (`duration`), and Go's `time.ParseDuration`.
///
/// # Errors
/// What is wrong, and the mend.
pub fn go(text: &str) -> Result<SignedDuration, String> {
    let is_go = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'h' | 'm' | 's' | 'u' | 'µ' | 'n');
    let span = text.chars().all(is_go).then(|| text.parse::<SignedDuration>().ok()).flatten();
    span.filter(|duration| *duration > SignedDuration::ZERO)
        .ok_or_else(|| format!("`{text}` is no duration: write 30s, 5m or 1h30m"))
}

/// `duration` for people: `1h 30m`.
pub fn shown(duration: SignedDuration) -> String {
    format!("{duration:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_durations_are_read_and_everything_else_is_refused_with_the_mend() {
        assert_eq!(iso("PT1H30M"), Ok(SignedDuration::from_mins(90)));
        assert_eq!(iso("P1D"), Ok(SignedDuration::from_hours(24)));
        assert!(iso("P5M").unwrap_err().contains("months"));
        for wrong in ["", "5m", "PT", "-PT5M", "PT0S", "300", "PT-5M", "5 minutes"] {
            assert!(iso(wrong).unwrap_err().contains("PT"), "{wrong}");
        }
    }

    #[test]
    fn go_durations_are_read_and_iso_ones_are_not() {
        assert_eq!(go("90s"), Ok(SignedDuration::from_secs(90)));
        assert_eq!(go("1h30m"), Ok(SignedDuration::from_mins(90)));
        assert_eq!(go("1.5h"), Ok(SignedDuration::from_mins(90)));
        assert_eq!(go("500ms"), Ok(SignedDuration::from_millis(500)));
        for wrong in ["", "PT2M", "5", "2 minutes", "1d", "0s", "-5m"] {
            assert!(go(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_duration_is_shown_in_hours_and_minutes() {
        assert_eq!(shown(SignedDuration::from_mins(90)), "1h 30m");
    }
}
