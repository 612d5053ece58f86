//! `local` and `replay`: events are delivered, and people are told.

use anyhow::{Result, anyhow};
use fastrand::Rng;
use watchkeeper_domain::render::terminal::Paint;

use crate::{
    channels::is_terminal_only,
    checkout::{Checkout, shown},
    cli::{Place, Replay},
    input::{self, Input},
    machine::Machine,
    queue::Queue,
    screen::Screen,
    show::{Form, Show},
    summary::{Tally, open_cases},
    waiting::waiting,
    when,
};

/// The folders that `local` shows. Samples for drills are about experiments of an account, which is not here.
const SHOWN: [&str; 3] = ["foreign", "health-responder", "malformed"];

/// Replays the sample events as they happened.
///
/// # Errors
/// What is missing of the repository, or keeps the machine from starting.
pub async fn local(place: &Place, screen: &mut Screen) -> Result<bool> {
    let checkout = Checkout::find(place)?;
    let events = checkout.events()?;
    let mut inputs = input::read(&SHOWN.map(|folder| events.join(folder)));
    inputs.sort_by_cached_key(|input| {
        let happened = input.event.as_ref().ok().and_then(when::happened);
        (happened, input.file.clone())
    });
    let machine = Machine::open(&checkout).await?;
    let (from, state) = (shown(&events), shown(&checkout.state));
    screen.line(&format!("{} sample events from {from}, with the state in {state}\n", inputs.len()))?;
    let queue = Queue::within(&checkout.state);
    let failed = play(machine, &queue, (&inputs, Form::Brief), screen).await?;
    screen.line("")?;
    screen.write(&next_steps(place, &from, &state, screen))?;
    Ok(failed == 0)
}

/// Replays the files that `what` names.
///
/// # Errors
/// What is missing of the repository, or keeps the machine from starting.
pub async fn replay(place: &Place, what: &Replay, screen: &mut Screen) -> Result<bool> {
    let checkout = Checkout::find(place)?;
    let inputs = input::read(&what.paths);
    if inputs.is_empty() {
        return Err(anyhow!("no events there: folders are searched for .json, .ndjson and .jsonl files"));
    }
    let times = usize::try_from(what.times)?;
    let mut inputs: Vec<_> = inputs.into_iter().flat_map(|input| vec![input; times]).collect();
    if let Some(seed) = what.shuffle {
        Rng::with_seed(seed).shuffle(&mut inputs);
    }
    let form = if what.json { Form::Json } else { Form::Full };
    let machine = Machine::open(&checkout).await?;
    let queue = Queue::within(&checkout.state);
    Ok(play(machine, &queue, (&inputs, form), screen).await? == 0)
}

/// Delivers `inputs` in order. Returns how many failed.
async fn play(
    mut machine: Machine,
    queue: &Queue,
    (inputs, form): (&[Input], Form),
    screen: &mut Screen,
) -> Result<usize> {
    let mut tally = Tally::default();
    let mut show = Show::new(form, is_terminal_only(&machine.config.routing));
    screen.progress(inputs.len());
    for Input { file, event } in inputs {
        match event {
            Ok(payload) => {
                for delivery in machine.deliver(payload).await.map_err(|it| anyhow!(it.chain()))? {
                    let delivery = if delivery.is_sweep() { delivery } else { delivery.from(file) };
                    tally.add(&delivery);
                    show.delivery(&delivery, screen)?;
                }
            }
            Err(problem) => {
                tally.add_unread();
                show.unread(file, problem, screen)?;
            }
        }
        screen.step();
    }
    for delivery in machine.finish().await.map_err(|it| anyhow!(it.chain()))? {
        tally.add(&delivery);
        show.delivery(&delivery, screen)?;
    }
    screen.done();
    if form != Form::Json {
        let open = open_cases(&machine).await?;
        screen.write(&tally.to_text(screen))?;
        screen.write(&open.to_text(machine.world.clock.now(), screen))?;
        screen.write(&waiting(&machine, queue, screen).await?)?;
    }
    Ok(tally.failed)
}

fn next_steps(place: &Place, events: &str, state: &str, screen: &Screen) -> String {
    let config = place.config.iter().map(|file| format!(" --config {}", file.display())).collect::<String>();
    let options =
        place.state.iter().map(|dir| format!(" --state {}", dir.display())).collect::<String>() + &config;
    let sample = format!("{events}/health-responder/18-aurora-certificate-rotation-restart.json");
    let steps = [
        ("once more: all of it is known, and nobody is told twice", format!("cargo run --{options}")),
        (
            "three times each and in disorder: the same cases in the end",
            format!("cargo run -- replay {events} --shuffle 7 --times 3 --state {state}/shuffled{config}"),
        ),
        ("what is decided about one event, and why", format!("cargo run -- explain {sample}{options}")),
        ("whether configuration, template and events agree", format!("cargo run -- check{config}")),
        ("forget everything", format!("rm -r {state}")),
    ];
    let mut text = format!("{}\n", screen.paint("What to try next", Paint::Bold));
    for (what, command) in steps {
        text.push_str(&format!(
            "  {}\n    {}\n",
            screen.paint(what, Paint::Dim),
            command.trim_end_matches(" --")
        ));
    }
    text
}
