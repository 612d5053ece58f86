use super::*;

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// A calendar of these events, as programs write it.
fn calendar(events: &[&str]) -> String {
    let event = |lines: &&str| format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT\n");
    let events: String = events.iter().map(event).collect();
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//ours//EN\n{events}END:VCALENDAR\n").replace('\n', "\r\n")
}

fn read_between(text: &str, first: &str, last: &str) -> Result<Found, Vec<String>> {
    read(text.as_bytes(), date(first), date(last))
}

/// The days of these events from 2026 to 2028, as `2026-12-25 Christmas Day`.
fn days(events: &[&str]) -> Vec<String> {
    let found = read_between(&calendar(events), "2026-01-01", "2028-12-31").unwrap();
    assert_eq!(found.timed, [""; 0]);
    found.days.iter().map(|(day, name)| format!("{day} {name}").trim_end().to_owned()).collect()
}

/// What is wrong with these events.
fn problems(events: &[&str]) -> Vec<String> {
    read_between(&calendar(events), "2026-01-01", "2028-12-31").unwrap_err()
}

#[test]
fn an_event_takes_its_days_and_the_end_is_not_one_of_them() {
    let start = "DTSTART;VALUE=DATE:20261224\n";
    let three = ["2026-12-24", "2026-12-25", "2026-12-26"];
    for (end, expected) in [
        ("DTEND;VALUE=DATE:20261227", &three[..]),
        ("DURATION:P3D", &three),
        ("DTEND;VALUE=DATE:20261225", &three[..1]),
        ("DTEND;VALUE=DATE:20261224", &three[..1]),
        ("TRANSP:TRANSPARENT", &three[..1]),
    ] {
        assert_eq!(days(&[&format!("{start}{end}")]), expected, "{end}");
    }
}

#[test]
fn only_days_that_are_asked_for_are_taken() {
    let event = calendar(&["DTSTART;VALUE=DATE:20261230\nDTEND;VALUE=DATE:20270105\nSUMMARY:Closed"]);
    let found = read_between(&event, "2026-12-31", "2027-01-02").unwrap();
    assert_eq!(
        found.days.into_keys().collect::<Vec<_>>(),
        ["2026-12-31", "2027-01-01", "2027-01-02"].map(date)
    );
    assert_eq!(read_between(&event, "2027-01-05", "2027-12-31").unwrap(), Found::default());
}

#[test]
fn a_day_that_comes_every_year_is_taken_in_each() {
    let of = |start: &str, rule: &str| days(&[&format!("DTSTART;VALUE=DATE:{start}\nRRULE:{rule}")]);
    let all = ["2026-12-25", "2027-12-25", "2028-12-25"];
    for (rule, expected) in [
        ("FREQ=YEARLY", &all[..]),
        ("freq=yearly;BYMONTH=12;BYMONTHDAY=25;WKST=MO", &all),
        ("FREQ=YEARLY;BYMONTH=12", &all),
        ("FREQ=YEARLY;UNTIL=20271225", &all[..2]),
        ("FREQ=YEARLY;UNTIL=20271224T235959Z", &all[..1]),
        ("FREQ=YEARLY;COUNT=8", &all[..1]),
        ("FREQ=YEARLY;INTERVAL=4", &all[1..2]),
    ] {
        assert_eq!(of("20191225", rule), expected, "{rule}");
    }
    assert_eq!(of("20200229", "FREQ=YEARLY"), ["2028-02-29"]);
    assert_eq!(of("20200229", "FREQ=YEARLY;COUNT=2"), [""; 0], "2021 does not count");
    assert_eq!(
        days(&["DTSTART;VALUE=DATE:20201231\nDTEND;VALUE=DATE:20210102\nRRULE:FREQ=YEARLY;UNTIL=20251231"]),
        ["2026-01-01"],
        "it began in the year before"
    );
}

#[test]
fn a_series_leaves_out_its_exceptions_and_follows_those_that_were_moved() {
    let king = "UID:king\nDTSTART;VALUE=DATE:20200427\nRRULE:FREQ=YEARLY\nSUMMARY:King's Day";
    let except = format!("{king}\nEXDATE;VALUE=DATE:20250427,20260427\nEXDATE;VALUE=DATE:20280427");
    assert_eq!(days(&[&except]), ["2027-04-27 King's Day"]);
    let moved = "UID:king\nRECURRENCE-ID;VALUE=DATE:20270427\nDTSTART;VALUE=DATE:20270426\nSUMMARY:Moved";
    let none = "UID:king\nRECURRENCE-ID;VALUE=DATE:20280427\nDTSTART;VALUE=DATE:20280427\nSTATUS:CANCELLED";
    let other = "UID:queen\nDTSTART;VALUE=DATE:20280427\nSUMMARY:Another";
    assert_eq!(
        days(&[none, king, moved, other]),
        ["2026-04-27 King's Day", "2027-04-26 Moved", "2028-04-27 Another"]
    );
}

