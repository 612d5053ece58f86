//! The table in memory, with the meaning that the real one has.
//!
//! Bodies and effects are kept as JSON, so a shape that does not survive being stored is found here as well.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use watchkeeper_domain::{
    failure::Failure,
    records::{Effect, Entry, Key, Record, Records, SCHEMA, Settled, Write, index_time},
};

use crate::{
    item::{Head, Item, stored, to_json, unreadable},
    turn::turn,
};

/// A table in memory. Clones share it, as clients of one table do.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    items: BTreeMap<Key, Item>,
    held_index: Option<Index>,
}

/// The keys of the items that are in the index: sweep, due_at, key.
type Index = Vec<(String, String, Key)>;

impl Memory {
    /// The body of every item.
    pub fn snapshot(&self) -> BTreeMap<Key, Value> {
        self.with(|table| table.items.iter().map(|(key, item)| (key.clone(), item.body.clone())).collect())
    }

    /// The ids in every outbox that is not empty.
    pub fn unsettled(&self) -> BTreeMap<Key, Vec<String>> {
        self.with(|table| {
            let heads = table.items.iter().filter_map(|(key, item)| Some((key, item.head.as_ref()?)));
            let busy = heads.filter(|(_, head)| !head.outbox.is_empty());
            busy.map(|(key, head)| (key.clone(), head.outbox.keys().cloned().collect())).collect()
        })
    }

    /// Puts `body` in the place of what is at `key`, whatever that is: a head that this program did not write.
    pub fn corrupt(&self, key: &Key, body: Value) {
        self.with(|table| {
            let head = Head { version: 1, ..Head::default() };
            let item = table.items.entry(key.clone()).or_insert_with(|| Item::new(Value::Null, Some(head)));
            item.body = body;
        });
    }

    /// Freezes what [`Records::due`] sees: an index that is out of date.
    pub fn hold_index(&self) {
        self.with(|table| table.held_index = Some(table.index()));
    }

    /// Lets the index catch up.
    pub fn release_index(&self) {
        self.with(|table| table.held_index = None);
    }

    /// Deletes the items whose time to live is over, as DynamoDB does some days later.
    pub fn expire(&self, now: Timestamp) {
        self.with(|table| {
            table.items.retain(|_, item| item.expires_at.is_none_or(|end| end > now.as_second()));
        });
    }

