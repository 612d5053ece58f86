//! What [`Records`] promises, kept by the adapter for DynamoDB (on dynoxide and on moto) and by the table of the sim.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use watchkeeper_domain::records::{Due, Effect, Entry, Key, Record, Records, Settled, Write};
use watchkeeper_shell::Table;
use watchkeeper_sim::memory::Memory;
use watchkeeper_tests::support::aws::{config, dynoxide, moto, unique};

/// A state with the shapes that are hard to store: nothing, empty text, large numbers, lists, maps, unknown words.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct State {
    name: String,
    count: u64,
    offset: i64,
    share: f64,
    at: Timestamp,
    owner: Option<String>,
    tags: Vec<String>,
    words: BTreeMap<String, Word>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Word {
    Known,
    With {
        depth: u32,
    },
    #[serde(untagged)]
    Other(String),
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Tell {
    Say { id: String, seq: u32 },
}

impl Effect for Tell {
    fn id(&self) -> String {
        let Self::Say { id, .. } = self;
        id.clone()
    }

    fn seq(&self) -> u32 {
        let Self::Say { seq, .. } = self;
        *seq
    }
}

fn state(name: &str) -> State {
    State {
        name: name.to_owned(),
        count: u64::MAX,
        offset: -1,
        share: 0.1,
        at: time(7),
        owner: None,
        tags: vec![String::new(), "a\u{0}\"\\\u{1f525}".to_owned()],
        words: BTreeMap::from([
            ("a.b #c:d".to_owned(), Word::Known),
            ("deep".to_owned(), Word::With { depth: 3 }),
            ("new".to_owned(), Word::Other("whatNobodyKnew".to_owned())),
        ]),
    }
}

/// A moment that is not a whole second.
fn time(seconds: i64) -> Timestamp {
    Timestamp::new(1_795_176_000 + seconds, 250_000_000).unwrap()
}

/// The same moment as the index keeps it.
fn second(seconds: i64) -> Timestamp {
    Timestamp::new(1_795_176_000 + seconds, 0).unwrap()
}

fn head(name: &str) -> Key {
    Key::head(format!("CASE#111122223333#arn:aws:health:eu-west-1::event/{name}"))
}

/// An entry that is leased until `time(60)`.
fn entry(id: &str, seq: u32) -> Entry<Tell> {
    let effect = Tell::Say { id: id.to_owned(), seq };
    Entry { effect, until: time(60), since: time(0), doubtful: false }
}

fn write<T>(body: &T) -> Write<'_, T> {
    Write { body, due: None, expires_at: None }
}

fn write_due<'a, T>(body: &'a T, sweep: &'static str, at: Timestamp) -> Write<'a, T> {
    Write { body, due: Some(Due { sweep, at }), expires_at: None }
}

fn done(id: &str) -> Settled {
    Settled::Done(id.to_owned())
}

fn failed(id: &str, until: Timestamp, doubtful: bool) -> Settled {
    Settled::Failed { id: id.to_owned(), until, doubtful }
}

fn ids(outbox: &[Entry<Tell>]) -> Vec<String> {
    outbox.iter().map(|entry| entry.effect.id()).collect()
}

async fn read<R: Records>(records: &R, key: &Key) -> Record<State, Tell> {
    records.read(key).await.unwrap()
}

/// A head with version 1 and these entries.
async fn recorded<R: Records>(records: &R, name: &str, entries: &[Entry<Tell>]) -> Key {
    let key = head(name);
    let written = records.swap(&key, 0, &write(&state("one")), entries).await.unwrap();
    assert_eq!(written.expect("nobody else was there").len(), entries.len());
    key
}

async fn nothing_is_an_empty_record<R: Records>(records: &R) {
    let expected = Record { version: 0, state: None, outbox: Vec::new() };
    assert_eq!(read(records, &head("absent")).await, expected);
    assert_eq!(records.list::<State>(&head("absent").pk, "PAGE#").await.unwrap(), []);
}

