//! Listings, blocks, tokens, images.

use std::io::{Read, Seek};

use aws_sdk_ebs::types::ChangedBlock;
use jiff::SignedDuration;

use super::*;

const NOT_COMPLETED: &str = "400 ValidationException INVALID_SNAPSHOT_ID";
const BLOCK_TOKEN: &str = "400 ValidationException INVALID_BLOCK_TOKEN";
const PAGE_TOKEN: &str = "400 ValidationException INVALID_PAGE_TOKEN";

fn indexes(blocks: &[Block]) -> Vec<i32> {
    blocks.iter().map(|block| block.block_index().unwrap()).collect()
}

impl Estate {
    async fn page(
        &self,
        id: &str,
        size: i32,
        token: Option<String>,
    ) -> Result<(Vec<i32>, Option<String>), String> {
        let list = self.client.list_snapshot_blocks().snapshot_id(id).max_results(size).set_next_token(token);
        let page = list.send().await.map_err(refusal)?;
        Ok((indexes(page.blocks()), page.next_token))
    }

    async fn changed(&self, first: &str, second: &str) -> Result<Vec<ChangedBlock>, String> {
        let list = self.client.list_changed_blocks().first_snapshot_id(first).second_snapshot_id(second);
        let page = list.send().await.map_err(refusal)?;
        assert_eq!(page.next_token(), None);
        Ok(page.changed_blocks.unwrap())
    }

    /// A completed child with these blocks of its own.
    async fn child(&self, parent: &str, blocks: &[(i32, u8)]) -> String {
        let child = id(self.start(1).parent_snapshot_id(parent).send().await);
        for (index, byte) in blocks {
            self.put(&child, *index, *byte).await.unwrap();
        }
        self.complete(&child, blocks.len() as i32).await.unwrap();
        child
    }
}

#[tokio::test]
async fn written_blocks_are_listed_by_index_own_ones_and_inherited_ones() {
    let estate = Estate::new().await;
    let parent = estate.import([(9, 1), (3, 2)]);
    let child = estate.child(&parent, &[(2_000, 3), (3, 4)]).await;
    let listed = estate.listed(&child).await;
    assert_eq!(indexes(listed.blocks()), [3, 9, 2_000]);
    assert_eq!((listed.volume_size(), listed.block_size()), (Some(1), Some(524_288)));
    let expiry = listed.expiry_time().unwrap().secs();
    assert_eq!(expiry, (estate.clock.now() + SignedDuration::from_hours(7 * 24)).as_second());
    let mut got = Vec::new();
    for block in listed.blocks() {
        got.push(estate.get(&child, block).await.unwrap());
    }
    assert_eq!(got, [(4, true), (1, true), (3, true)]);
    assert_eq!(indexes(estate.listed(&parent).await.blocks()), [3, 9]);
}

#[tokio::test]
async fn only_completed_snapshots_are_read() {
    let estate = Estate::new().await;
    let completed = estate.import([(0, 1)]);
    let block = estate.listed(&completed).await.blocks()[0].clone();
    let pending = id(estate.start(1).parent_snapshot_id(&completed).send().await);
    assert_eq!(estate.page(&pending, 100, None).await.unwrap_err(), NOT_COMPLETED);
    assert_eq!(estate.get(&pending, &block).await.unwrap_err(), NOT_COMPLETED);
    assert_eq!(estate.changed(&completed, &pending).await.unwrap_err(), NOT_COMPLETED);
    let unknown = estate.page("snap-0abc", 100, None).await.unwrap_err();
    assert_eq!(unknown, "404 ResourceNotFoundException SNAPSHOT_NOT_FOUND");
}

