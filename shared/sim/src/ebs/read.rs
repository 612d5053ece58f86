//! ListSnapshotBlocks, ListChangedBlocks, GetSnapshotBlock: of completed snapshots only (`ebsapi-faq`).

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    answer::{self, Changed, Listed, Outcome},
    refusal::Refusal,
    request::Page,
    snapshot::{SnapshotState, Stored},
    store::State,
    token::{self, Token},
};

impl State {
    /// `ListSnapshotBlocks`: the blocks that were ever written, by ascending index.
    pub fn list(&mut self, id: &str, page: &Page, now: Timestamp) -> Result<Outcome, Refusal> {
        self.readable(id, now)?;
        let (start, limit) = self.window(id, &[id], page, now)?;
        let stored = self.readable(id, now)?;
        let mut indexes = stored.blocks.range(start..).map(|(index, _)| *index);
        let blocks = indexes.by_ref().take(limit).map(|index| Listed {
            block_index: index,
            block_token: self.block_token(id, stored, index, now),
        });
        let blocks: Vec<_> = blocks.collect();
        let next = indexes.next().map(|start| Token::page(id, self.epoch, start, now));
        answer::blocks(&blocks, next.as_ref(), stored, now)
    }

    /// `ListChangedBlocks`: a page looks at `limit` blocks of either snapshot and shows those that differ, so that it
    /// may be empty and have a successor (`readsnapshots`).
    pub fn changed(
        &mut self,
        (first, second): (&str, &str),
        page: &Page,
        now: Timestamp,
    ) -> Result<Outcome, Refusal> {
        if self.readable(first, now)?.root != self.readable(second, now)?.root {
            return Err(Refusal::invalid("UNRELATED_SNAPSHOTS", "The snapshots are of different lineages."));
        }
        let listing = format!("{first}-{second}");
        let (start, limit) = self.window(&listing, &[first, second], page, now)?;
        let (one, two) = (self.readable(first, now)?, self.readable(second, now)?);
        let ahead = |stored: &Stored| -> Vec<u32> {
            stored.blocks.range(start..).take(limit + 1).map(|(index, _)| *index).collect()
        };
        let indexes: BTreeSet<_> = ahead(one).into_iter().chain(ahead(two)).collect();
        let token = |id, stored: &Stored, index| {
            stored.blocks.contains_key(&index).then(|| self.block_token(id, stored, index, now))
        };
        let changed =
            indexes.iter().take(limit).filter(|index| is_changed(one, two, **index)).map(|index| Changed {
                block_index: *index,
                first_block_token: token(first, one, *index),
                second_block_token: token(second, two, *index),
            });
        let changed: Vec<_> = changed.collect();
        let next = indexes.iter().nth(limit).map(|start| Token::page(&listing, self.epoch, *start, now));
        answer::changed_blocks(&changed, next.as_ref(), two, now)
    }

    /// `GetSnapshotBlock`.
    pub fn get(&mut self, id: &str, index: u32, token: &str, now: Timestamp) -> Result<Outcome, Refusal> {
        let stored = self.readable(id, now)?;
        let expected = Token::block(id, index, stored.listing, self.epoch, now);
        if !token::is_of_block(token, &expected, now) {
            return Err(Refusal::invalid("INVALID_BLOCK_TOKEN", "BlockToken is not that of the block."));
        }
        let block = stored.blocks.get(&index).cloned();
        let block = block.ok_or_else(|| Refusal::invalid("INVALID_BLOCK", "There is no such block."))?;
        self.counters.blocks_got += 1;
        Ok(Outcome::Block(block))
    }

    /// The snapshot `id`, if it is completed.
    pub fn readable(&self, id: &str, now: Timestamp) -> Result<&Stored, Refusal> {
        let stored = self.find(id, now)?;
        match stored.state(now) {
            SnapshotState::Completed => Ok(stored),
            SnapshotState::Pending | SnapshotState::Error => Err(Refusal::snapshot_state(id, "completed")),
        }
    }

    /// Where a page of `listing` begins and how many blocks it looks at. Without a token, a new listing begins, and the
    /// block tokens of earlier ones are no longer good.
    fn window(
        &mut self,
        listing: &str,
        ids: &[&str],
        page: &Page,
        now: Timestamp,
    ) -> Result<(u32, usize), Refusal> {
        let start = match &page.token {
            Some(token) => token::start_of_page(token, listing, self.epoch, now)
                .ok_or_else(|| Refusal::invalid("INVALID_PAGE_TOKEN", "NextToken is not of this listing."))?,
            None => {
                for id in ids {
                    self.snapshots.entry((*id).to_owned()).and_modify(|stored| stored.listing += 1);
                }
                page.start
            }
        };
        let limit = self.short_pages.pop_front().unwrap_or(usize::MAX);
        Ok((start, limit.min(page.limit)))
    }

    fn block_token(&self, id: &str, stored: &Stored, index: u32, now: Timestamp) -> String {
        Token::block(id, index, stored.listing, self.epoch, now).encode()
    }
}

/// Blocks differ when they were put apart, even if the same was put.
fn is_changed(one: &Stored, two: &Stored, index: u32) -> bool {
    match (one.blocks.get(&index), two.blocks.get(&index)) {
        (Some(one), Some(two)) => !one.is_of_one_put(two),
        (one, two) => one.is_some() || two.is_some(),
    }
}
