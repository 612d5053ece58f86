//! Downloads whose bytes nobody sees before their digest is right.

use std::{collections::VecDeque, ops::ControlFlow, pin::pin};

use futures::{StreamExt, stream::FuturesOrdered};
use tokio::sync::watch;
use watchkeeper_domain::failure::Failure;

use crate::{
    Digest, Limits,
    limits::AHEAD,
    plan::{Cause, Wanted},
    repository::{self, Repositories, Request},
};

/// How much is hashed at once, in bytes, before other downloads get their turn: about a millisecond.
const PORTION: usize = 1024 * 1024;

/// The bytes of `wanted`, held once. They have the digest, and the size where one is known; what has not is told and
/// not handed on.
///
/// # Errors
/// When the repository does not answer, or refuses more than this one file.
pub async fn fetch(
    from: &impl Repositories,
    wanted: &Wanted,
    limits: &Limits,
) -> Result<Result<Vec<u8>, Cause>, Failure> {
    fetch_up_to(limits.file_bytes, from, wanted).await
}

/// [`fetch`] for all of `wanted`, given to `take` one after another in their order, until it breaks off.
///
/// [`Limits::in_flight`] of them are under way or wait to be taken. They go on while `take` works, however long that
/// lasts: a download that nobody attends to would time out. A file of more than 4 MiB waits for its turn, so that no
/// more than [`Limits::memory`] is held.
///
/// # Errors
/// Those of [`fetch`], once all files before it are taken; and those of `take`.
pub async fn fetch_all(
    from: &impl Repositories,
    wanted: &[Wanted],
    limits: &Limits,
    mut take: impl AsyncFnMut(&Wanted, Result<Vec<u8>, Cause>) -> Result<ControlFlow<()>, Failure>,
) -> Result<(), Failure> {
    let turn = watch::Sender::new(0);
    let mut fetches = wanted.iter().zip(0..).map(|(it, number)| {
        let turn = turn.subscribe();
        async move { (it, fetch_in_turn(from, it, limits, (number, turn)).await) }
    });
    let (mut under_way, mut ready) = (FuturesOrdered::new(), VecDeque::new());
    loop {
        while under_way.len() + ready.len() < limits.in_flight.max(1)
            && let Some(fetch) = fetches.next()
        {
            under_way.push_back(fetch);
        }
        let next = match ready.pop_front() {
            Some(next) => Some(next),
            None => under_way.next().await,
        };
        let Some((it, fetched)) = next else { return Ok(()) };
        let mut taking = pin!(take(it, fetched?));
        let flow = loop {
            tokio::select! {
                biased;
                flow = &mut taking => break flow?,
                Some(next) = under_way.next() => ready.push_back(next),
            }
        };
        if flow.is_break() {
            return Ok(());
        }
        turn.send_modify(|turn| *turn += 1);
    }
}

/// [`fetch`]; of a long file nothing is held until its number is called.
async fn fetch_in_turn(
    from: &impl Repositories,
    wanted: &Wanted,
    limits: &Limits,
    (number, mut turn): (usize, watch::Receiver<usize>),
) -> Result<Result<Vec<u8>, Cause>, Failure> {
    let ahead = AHEAD.min(limits.file_bytes);
    if wanted.size.is_none_or(|size| size <= ahead) {
        let fetched = fetch_up_to(ahead, from, wanted).await?;
        if ahead == limits.file_bytes || !matches!(fetched, Err(Cause::TooLong { .. })) {
            return Ok(fetched);
        }
    }
    // An error would mean that the one who calls is gone, and this future with it.
    let _ = turn.wait_for(|turn| *turn == number).await;
    fetch(from, wanted, limits).await
}

async fn fetch_up_to(
    limit: u64,
    from: &impl Repositories,
    wanted: &Wanted,
) -> Result<Result<Vec<u8>, Cause>, Failure> {
    let bytes = match repository::read(from, &Request::file(wanted.url.clone(), limit)).await? {
        Ok(bytes) => bytes,
        Err(cause) => return Ok(Err(cause)),
    };
    if let Some(announced) = wanted.size.filter(|size| *size != bytes.len() as u64) {
        return Ok(Err(Cause::WrongSize { announced, found: bytes.len() as u64 }));
    }
    let is_right = digest(&bytes, &wanted.digest).await == wanted.digest;
    Ok(if is_right { Ok(bytes) } else { Err(Cause::WrongDigest) })
}

async fn digest(bytes: &[u8], like: &Digest) -> Digest {
    let mut hasher = like.hasher();
    for portion in bytes.chunks(PORTION) {
        hasher.update(portion);
        tokio::task::yield_now().await;
    }
    hasher.finish()
}
