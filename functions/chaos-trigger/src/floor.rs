//! The floor: one drill at a time previews and starts in this account and Region.
//!
//! Nobody gives it back. It is free as soon as the run that has it is over, which its drill's own record says: so a
//! crash keeps nobody waiting, and no time-out lets two in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use watchkeeper_domain::{
    drill::Floor,
    failure::Failure,
    records::{Entry, Key, Nothing, Record, Records, Write},
};

use crate::{decide::Effect, standing::Standing};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Held(Floor);

fn key() -> Key {
    Key::head("FLOOR")
}

/// Who has the floor: `run` of `drill` itself, another run that is not over, or nobody.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Holder {
    Ours,
    Other(Floor),
    Nobody,
}

/// Who has it.
pub(crate) async fn holder<W: Records>(world: &W, drill: &str, run: &str) -> Result<Holder, Failure> {
    Ok(look(world, drill, run).await?.1)
}

async fn look<W: Records>(world: &W, drill: &str, run: &str) -> Result<(u64, Holder), Failure> {
    let record: Record<Held, Nothing> = world.read(&key()).await?;
    let Some(Held(floor)) = record.state else { return Ok((record.version, Holder::Nobody)) };
    if floor.drill == drill && floor.run == run {
        return Ok((record.version, Holder::Ours));
    }
    let other: Record<Standing, Effect> = world.read(&Standing::key(&floor.drill)).await?;
    let is_over = other.state.and_then(|it| it.run).is_none_or(|it| it.id != floor.run);
    Ok((record.version, if is_over { Holder::Nobody } else { Holder::Other(floor) }))
}

/// Takes the floor for `run` of `drill`, if nobody has it. Whether it was taken, the next pass sees.
pub(crate) async fn take<W: Records>(
    world: &W,
    drill: &str,
    run: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    let (version, holder) = look(world, drill, run).await?;
    if holder != Holder::Nobody {
        return Ok(());
    }
    let floor = Held(Floor { drill: drill.to_owned(), run: run.to_owned(), since: now });
    let write = Write { body: &floor, due: None, expires_at: None };
    let _: Option<Vec<Entry<Nothing>>> = world.swap(&key(), version, &write, &[]).await?;
    Ok(())
}
