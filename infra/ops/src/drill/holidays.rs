//! `drill holidays`: days without drills, taken from an iCalendar file into `watchkeeper.toml`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail};
use jiff::{civil::Date, tz::TimeZone};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use watchkeeper_domain::text::count;

use crate::{
    checkout::{Checkout, shown},
    cli::{Holidays, Place},
    screen::Screen,
    when,
};

mod calendar;
mod list;

use calendar::Found;

/// So many events are named that were left out.
const NAMED: usize = 5;

/// Adds the days of the file that `[drills] holidays` has not. Returns whether the file has any in the time asked for.
///
/// # Errors
/// A file that cannot be read, or with an event whose days cannot be known; a configuration that cannot be read or
/// written. Then nothing is written.
pub fn holidays(place: &Place, what: &Holidays, screen: &mut Screen) -> Result<bool> {
    let checkout = Checkout::find(place)?;
    checkout.config()?;
    let range = range(what)?;
    let found = found(&what.file, range)?;
    let text = checkout.config_text()?;
    let known = list::days(&text)?;
    let (known, new): (BTreeMap<_, _>, _) = found.days.into_iter().partition(|(day, _)| known.contains(day));
    let taken = Taken {
        file: shown(&what.file),
        config: shown(&checkout.config),
        range,
        known: known.into_keys().collect(),
        new,
        timed: found.timed,
        is_written: !what.dry_run,
    };
    if !taken.new.is_empty() {
        let text = list::with(&text, &taken.new)?;
        if taken.is_written {
            replace(&checkout.config, &text).with_context(|| format!("could not write {}", taken.config))?;
        }
    }
    taken.show(what.json, screen)?;
    Ok(!taken.new.is_empty() || !taken.known.is_empty())
}

/// From today to the end of the next year, unless the options say otherwise.
fn range(what: &Holidays) -> Result<(Date, Date)> {
    let first = what.from.unwrap_or_else(|| when::now().to_zoned(TimeZone::UTC).date());
    let last = what.until.map_or_else(|| Date::new(first.year() + 1, 12, 31), Ok);
    let last = last.context("--from leads beyond the calendar")?;
    if last < first {
        bail!("--until {last} is before {first}: no day is asked for");
    }
    Ok((first, last))
}

fn found(path: &Path, (first, last): (Date, Date)) -> Result<Found> {
    let file = shown(path);
    let bytes = fs::read(path).with_context(|| format!("could not read {file}"))?;
    calendar::read(&bytes, first, last).map_err(|problems| {
        anyhow!("{file} has problems, and nothing is written:\n  {}", problems.join("\n  "))
    })
}

/// Writes beside `path` first and renames then: whenever this stops, the old file is there, or the new one.
fn replace(path: &Path, text: &str) -> Result<()> {
    let path = path.canonicalize()?;
    let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

/// What came of it.
struct Taken {
    file: String,
    config: String,
    /// The first and the last day that were asked for.
    range: (Date, Date),
    /// The days of the file that were in the configuration.
    known: BTreeSet<Date>,
    /// The others, with their names.
    new: BTreeMap<Date, String>,
    /// The events with a time of day.
    timed: Vec<String>,
    is_written: bool,
}

impl Taken {
    fn show(&self, is_json: bool, screen: &mut Screen) -> Result<()> {
        if is_json {
            return Ok(screen.line(&self.to_json().to_string())?);
        }
        if !self.timed.is_empty() {
            screen.error(&self.left_out())?;
        }
        Ok(screen.write(&self.to_text())?)
    }

    fn to_json(&self) -> Value {
        let added = self.new.iter().map(|(day, name)| json!({"day": day, "name": name}));
        json!({
            "file": self.file,
            "config": self.config,
            "from": self.range.0,
            "until": self.range.1,
            "written": self.is_written && !self.new.is_empty(),
            "added": added.collect::<Vec<_>>(),
            "known": self.known,
            "timed": self.timed,
        })
    }

    fn to_text(&self) -> String {
        if self.new.is_empty() {
            return self.nothing();
        }
        let Self { file, config, .. } = self;
        let (added, end) = match self.is_written {
            true => ("added", format!("written into {config}: commit it, and have that reviewed\n")),
            false => (
                "would be added",
                format!("nothing is written: without --dry-run, that goes into {config}\n"),
            ),
        };
        let mut text = format!("{} {added} from {file}", count(self.new.len(), "day"));
        if !self.known.is_empty() {
            text.push_str(&format!("; already there: {}", count(self.known.len(), "day")));
        }
        for (day, name) in &self.new {
            let line = format!("\n  {}  {name}", day.strftime("%a %F"));
            text.push_str(line.trim_end());
        }
        text + "\n" + &end
    }

    fn nothing(&self) -> String {
        let Self { file, config, range: (first, last), .. } = self;
        match self.known.len() {
            0 => format!("{file} has no event of whole days from {first} to {last}: is it another year's?\n"),
            known => {
                let known = count(known, "day");
                format!("{file}: {known} from {first} to {last}, in {config} already: nothing to add\n")
            }
        }
    }

    fn left_out(&self) -> String {
        let named: Vec<_> = self.timed.iter().take(NAMED).map(String::as_str).collect();
        let more = match self.timed.len() - named.len() {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let named = named.join(", ");
        format!("{}: left out, for a holiday takes whole days: {named}{more}", self.file)
    }
}
