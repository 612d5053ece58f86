//! How a night goes on.

use std::collections::BTreeMap;

use watchkeeper_domain::ports::SnapshotState;
use watchkeeper_volume::night::Verdict;

use super::{Acted, Answer, Decision, Effect, LONGEST_COMPLETION, PAUSE, Reason, Rules, Seen, TRIES, write};
use crate::{
    night::{Account, Outcome, Sealed},
    standing::{Generation, Night, Phase, Standing},
    words::{self, Saying},
};

/// The next step of `night`.
pub(super) fn step(standing: &Standing, night: &Night, seen: &Seen, rules: Rules<'_>) -> Decision {
    let answer = answer(night, seen);
    match &night.phase {
        Phase::Queued => write(standing.clone(), night.clone(), rules),
        Phase::Writing { until } => match answer {
            Some(Answer::Wrote(outcome)) => wrote(standing, night, outcome, rules),
            Some(Answer::Failed { why, .. }) => pause(standing, night, why, rules),
            _ if rules.now < *until => Decision::because(Reason::InProgress(*until)),
            _ => left_behind(standing, night, seen, rules),
        },
        Phase::Pausing { until, .. } if rules.now < *until => Decision::because(Reason::Waiting),
        Phase::Pausing { .. } => another_snapshot(standing, night, rules),
        Phase::Sealing { sealed, account, .. } => match answer {
            Some(Answer::Failed { why, in_doubt: false }) if !is_completed(seen) => {
                pause(standing, night, why, rules)
            }
            Some(_) => {
                let (sealed, account) = (sealed.clone(), account.clone());
                let phase = Phase::Completing { sealed, account, since: rules.now };
                completing(standing, &Night { phase, ..night.clone() }, seen, rules)
            }
            // Whether it was sealed before the kill, only the snapshot tells.
            None if is_completed(seen) => check(standing, night, (sealed, account), rules),
            None => seal(standing, night, (sealed, account), rules),
        },
        Phase::Completing { .. } => completing(standing, night, seen, rules),
        Phase::Checking { sealed, account, until } => match answer {
            Some(Answer::Checked(Verdict::Sound { .. })) => {
                publish(standing, night, (sealed, account), seen, rules)
            }
            Some(Answer::Checked(Verdict::Unsound(faults))) => {
                let faults: Vec<_> = faults.iter().take(5).map(ToString::to_string).collect();
                let why = format!("{} was read back, and {}", sealed.receipt.snapshot, faults.join("; "));
                give_up(standing, night, &why, rules)
            }
            Some(Answer::Failed { why, .. }) => check_later(standing, night, (why, sealed, account), rules),
            _ if rules.now < *until => Decision::because(Reason::InProgress(*until)),
            _ => check(standing, night, (sealed, account), rules),
        },
    }
}

/// What came of the act of this very night and phase, if this invocation has just done it.
fn answer<'a>(night: &Night, seen: &'a Seen) -> Option<&'a Answer> {
    let Acted { act, answer } = seen.acted.as_ref()?;
    let is_its_own = match (act, &night.phase) {
        (Effect::Write(of), Phase::Writing { .. }) | (Effect::Check(of), Phase::Checking { .. }) => {
            (&of.id, of.part, of.attempt) == (&night.id, night.part, night.attempt)
        }
        (Effect::Complete(of), Phase::Sealing { sealed, .. }) => of == sealed,
        (Effect::Tell(_) | Effect::Emit(_) | Effect::Copy(_) | Effect::Delete(_), _)
        | (Effect::Write(_) | Effect::Check(_) | Effect::Complete(_), _) => false,
    };
    is_its_own.then_some(answer)
}

fn is_completed(seen: &Seen) -> bool {
    seen.snapshot.as_ref().is_some_and(|snapshot| snapshot.state == SnapshotState::Completed)
}