#[tokio::test]
async fn pages_have_100_to_10_000_blocks() {
    let estate = Estate::new().await;
    let id = estate.import((0..250).map(|index| (index, 1)));
    let (first, token) = estate.page(&id, 1, None).await.unwrap();
    assert_eq!(first, (0..100).collect::<Vec<_>>());
    let (second, token) = estate.page(&id, 149, token).await.unwrap();
    assert_eq!(second, (100..249).collect::<Vec<_>>());
    assert_eq!(estate.page(&id, 100, token).await, Ok((vec![249], None)));
    assert_eq!(estate.page(&id, 250, None).await.unwrap().1, None);
    let too_many = estate.page(&id, 10_001, None).await.unwrap_err();
    assert_eq!(too_many, "400 ValidationException INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn a_listing_may_begin_anywhere() {
    let estate = Estate::new().await;
    let id = estate.import([(1, 1), (5, 1), (7, 1)]);
    let list = || estate.client.list_snapshot_blocks().snapshot_id(&id);
    let from_2 = list().starting_block_index(2).send().await.unwrap();
    assert_eq!(indexes(from_2.blocks()), [5, 7]);
    estate.store.shorten_pages([1]);
    let token = list().send().await.unwrap().next_token;
    let with_both = list().starting_block_index(7).set_next_token(token).send().await.unwrap();
    assert_eq!(indexes(with_both.blocks()), [5, 7]);
}

#[tokio::test]
async fn pages_may_be_short_or_empty() {
    let estate = Estate::new().await;
    let id = estate.import([(1, 1), (5, 1), (7, 1)]);
    estate.store.shorten_pages([0, 2, 0]);
    let (mut pages, mut token) = (Vec::new(), None);
    loop {
        let (page, next) = estate.page(&id, 100, token).await.unwrap();
        pages.push(page);
        token = next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec![], vec![1, 5], vec![], vec![7]]);
}

#[tokio::test]
async fn a_page_token_is_good_for_60_minutes_and_for_its_listing() {
    let estate = Estate::new().await;
    let (one, two) = (estate.import((0..101).map(|i| (i, 1))), estate.import((0..101).map(|i| (i, 1))));
    let (_, token) = estate.page(&one, 100, None).await.unwrap();
    assert_eq!(estate.page(&two, 100, token.clone()).await.unwrap_err(), PAGE_TOKEN);
    assert_eq!(estate.page(&one, 100, Some("bogus".to_owned())).await.unwrap_err(), PAGE_TOKEN);
    estate.clock.advance(SignedDuration::from_secs(3_599));
    assert_eq!(estate.page(&one, 100, token.clone()).await, Ok((vec![100], None)));
    estate.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(estate.page(&one, 100, token).await.unwrap_err(), PAGE_TOKEN);
}

#[tokio::test]
async fn a_block_token_is_good_for_7_days_and_for_its_block() {
    let estate = Estate::new().await;
    let (one, two) = (estate.import([(0, 1), (1, 2)]), estate.import([(0, 3)]));
    let listed = estate.listed(&one).await;
    let block = &listed.blocks()[0];
    let moved = Block::builder().block_index(1).block_token(block.block_token().unwrap()).build();
    assert_eq!(estate.get(&one, &moved).await.unwrap_err(), BLOCK_TOKEN);
    assert_eq!(estate.get(&two, block).await.unwrap_err(), BLOCK_TOKEN);
    estate.clock.advance(SignedDuration::from_secs(7 * 86_400 - 1));
    assert_eq!(estate.get(&one, block).await, Ok((1, true)));
    estate.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(estate.get(&one, block).await.unwrap_err(), BLOCK_TOKEN);
}

#[tokio::test]
async fn another_listing_ends_the_block_tokens_of_the_one_before_but_another_page_does_not() {
    let estate = Estate::new().await;
    let id = estate.import((0..101).map(|index| (index, 1)));
    let first_page =
        estate.client.list_snapshot_blocks().snapshot_id(&id).max_results(100).send().await.unwrap();
    let block = &first_page.blocks()[0];
    estate.page(&id, 100, first_page.next_token().map(str::to_owned)).await.unwrap();
    assert_eq!(estate.get(&id, block).await, Ok((1, true)));
    estate.listed(&id).await;
    assert_eq!(estate.get(&id, block).await.unwrap_err(), BLOCK_TOKEN);
    let block = &estate.listed(&id).await.blocks()[0].clone();
    estate.changed(&id, &id).await.unwrap();
    assert_eq!(estate.get(&id, block).await.unwrap_err(), BLOCK_TOKEN);
}

#[tokio::test]
async fn tokens_expire_on_request() {
    let estate = Estate::new().await;
    let id = estate.import((0..101).map(|index| (index, 1)));
    let page = estate.client.list_snapshot_blocks().snapshot_id(&id).max_results(100).send().await.unwrap();
    estate.store.expire_tokens();
    assert_eq!(estate.get(&id, &page.blocks()[0]).await.unwrap_err(), BLOCK_TOKEN);
    assert_eq!(estate.page(&id, 100, page.next_token).await.unwrap_err(), PAGE_TOKEN);
}