async fn what_is_written_is_what_is_read<R: Records>(records: &R) {
    let (late, early) = (entry("notice:1 / é.#", 2), entry("event:1", 1));
    let twin = entry("also", 1);
    let write =
        Write { body: &state("one"), due: Some(Due { sweep: "x", at: time(9) }), expires_at: Some(time(99)) };
    let key = head("round trip");
    let outbox = records.swap(&key, 0, &write, &[late.clone(), early.clone(), twin.clone()]).await.unwrap();
    let by_seq_then_id = vec![twin, early, late];
    assert_eq!(outbox.as_ref(), Some(&by_seq_then_id));
    let expected = Record { version: 1, state: Some(state("one")), outbox: by_seq_then_id };
    assert_eq!(read(records, &key).await, expected);
}

async fn only_the_first_of_two_who_read_the_same_version_writes<R: Records>(records: &R) {
    let key = head("race");
    assert!(records.swap::<_, Tell>(&key, 0, &write(&state("first")), &[]).await.unwrap().is_some());
    assert!(records.swap(&key, 0, &write(&state("second")), &[entry("lost", 1)]).await.unwrap().is_none());
    assert!(records.swap::<_, Tell>(&key, 1, &write(&state("third")), &[]).await.unwrap().is_some());
    assert!(records.swap(&key, 1, &write(&state("fourth")), &[entry("lost", 1)]).await.unwrap().is_none());
    assert!(records.swap(&key, 7, &write(&state("ahead")), &[entry("lost", 1)]).await.unwrap().is_none());
    let expected = Record { version: 2, state: Some(state("third")), outbox: Vec::new() };
    assert_eq!(read(records, &key).await, expected);
    let absent = head("race for nothing");
    assert!(records.swap::<_, Tell>(&absent, 1, &write(&state("late")), &[]).await.unwrap().is_none());
    assert_eq!(read(records, &absent).await.version, 0);
}

async fn a_record_and_a_settlement_do_not_undo_each_other<R: Records>(records: &R) {
    let key = recorded(records, "outbox", &[entry("a", 1), entry("b", 2)]).await;
    // Settled between another's read and write: the write still wins, and does not bring `a` back.
    assert_eq!(ids(&records.settle::<Tell>(&key, &[done("a")]).await.unwrap()), ["b"]);
    let outbox = records.swap(&key, 1, &write(&state("two")), &[entry("c", 3)]).await.unwrap();
    assert_eq!(ids(&outbox.expect("settling raises no version")), ["b", "c"]);
    // Recorded between another's sending and settling: the new entry stays.
    assert_eq!(ids(&records.settle::<Tell>(&key, &[done("b")]).await.unwrap()), ["c"]);
    assert_eq!(ids(&read(records, &key).await.outbox), ["c"]);
}

async fn an_entry_that_is_there_already_keeps_its_lease<R: Records>(records: &R) {
    let key = recorded(records, "same entry", &[entry("a", 1)]).await;
    let again = Entry { until: Entry::<Tell>::FREE, since: time(5), ..entry("a", 1) };
    let outbox = records.swap(&key, 1, &write(&state("two")), &[again, entry("b", 2)]).await.unwrap();
    assert_eq!(outbox, Some(vec![entry("a", 1), entry("b", 2)]));
}

async fn everybody_who_tries_again_gets_recorded_in_the_end<R: Records>(records: &R) {
    let key = head("crowd");
    let act = async |n: u32| {
        let id = n.to_string();
        let mine = entry(&id, n);
        loop {
            let seen = read(records, &key).await;
            let next = state(&format!("after {n}"));
            let entries = std::slice::from_ref(&mine);
            if records.swap(&key, seen.version, &write(&next), entries).await.unwrap().is_some() {
                break;
            }
        }
        if n.is_multiple_of(2) {
            records.settle::<Tell>(&key, &[done(&id)]).await.unwrap();
        }
    };
    futures::future::join_all((1..=8).map(act)).await;
    let seen = read(records, &key).await;
    assert_eq!(seen.version, 8);
    assert_eq!(ids(&seen.outbox), ["1", "3", "5", "7"]);
}