    fn with<T>(&self, look: impl FnOnce(&mut Table) -> T) -> T {
        look(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Records for Memory {
    async fn read<S: DeserializeOwned, E: Effect>(&self, key: &Key) -> Result<Record<S, E>, Failure> {
        turn().await;
        self.with(|table| {
            let Some(item) = table.items.get(key) else {
                return Ok(Record { version: 0, state: None, outbox: Vec::new() });
            };
            let state = Some(item.body(key)?);
            let head = item.head.as_ref().ok_or_else(|| unreadable(key, "it is not a head"))?;
            Ok(Record { version: head.version, state, outbox: head.outbox(key)? })
        })
    }

    async fn list<T: DeserializeOwned>(&self, pk: &str, prefix: &str) -> Result<Vec<T>, Failure> {
        turn().await;
        self.with(|table| {
            let first = Key { pk: pk.to_owned(), sk: prefix.to_owned() };
            let here = table.items.range(first..);
            let here = here.take_while(|(key, _)| key.pk == pk && key.sk.starts_with(prefix));
            here.map(|(key, item)| item.body(key)).collect()
        })
    }

    async fn keep<T: Serialize>(&self, key: &Key, write: &Write<'_, T>) -> Result<(), Failure> {
        turn().await;
        let item = Item::new(to_json(key, write.body)?, None).due(write.due).expires(write.expires_at);
        self.with(|table| {
            table.items.entry(key.clone()).or_insert(item);
        });
        Ok(())
    }

    async fn swap<S: Serialize, E: Effect>(
        &self,
        key: &Key,
        version: u64,
        write: &Write<'_, S>,
        entries: &[Entry<E>],
    ) -> Result<Option<Vec<Entry<E>>>, Failure> {
        turn().await;
        let body = to_json(key, write.body)?;
        let added = entries.iter().map(|entry| stored(key, entry)).collect::<Result<Vec<_>, _>>()?;
        self.with(|table| {
            let mut head = match table.items.get(key) {
                None => Head::default(),
                Some(Item { schema: SCHEMA, head: Some(head), .. }) => head.clone(),
                Some(_) => return Ok(None),
            };
            if head.version != version {
                return Ok(None);
            }
            head.version += 1;
            for (id, entry) in added {
                head.outbox.entry(id).or_insert(entry);
            }
            let outbox = head.outbox(key);
            let item = Item::new(body, Some(head)).due(write.due).expires(write.expires_at);
            table.items.insert(key.clone(), item);
            outbox.map(Some).map_err(Failure::in_doubt)
        })
    }

    async fn lease(
        &self,
        key: &Key,
        id: &str,
        from: Timestamp,
        until: Timestamp,
        doubtful: bool,
    ) -> Result<bool, Failure> {
        turn().await;
        self.with(|table| {
            let entry = table.head(key).and_then(|head| head.outbox.get_mut(id));
            let Some(entry) = entry.filter(|entry| entry.until == from) else { return Ok(false) };
            entry.until = until;
            entry.doubtful |= doubtful;
            Ok(true)
        })
    }

    async fn settle<E: Effect>(&self, key: &Key, settled: &[Settled]) -> Result<Vec<Entry<E>>, Failure> {
        turn().await;
        self.with(|table| {
            let Some(head) = table.head(key) else { return Ok(Vec::new()) };
            for one in settled {
                head.settle(one);
            }
            head.outbox(key)
        })
    }

    async fn due(&self, sweep: &str, now: Timestamp) -> Result<Vec<(Key, Timestamp)>, Failure> {
        turn().await;
        let now = index_time(now);
        let mut index = self.with(|table| table.held_index.clone().unwrap_or_else(|| table.index()));
        index.retain(|(whose, due_at, _)| whose == sweep && *due_at <= now);
        index.sort();
        Ok(index.into_iter().filter_map(|(_, due_at, key)| Some((key, due_at.parse().ok()?))).collect())
    }

    async fn rest(&self, key: &Key, was: Timestamp, next: Option<Timestamp>) -> Result<(), Failure> {
        turn().await;
        self.with(|table| {
            let Some(item) = table.items.get_mut(key) else { return };
            let still = item.sweep.take_if(|(_, due_at)| *due_at == index_time(was));
            if let (Some((sweep, _)), Some(next)) = (still, next) {
                item.sweep = Some((sweep, index_time(next)));
            }
        });
        Ok(())
    }
}

impl Table {
    fn head(&mut self, key: &Key) -> Option<&mut Head> {
        self.items.get_mut(key)?.head.as_mut()
    }

    fn index(&self) -> Index {
        let entries = self.items.iter().filter_map(|(key, item)| {
            item.sweep.as_ref().map(|(sweep, due_at)| (sweep.clone(), due_at.clone(), key.clone()))
        });
        entries.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;
    use watchkeeper_domain::records::Due;

    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    struct Tell {
        text: String,
        seq: u32,
    }

    impl Effect for Tell {
        fn id(&self) -> String {
            self.text.clone()
        }
        fn seq(&self) -> u32 {
            self.seq
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::new(second, 500_000_000).unwrap()
    }

    fn entry(text: &str, seq: u32) -> Entry<Tell> {
        Entry { effect: Tell { text: text.into(), seq }, until: at(30), since: at(0), doubtful: false }
    }

    fn write(body: &u32, due: Option<i64>) -> Write<'_, u32> {
        Write { body, due: due.map(|second| Due { sweep: "health", at: at(second) }), expires_at: None }
    }

    fn ids(outbox: &[Entry<Tell>]) -> Vec<&str> {
        outbox.iter().map(|entry| entry.effect.text.as_str()).collect()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn of_two_who_decided_on_the_same_version_one_wins() {
        let (memory, key) = (Memory::default(), Key::head("CASE#1"));
        let decide = async |body: u32, entry: Entry<Tell>| {
            let seen: Record<u32, Tell> = memory.read(&key).await.unwrap();
            memory.swap(&key, seen.version, &write(&body, None), &[entry]).await.unwrap()
        };
        let (won, lost) = tokio::join!(biased; decide(1, entry("b", 2)), decide(2, entry("c", 1)));
        assert_eq!((won, lost), (Some(vec![entry("b", 2)]), None), "both had read before either wrote");
        let outbox = decide(2, entry("c", 1)).await.unwrap();
        assert_eq!(ids(&outbox), ["c", "b"], "in order, and nobody's entry is dropped");
        let record: Record<u32, Tell> = memory.read(&key).await.unwrap();
        assert_eq!(record, Record { version: 2, state: Some(2), outbox: outbox.clone() });
        let again = Entry { until: at(99), ..entry("b", 2) };
        assert_eq!(decide(3, again).await, Some(outbox), "an entry that is there keeps its lease");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_lease_is_taken_once_and_ended_only_by_its_holder() {
        let (memory, key) = (Memory::default(), Key::head("CASE#1"));
        memory.swap(&key, 0, &write(&1, None), &[entry("a", 1)]).await.unwrap();
        let (one, two) = tokio::join!(
            biased;
            memory.lease(&key, "a", at(30), at(60), true),
            memory.lease(&key, "a", at(30), at(61), true)
        );
        assert_eq!((one.unwrap(), two.unwrap()), (true, false));
        assert!(!memory.lease(&key, "b", at(30), at(60), false).await.unwrap(), "there is no such entry");
        let late = Settled::Failed { id: "a".into(), until: at(30), doubtful: false };
        let kept: Vec<Entry<Tell>> = memory.settle(&key, &[late]).await.unwrap();
        assert_eq!((kept[0].until, kept[0].doubtful), (at(60), true));
        let mine = Settled::Failed { id: "a".into(), until: at(60), doubtful: false };
        let kept: Vec<Entry<Tell>> = memory.settle(&key, &[mine]).await.unwrap();
        assert_eq!((kept[0].until, kept[0].doubtful), (Entry::<Tell>::FREE, true));
        assert_eq!(memory.unsettled(), BTreeMap::from([(key.clone(), vec!["a".to_owned()])]));
        for _ in 0..2 {
            let left: Vec<Entry<Tell>> = memory.settle(&key, &[Settled::Done("a".into())]).await.unwrap();
            assert_eq!(left, []);
        }
        assert_eq!(memory.read::<u32, Tell>(&key).await.unwrap().version, 1, "settling is no new version");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_index_nominates_in_order_and_may_be_out_of_date() {
        let (memory, early, late) = (Memory::default(), Key::head("CASE#2"), Key::head("CASE#1"));
        memory.swap::<_, Tell>(&late, 0, &write(&1, Some(20)), &[]).await.unwrap();
        memory.swap::<_, Tell>(&early, 0, &write(&1, Some(10)), &[]).await.unwrap();
        let second = |n| Timestamp::from_second(n).unwrap();
        let both = vec![(early.clone(), second(10)), (late.clone(), second(20))];
        assert_eq!(memory.due("health", second(20)).await.unwrap(), both);
        assert_eq!(memory.due("other", second(20)).await.unwrap(), []);

        memory.hold_index();
        memory.rest(&early, second(10), None).await.unwrap();
        memory.rest(&late, second(19), None).await.unwrap();
        assert_eq!(memory.due("health", second(20)).await.unwrap(), both);
        memory.release_index();
        assert_eq!(
            memory.due("health", second(20)).await.unwrap(),
            both[1..],
            "what has moved is left alone"
        );
        memory.rest(&late, second(20), Some(at(40))).await.unwrap();
        assert_eq!(memory.due("health", second(39)).await.unwrap(), []);
        assert_eq!(memory.due("health", second(40)).await.unwrap(), [(late.clone(), second(40))]);
        memory.swap::<_, Tell>(&late, 1, &write(&1, None), &[]).await.unwrap();
        assert_eq!(memory.due("health", second(99)).await.unwrap(), []);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_is_kept_is_written_once_and_listed_by_sort_key() {
        let memory = Memory::default();
        let page = |sk: &str| Key { pk: "CASE#1".into(), sk: sk.into() };
        for (sk, body) in [("PAGE#2", 2), ("PAGE#1", 1), ("PAGE#1", 9), ("HEAD", 0)] {
            memory.keep(&page(sk), &write(&body, None)).await.unwrap();
        }
        assert_eq!(memory.list::<u32>("CASE#1", "PAGE#").await.unwrap(), [1, 2]);
        assert!(memory.read::<u32, Tell>(&page("PAGE#1")).await.is_err(), "a page is not a head");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_item_that_nobody_can_read_is_a_failure_that_names_it() {
        let (memory, key) = (Memory::default(), Key::head("CASE#1"));
        memory.corrupt(&key, json!({ "not": "a number" }));
        let failure = memory.read::<u32, Tell>(&key).await.unwrap_err();
        assert!(
            failure.chain().starts_with("could not interpret CASE#1 / HEAD: invalid type"),
            "{}",
            failure.chain()
        );
        assert_eq!(memory.snapshot(), BTreeMap::from([(key.clone(), json!({ "not": "a number" }))]));

        memory.corrupt(&key, json!(1));
        memory.with(|table| table.items.values_mut().for_each(|item| item.schema = 2));
        let failure = memory.read::<u32, Tell>(&key).await.unwrap_err();
        assert_eq!(failure.chain(), "could not interpret CASE#1 / HEAD: its schema is 2, not 1");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_item_is_gone_when_its_time_to_live_is_over() {
        let memory = Memory::default();
        for (pk, end) in [("A", Some(at(10))), ("B", None)] {
            let write = Write { body: &1, due: None, expires_at: end };
            memory.swap::<_, Tell>(&Key::head(pk), 0, &write, &[]).await.unwrap();
        }
        memory.expire(at(10));
        assert_eq!(memory.snapshot().into_keys().collect::<Vec<_>>(), [Key::head("B")]);
    }
}
