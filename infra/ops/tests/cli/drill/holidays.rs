//! `drill holidays`: days of an iCalendar file, written into the configuration.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::{Value, json};

use super::{DRILLS, text};
use crate::{ROOT, config, fresh, out, watchkeeper};

/// What somebody has exported: two days of one event, one that comes every year, one that is known, one that is over, and
/// one that is no holiday.
const CALENDAR: &str = "\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//ours//EN
BEGIN:VEVENT
UID:closed
DTSTART;VALUE=DATE:20261230
DTEND;VALUE=DATE:20270101
SUMMARY:The office is closed\\, and
  nobody is there
END:VEVENT
BEGIN:VEVENT
UID:may
DTSTART;VALUE=DATE:20200501
RRULE:FREQ=YEARLY
SUMMARY:Labour Day
END:VEVENT
BEGIN:VEVENT
UID:christmas
DTSTART;VALUE=DATE:20261225
SUMMARY:Christmas Day
END:VEVENT
BEGIN:VEVENT
UID:over
DTSTART;VALUE=DATE:20260406
SUMMARY:Easter Monday
END:VEVENT
BEGIN:VEVENT
UID:lunch
DTSTART;TZID=Europe/Berlin:20261210T120000
SUMMARY:Lunch
END:VEVENT
END:VCALENDAR
";

/// A configuration with one holiday, and a calendar beside it.
struct Files {
    state: PathBuf,
    config: String,
    calendar: String,
}

impl Files {
    fn new(name: &str, calendar: &str) -> Self {
        let state = fresh(name);
        let path = state.join("days.ics");
        fs::write(&path, calendar.replace('\n', "\r\n")).unwrap();
        let calendar = path.to_str().unwrap().to_owned();
        Self { config: config(&state, DRILLS), calendar, state }
    }

    /// The two as the command names them: from the root of the repository, where it runs.
    fn shown(&self) -> (String, String) {
        let root = fs::canonicalize(ROOT).unwrap();
        let below = |file: &str| {
            let file = Path::new(file);
            file.strip_prefix(&root).unwrap_or(file).display().to_string()
        };
        (below(&self.calendar), below(&self.config))
    }

    /// `drill holidays`, on 21 November 2026.
    fn take(&self, more: &[&str]) -> Output {
        let args = ["drill", "holidays", &self.calendar, "--config", &self.config, "--from", "2026-11-21"];
        watchkeeper(&self.state, &[&args[..], more].concat())
    }

    fn written(&self) -> String {
        fs::read_to_string(&self.config).unwrap()
    }
}

const LIST: &str = "\
holidays = [
  2026-12-25,
  2026-12-30, # The office is closed, and nobody is there
  2026-12-31, # The office is closed, and nobody is there
  2027-05-01, # Labour Day
]
";

#[test]
fn days_are_added_once_and_nothing_else_is_touched() {
    let files = Files::new("holidays", CALENDAR);
    let (calendar, config) = files.shown();
    let first = files.take(&[]);
    assert_eq!(
        out(&first),
        format!(
            "3 days added from {calendar}; already there: 1 day
  Wed 2026-12-30  The office is closed, and nobody is there
  Thu 2026-12-31  The office is closed, and nobody is there
  Sat 2027-05-01  Labour Day
written into {config}: commit it, and have that reviewed\n"
        )
    );
    let left_out = format!("{calendar}: left out, for a holiday takes whole days: `Lunch` on 2026-12-10\n");
    assert_eq!(text(&first.stderr), left_out);
    assert_eq!(files.written(), DRILLS.replace("holidays = [2026-12-25]\n", LIST));
    let beside: Vec<_> = fs::read_dir(&files.state).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(beside.len(), 2, "{beside:?}");

    let second = out(&files.take(&[]));
    let known = format!("{calendar}: 4 days from 2026-11-21 to 2027-12-31, in {config} already");
    assert_eq!(second, format!("{known}: nothing to add\n"));
    assert_eq!(files.written(), DRILLS.replace("holidays = [2026-12-25]\n", LIST));
}