async fn a_lease_is_taken_only_from_the_one_that_was_seen<R: Records>(records: &R) {
    let key = recorded(records, "lease", &[entry("a.b", 1)]).await;
    assert!(
        !records.lease(&key, "a.b", time(59), time(90), true).await.unwrap(),
        "not the lease that is there"
    );
    assert!(!records.lease(&key, "other", time(60), time(90), true).await.unwrap(), "no such entry");
    assert!(!records.lease(&head("no head"), "a.b", time(60), time(90), true).await.unwrap(), "no such item");
    assert_eq!(read(records, &key).await.outbox, [entry("a.b", 1)]);
    assert!(records.lease(&key, "a.b", time(60), time(90), true).await.unwrap());
    assert!(!records.lease(&key, "a.b", time(60), time(90), true).await.unwrap(), "taken");
    assert!(records.lease(&key, "a.b", time(90), time(120), false).await.unwrap());
    let expected = Entry { until: time(120), doubtful: true, ..entry("a.b", 1) };
    assert_eq!(read(records, &key).await.outbox, [expected], "what is doubtful stays doubtful");
    assert_eq!(read(records, &head("no head")).await.version, 0, "a lease makes no item");
}

async fn one_of_many_takes_a_lease<R: Records>(records: &R) {
    let key = recorded(records, "wanted", &[entry("a.b", 1)]).await;
    let takes = [(); 4].map(|()| records.lease(&key, "a.b", time(60), time(90), true));
    let taken = futures::future::join_all(takes).await;
    assert_eq!(taken.into_iter().filter(|taken| *taken.as_ref().unwrap()).count(), 1);
}

async fn a_failed_entry_is_free_and_a_done_one_is_gone<R: Records>(records: &R) {
    let key =
        recorded(records, "settle", &[entry("a", 1), entry("b", 2), entry("c", 3), entry("d", 4)]).await;
    let settled = [done("a"), failed("b", time(60), true), failed("c", time(60), false), done("unknown")];
    let left = records.settle(&key, &settled).await.unwrap();
    let free = |id, seq, doubtful| Entry { until: Entry::<Tell>::FREE, doubtful, ..entry(id, seq) };
    let expected = vec![free("b", 2, true), free("c", 3, false), entry("d", 4)];
    assert_eq!(left, expected);
    let seen = read(records, &key).await;
    assert_eq!((seen.version, seen.outbox), (1, expected));
    assert_eq!(seen.state, Some(state("one")));
}

async fn a_failure_under_a_lease_that_was_lost_changes_nothing<R: Records>(records: &R) {
    let key = recorded(records, "stale", &[entry("a", 1)]).await;
    assert!(records.lease(&key, "a", time(60), time(90), false).await.unwrap());
    let left =
        records.settle(&key, &[failed("a", time(60), true), failed("gone", time(60), true)]).await.unwrap();
    assert_eq!(left, [Entry { until: time(90), ..entry("a", 1) }], "the other one's lease is as it was");
}

async fn settling_can_be_repeated_and_makes_no_item<R: Records>(records: &R) {
    let key = recorded(records, "again", &[entry("a", 1), entry("b", 2)]).await;
    for _ in 0..2 {
        assert_eq!(ids(&records.settle::<Tell>(&key, &[done("a")]).await.unwrap()), ["b"]);
    }
    assert_eq!(ids(&records.settle::<Tell>(&key, &[]).await.unwrap()), ["b"]);
    let gone = head("expired meanwhile");
    for settled in [vec![done("a")], vec![failed("a", time(60), true)], vec![]] {
        assert_eq!(records.settle::<Tell>(&gone, &settled).await.unwrap(), []);
    }
    assert_eq!(read(records, &gone).await.version, 0);
}

async fn what_is_kept_never_changes<R: Records>(records: &R) {
    let key = Key { pk: head("kept").pk, sk: "PAGE#1#1".to_owned() };
    records.keep(&key, &write(&state("first"))).await.unwrap();
    records.keep(&key, &write(&state("second"))).await.unwrap();
    assert_eq!(records.list::<State>(&key.pk, "PAGE#").await.unwrap(), [state("first")]);
    assert!(records.read::<State, Tell>(&key).await.is_err(), "a page is not a head");
    let swapped = records.swap::<_, Tell>(&key, 0, &write(&state("third")), &[]).await.unwrap();
    assert!(swapped.is_none(), "and cannot become one");
}

