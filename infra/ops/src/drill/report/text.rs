//! The report as text for a terminal.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use watchkeeper_domain::{
    experiment::{
        plot::sparkline,
        report::Report,
        statistics::figure,
        timeline::Timeline,
        verdict::{Measured, Outcome, Verdict},
        windows::{Interval, Part},
    },
    fis::duration::shown,
    notice::Severity,
    render::terminal::Paint,
    text::{cut, line},
};

use crate::{drill::past::moment, screen::Screen, table};

/// How wide the picture of a measure is, in characters.
const PICTURE: usize = 40;
/// How many characters of a title are shown.
const TITLE: usize = 200;

/// The report, with times in `zone`.
pub(super) fn text(report: &Report, zone: &TimeZone, screen: &Screen) -> String {
    let mut sheet = Sheet { out: String::new(), screen };
    let Report { verdict, timeline, .. } = report;
    let name = line(report.drill.as_deref().unwrap_or_default());
    let outcome = verdict.outcome.as_str().to_uppercase();
    let outcome = screen.paint(&outcome, Paint::Severity(severity(verdict.outcome)));
    let place = format!("{} in {}", line(&report.service), line(&report.environment));
    let judged = moment(report.at, zone);
    let title = screen.paint(&name, Paint::Bold);
    sheet.out = format!("{title} {outcome}\n  {place}; {}, judged {judged}\n", timeline.experiment);
    sheet.part("Why", verdict.because.iter().map(|it| format!("- {}", line(&it.to_string()))));
    if let Some(hypothesis) = &report.hypothesis {
        let title = hypothesis.title.iter().map(|title| cut(&line(title), TITLE));
        sheet.part(
            "Claimed",
            title.chain(hypothesis.measures.iter().map(|it| format!("- {}", line(&it.to_string())))),
        );
    }
    sheet.table("Times", &times(verdict, timeline, zone));
    sheet.table("Measures", &measures(report));
    sheet.table("Actions", &actions(timeline, zone));
    sheet.table("Targets", &targets(timeline));
    sheet.table("Compared with earlier runs", &earlier(report, zone));
    sheet.out
}

struct Sheet<'a> {
    out: String,
    screen: &'a Screen,
}

impl Sheet<'_> {
    fn part(&mut self, title: &str, lines: impl IntoIterator<Item = String>) {
        let indented: Vec<_> = lines.into_iter().map(|line| format!("  {line}")).collect();
        self.lines(title, &indented);
    }

    fn table(&mut self, title: &str, rows: &[Vec<String>]) {
        self.lines(title, &table::lines(rows));
    }

    fn lines(&mut self, title: &str, lines: &[String]) {
        if !lines.is_empty() {
            self.out.push_str(&format!("\n{}\n", self.screen.paint(title, Paint::Bold)));
            lines.iter().for_each(|line| self.out.push_str(&format!("{line}\n")));
        }
    }
}

fn severity(outcome: Outcome) -> Severity {
    match outcome {
        Outcome::Passed => Severity::Low,
        Outcome::Failed => Severity::High,
        Outcome::Inconclusive | Outcome::Errored | Outcome::Aborted => Severity::Medium,
    }
}

fn times(verdict: &Verdict, timeline: &Timeline, zone: &TimeZone) -> Vec<Vec<String>> {
    let experiment = timeline.started_at.or(timeline.created_at).zip(timeline.ended_at);
    let experiment = experiment.map(|(from, to)| Interval { from, to });
    let recovered = match (verdict.time_to_recover, verdict.recovered) {
        (Some(time), _) if time.is_zero() => "at once: nothing was amiss when the fault was over".to_owned(),
        (Some(time), _) => format!("after {}", shown(time)),
        (None, _) => "not known to be well again in time: the next run waits for a person".to_owned(),
    };
    let noticed = verdict.time_to_detect.map(|time| format!("after {}", shown(time)));
    let rows = [
        ("experiment", experiment.map(|it| interval(it, zone))),
        ("fault", timeline.fault().map(|it| interval(it, zone))),
        ("noticed", Some(noticed.unwrap_or_else(|| "no alarm went off".to_owned()))),
        ("recovered", Some(recovered)),
    ];
    rows.into_iter().filter_map(|(name, value)| Some(vec![name.to_owned(), value?])).collect()
}

