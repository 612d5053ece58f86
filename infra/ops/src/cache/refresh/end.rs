//! How a night ends for whoever waits for it.

use cache_refresher::{
    standing::{Generation, Standing},
    words::bytes,
};
use jiff::{Timestamp, tz::TimeZone};
use watchkeeper_domain::text::count;

use crate::{
    cache::known::{self, named},
    drill::past::moment,
    patience::Sight,
};

/// The end of a night.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// Which.
    pub sort: Sort,
    /// Why: sentences without their full stops.
    pub because: Vec<String>,
    /// The generations that came of it.
    pub generations: Vec<Generation>,
}

/// The sorts of ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sort {
    /// Jobs get a new generation.
    Published,
    /// Everything that is wanted was there.
    NothingNew,
    /// On the leash, it was done in memory only.
    Rehearsed,
    /// No generation came of it, and the table knows only of the night after it.
    NothingCame,
    /// It was given up.
    Failed,
    /// Another night was under way, so this one was refused.
    Busy,
    /// It was not over in time.
    TimeOver,
}

impl Sort {
    /// Whether the cache is what it should be.
    pub fn is_good(self) -> bool {
        match self {
            Self::Published | Self::NothingNew => true,
            Self::Rehearsed | Self::NothingCame | Self::Failed | Self::Busy | Self::TimeOver => false,
        }
    }

    /// Its word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::NothingNew => "nothing-new",
            Self::Rehearsed => "rehearsed",
            Self::NothingCame => "nothing-came",
            Self::Failed => "failed",
            Self::Busy => "busy",
            Self::TimeOver => "time-over",
        }
    }

    /// Its words for people, after the name of the cache.
    pub fn words(self) -> &'static str {
        match self {
            Self::Published => "is refreshed",
            Self::NothingNew => "is up to date: nothing was new",
            Self::Rehearsed => "is as it was: the leash is on",
            Self::NothingCame => "has no generation of that night, and another night has come since",
            Self::Failed => "was not refreshed",
            Self::Busy => "was not refreshed: another night is under way",
            Self::TimeOver => "is not refreshed yet",
        }
    }

    /// What to do now, if anything.
    pub fn next_step(self, cache: &str, id: &str) -> Option<String> {
        let wait_on = format!("`watchkeeper cache refresh {cache} --id {id} --wait --because …`");
        Some(match self {
            Self::Published | Self::NothingNew => return None,
            Self::Rehearsed => "take the leash off (parameter Leash of the stack), and ask again".to_owned(),
            Self::NothingCame => format!("`watchkeeper cache refresh {cache} --dry-run` says what is new"),
            Self::Failed => {
                "mend what the alert names, and ask again; jobs get the last good generation".to_owned()
            }
            Self::Busy => format!("wait until it is over: `watchkeeper cache show {cache}`"),
            Self::TimeOver => format!("wait on with {wait_on}"),
        })
    }
}

impl End {
    /// The time is over, after `minutes`, though the night is not.
    pub fn late(so_far: &str, minutes: u16) -> Self {
        Self::of(Sort::TimeOver, vec![format!("after {minutes} minutes: {so_far}")])
    }

    /// The same, with what was seen last of a night that has failed: the table forgets that.
    #[must_use]
    pub fn after(mut self, shown: &str) -> Self {
        if self.sort == Sort::Failed && !shown.is_empty() {
            self.because.push(format!("last seen: {shown}"));
        }
        self
    }

    fn of(sort: Sort, because: Vec<String>) -> Self {
        Self { sort, because, generations: Vec::new() }
    }
}

/// What it means for whoever waits for the night `id` that the cache stands so.
pub fn look(standing: &Standing, id: &str, zone: &TimeZone) -> Sight<End> {
    match (&standing.night, standing.heard.get(id)) {
        (Some(night), _) if night.id == id => Sight::Underway(known::phase(night, zone)),
        (Some(other), None) => {
            let since = format!("since {}: {}", moment(other.began, zone), other.because);
            Sight::Ended(End::of(Sort::Busy, vec![since]))
        }
        (None, None) => {
            let unheard =
                "cache-refresher has not answered yet (is it deployed, and the cache switched on there?)";
            Sight::Underway(unheard.to_owned())
        }
        (_, Some(began)) => Sight::Ended(ended(standing, *began)),
    }
}

/// The end of the night that began at `began`. Another one may have come after it.
fn ended(standing: &Standing, began: Timestamp) -> End {
    let next = standing.heard.values().filter(|at| **at > began).min();
    let is_its_own =
        |it: &&Generation| it.published_at >= began && next.is_none_or(|next| it.published_at < *next);
    let generations: Vec<_> = standing.generations.iter().filter(is_its_own).cloned().collect();
    let [has_answered, is_rehearsed] =
        [standing.answered_at, standing.rehearsed_at].map(|at| at == Some(began));
    let sort = match (has_answered, next.is_some(), generations.is_empty()) {
        _ if is_rehearsed => Sort::Rehearsed,
        (true, _, false) | (false, true, false) => Sort::Published,
        (true, _, true) => Sort::NothingNew,
        (false, true, true) => Sort::NothingCame,
        (false, false, _) => Sort::Failed,
    };
    let because = generations.iter().map(done).collect();
    End { sort, because, generations }
}

/// What a part of the night has done.
fn done(generation: &Generation) -> String {
    let account = &generation.account;
    let number = |it: u64| usize::try_from(it).unwrap_or(usize::MAX);
    let files = count(number(account.written_files), "file");
    let mut done = format!("{}: {files}, {}", named(generation), bytes(account.written_bytes));
    if account.removed > 0 {
        done.push_str(&format!(", {} removed", account.removed));
    }
    if account.problem_count > 0 {
        done.push_str(&format!(", {} left out", count(number(account.problem_count), "package")));
    }
    done
}

#[cfg(test)]
mod tests;