async fn a_list_is_sorted_complete_and_only_of_its_prefix<R: Records>(records: &R) {
    let pk = head("long").pk;
    let key = |sk: String| Key { pk: pk.clone(), sk };
    let large = |n: u32| format!("{n:03} {}", "x".repeat(120_000));
    for n in (0..20).rev() {
        records.keep(&key(format!("PAGE#7#{n:03}")), &write(&large(n))).await.unwrap();
    }
    records.keep(&key("PAGE#8#000".to_owned()), &write(&large(99))).await.unwrap();
    records
        .keep(&Key { pk: head("longer").pk, sk: "PAGE#7#000".to_owned() }, &write(&large(98)))
        .await
        .unwrap();
    let listed = records.list::<String>(&pk, "PAGE#7#").await.unwrap();
    let expected: Vec<_> = (0..20).map(large).collect();
    assert!(listed == expected, "20 pages of 120 kB in order, not {:?}", listed.iter().map(|l| &l[..3]));
}

async fn what_is_due_is_nominated_earliest_first<R: Records>(records: &R) {
    for (name, at) in [("late", 30), ("early", 10), ("not yet", 40)] {
        let write = write_due(&0, "order", time(at));
        records.swap::<_, Tell>(&head(name), 0, &write, &[]).await.unwrap();
    }
    let other = write_due(&0, "another function", time(1));
    records.swap::<_, Tell>(&head("another's"), 0, &other, &[]).await.unwrap();
    let due = records.due("order", time(30)).await.unwrap();
    assert_eq!(due, [(head("early"), second(10)), (head("late"), second(30))]);
    assert_eq!(records.due("order", second(9)).await.unwrap(), []);
}

async fn an_item_rests_until_its_next_moment_or_for_good<R: Records>(records: &R) {
    let key = head("rest");
    records.swap::<_, Tell>(&key, 0, &write_due(&0, "rest", time(10)), &[]).await.unwrap();
    let now = time(99);
    records.rest(&key, second(10), Some(time(20))).await.unwrap();
    assert_eq!(records.due("rest", now).await.unwrap(), [(key.clone(), second(20))]);
    records.rest(&key, second(20), None).await.unwrap();
    assert_eq!(records.due("rest", now).await.unwrap(), []);
    records.rest(&key, second(20), Some(time(30))).await.unwrap();
    assert_eq!(records.due("rest", now).await.unwrap(), [], "what is at rest is not woken by a late word");
    assert_eq!(records.read::<i32, Tell>(&key).await.unwrap().version, 1, "resting raises no version");
    records.rest(&head("never was"), second(10), Some(time(20))).await.unwrap();
    assert_eq!(read(records, &head("never was")).await.version, 0, "resting makes no item");
}

async fn a_nomination_that_is_out_of_date_moves_nothing<R: Records>(records: &R) {
    let key = head("stale index");
    records.swap::<_, Tell>(&key, 0, &write_due(&0, "stale", time(10)), &[]).await.unwrap();
    let nominated = records.due("stale", time(10)).await.unwrap();
    records.swap::<_, Tell>(&key, 1, &write_due(&1, "stale", time(50)), &[]).await.unwrap();
    for (key, was) in nominated {
        records.rest(&key, was, None).await.unwrap();
    }
    assert_eq!(records.due("stale", time(50)).await.unwrap(), [(key, second(50))]);
}

async fn a_write_without_a_moment_leaves_the_index<R: Records>(records: &R) {
    let key = head("no more");
    records.swap::<_, Tell>(&key, 0, &write_due(&0, "no more", time(10)), &[]).await.unwrap();
    records.swap::<_, Tell>(&key, 1, &write(&1), &[]).await.unwrap();
    assert_eq!(records.due("no more", time(99)).await.unwrap(), []);
}

/// A table of its own at `endpoint`, and a client that can write to it what the adapter never would.
async fn table(endpoint: &str) -> (Table, Client, String) {
    let name = unique("records");
    let config = config(endpoint);
    let table = Table::connect(&config, &name);
    table.create().await.expect("the table");
    table.create().await.expect("the table that is there already");
    (table, Client::new(&config), name)
}