#[test]
fn what_is_repeated_in_another_way_is_refused_with_every_event_that_is() {
    for rule in [
        "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
        "RRULE:FREQ=YEARLY;BYMONTHDAY=26",
        "RRULE:FREQ=YEARLY;BYMONTH=11,12",
        "RRULE:FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=26",
        "RRULE:FREQ=MONTHLY",
        "RRULE:INTERVAL=1",
        "RRULE:FREQ=YEARLY;INTERVAL=0",
        "RRULE:FREQ=YEARLY;UNTIL=soon",
        "RRULE:FREQ=YEARLY;FREQ=YEARLY",
        "RRULE:FREQ=YEARLY\nRRULE:FREQ=YEARLY;INTERVAL=2",
        "RDATE;VALUE=DATE:20271125",
        "EXRULE:FREQ=YEARLY;INTERVAL=2",
        "RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20261126",
    ] {
        let thanks = format!("DTSTART;VALUE=DATE:20261126\nSUMMARY:Thanksgiving\n{rule}");
        let found = problems(&[&thanks, "DTSTART;VALUE=DATE:20261225", &thanks]);
        assert_eq!(found.len(), 2, "{rule}: {found:?}");
        assert!(
            found[0].starts_with("`Thanksgiving` on 2026-11-26: R") || rule.starts_with('E'),
            "{found:?}"
        );
        assert!(found[0].ends_with(": make each of its days an event of its own"), "{found:?}");
    }
    assert_eq!(
        problems(&["DTSTART;VALUE=DATE:20261126\nRRULE:FREQ=WEEKLY\nUID:7@x"]),
        ["`7@x` on 2026-11-26: RRULE FREQ=WEEKLY is not understood, only its own day of each year is: \
          make each of its days an event of its own"]
    );
}

#[test]
fn an_event_whose_days_nobody_can_know_is_a_problem() {
    for (event, problem) in [
        ("SUMMARY:x", "`x`: it has no DTSTART"),
        ("DTSTART:tomorrow", "an event without a summary: DTSTART tomorrow is no day, as in 20261225"),
        ("DTSTART:20260230", "an event without a summary: DTSTART 20260230 is no day, as in 20261225"),
        (
            "DTSTART:20260301\nDTEND:20260228\nUID:u",
            "`u` on 2026-03-01: it ends on 2026-02-28, before it begins",
        ),
        (
            "DTSTART:20260301\nDTEND:20260302T090000",
            "an event without a summary on 2026-03-01: DTEND 20260302T090000",
        ),
        (
            "DTSTART:20260301\nDURATION:long",
            "an event without a summary on 2026-03-01: DURATION long is no number",
        ),
        (
            "DTSTART:20260301\nEXDATE:20260301T000000",
            "an event without a summary on 2026-03-01: EXDATE 20260301T0",
        ),
    ] {
        let [found] = problems(&[event]).try_into().unwrap();
        assert!(found.starts_with(problem), "{found}");
    }
}

#[test]
fn what_is_cancelled_or_has_a_time_of_day_is_left_out() {
    let events = calendar(&[
        "DTSTART;VALUE=DATE:20261225\nSTATUS:CANCELLED\nRRULE:FREQ=DAILY",
        "DTSTART;TZID=Europe/Berlin:20261210T120000\nSUMMARY:Lunch\nRRULE:FREQ=WEEKLY",
        "DTSTART:20261211T120000Z\nUID:only-an-id",
        "DTSTART;VALUE=DATE:20261226\nSTATUS:CONFIRMED",
    ]);
    let found = read_between(&events, "2026-01-01", "2026-12-31").unwrap();
    assert_eq!(found.days.into_keys().collect::<Vec<_>>(), [date("2026-12-26")]);
    assert_eq!(found.timed, ["`Lunch` on 2026-12-10", "`only-an-id` on 2026-12-11"]);
}

