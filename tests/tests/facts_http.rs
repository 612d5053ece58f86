//! What is asked outside AWS: whether anybody is on call, and which incidents somebody lists. Anything but a clear answer
//! is a failure, tried again where that can help, and neither key nor address gets into its words.

use std::time::Duration;

use serde_json::{Value, json};
use watchkeeper_domain::{channel::SecretName, drill::OnCall, failure::Failure, ports::OnCalls};
use watchkeeper_shell::{PagerDutyOnCalls, http::Patience, secrets::Secrets, status_page::incidents};
use watchkeeper_tests::support::{
    api::Api,
    faults::{Fault, Faulty, nobody},
};

const KEY: &str = "u+AbCdEfGhIjKlMnOpQr";

/// Long enough that a busy machine does not look like a server that hangs.
const PATIENT: Patience = patience(Duration::from_secs(10));
/// For servers that do hang.
const HASTY: Patience = patience(Duration::from_millis(500));

const fn patience(total: Duration) -> Patience {
    Patience { connect: total, total }
}

fn secret() -> SecretName {
    SecretName::SecretsManager("watchkeeper/pagerduty-api".into())
}

async fn ask(endpoint: &str, patience: Patience) -> Result<bool, Failure> {
    let on_calls = PagerDutyOnCalls::new(Secrets::given([(secret(), format!("{KEY}\n"))]), patience);
    let on_call = OnCall { schedule: "PSHOP".into(), secret: secret(), endpoint: endpoint.to_owned() };
    on_calls.is_anybody_on_call(&on_call).await
}

fn listed(schedule: &str) -> Value {
    let on_call = json!({ "user": { "id": "PADA" }, "schedule": { "id": schedule }, "escalation_level": 1 });
    json!({ "oncalls": [on_call], "limit": 25, "offset": 0, "more": false })
}

#[tokio::test]
async fn pagerduty_is_asked_for_the_schedule_with_the_key_and_the_version() {
    let api = Api::start().await.unwrap();
    api.answer("GET /oncalls", listed("PSHOP"));
    api.answer("GET /oncalls", json!({ "oncalls": [], "more": false }));
    assert!(ask(&api.endpoint, PATIENT).await.unwrap());
    assert!(!ask(&api.endpoint, PATIENT).await.unwrap());
    let head = api.heads().remove(0);
    let lines: Vec<_> = head.lines().collect();
    assert_eq!(lines[0], "GET /oncalls?schedule_ids[]=PSHOP");
    for header in
        ["accept: application/vnd.pagerduty+json;version=2", &format!("authorization: Token token={KEY}")]
    {
        assert!(lines.contains(&header), "{header}: {lines:?}");
    }
}

#[tokio::test]
async fn a_key_that_nobody_has_put_anywhere_is_a_failure() {
    let on_calls = PagerDutyOnCalls::new(Secrets::given([]), PATIENT);
    let on_call = OnCall { schedule: "PSHOP".into(), secret: secret(), endpoint: nobody().await.unwrap() };
    assert_eq!(
        on_calls.is_anybody_on_call(&on_call).await.unwrap_err().chain(),
        "could not read who is on call in the PagerDuty schedule PSHOP: \
         secret \"watchkeeper/pagerduty-api\" is not given"
    );
}

/// What a server does, how often it is asked for it, and what is said.
const FAULTS: [(Fault, usize, &str); 9] = [
    (Fault::Silence, 2, "no answer in time"),
    (Fault::HangUp, 2, "the connection broke before the answer"),
    (Fault::Answer(500, "oh"), 2, "500 oh"),
    (Fault::Answer(429, ""), 2, "429"),
    (Fault::Answer(404, "no u+AbCdEfGhIjKlMnOpQr here"), 1, "404 no "),
    (Fault::Answer(302, ""), 1, "302"),
    (Fault::Answer(200, "<html>Sign in</html>"), 1, "the answer is no "),
    (Fault::Answer(200, "[{}]"), 1, "the answer is no "),
    (Fault::Answer(200, ""), 1, "the answer is no "),
];

#[tokio::test]
async fn nobody_is_taken_to_be_on_call_without_an_answer_that_says_so() {
    for (fault, tries, says) in FAULTS {
        let patience = if matches!(fault, Fault::Silence) { HASTY } else { PATIENT };
        let server = Faulty::start(fault.clone()).await.unwrap();
        let told = ask(&server.endpoint, patience).await.unwrap_err().chain();
        let begin = format!("could not read who is on call in the PagerDuty schedule PSHOP: {says}");
        assert!(told.starts_with(&begin) && !told.contains(KEY), "{fault:?}: {told}");
        assert_eq!(server.requests(), tries, "{fault:?}");
    }
    // The key may have been rotated, so it is read again.
    for status in [401, 403] {
        let server = Faulty::start(Fault::Answer(status, "invalid")).await.unwrap();
        assert!(ask(&server.endpoint, PATIENT).await.unwrap_err().chain().ends_with("invalid"));
        assert_eq!(server.requests(), 2, "{status}");
    }
    let told = ask(&nobody().await.unwrap(), PATIENT).await.unwrap_err().chain();
    assert!(told.contains("no connection"), "{told}");
}

#[tokio::test]
async fn nothing_is_taken_to_be_well_without_a_page_that_says_so() {
    let url = |base: &str| format!("{base}/hush-hush/incidents?key=hush-hush");
    let read = async |fault: Fault, patience: Patience| {
        let server = Faulty::start(fault).await.unwrap();
        (incidents(&url(&server.endpoint), patience).await, server.requests())
    };
    for (fault, tries, says) in FAULTS {
        let patience = if matches!(fault, Fault::Silence) { HASTY } else { PATIENT };
        let (answer, requests) = read(fault.clone(), patience).await;
        let told = answer.unwrap_err().chain();
        let begin = format!("could not read the open incidents at 127.0.0.1: {says}");
        assert!(told.starts_with(&begin) && !told.contains("hush"), "{fault:?}: {told}");
        assert_eq!(requests, tries, "{fault:?}");
    }
    let (answer, _) = read(Fault::Answer(401, "who are you, hush-hush?"), PATIENT).await;
    assert_eq!(
        answer.unwrap_err().chain(),
        "could not read the open incidents at 127.0.0.1: 401 who are you, …?"
    );

    let list = r#"["carts are slow", {"title": "checkout is down"}]"#;
    assert_eq!(
        read(Fault::Answer(200, list), PATIENT).await.0.unwrap(),
        ["carts are slow", "checkout is down"]
    );
    for fault in [Fault::Answer(200, "[]"), Fault::Answer(204, "")] {
        assert_eq!(read(fault, PATIENT).await.0.unwrap(), [""; 0]);
    }
    let plain = incidents("http://status.example.com/incidents", PATIENT).await.unwrap_err().chain();
    assert!(plain.ends_with("an address that does not begin with https://"), "{plain}");
}