async fn dynoxide_table() -> Option<Table> {
    Some(table(&dynoxide().await.unwrap()).await.0)
}

async fn moto_table() -> Option<Table> {
    Some(table(&moto()?).await.0)
}

async fn memory_table() -> Option<Memory> {
    Some(Memory::default())
}

/// Each promise, on one of the tables: a test of its own.
macro_rules! table_promises {
    ($table:ident: $($promise:ident),* $(,)?) => {
        mod $table {
            $(#[tokio::test]
            async fn $promise() {
                if let Some(table) = super::$table().await {
                    super::$promise(&table).await;
                }
            })*
        }
    };
}

/// moto is not asked for what holds among requests under way at once: it checks a condition and writes in two steps,
/// in a thread for each request, with no lock around them.
macro_rules! each_table_promises {
    ($($alone:ident),* $(,)?; at once: $($race:ident),* $(,)?) => {
        table_promises!(dynoxide_table: $($alone,)* $($race,)*);
        table_promises!(memory_table: $($alone,)* $($race,)*);
        table_promises!(moto_table: $($alone,)*);
    };
}

each_table_promises!(
    nothing_is_an_empty_record,
    what_is_written_is_what_is_read,
    only_the_first_of_two_who_read_the_same_version_writes,
    a_record_and_a_settlement_do_not_undo_each_other,
    an_entry_that_is_there_already_keeps_its_lease,
    a_lease_is_taken_only_from_the_one_that_was_seen,
    a_failed_entry_is_free_and_a_done_one_is_gone,
    a_failure_under_a_lease_that_was_lost_changes_nothing,
    settling_can_be_repeated_and_makes_no_item,
    what_is_kept_never_changes,
    a_list_is_sorted_complete_and_only_of_its_prefix,
    what_is_due_is_nominated_earliest_first,
    an_item_rests_until_its_next_moment_or_for_good,
    a_nomination_that_is_out_of_date_moves_nothing,
    a_write_without_a_moment_leaves_the_index;
    at once: everybody_who_tries_again_gets_recorded_in_the_end, one_of_many_takes_a_lease,
);

/// The attributes of an item, as the adapter's module describes them: names and types are what other stacks rely on.
#[tokio::test]
async fn an_item_has_the_attributes_that_are_documented() {
    let (table, client, name) = table(&dynoxide().await.unwrap()).await;
    let key = head("layout");
    let write = Write {
        body: &7,
        due: Some(Due { sweep: "health-responder", at: time(1) }),
        expires_at: Some(time(2)),
    };
    table.swap(&key, 0, &write, &[entry("a", 1)]).await.unwrap();
    let item = raw(&client, &name, &key).await;
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let number = |value: i64| AttributeValue::N(value.to_string());
    let effect = BTreeMap::from([("id", text("a")), ("seq", number(1))]);
    let effect = map([("Say", map(effect))]);
    let lease = map([
        ("effect", effect),
        ("until", text("2026-11-20T12:01:00.25Z")),
        ("since", text("2026-11-20T12:00:00.25Z")),
        ("doubtful", AttributeValue::Bool(false)),
    ]);
    let expected = map([
        ("pk", text(&key.pk)),
        ("sk", text("HEAD")),
        ("schema", number(1)),
        ("version", number(1)),
        ("body", number(7)),
        ("outbox", map([("a", lease)])),
        ("sweep", text("health-responder")),
        ("due_at", text("2026-11-20T12:00:01Z")),
        ("expires_at", number(second(2).as_second())),
    ]);
    assert_eq!(AttributeValue::M(item), expected);
}