#[tokio::test]
async fn changed_blocks_are_those_that_were_put_since() {
    let estate = Estate::new().await;
    let first = estate.import([(0, 1), (1, 1), (2, 1)]);
    let middle = estate.child(&first, &[(1, 2), (8, 2)]).await;
    let last = estate.child(&middle, &[(2, 1)]).await;
    let changed = estate.changed(&first, &last).await.unwrap();
    let seen = changed.iter().map(|block| {
        let tokens = (block.first_block_token().is_some(), block.second_block_token().is_some());
        (block.block_index().unwrap(), tokens)
    });
    assert_eq!(seen.collect::<Vec<_>>(), [(1, (true, true)), (2, (true, true)), (8, (false, true))]);
    let of = |token: Option<&str>| Block::builder().block_index(1).block_token(token.unwrap()).build();
    assert_eq!(estate.get(&first, &of(changed[0].first_block_token())).await, Ok((1, true)));
    assert_eq!(estate.get(&last, &of(changed[0].second_block_token())).await, Ok((2, true)));
}

#[tokio::test]
async fn changed_blocks_are_asked_for_with_two_snapshots_of_one_lineage() {
    let estate = Estate::new().await;
    let (one, two) = (estate.import([(0, 1)]), estate.import([(0, 1)]));
    let refusal = estate.changed(&one, &two).await.unwrap_err();
    assert_eq!(refusal, "400 ValidationException UNRELATED_SNAPSHOTS");
    let without_first = estate.client.list_changed_blocks().second_snapshot_id(&two).send().await;
    assert_eq!(refused(without_first), "400 ValidationException INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn a_page_of_changed_blocks_is_empty_where_nothing_has_changed() {
    let estate = Estate::new().await;
    let parent = estate.import((1_000..1_250).map(|index| (index, 1)));
    let child = estate.child(&parent, &[(1_100, 2), (1_249, 2)]).await;
    let (mut pages, mut token) = (Vec::new(), None);
    loop {
        let list = estate.client.list_changed_blocks().first_snapshot_id(&parent).second_snapshot_id(&child);
        let page = list.max_results(100).set_next_token(token).send().await.unwrap();
        pages
            .push(page.changed_blocks().iter().map(|block| block.block_index().unwrap()).collect::<Vec<_>>());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec![], vec![1_100], vec![1_249]]);
}

#[tokio::test]
async fn damage_shows_in_the_checksum_or_in_nothing_but_the_data() {
    let estate = Estate::new().await;
    let parent = estate.import([(0, 1), (1, 1)]);
    let child = estate.child(&parent, &[]).await;
    estate.store.corrupt(&child, 0, Damage::Visible).unwrap();
    estate.store.corrupt(&child, 1, Damage::Silent).unwrap();
    let listed = estate.listed(&child).await;
    assert_eq!(estate.get(&child, &listed.blocks()[0]).await, Ok((!1, false)));
    assert_eq!(estate.get(&child, &listed.blocks()[1]).await, Ok((!1, true)));
    assert_eq!(estate.changed(&parent, &child).await.unwrap(), []);
    assert_eq!(estate.store.block(&parent, 0).unwrap()[0], 1);
    assert!(estate.store.corrupt(&child, 2, Damage::Silent).is_err());
}

#[tokio::test]
async fn an_image_comes_back_as_it_went_in_without_its_zeros() {
    let estate = Estate::new().await;
    let mut image = [data(0), data(7), data(0)].concat();
    image.extend([9; 10]);
    let id = estate.store.import(1, &*image).unwrap();
    assert_eq!(estate.store.snapshot(&id).unwrap().written, [1, 3].into());
    assert_eq!(indexes(estate.listed(&id).await.blocks()), [1, 3]);
    let mut file = tempfile::tempfile().unwrap();
    estate.store.export(&id, &mut file).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 1 << 30);
    file.rewind().unwrap();
    let mut begin = vec![0; 4 * BLOCK_SIZE];
    file.read_exact(&mut begin).unwrap();
    image.resize(4 * BLOCK_SIZE, 0);
    assert!(begin == image);
}

#[tokio::test]
async fn an_image_has_to_fit_into_its_volume() {
    let estate = Estate::new().await;
    assert!(estate.store.import_blocks(1, [(2_048, data(1))]).is_err());
    assert!(estate.store.import_blocks(1, [(0, vec![1; 512])]).is_err());
    assert!(estate.store.export("snap-0abc", &mut tempfile::tempfile().unwrap()).is_err());
    assert_eq!(estate.store.snapshots(), []);
}
