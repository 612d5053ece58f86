//! The tokens by which a listing names its blocks and its next page.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};

/// How long a block token is good (`ebsapi-faq`).
pub(super) const BLOCK_TOKEN: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a page token is good (`ebsapi-faq`).
const PAGE_TOKEN: SignedDuration = SignedDuration::from_mins(60);

/// A token says what it is for, and until when. Everything in it has to fit when it comes back.
pub(super) struct Token {
    /// What it is for.
    subject: String,
    expires_at: Timestamp,
}

impl Token {
    pub fn block(snapshot: &str, index: u32, listing: u64, epoch: u64, now: Timestamp) -> Self {
        Self {
            subject: format!("block {snapshot} {index} {listing} {epoch}"),
            expires_at: later(now, BLOCK_TOKEN),
        }
    }

    /// The page of `listing` (an operation and its snapshots) that begins at the block `start`.
    pub fn page(listing: &str, epoch: u64, start: u32, now: Timestamp) -> Self {
        Self { subject: format!("page {listing} {epoch} {start}"), expires_at: later(now, PAGE_TOKEN) }
    }

    /// At most 256 letters of base64, as the API has them.
    pub fn encode(&self) -> String {
        STANDARD.encode(format!("{} {}", self.subject, self.expires_at.as_second()))
    }
}

/// Whether `token` is the one for this block, and still good at `now`.
pub(super) fn is_of_block(token: &str, block: &Token, now: Timestamp) -> bool {
    decode(token, now).is_some_and(|subject| subject == block.subject)
}

/// Where the page begins that `token` asks for, if it is one of `listing` and still good at `now`.
pub(super) fn start_of_page(token: &str, listing: &str, epoch: u64, now: Timestamp) -> Option<u32> {
    let subject = decode(token, now)?;
    subject.strip_prefix(&format!("page {listing} {epoch} "))?.parse().ok()
}

/// The subject of a token that has not expired.
fn decode(token: &str, now: Timestamp) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let (subject, expires_at) = text.rsplit_once(' ')?;
    (now.as_second() < expires_at.parse().ok()?).then(|| subject.to_owned())
}

pub(super) fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}