#[tokio::test]
async fn an_item_that_nobody_can_interpret_is_named_and_left_alone() {
    let (table, client, name) = table(&dynoxide().await.unwrap()).await;
    let bad = [
        ("schema", AttributeValue::N("2".into()), "it has schema 2, and only schema 1 is known here"),
        ("schema", AttributeValue::S("1".into()), "attribute `schema` is absent or of another type"),
        ("version", AttributeValue::N("1.5".into()), "attribute `version` is absent or of another type"),
        ("body", AttributeValue::S("text".into()), "its body has another shape: "),
        ("outbox", AttributeValue::L(Vec::new()), "attribute `outbox` is absent or of another type"),
        ("outbox", map([("x", AttributeValue::Bool(true))]), "entry `x` of its outbox has another shape: "),
    ];
    for (n, (attribute, value, why)) in bad.into_iter().enumerate() {
        let key = recorded(&table, &format!("bad {n}"), &[entry("a", 1)]).await;
        overwrite(&client, &name, &key, attribute, value).await;
        let before = raw(&client, &name, &key).await;
        let failure = table.read::<State, Tell>(&key).await.unwrap_err();
        let expected = format!("could not interpret {key}: {why}");
        assert!(failure.chain().starts_with(&expected), "{} is not {expected}", failure.chain());
        assert!(!failure.ambiguous);
        let written = table.swap(&key, 0, &write(&state("new")), &[entry("b", 2)]).await.unwrap();
        assert!(written.is_none(), "it is not taken for nothing");
        assert_eq!(raw(&client, &name, &key).await, before);
    }
}

#[tokio::test]
async fn an_item_of_a_newer_schema_is_not_overwritten_by_whoever_read_it_before() {
    let (table, client, name) = table(&dynoxide().await.unwrap()).await;
    let key = recorded(&table, "newer", &[]).await;
    overwrite(&client, &name, &key, "schema", AttributeValue::N("2".into())).await;
    assert!(table.swap::<_, Tell>(&key, 1, &write(&state("old")), &[]).await.unwrap().is_none());
}

#[tokio::test]
async fn a_page_that_nobody_can_interpret_fails_the_list_and_is_named() {
    let (table, client, name) = table(&dynoxide().await.unwrap()).await;
    let key = |sk: &str| Key { pk: head("pages").pk, sk: sk.to_owned() };
    for sk in ["PAGE#1", "PAGE#2"] {
        table.keep(&key(sk), &write(&state(sk))).await.unwrap();
    }
    overwrite(&client, &name, &key("PAGE#2"), "body", AttributeValue::N("2".into())).await;
    let failure = table.list::<State>(&head("pages").pk, "PAGE#").await.unwrap_err();
    let expected = format!("could not interpret {}: its body has another shape: ", key("PAGE#2"));
    assert!(failure.chain().starts_with(&expected), "{}", failure.chain());
}

#[tokio::test]
async fn one_sweep_is_given_500_keys_at_most_and_the_next_one_the_rest() {
    let (table, ..) = table(&dynoxide().await.unwrap()).await;
    for n in 0..503 {
        // Long keys, so that 500 of them take several pages of 1 MB.
        let key = head(&format!("{n:03}{}", "x".repeat(1_800)));
        table.swap::<_, Tell>(&key, 0, &write_due(&n, "crowd", time(n)), &[]).await.unwrap();
    }
    let now = time(1_000);
    let first = table.due("crowd", now).await.unwrap();
    assert_eq!((first.len(), first[0].1, first[499].1), (500, second(0), second(499)));
    for (key, was) in first {
        table.rest(&key, was, None).await.unwrap();
    }
    let next: Vec<_> = table.due("crowd", now).await.unwrap().into_iter().map(|(_, at)| at).collect();
    assert_eq!(next, [second(500), second(501), second(502)]);
}

fn map<'a>(attributes: impl IntoIterator<Item = (&'a str, AttributeValue)>) -> AttributeValue {
    AttributeValue::M(attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What is stored, unread by the adapter.
#[expect(clippy::disallowed_types, reason = "the SDK's own type")]
async fn raw(client: &Client, table: &str, key: &Key) -> std::collections::HashMap<String, AttributeValue> {
    let request = client.get_item().table_name(table).consistent_read(true);
    let request =
        request.key("pk", AttributeValue::S(key.pk.clone())).key("sk", AttributeValue::S(key.sk.clone()));
    request.send().await.unwrap().item.unwrap()
}

/// Puts one attribute into an item, as a program that is not this one would.
async fn overwrite(client: &Client, table: &str, key: &Key, attribute: &str, value: AttributeValue) {
    let mut item = raw(client, table, key).await;
    item.insert(attribute.to_owned(), value);
    client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
}