/// A part was worked on to its end.
fn wrote(standing: &Standing, night: &Night, outcome: &Outcome, rules: Rules<'_>) -> Decision {
    match outcome {
        Outcome::Written(sealed, account) => seal(standing, night, (sealed, account), rules),
        Outcome::Rehearsed(account) => {
            // What was only rehearsed is asked for again once the leash is off.
            let rehearsed_at = Some(night.began);
            let next = standing.after(night, &Reason::Rehearsed, rules.now);
            let next = Standing { rehearsed_at, highest: unused(night), ..next };
            let decision = Decision::because(Reason::Rehearsed);
            words::told(decision, next, Saying::Rehearsed { account, because: &night.because }, rules)
        }
        Outcome::Idle(account) => {
            // All its feeders have answered.
            let answered_at = Some(night.began);
            let next = standing.after(night, &Reason::NothingNew, rules.now);
            let care = !rules.site.leash;
            let next = Standing { care, answered_at, highest: unused(night), ..next };
            let whole = night.so_far.clone().and(account.clone());
            let decision = Decision::because(Reason::NothingNew);
            match standing.seq > 0 || night.part > 1 {
                // Somebody waits for the good news.
                true => {
                    let saying = Saying::Refreshed { account: &whole, generation: standing.current() };
                    words::told(decision, next, saying, rules)
                }
                false => decision.record(next),
            }
        }
    }
}

/// The highest number once `night` has written nothing: it gives its own back, unless an earlier try may have begun a
/// snapshot with it.
fn unused(night: &Night) -> u32 {
    if night.tries > 1 { night.number } else { night.number.saturating_sub(1) }
}

fn seal(
    standing: &Standing,
    night: &Night,
    (sealed, account): (&Sealed, &Account),
    rules: Rules<'_>,
) -> Decision {
    let sealed = Box::new(sealed.clone());
    let phase =
        Phase::Sealing { sealed: sealed.clone(), account: Box::new(account.clone()), since: rules.now };
    let next = Standing { night: Some(Night { phase, ..night.clone() }), ..standing.clone() };
    Decision::because(Reason::Sealing).record(next).then(Effect::Complete(sealed))
}

fn completing(standing: &Standing, night: &Night, seen: &Seen, rules: Rules<'_>) -> Decision {
    let Phase::Completing { sealed, account, since } = &night.phase else {
        return Decision::because(Reason::Nothing);
    };
    let is_late = rules.now.duration_since(*since) > LONGEST_COMPLETION;
    let trouble = match seen.snapshot.as_ref().map(|it| (it.state, it.message.as_str())) {
        Some((SnapshotState::Completed, _)) => return check(standing, night, (sealed, account), rules),
        Some((SnapshotState::Error, message)) => format!("EBS gave the snapshot up: {message}"),
        Some((SnapshotState::Elsewhere, _)) => "somebody has moved the snapshot away".to_owned(),
        Some((SnapshotState::Pending, _)) | None if !is_late => {
            let next = Standing { night: Some(night.clone()), ..standing.clone() };
            return Decision::because(Reason::Waiting).record(next);
        }
        Some((SnapshotState::Pending, _)) => "EBS did not complete the snapshot within two hours".to_owned(),
        None => "the snapshot is not there any more".to_owned(),
    };
    pause(standing, night, &trouble, rules)
}

fn check(
    standing: &Standing,
    night: &Night,
    (sealed, account): (&Sealed, &Account),
    rules: Rules<'_>,
) -> Decision {
    let (sealed, account) = (Box::new(sealed.clone()), Box::new(account.clone()));
    let night = Night { phase: Phase::Checking { sealed, account, until: rules.deadline }, ..night.clone() };
    let next = Standing { night: Some(night.clone()), ..standing.clone() };
    Decision::because(Reason::Checking).record(next).then(Effect::Check(Box::new(night)))
}