fn interval(it: Interval, zone: &TimeZone) -> String {
    let [from, to] = [it.from, it.to].map(|at| clock(Some(at), zone));
    format!("{from} to {to} ({})", shown(SignedDuration::from_secs(it.duration().as_secs())))
}

fn clock(at: Option<Timestamp>, zone: &TimeZone) -> String {
    at.map_or("–".to_owned(), |at| at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string())
}

fn measures(report: &Report) -> Vec<Vec<String>> {
    let headings = ["", "before", "fault", "after", "asked of the fault", ""].map(str::to_owned);
    let rows = report.verdict.measures.iter().map(|it| measure(it, report));
    let mut rows: Vec<_> = std::iter::once(headings.to_vec()).chain(rows).collect();
    if rows.len() == 1 {
        rows.clear();
    }
    rows
}

fn measure(it: &Measured, report: &Report) -> Vec<String> {
    let unit = if it.unit.is_empty() { String::new() } else { format!(", {}", line(&it.unit)) };
    let name = format!("{}{unit} ({})", line(&it.name), it.aggregate);
    let [before, fault, after] = Part::ALL.map(|part| value(it, part));
    let asked = it.parts.get(&Part::Fault).and_then(|numbers| numbers.range);
    let series = report.series.iter().find(|series| series.id == it.name);
    let picture = series.zip(report.verdict.windows.as_ref());
    let picture = picture.map(|(series, windows)| sparkline(&series.points, windows, it.period, PICTURE));
    let asked = asked.map_or("unknown".to_owned(), |range| range.to_string());
    vec![name, before, fault, after, asked, picture.unwrap_or_default()]
}

fn value(it: &Measured, part: Part) -> String {
    let value = it.parts.get(&part).and_then(|numbers| numbers.value);
    value.map_or("–".to_owned(), figure)
}

fn actions(timeline: &Timeline, zone: &TimeZone) -> Vec<Vec<String>> {
    let mut actions: Vec<_> = timeline.actions.iter().collect();
    actions.sort_by_key(|(name, run)| (run.started_at.is_none(), run.started_at, *name));
    let row = |(name, run): (&String, &watchkeeper_domain::experiment::ActionRun)| {
        let times = format!("{} to {}", clock(run.started_at, zone), clock(run.ended_at, zone));
        vec![times, line(name), line(&run.action_id), line(&run.status)]
    };
    actions.into_iter().map(row).collect()
}

fn targets(timeline: &Timeline) -> Vec<Vec<String>> {
    let targets = timeline.targets.iter().flatten();
    let rows = targets.flat_map(|(name, target)| {
        let first = vec![line(name), target.count.to_string(), line(&target.resource_type)];
        let named = target.names.iter().map(|name| vec![String::new(), String::new(), line(name)]);
        let more = target.count.saturating_sub(u64::try_from(target.names.len()).unwrap_or(u64::MAX));
        let more = (more > 0).then(|| vec![String::new(), String::new(), format!("and {more} more")]);
        [first].into_iter().chain(named).chain(more).collect::<Vec<_>>()
    });
    rows.collect()
}

/// This run and those before it, the newest first.
fn earlier(report: &Report, zone: &TimeZone) -> Vec<Vec<String>> {
    if report.earlier.is_empty() {
        return Vec::new();
    }
    let names: Vec<_> = report.verdict.measures.iter().map(|it| it.name.as_str()).collect();
    let headings = ["judged", "outcome", "noticed", "recovered"].map(str::to_owned).into_iter();
    let headings = headings.chain(names.iter().map(|name| format!("{}, fault", line(name))));
    let this = (report.at, report.timeline.experiment.as_str(), &report.verdict);
    let before = report.earlier.iter().map(|run| (run.at, run.experiment.as_str(), &run.verdict));
    let time = |time: Option<SignedDuration>| time.map_or("–".to_owned(), shown);
    let row = |(at, experiment, verdict): (Timestamp, &str, &Verdict)| {
        let faults = names.iter().map(|name| {
            let measured = verdict.measures.iter().find(|it| it.name == *name);
            measured.map_or("–".to_owned(), |it| value(it, Part::Fault))
        });
        let first = [
            moment(at, zone),
            verdict.outcome.as_str().to_owned(),
            time(verdict.time_to_detect),
            time(verdict.time_to_recover),
        ];
        first.into_iter().chain(faults).chain([experiment.to_owned()]).collect()
    };
    std::iter::once(headings.collect()).chain(std::iter::once(this).chain(before).map(row)).collect()
}