#[test]
fn a_day_that_was_added_refuses_a_drill() {
    let files = Files::new("holidays-refuse", &CALENDAR.replace("20261225", "20261218"));
    let preview = ["drill", "preview", "--config", &files.config, "--from", "2026-12-14", "--days", "7"];
    let refused = "2026-12-18 is a holiday; it fits at Fri 2027-01-08 09:00 [window]";
    assert!(!out(&watchkeeper(&files.state, &preview)).contains(refused));
    out(&files.take(&["--until", "2027-01-01"]));
    let told = out(&watchkeeper(&files.state, &preview));
    assert!(told.contains("2026-12-18 is a holiday; it fits at "), "{told}");
}

#[test]
fn a_dry_run_shows_what_would_be_added_and_writes_nothing() {
    let files = Files::new("holidays-dry", CALENDAR);
    let told = out(&files.take(&["--dry-run", "--until", "2026-12-30"]));
    assert!(told.starts_with("1 day would be added from "), "{told}");
    assert!(told.contains("\nnothing is written: without --dry-run, that goes into "), "{told}");
    let json = |more: &[&str]| -> Value { serde_json::from_str(&out(&files.take(more))).unwrap() };
    let (calendar, config) = files.shown();
    let mut expected = json!({
        "file": calendar,
        "config": config,
        "from": "2026-11-21",
        "until": "2026-12-30",
        "written": false,
        "added": [{"day": "2026-12-30", "name": "The office is closed, and nobody is there"}],
        "known": ["2026-12-25"],
        "timed": ["`Lunch` on 2026-12-10"],
    });
    assert_eq!(json(&["--json", "--dry-run", "--until", "2026-12-30"]), expected);
    assert_eq!(files.written(), DRILLS);
    expected["written"] = json!(true);
    assert_eq!(json(&["--json", "--until", "2026-12-30"]), expected);
    assert!(files.written().contains("  2026-12-30, # The office"));
}

#[test]
fn a_file_without_a_day_in_the_time_asked_for_is_a_failure() {
    let files = Files::new("holidays-none", CALENDAR);
    let none = files.take(&["--until", "2026-12-24"]);
    assert_eq!(none.status.code(), Some(1));
    let expected = "has no event of whole days from 2026-11-21 to 2026-12-24: is it another year's?";
    assert_eq!(text(&none.stdout), format!("{} {expected}\n", files.shown().0));
    let before = files.take(&["--until", "2026-11-20"]);
    assert_eq!(before.status.code(), Some(1));
    assert!(text(&before.stderr).contains("--until 2026-11-20 is before 2026-11-21"), "{before:?}");
    assert_eq!(files.written(), DRILLS);
}

#[test]
fn a_problem_in_either_file_keeps_everything_as_it_was() {
    let files =
        Files::new("holidays-problem", &CALENDAR.replace("FREQ=YEARLY", "FREQ=YEARLY;BYMONTH=5;BYDAY=1MO"));
    let failed = files.take(&[]);
    assert_eq!((failed.status.code(), text(&failed.stdout)), (Some(1), String::new()));
    let told = text(&failed.stderr);
    let problem = "\n  `Labour Day` on 2020-05-01: RRULE FREQ=YEARLY;BYMONTH=5;BYDAY=1MO is not understood";
    assert!(
        told.contains("days.ics has problems, and nothing is written:") && told.contains(problem),
        "{told}"
    );
    assert_eq!(files.written(), DRILLS);

    fs::write(&files.calendar, CALENDAR).unwrap();
    let broken = DRILLS.replace("zone = \"UTC\"", "zone = \"Mars\"");
    fs::write(&files.config, &broken).unwrap();
    assert!(text(&files.take(&[]).stderr).contains("the configuration has problems"));
    assert_eq!(files.written(), broken);
    fs::remove_file(Path::new(&files.calendar)).unwrap();
    fs::write(&files.config, DRILLS).unwrap();
    assert!(text(&files.take(&[]).stderr).contains("could not read "));
}

#[cfg(unix)]
#[test]
fn behind_a_link_the_file_itself_is_written_and_keeps_who_may_read_it() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let mut files = Files::new("holidays-link", CALENDAR);
    let file = PathBuf::from(&files.config);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let link = files.state.join("link.toml");
    symlink("watchkeeper.toml", &link).unwrap();
    files.config = link.to_str().unwrap().to_owned();
    out(&files.take(&[]));
    assert!(link.is_symlink());
    assert!(fs::read_to_string(&file).unwrap().contains(LIST));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
}
