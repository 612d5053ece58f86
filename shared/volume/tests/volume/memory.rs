//! Snapshots in memory, behind the same port as EBS.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use tokio::sync::Semaphore;
use watchkeeper_domain::failure::Failure;
use watchkeeper_volume::snapshots::{
    BLOCK, Block, BlockIndex, Digest, Got, Listing, Order, Origin, SnapshotId, Snapshots,
};

/// The snapshots. Clones share them.
#[derive(Clone, Debug)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    /// A put takes a permit each, and waits for it.
    pub puts: Arc<Semaphore>,
    /// The block that cannot be put.
    refused: Option<BlockIndex>,
}

#[derive(Debug, Default)]
struct State {
    snapshots: BTreeMap<SnapshotId, Snapshot>,
    listings: u64,
    calls: Calls,
}

/// How often each call was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Calls {
    pub gets: u64,
    pub puts: u64,
    pub lists: u64,
}

#[derive(Clone, Debug, Default)]
struct Snapshot {
    size_gib: u32,
    blocks: BTreeMap<BlockIndex, Block>,
    own: BTreeMap<BlockIndex, Digest>,
    is_complete: bool,
}

impl Default for Memory {
    fn default() -> Self {
        Self::with_puts(Semaphore::MAX_PERMITS)
    }
}

impl Memory {
    /// Where no put ends but the next `puts`.
    pub fn with_puts(puts: usize) -> Self {
        Self { state: Arc::default(), puts: Arc::new(Semaphore::new(puts)), refused: None }
    }

    /// Where this block cannot be put.
    pub fn refusing(self, index: u32) -> Self {
        Self { refused: Some(BlockIndex(index)), ..self }
    }

    /// A completed snapshot with the content of an image.
    pub fn import(&self, image: &Path) -> SnapshotId {
        let mut file = File::open(image).unwrap();
        let size_gib = u32::try_from(file.metadata().unwrap().len() >> 30).unwrap();
        let mut snapshot = Snapshot { size_gib, is_complete: true, ..Snapshot::default() };
        let (mut bytes, zeros) = (vec![0; BLOCK], vec![0; BLOCK]);
        for index in 0..size_gib * 2048 {
            file.read_exact(&mut bytes).unwrap();
            if bytes != zeros {
                snapshot.blocks.insert(BlockIndex(index), block(&bytes));
            }
        }
        let mut state = self.state.lock().unwrap();
        let id = SnapshotId::new(format!("snap-{}", state.snapshots.len()));
        state.snapshots.insert(id.clone(), snapshot);
        id
    }

    /// Writes a snapshot to a sparse image.
    pub fn export(&self, id: &SnapshotId, image: &Path) {
        let state = self.state.lock().unwrap();
        let snapshot = &state.snapshots[id];
        let mut file = File::create(image).unwrap();
        file.set_len(u64::from(snapshot.size_gib) << 30).unwrap();
        for (index, block) in &snapshot.blocks {
            file.seek(SeekFrom::Start(index.offset())).unwrap();
            file.write_all(block.data()).unwrap();
        }
    }

    /// The calls since this was asked last.
    pub fn calls(&self) -> Calls {
        std::mem::take(&mut self.state.lock().unwrap().calls)
    }

    /// How many blocks a snapshot has, those of its parents among them.
    pub fn size(&self, id: &SnapshotId) -> usize {
        self.state.lock().unwrap().snapshots[id].blocks.len()
    }

    /// A snapshot with the same content.
    pub fn copy(&self, id: &SnapshotId) -> SnapshotId {
        let mut state = self.state.lock().unwrap();
        let copy = SnapshotId::new(format!("{id}-copy"));
        let content = state.snapshots[id].clone();
        state.snapshots.insert(copy.clone(), content);
        copy
    }

    /// The bytes of a block, as of a pending snapshot too.
    pub fn block(&self, id: &SnapshotId, index: BlockIndex) -> Option<Vec<u8>> {
        self.state.lock().unwrap().snapshots[id].blocks.get(&index).map(|block| block.data().to_vec())
    }

