//! Which notice goes to which channel, and when.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Time, tz::TimeZone};

use super::{NoticeMatcher, channels::read_channel, reader::Section};
use crate::{
    channel::{Channel, ChannelKind},
    notice::{Notice, Severity},
};

/// The channel that every deployment has: the SNS topic `messages`.
pub const MESSAGES: &str = "messages";

/// `[[channel]]`, `[[route]]` and `[notifier]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Routing {
    /// Every channel, the built-in [`MESSAGES`] among them.
    pub channels: Vec<Channel>,
    /// The routes, in order.
    pub routes: Vec<Route>,
    /// `default`: the channels of a notice that no route matches, and of alerts about other channels.
    pub default: Vec<String>,
    /// `fold_minutes`: how long notices of one topic join the conversation of the first.
    pub fold_window: SignedDuration,
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            channels: vec![Channel { name: MESSAGES.to_owned(), kind: ChannelKind::Topic }],
            routes: Vec::new(),
            default: vec![MESSAGES.to_owned()],
            fold_window: SignedDuration::from_hours(1),
        }
    }
}

/// `[[route]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// `match`: which notices it is for; all of its keys must match.
    pub matcher: NoticeMatcher,
    /// `mute`: which of these nobody wants to see here, though they count as matched.
    pub mute: Option<NoticeMatcher>,
    /// `channels`: where they go.
    pub channels: Vec<String>,
    /// `then`: whether the routes below are asked too (`continue`), or not (`stop`, the default).
    pub continues: bool,
    /// `quiet`: when to hold them back.
    pub quiet: Option<Quiet>,
}

/// `quiet = { from, to, zone, urgent }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quiet {
    /// `from`: the local time at which it begins. After `to`, it lasts overnight.
    pub from: Time,
    /// `to`: the local time at which it ends and what was held back is shown.
    pub to: Time,
    /// `zone`: an IANA time zone.
    pub zone: TimeZone,
    /// `urgent`: the least severity that is not held back; critical unless said otherwise.
    pub urgent: Severity,
}

/// A channel that a notice goes to.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Destination {
    /// The name of the channel.
    pub channel: String,
    /// When it may be shown, if not at once.
    pub hold_until: Option<Timestamp>,
}

impl Routing {
    pub(super) fn read(root: &Section<'_, '_>) -> Self {
        let default = Self::default();
        let mut channels: Vec<_> = root.tables("channel").iter().filter_map(read_channel).collect();
        if !channels.iter().any(|channel| channel.name == MESSAGES) {
            channels.extend(default.channels);
        }
        let mut names = vec![MESSAGES.to_owned()];
        for section in root.tables("channel") {
            let name = section.string("name").unwrap_or_default();
            if name != MESSAGES && names.contains(&name) {
                section.problem_at("name", "another channel has this name");
            }
            names.push(name);
        }
        let notifier = root.table("notifier");
        if let Some(notifier) = &notifier {
            notifier.only(&["default", "fold_minutes"]);
        }
        let named = notifier.as_ref().map(|notifier| known(notifier, "default", &names)).unwrap_or_default();
        let minutes = notifier.and_then(|notifier| notifier.integer("fold_minutes", 1..=1440));
        Self {
            routes: root.tables("route").iter().map(|route| Route::read(route, &names)).collect(),
            default: if named.is_empty() { default.default } else { named },
            fold_window: minutes.map_or(default.fold_window, SignedDuration::from_mins),
            channels,
        }
    }

    /// The channel called `name`.
    pub fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.name == name)
    }

    /// Where `notice` goes at `now`, each channel once, as early as any route lets it.
    pub fn destinations(&self, notice: &Notice, now: Timestamp) -> Vec<Destination> {
        let mut found: Vec<Destination> = Vec::new();
        let mut matched = false;
        for route in self.routes.iter().filter(|route| route.matcher.matches(notice)) {
            matched = true;
            if route.mute.as_ref().is_none_or(|mute| !mute.matches(notice)) {
                let hold_until = route.quiet.as_ref().and_then(|quiet| quiet.hold(notice.severity, now));
                for channel in &route.channels {
                    found.push(Destination { channel: channel.clone(), hold_until });
                }
            }
            if !route.continues {
                break;
            }
        }
        if !matched {
            let default = |channel: &String| Destination { channel: channel.clone(), hold_until: None };
            found.extend(self.default.iter().map(default));
        }
        found.sort(); // `None`, at once, comes first
        found.dedup_by(|next, first| next.channel == first.channel);
        found
    }
}

impl Route {
    fn read(section: &Section<'_, '_>, channels: &[String]) -> Self {
        section.only(&["match", "mute", "channels", "then", "quiet"]);
        let then = section.string("then");
        if then.as_deref().is_some_and(|then| !matches!(then, "continue" | "stop")) {
            section.problem_at("then", "`then` must be \"continue\" or \"stop\"");
        }
        Self {
            matcher: section.table("match").map(|it| NoticeMatcher::read(&it)).unwrap_or_default(),
            mute: section.table("mute").map(|it| NoticeMatcher::read(&it)),
            channels: known(section, "channels", channels),
            continues: then.as_deref() == Some("continue"),
            quiet: section.table("quiet").and_then(|quiet| Quiet::read(&quiet)),
        }
    }
}

impl Quiet {
    fn read(section: &Section<'_, '_>) -> Option<Self> {
        section.only(&["from", "to", "zone", "urgent"]);
        let (from, to) = (section.time("from"), section.time("to"));
        let zone = section.zone("zone");
        let urgent = section.string("urgent").unwrap_or_else(|| Severity::Critical.as_str().to_owned());
        let named = Severity::ALL.into_iter().find(|it| it.as_str() == urgent);
        if named.is_none() {
            section.problem_at("urgent", "`urgent` must be low, medium, high or critical");
        }
        if from.is_some() && from == to {
            section.problem("`from` and `to` are the same: it would be quiet all day or never");
        }
        Some(Self { from: from?, to: to?, zone: zone?, urgent: named? })
    }

    /// Until when a notice of `severity` is held back at `now`.
    fn hold(&self, severity: Severity, now: Timestamp) -> Option<Timestamp> {
        if severity >= self.urgent {
            return None;
        }
        let local = now.to_zoned(self.zone.clone());
        let (time, overnight) = (local.time(), self.from > self.to);
        let is_quiet =
            if overnight { time >= self.from || time < self.to } else { self.from <= time && time < self.to };
        let ends_tomorrow = overnight && time >= self.from;
        let day = if ends_tomorrow { local.date().checked_add(1.day()).ok()? } else { local.date() };
        // A time that the clock skips that day (daylight saving) is taken after the gap.
        let end = day.to_datetime(self.to).to_zoned(self.zone.clone()).ok()?;
        is_quiet.then(|| end.timestamp())
    }
}

/// The names under `key`, each of which must be a channel.
fn known(section: &Section<'_, '_>, key: &str, channels: &[String]) -> Vec<String> {
    let names = section.strings(key);
    for name in names.iter().filter(|name| !channels.contains(name)) {
        section.problem_at(key, &format!("there is no channel `{name}`; known: {}", channels.join(", ")));
    }
    names
}

#[cfg(test)]
mod tests;
