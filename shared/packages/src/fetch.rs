//! Downloads whose bytes nobody sees before their digest is right.

use futures::{Stream, StreamExt, stream};
use watchkeeper_domain::failure::Failure;

use crate::{
    Digest, Limits,
    plan::Wanted,
    repository::{Answer, Repositories, Request, refused, shown},
};

/// How much is hashed at once, in bytes, before other downloads get their turn: about a millisecond.
const PORTION: usize = 1024 * 1024;

/// The bytes of `wanted`, held once. They have the digest, and the size where one is known.
///
/// # Errors
/// When the repository does not give them, or gives others. These are not handed on.
pub async fn fetch(from: &impl Repositories, wanted: &Wanted, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let failure = |cause: String| Failure::new("fetch", shown(&wanted.url), cause);
    let bytes = match from.get(&Request::file(wanted.url.clone(), limits.file_bytes)).await? {
        Answer::Found(bytes) => bytes,
        Answer::Refused(status) => return Err(refused(&wanted.url, status)),
        Answer::TooLong => return Err(failure(format!("it has more than {} bytes", limits.file_bytes))),
    };
    if let Some(size) = wanted.size.filter(|size| *size != bytes.len() as u64) {
        return Err(failure(format!("it has {} bytes where {size} were announced", bytes.len())));
    }
    let digest = digest(&bytes, &wanted.digest).await;
    if digest != wanted.digest {
        return Err(failure(format!("it is {digest} where {} was announced", wanted.digest)));
    }
    Ok(bytes)
}

/// [`fetch`] for all of `wanted`, in their order, with [`Limits::in_flight`] of them under way or waiting to be taken.
pub fn fetch_all<'a>(
    from: &'a impl Repositories,
    wanted: &'a [Wanted],
    limits: &'a Limits,
) -> impl Stream<Item = (&'a Wanted, Result<Vec<u8>, Failure>)> + 'a {
    let fetches = wanted.iter().map(async move |it| (it, fetch(from, it, limits).await));
    stream::iter(fetches).buffered(limits.in_flight.max(1))
}

async fn digest(bytes: &[u8], like: &Digest) -> Digest {
    let mut hasher = like.hasher();
    for portion in bytes.chunks(PORTION) {
        hasher.update(portion);
        tokio::task::yield_now().await;
    }
    hasher.finish()
}