    /// Changes bytes of a snapshot behind everybody's back.
    pub fn damage(&self, id: &SnapshotId, offset: u64, change: impl FnOnce(&mut [u8])) {
        let mut state = self.state.lock().unwrap();
        let index = BlockIndex::holding(offset);
        let blocks = &mut state.snapshots.get_mut(id).unwrap().blocks;
        let mut bytes = blocks[&index].data().to_vec();
        change(&mut bytes[usize::try_from(offset % BLOCK as u64).unwrap()..]);
        blocks.insert(index, block(&bytes));
    }

    /// Forgets the snapshots that are given up.
    pub fn drop_all_but(&self, keep: &SnapshotId) {
        self.state.lock().unwrap().snapshots.retain(|id, _| id == keep);
    }
}

impl Snapshots for Memory {
    async fn list(&self, snapshot: &SnapshotId) -> Result<Listing, Failure> {
        let mut state = self.state.lock().unwrap();
        state.calls.lists += 1;
        state.listings += 1;
        let number = state.listings;
        let snapshot = complete(&state, snapshot)?;
        let mut listing = Listing::new(snapshot.size_gib);
        for index in snapshot.blocks.keys() {
            listing.push(*index, &format!("{number}-{index}")).unwrap();
        }
        Ok(listing)
    }

    async fn changed(&self, parent: &SnapshotId, child: &SnapshotId) -> Result<Vec<BlockIndex>, Failure> {
        let state = self.state.lock().unwrap();
        let (parent, child) = (complete(&state, parent)?, complete(&state, child)?);
        let changed = |(index, block): (&BlockIndex, &Block)| {
            (parent.blocks.get(index) != Some(block)).then_some(*index)
        };
        Ok(child.blocks.iter().filter_map(changed).collect())
    }

    async fn get(&self, snapshot: &SnapshotId, index: BlockIndex, token: &str) -> Result<Got, Failure> {
        let mut state = self.state.lock().unwrap();
        state.calls.gets += 1;
        assert!(token.ends_with(&format!("-{index}")), "the token {token} is not that of {index}");
        Ok(Got::Block(complete(&state, snapshot)?.blocks[&index].clone()))
    }

    async fn start(&self, order: &Order) -> Result<SnapshotId, Failure> {
        let mut state = self.state.lock().unwrap();
        let mut snapshot = match &order.origin {
            Origin::Parent(parent) => complete(&state, parent)?.clone(),
            Origin::Empty | Origin::Encrypted(_) => Snapshot::default(),
        };
        snapshot =
            Snapshot { size_gib: order.size_gib, own: BTreeMap::new(), is_complete: false, ..snapshot };
        let id = SnapshotId::new(format!("snap-{}", order.token));
        state.snapshots.insert(id.clone(), snapshot);
        Ok(id)
    }

    async fn put(&self, snapshot: &SnapshotId, index: BlockIndex, block: &Block) -> Result<(), Failure> {
        let permit = self.puts.acquire().await;
        permit.map_err(|closed| Failure::new("put", snapshot.as_str(), closed))?.forget();
        if self.refused == Some(index) {
            return Err(Failure::new("put", snapshot.as_str(), "refused"));
        }
        let mut state = self.state.lock().unwrap();
        state.calls.puts += 1;
        let snapshot = state.snapshots.get_mut(snapshot).unwrap();
        assert!(!snapshot.is_complete);
        // The bytes themselves are the caller's, who may use their place again.
        snapshot.blocks.insert(index, self::block(block.data()));
        snapshot.own.insert(index, block.digest());
        Ok(())
    }

    async fn complete(&self, snapshot: &SnapshotId, blocks: u32, checksum: Digest) -> Result<(), Failure> {
        let mut state = self.state.lock().unwrap();
        let snapshot = state.snapshots.get_mut(snapshot).unwrap();
        assert!(!snapshot.is_complete);
        assert_eq!(snapshot.own.len(), blocks as usize);
        assert_eq!(Digest::linear(snapshot.own.values().copied()), checksum);
        snapshot.is_complete = true;
        Ok(())
    }
}

fn complete<'a>(state: &'a State, id: &SnapshotId) -> Result<&'a Snapshot, Failure> {
    let found = state.snapshots.get(id).filter(|snapshot| snapshot.is_complete);
    found.ok_or_else(|| Failure::new("read", id.as_str(), "it is not there, or not complete"))
}

fn block(bytes: &[u8]) -> Block {
    Block::new(bytes.to_vec().into()).unwrap()
}
