//! Which channels a notice would go to, and why.

use jiff::Timestamp;
use notifier::{
    talk::{Joined, keys},
    words::refusing_channel,
};
use serde_json::{Value, json};
use watchkeeper_domain::{
    config::Routing,
    failure::Failure,
    notice::{Kind, Notice},
    records::Records,
};

/// Where a notice would go.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Destinations {
    channels: Vec<Destination>,
    /// Why it goes nowhere, or not everywhere.
    muted: Vec<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Destination {
    channel: String,
    because: String,
    hold_until: Option<Timestamp>,
}

/// A notice, where it comes, and what is known of the routes.
pub(super) struct Question<'a> {
    /// The configuration.
    pub(super) routing: &'a Routing,
    /// Where each route is: a file and a line.
    pub(super) places: &'a [String],
    /// When it comes.
    pub(super) now: Timestamp,
}

impl Question<'_> {
    /// Where `notice` would go: the same that `notifier` decides, route by route.
    pub(super) async fn answer<R: Records>(
        &self,
        notice: &Notice,
        records: &R,
    ) -> Result<Destinations, Failure> {
        if notice.kind == Kind::Undeliverable {
            return Ok(self.about_a_channel(notice));
        }
        let mut found = self.by_routes(notice);
        if notice.seq > 1 {
            for channel in &self.routing.channels {
                let key = keys::joined(&channel.name, &notice.thread);
                let joined: Vec<Joined> = records.list(&key.pk, &key.sk).await?;
                if !joined.is_empty() && !found.channels.iter().any(|it| it.channel == channel.name) {
                    found.add(&channel.name, None, "its case has been told of there before");
                }
            }
        }
        Ok(found)
    }

    fn by_routes(&self, notice: &Notice) -> Destinations {
        let mut found = Destinations::default();
        let mut matched = false;
        for (index, route) in self.routing.routes.iter().enumerate() {
            if !route.matcher.matches(notice) {
                continue;
            }
            matched = true;
            let place = self.places.get(index).map(|place| format!(" ({place})")).unwrap_or_default();
            let name = format!("route {}{place}", index + 1);
            if route.mute.as_ref().is_some_and(|mute| mute.matches(notice)) {
                found.muted.push(format!("{name} mutes it"));
            }
            let alone = Routing { routes: vec![route.clone()], ..self.routing.clone() };
            for to in alone.destinations(notice, self.now) {
                found.add(&to.channel, to.hold_until, &name);
            }
            if !route.continues {
                break;
            }
        }
        if !matched {
            for channel in &self.routing.default {
                found.add(channel, None, "no route matches, so it takes the default");
            }
        }
        found
    }

    fn about_a_channel(&self, notice: &Notice) -> Destinations {
        let mut found = Destinations::default();
        for channel in self.routing.default.iter().filter(|it| *it != refusing_channel(notice)) {
            found.add(channel, None, "what is said about a channel takes the default");
        }
        found
    }
}

impl Destinations {
    /// `channel` and no other, because a person sends it there again.
    pub(super) fn again(channel: &str) -> Self {
        let mut found = Self::default();
        found.add(channel, None, "it is sent again to the channel that has refused it");
        found
    }

    /// Each channel once, as early as any route lets it.
    fn add(&mut self, channel: &str, hold_until: Option<Timestamp>, because: &str) {
        match self.channels.iter_mut().find(|it| it.channel == channel) {
            Some(known) => {
                known.hold_until = known.hold_until.min(hold_until); // `None`, at once, comes first
                known.because = format!("{}, {because}", known.because);
            }
            None => {
                let (channel, because) = (channel.to_owned(), because.to_owned());
                self.channels.push(Destination { channel, because, hold_until });
            }
        }
    }

    /// A line for each channel.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |to: &Destination| match to.hold_until {
            None => format!("{}: {}", to.channel, to.because),
            Some(until) => {
                format!(
                    "{}, held until {}: {}",
                    to.channel,
                    until.strftime("%-d %b %Y %H:%M UTC"),
                    to.because
                )
            }
        };
        let mut lines: Vec<_> = self.channels.iter().map(line).collect();
        let muted = self.muted.join(", ");
        match (lines.is_empty(), muted.is_empty()) {
            (true, true) => lines.push("nobody: no channel is left".to_owned()),
            (true, false) => lines.push(format!("nobody: {muted}")),
            (false, false) => lines.push(format!("but {muted}")),
            (false, true) => {}
        }
        lines
    }

    /// The same for machines.
    pub(super) fn to_json(&self) -> Value {
        let channel = |it: &Destination| json!({"channel": it.channel, "because": it.because, "hold_until": it.hold_until});
        self.channels.iter().map(channel).collect()
    }
}