/// That it could not be read back says nothing about it: what is in the snapshot stays, and is looked at once more.
fn check_later(
    standing: &Standing,
    night: &Night,
    (why, sealed, account): (&str, &Sealed, &Account),
    rules: Rules<'_>,
) -> Decision {
    if night.tries >= TRIES {
        return give_up(standing, night, why, rules);
    }
    let (sealed, account) = (Box::new(sealed.clone()), Box::new(account.clone()));
    let phase = Phase::Completing { sealed, account, since: rules.now };
    let night = Night { phase, tries: night.tries + 1, ..night.clone() };
    let next = Standing { night: Some(night), ..standing.clone() };
    Decision::because(Reason::TriesAgain(why.to_owned())).record(next)
}

/// An invocation did not come to its end. A snapshot that is still open is written on; its blocks are put again.
fn left_behind(standing: &Standing, night: &Night, seen: &Seen, rules: Rules<'_>) -> Decision {
    if night.tries >= TRIES {
        let why = format!("{} invocations in a row did not come to their end", night.tries);
        return give_up(standing, night, &why, rules);
    }
    match seen.snapshot.as_ref().map(|snapshot| snapshot.state) {
        None | Some(SnapshotState::Pending) => write(standing.clone(), night.clone(), rules),
        Some(SnapshotState::Completed | SnapshotState::Error | SnapshotState::Elsewhere) => {
            another_snapshot(standing, night, rules)
        }
    }
}

/// Another attempt, with a snapshot of its own: what was put into the last one may be anything.
fn another_snapshot(standing: &Standing, night: &Night, rules: Rules<'_>) -> Decision {
    let mut next = standing.clone();
    next.spend(night, rules.now);
    write(next, Night { attempt: night.attempt + 1, ..night.clone() }, rules)
}

fn pause(standing: &Standing, night: &Night, why: &str, rules: Rules<'_>) -> Decision {
    if night.tries >= TRIES {
        return give_up(standing, night, why, rules);
    }
    let phase = Phase::Pausing { until: rules.now + PAUSE, why: why.to_owned() };
    let next = Standing { night: Some(Night { phase, ..night.clone() }), ..standing.clone() };
    Decision::because(Reason::TriesAgain(why.to_owned())).record(next)
}

/// The night is over without its generation. What its parts have published stays.
fn give_up(standing: &Standing, night: &Night, why: &str, rules: Rules<'_>) -> Decision {
    let reason = Reason::Failed(why.to_owned());
    let mut next = Standing { care: true, ..standing.after(night, &reason, rules.now) };
    next.spend(night, rules.now);
    let decision = Decision::because(reason);
    words::told(decision, next, Saying::Failed { why, night }, rules)
}

/// The one update that changes what jobs get.
fn publish(
    standing: &Standing,
    night: &Night,
    (sealed, account): (&Sealed, &Account),
    seen: &Seen,
    rules: Rules<'_>,
) -> Decision {
    let snapshot = sealed.receipt.snapshot.as_str().to_owned();
    let described = seen.snapshot.as_ref();
    let generation = Generation {
        number: night.number,
        snapshot: snapshot.clone(),
        size_gib: described.map_or(rules.cache.size_gib, |it| it.size_gib),
        full_bytes: described.and_then(|it| it.full_bytes),
        published_at: rules.now,
        account: account.clone(),
        copies: BTreeMap::new(),
    };
    let mut next = Standing { current: Some(night.number), care: true, ..standing.clone() };
    next.generations.push(generation.clone());
    let reason = Reason::Published(night.number);
    let so_far = night.so_far.clone().and(account.clone());
    if account.left > 0 {
        let night = Night {
            part: night.part + 1,
            so_far,
            parent: Some(snapshot),
            number: next.highest + 1,
            attempt: 1,
            tries: 0,
            phase: Phase::Queued,
            ..night.clone()
        };
        next.night = Some(night);
        return words::published(Decision::because(reason), next, &generation, rules);
    }
    let next = Standing { answered_at: Some(night.began), ..next.after(night, &reason, rules.now) };
    let saying = Saying::Refreshed { account: &so_far, generation: Some(&generation) };
    words::told(Decision::because(reason), next, saying, rules)
}
