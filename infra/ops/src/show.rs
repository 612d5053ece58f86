//! What a replay shows while it goes on: a line for what happened, and every alert as people read it.

use anyhow::Result;
use serde_json::json;
use watchkeeper_domain::{
    message::Post,
    notice::Notice,
    render::mail,
    render::terminal::{Paint, render},
    text,
};
use watchkeeper_shell::Outcome;

use crate::{board::Shown, delivery::Delivery, input::Unread, screen::Screen};

/// How deliveries are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// A short line each, and the alerts.
    Brief,
    /// A full line each, and the alerts.
    Full,
    /// JSON, one object a line.
    Json,
}

/// Shows one delivery after the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Show {
    /// How.
    pub form: Form,
    /// Whether the terminal is the only channel, so that nobody needs to be told which one it is.
    pub is_terminal_only: bool,
    knows_of_mail: bool,
}

/// What is said once, before the first mail.
const MAIL: &str =
    "What goes to the topic `messages` is shown here as a mail: it has no address on one machine.";

impl Show {
    /// Shows in `form`.
    pub fn new(form: Form, is_terminal_only: bool) -> Self {
        Self { form, is_terminal_only, knows_of_mail: false }
    }

    /// A line for what happened, and every alert.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn delivery(&mut self, delivery: &Delivery, screen: &mut Screen) -> Result<()> {
        if self.form == Form::Json {
            let line = delivery.is_for_machines().then(|| delivery.to_json().to_string());
            return Ok(line.map_or(Ok(()), |line| screen.line(&line))?);
        }
        let is_brief = self.form == Form::Brief;
        let has_failed = delivery.outcome == Outcome::Failed;
        // On the one channel that there is, an alert says for itself that it was shown.
        let goes_without_saying = delivery.follows && is_brief && self.is_terminal_only;
        if has_failed || !goes_without_saying || delivery.shown.is_empty() {
            let how = if has_failed { Paint::Bold } else { Paint::Dim };
            screen.line(&screen.paint(&delivery.to_line(is_brief), how))?;
        }
        delivery.shown.iter().try_for_each(|shown| self.alert(shown, screen))
    }

    /// A file, or a line of one, that is not JSON.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn unread(&self, file: &str, problem: &Unread, screen: &mut Screen) -> Result<()> {
        screen.error(&problem.within(file))?;
        if self.form == Form::Json {
            let line = json!({"event_id": "-", "file": file, "function": null, "outcome": "failed",
                "reason": problem.within(file), "notices": []});
            screen.line(&line.to_string())?;
        }
        Ok(())
    }

    fn alert(&mut self, shown: &Shown, screen: &mut Screen) -> Result<()> {
        if !shown.is_here() {
            return Ok(screen.line(&elsewhere(shown))?);
        }
        if shown.is_mail() && !std::mem::replace(&mut self.knows_of_mail, true) {
            screen.write(&format!("\n{}\n", screen.paint(MAIL, Paint::Bold)))?;
        }
        let text = if shown.is_mail() { as_mail(shown, screen) } else { on_terminal(shown, screen) };
        Ok(screen.write(&format!("\n{text}\n"))?)
    }
}

/// The alert as the terminal shows it: of a storm with the gravest severity and the earliest deadline of all.
fn on_terminal(shown: &Shown, screen: &Screen) -> String {
    let message = &shown.message;
    let notice =
        Notice { severity: message.severity(), deadline: message.deadline(), ..message.notice.clone() };
    let mut text = render(&notice, screen.width, screen.style);
    if let Some(fold) = &message.fold {
        let line = format!("  One of several: {}.", fold.summary());
        text.push_str(&format!("{}\n", screen.paint(&line, Paint::Bold)));
    }
    if message.repeated {
        text.push_str(&format!("{}\n", screen.paint("  This may have been sent before.", Paint::Dim)));
    }
    text
}

/// The alert as a mail.
fn as_mail(shown: &Shown, screen: &Screen) -> String {
    let mail = mail::forms(&shown.message).email;
    let lines = mail.trim_end().lines().map(|line| format!("  {line}").trim_end().to_owned());
    let subject = format!("Mail of {}: {}", shown.channel.name, mail::subject(&shown.message));
    let lines: Vec<_> =
        [screen.paint(&subject, Paint::Bold), String::new()].into_iter().chain(lines).collect();
    format!("{}\n", lines.join("\n"))
}

/// A line for what is read elsewhere.
fn elsewhere(shown: &Shown) -> String {
    let how = match shown.post {
        Post::New => "",
        Post::Reply(_) => " as a reply",
        Post::Edit(_) => " in the place of the first message",
    };
    let message = &shown.message;
    let severity = message.severity().as_str().to_uppercase();
    let fold = message.fold.as_ref().map(|fold| format!(" ({})", fold.summary())).unwrap_or_default();
    let repeated = if message.repeated { ", perhaps again" } else { "" };
    let headline = text::line(&message.notice.headline);
    format!("  → {}{how}{repeated}: {severity} {headline}{fold}", shown.channel.name)
}