#[test]
fn a_day_is_called_what_all_its_events_are_on_one_line_that_ends() {
    let day = |name: &str| format!("DTSTART;VALUE=DATE:20261225\nSUMMARY{name}");
    let of = |names: &[&str]| {
        let events: Vec<_> = names.iter().map(|name| day(name)).collect();
        days(&events.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(
        of(&[":", ":Christmas", ";LANGUAGE=en:Holy Day", ":Christmas"]),
        ["2026-12-25 Christmas; Holy Day"]
    );
    assert_eq!(
        of(&[":Rest\\, peace\\nand\\; \u{7}\u{202e}joy\u{2028}x = 1"]),
        ["2026-12-25 Rest, peace and; joy x = 1"]
    );
    let [long] = of(&[&format!(":{}", "a".repeat(100)), ":b"]).try_into().unwrap();
    assert_eq!(long, format!("2026-12-25 {}…", "a".repeat(59)));
}

#[test]
fn folds_line_ends_a_mark_and_empty_lines_make_no_difference() {
    let text = calendar(&["DTSTART;VALUE=DATE:20261208\nSUMMARY:Mariä Empfängnis\nX-A;B=\"c;d:e\":f"]);
    let name = "Mariä Empfängnis".to_owned();
    let expected = Found { days: [(date("2026-12-08"), name)].into(), timed: vec![] };
    let (head, tail) = text.split_once("Empf").unwrap();
    for text in [
        text.clone(),
        text.replace("\r\n", "\n"),
        format!("\u{feff}{}", text.replace("\r\n", "\r\n\r\n")),
        format!("{head}Em\r\n pf{tail}"),
        format!("{head}Em\n\tpf{}", tail.replace("\r\n", "\n")),
        text.replace("VEVENT", "vevent").replace("DTSTART", "dtstart").replace("DATE:2", "date:2"),
    ] {
        assert_eq!(read_between(&text, "2026-01-01", "2026-12-31"), Ok(expected.clone()), "{text:?}");
    }
    // Folded between the two bytes of ä.
    let at = text.find('ä').unwrap() + 1;
    let folded = [&text.as_bytes()[..at], b"\r\n ", &text.as_bytes()[at..]].concat();
    assert_eq!(read(&folded, date("2026-01-01"), date("2026-12-31")), Ok(expected));
}

#[test]
fn a_file_may_hold_several_calendars_and_other_things() {
    let one = calendar(&["DTSTART;VALUE=DATE:20261225\nBEGIN:VALARM\nACTION:DISPLAY\nEND:VALARM"]);
    let zone = "BEGIN:VTIMEZONE\r\nTZID:x\r\nBEGIN:STANDARD\r\nDTSTART:19961027T030000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";
    let two = calendar(&["DTSTART;VALUE=DATE:20261226"]).replacen(
        "BEGIN:VEVENT",
        &format!("{zone}BEGIN:VEVENT"),
        1,
    );
    let found = read_between(&(one + &two), "2026-01-01", "2026-12-31").unwrap();
    assert_eq!(found.days.into_keys().collect::<Vec<_>>(), ["2026-12-25", "2026-12-26"].map(date));
}

#[test]
fn a_file_that_is_no_calendar_says_where() {
    let good = calendar(&["DTSTART;VALUE=DATE:20261225\nSUMMARY:a folded\n  name"]);
    let cut = good.split_inclusive('\n').take(6).collect::<String>();
    let page = "<!DOCTYPE html>\n<html>\n";
    for (text, problem) in [
        ("", "it is empty"),
        ("\r\n\r\n", "it is empty"),
        (page, "line 1: `<!DOCTYPE html>` is no iCalendar file: that begins with BEGIN:VCALENDAR"),
        (&cut, "it ends before its END:VCALENDAR: fetch it again"),
        (&format!("{good}{page}"), "line 10: `<!DOCTYPE html>` is no iCalendar file"),
        (&good.replace("END:VEVENT", "what is this"), "line 8: `what is this` is nothing that an"),
        (&good.replace("END:VEVENT", "END:VTODO"), "line 8: `END:VTODO` is nothing that an"),
        (&good.replace("END:VEVENT\r\n", ""), "line 8: `END:VCALENDAR` is nothing that an"),
    ] {
        let [found] = read_between(text, "2026-01-01", "2026-12-31").unwrap_err().try_into().unwrap();
        assert!(found.starts_with(problem), "{problem}\n{found}");
    }
    let latin = good.replace("name", "n\u{e9}e").chars().map(|c| c as u8).collect::<Vec<_>>();
    assert_eq!(
        read(&latin, date("2026-01-01"), date("2026-12-31")),
        Err(vec!["line 6 is not UTF-8: save the file as UTF-8".to_owned()])
    );
}
