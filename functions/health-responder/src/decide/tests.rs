use serde_json::{Value, json};
use watchkeeper_domain::case::EntityStatus;

use super::*;
use crate::fixture::{at, page, said};

const OPENED: &str = "2026-11-01T00:00:10Z";

fn config() -> Config {
    Config::default()
}

/// Decides what each of `communications` means, one after the other, and returns the last decision and the case.
fn story(communications: &[Value]) -> (Decision, Option<Case>) {
    let mut case: Option<Case> = None;
    let mut last = None;
    for changes in communications {
        let decision = decide_on(case.as_ref(), &said(changes.clone()), OPENED);
        case = decision.next.clone().or(case);
        last = Some(decision);
    }
    (last.unwrap(), case)
}

fn decide_on(case: Option<&Case>, said: &Communication, now: &str) -> Decision {
    decide(&page(&json!({}), at(OPENED)).case, case, Some(said), (&config(), at(now)))
}

fn update(number: u32, changes: Value) -> Value {
    let mut detail = changes;
    detail["communicationId"] = json!(format!("c{number}-1"));
    detail["lastUpdatedTime"] = json!(format!("2026-11-{:02}T00:00:00Z", number));
    detail
}

fn notice(decision: &Decision) -> &Notice {
    match &decision.effects[..] {
        [Effect::Tell(notice), Effect::Emit(_)] => notice,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_communication_opens_the_case() {
    let (decision, case) = story(&[json!({})]);
    assert_eq!(decision.because, Reason::News(Change::Opened));
    assert_eq!(
        decision.to_string(),
        "A new case. Record the new state. Tell people (medium): RDS x scheduled in eu-west-1, by 24 Dec 2026 \
         (in 52 days). Put \"Case Opened\" on the bus."
    );
    assert_eq!(case.unwrap().seq, 1);
}

#[test]
fn the_same_communication_again_is_a_duplicate() {
    let (decision, _) = story(&[json!({}), json!({"backupEvent": "true"})]);
    assert_eq!(decision, Decision::because(Reason::Duplicate));
}

#[test]
fn a_reminder_that_repeats_what_was_said_tells_nobody() {
    let (decision, case) = story(&[json!({}), update(2, json!({}))]);
    assert_eq!(decision.because, Reason::NothingNew);
    assert!(decision.effects.is_empty());
    assert_eq!(case.unwrap().communication, "c2");
}

#[test]
fn an_older_communication_is_stale_and_says_nothing() {
    let (decision, _) = story(&[update(5, json!({})), update(2, json!({"statusCode": "open"}))]);
    assert_eq!(decision, Decision::because(Reason::Stale));
}

#[test]
fn at_the_same_time_the_status_that_comes_later_wins() {
    let same = json!({"communicationId": "c9-1", "statusCode": "closed"});
    assert_eq!(story(&[json!({}), same.clone()]).0.because, Reason::News(Change::Resolved));
    assert_eq!(story(&[same, json!({})]).0.because, Reason::Stale);
}

#[test]
fn resources_that_are_done_since_burn_the_case_down() {
    let one_done =
        json!([{"entityValue": "db-1", "status": "RESOLVED"}, {"entityValue": "db-2", "status": "PENDING"}]);
    let (decision, _) = story(&[json!({}), update(2, json!({"affectedEntities": one_done}))]);
    assert_eq!(decision.because, Reason::News(Change::BurnedDown));
    let notice = notice(&decision);
    assert!(notice.headline.starts_with("1 of 2 done: "), "{}", notice.headline);
    assert_eq!(notice.resources.len(), 1, "the one that is done is left out");
}

#[test]
fn closing_resolves_and_opening_again_reopens() {
    let closed = update(3, json!({"statusCode": "closed"}));
    let (decision, case) = story(&[json!({}), closed.clone()]);
    assert_eq!(decision.because, Reason::News(Change::Resolved));
    assert_eq!(notice(&decision).severity.as_str(), "low");
    assert_eq!(case.unwrap().deadline, None);
    let (decision, _) = story(&[json!({}), closed, update(4, json!({"statusCode": "open"}))]);
    assert_eq!(decision.because, Reason::News(Change::Reopened));
}

#[test]
fn closed_ahead_of_its_date_in_so_many_words_is_called_cancelled() {
    let text = json!([{"language": "en_US", "latestDescription": "The maintenance has been cancelled."}]);
    let (decision, _) =
        story(&[json!({}), update(3, json!({"statusCode": "closed", "eventDescription": text}))]);
    assert!(notice(&decision).headline.starts_with("Cancelled: "));
}

#[test]
fn a_closing_communication_without_resources_leaves_them_known() {
    let closed = update(3, json!({"statusCode": "closed", "affectedEntities": []}));
    let in_order = story(&[json!({}), closed.clone()]).1.unwrap();
    let reversed = story(&[closed, json!({})]).1.unwrap();
    assert_eq!(in_order.entities, reversed.entities);
    assert_eq!(total(&in_order.entities), 2);
}

#[test]
fn nothing_is_told_before_the_last_page_or_the_page_timeout() {
    let two = json!({"communicationId": "c1-2", "page": 2, "totalPages": 3});
    let said = said(two);
    let waiting = decide_on(None, &said, "2026-11-01T00:10:09Z");
    assert_eq!(waiting, Decision::because(Reason::WaitingForPages { have: 1, of: 3 }));
    let told = decide_on(None, &said, "2026-11-01T00:10:10Z");
    assert_eq!(told.because, Reason::News(Change::Opened));
    assert!(notice(&told).facts.iter().any(|fact| fact.name == "Incomplete"));
}

#[test]
fn a_page_that_comes_after_the_timeout_is_an_update() {
    let first = page(&json!({"communicationId": "c1-1", "page": 1, "totalPages": 2}), at(OPENED));
    let second =
        page(&json!({"communicationId": "c1-2", "page": 2, "totalPages": 2}), at("2026-11-01T00:30:00Z"));
    let late = "2026-11-01T00:30:00Z";
    let case = decide_on(None, &Communication::merge(vec![first.clone()]).unwrap(), late).next.unwrap();
    let both = Communication::merge(vec![second, first]).unwrap();
    let decision = decide_on(Some(&case), &both, late);
    assert_eq!(decision.because, Reason::News(Change::Updated));
    assert_eq!(notice(&decision).resource_count, 4);
}

#[test]
fn a_muted_case_is_kept_and_nobody_hears_of_it() {
    let config =
        Config::parse("[[mute]]\nmatch = { type_code = [\"AWS_RDS_X_*\"] }\nbecause = \"noise\"\n").unwrap();
    let id = page(&json!({}), at(OPENED)).case;
    let said = said(json!({}));
    let decision = decide(&id, None, Some(&said), (&config, at(OPENED)));
    assert_eq!(decision.because, Reason::Muted("noise".into()));
    assert!(decision.effects.is_empty());
    let case = decision.next.unwrap();
    assert_eq!((case.seq, case.heard.len()), (0, 1));
}

#[test]
fn a_mute_that_has_ended_lets_the_next_news_open_the_case() {
    let mute = "[[mute]]\nmatch = { service = [\"rds\"] }\nbecause = \"noise\"\nuntil = 2026-11-05\n";
    let (config, id) = (Config::parse(mute).unwrap(), page(&json!({}), at(OPENED)).case);
    let muted = decide(&id, None, Some(&said(json!({}))), (&config, at(OPENED))).next.unwrap();
    let later = said(update(6, json!({})));
    let decision = decide(&id, Some(&muted), Some(&later), (&config, at("2026-11-06T00:00:00Z")));
    assert_eq!(decision.because, Reason::News(Change::Opened));
}

#[test]
fn as_the_deadline_comes_closer_people_are_reminded_once_a_step() {
    let (_, case) = story(&[json!({})]);
    let (case, said) = (case.unwrap(), said(json!({})));
    assert_eq!(case.remind_at, Some(at("2026-11-24T00:00:00Z")));
    assert_eq!(decide_on(Some(&case), &said, "2026-11-23T23:59:59Z").because, Reason::Duplicate);
    let decision = decide_on(Some(&case), &said, "2026-11-24T00:00:00Z");
    assert_eq!(decision.because, Reason::News(Change::CountedDown));
    assert_eq!(notice(&decision).severity.as_str(), "high", "thirty days left");
    let next = decision.next.clone().unwrap();
    assert_eq!(next.remind_at, Some(at("2026-12-10T00:00:00Z")));
    assert_eq!(decide_on(Some(&next), &said, "2026-11-24T00:05:00Z").because, Reason::Duplicate);
}

#[test]
fn a_moved_deadline_says_where_it_was() {
    let (decision, _) = story(&[json!({}), update(2, json!({"startTime": "2027-01-31T00:00:00Z"}))]);
    let was = notice(&decision).facts.iter().find(|fact| fact.name == "Deadline was").unwrap();
    assert_eq!(was.value, "24 Dec 2026 00:00 UTC");
}

#[test]
fn owner_runbook_and_next_step_come_from_the_first_rule_that_names_them() {
    let config = Config::parse(
        r#"
        [[rule]]
        match = { service = ["RDS"], text = ["Changed"] }
        next_step = "Check that the connection pool reopens its connections."
        [[rule]]
        match = { entity = ["db-2"] }
        owner = "payments"
        runbook = "https://wiki.example.com/rds"
        [[rule]]
        owner = "platform"
        next_step = "never reached"
        "#,
    )
    .unwrap();
    let id = page(&json!({}), at(OPENED)).case;
    let decision = decide(&id, None, Some(&said(json!({}))), (&config, at(OPENED)));
    let notice = notice(&decision);
    assert_eq!(notice.owner.as_deref(), Some("payments"));
    assert_eq!(notice.links[0].url, "https://wiki.example.com/rds");
    assert_eq!(notice.next_step, "Check that the connection pool reopens its connections.");
}

#[test]
fn tags_of_entities_choose_an_owner_where_there_are_tags() {
    let config =
        Config::parse("[[rule]]\nmatch = { tag = { team = \"pay*\" } }\nowner = \"payments\"\n").unwrap();
    let tagged = json!([{"entityValue": "db-1", "status": "PENDING", "tags": {"team": "payments"}}]);
    let said = said(json!({"affectedEntities": tagged}));
    assert_eq!(said.entities[0].status, EntityStatus::Pending);
    let care = config.care(Subject::new(&page(&json!({}), at(OPENED)).case, &said.content, &said.entities));
    assert_eq!(care.owner.as_deref(), Some("payments"));
}

#[test]
fn a_notice_stays_small_however_much_aws_says() {
    let entities: Vec<_> =
        (0..5000).map(|n| json!({"entityValue": format!("{n}{}", "x".repeat(2000))})).collect();
    let text = json!([{"language": "en_US", "latestDescription": "🚧".repeat(100_000)}]);
    let (decision, case) = story(&[json!({"affectedEntities": entities, "eventDescription": text})]);
    let size = serde_json::to_vec(notice(&decision)).unwrap().len();
    assert!(size < 32 * 1024, "{size} bytes");
    let size = serde_json::to_vec(&case).unwrap().len();
    assert!(size < 4 * 1024, "{size} bytes");
    assert_eq!(notice(&decision).resource_count, 5000);
}

#[test]
fn the_same_input_gives_the_same_decision() {
    let first = story(&[json!({}), update(2, json!({"statusCode": "open"}))]);
    assert_eq!(first, story(&[json!({}), update(2, json!({"statusCode": "open"}))]));
}
