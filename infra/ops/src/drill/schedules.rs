//! `drill schedules`: a CloudFormation template with one schedule for each drill that has one.

use std::fs;

use anyhow::{Context, Result};
use jiff::SignedDuration;
use serde_json::json;
use watchkeeper_domain::{
    drill::{Cron, Drill, Drills},
    text::{self, count},
};

use crate::{
    checkout::{Checkout, shown},
    cli::{Place, Schedules},
    screen::Screen,
};

/// Everything but the schedules.
const HEAD: &str = include_str!("schedules.yaml");
/// A description has at most 512 characters (EventBridge Scheduler API Reference, `CreateSchedule`).
const DESCRIPTION: usize = 512;

/// Writes the file, or only looks whether it is current. Returns whether it is now.
///
/// # Errors
/// A configuration with problems, or a file that cannot be written.
pub fn schedules(place: &Place, what: &Schedules, screen: &mut Screen) -> Result<bool> {
    let checkout = Checkout::find(place)?;
    let drills = checkout.config()?.drills;
    let path = what.out.clone().unwrap_or_else(|| checkout.root.join("infra/schedules.yaml"));
    let (file, wanted) = (shown(&path), template(&drills));
    if fs::read_to_string(&path).is_ok_and(|found| found == wanted) {
        screen.line(&format!("{file} is current"))?;
        return Ok(true);
    }
    if what.check {
        screen.line(&format!("{file} {STALE}"))?;
        return Ok(false);
    }
    fs::write(&path, wanted).with_context(|| format!("could not write {file}"))?;
    let scheduled = drills.drills.iter().filter(|drill| drill.schedule.is_some()).count();
    screen.line(&format!("{file}: {}", count(scheduled, "schedule")))?;
    Ok(true)
}

/// What is wrong with the file, and the mend.
pub const STALE: &str =
    "is not what watchkeeper.toml declares: write it with `watchkeeper drill schedules`, and commit it";

/// The template for `drills`. The same drills give the same text.
pub fn template(drills: &Drills) -> String {
    let schedules = drills.drills.iter().filter_map(|drill| Some(schedule(drill, drill.schedule.as_ref()?)));
    schedules.fold(HEAD.to_owned(), |text, schedule| text + "\n" + &schedule)
}

/// One `AWS::Scheduler::Schedule` (AWS CloudFormation Template Reference). Its input is what `chaos-trigger` reads; Scheduler
/// puts the time in (EventBridge Scheduler User Guide, "Adding context attributes").
fn schedule(drill: &Drill, cron: &Cron) -> String {
    let Drill { name, service, environment, .. } = drill;
    let what = text::cut(&text::line(&format!("Drill of {service} in {environment}")), DESCRIPTION);
    let zone = drill.zone.iana_name().unwrap_or_default();
    let flexible = match drill.flexible {
        SignedDuration::ZERO => "{ Mode: \"OFF\" }".to_owned(),
        flexible => format!("{{ Mode: FLEXIBLE, MaximumWindowInMinutes: {} }}", flexible.as_mins()),
    };
    let state = if drill.enabled { "ENABLED" } else { "DISABLED" };
    // The order of a JSON map's keys depends on how serde_json was built; a name needs no escape.
    let input =
        format!(r#"{{"tick":"drill","drill":"{name}","scheduled":"<aws.scheduler.scheduled-time>"}}"#);
    format!(
        "  {id}:
    Type: AWS::Scheduler::Schedule
    Properties:
      GroupName: !Ref Group
      Name: {name}
      Description: {what}
      State: {state}
      ScheduleExpression: {cron}
      ScheduleExpressionTimezone: {zone}
      FlexibleTimeWindow: {flexible}
      Target:
        Arn: !Ref Function
        RoleArn: !GetAtt Role.Arn
        Input: '{input}'
        RetryPolicy: {{ MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 2 }}
        DeadLetterConfig: {{ Arn: !GetAtt DeadLetters.Arn }}
",
        id = logical_id(name),
        name = json!(name),
        what = json!(what),
        cron = json!(cron.text),
        zone = json!(zone),
    )
}

/// `cart-partition` → `DrillCartPartition`. Names of drills differ by more than dashes, so these differ, too.
fn logical_id(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    });
    "Drill".to_owned() + &words.collect::<String>()
}
