//! A notice to render in tests.

use proptest::prelude::*;

use crate::{
    message::{Fold, Message},
    notice::{Change, Fact, Kind, Link, Notice, Resource, Severity},
};

/// An ordinary notice of a planned change.
pub(crate) fn notice() -> Notice {
    let fact = |name: &str, value: &str| Fact { name: name.into(), value: value.into() };
    let link = |title: &str, url: &str| Link { title: title.into(), url: url.into() };
    let resource = |name: &str| Resource {
        name: format!("arn:aws:rds:eu-west-1:111122223333:db:{name}"),
        status: "PENDING".into(),
    };
    Notice {
        id: "5d41402abc4b2a76b9719d911017c592".into(),
        thread: "7d793037a0760186574b0282f2f435e7".into(),
        seq: 1,
        kind: Kind::PlannedLifecycle,
        change: Change::Opened,
        severity: Severity::High,
        headline:
            "Amazon RDS for MySQL 8.0 end of standard support in eu-west-1, by 30 Nov 2026 (in 10 days)"
                .into(),
        text: "Support for MySQL 8.0 ends on November 30, 2026.\n\nUpgrade your databases before that day."
            .into(),
        facts: vec![
            fact("Status", "upcoming"),
            fact("Deadline", "30 Nov 2026 00:00 UTC, in 10 days"),
            fact("Resources", "2: 2 pending"),
            fact("Account", "111122223333 (production)"),
            fact("Region", "eu-west-1"),
        ],
        resources: vec![resource("orders"), resource("payments")],
        resource_count: 2,
        deadline: Some("2026-11-30T00:00:00Z".parse().unwrap()),
        owner: Some("payments".into()),
        next_step: "Check that the connection pool reopens its connections, then upgrade.".into(),
        links: vec![
            link("Runbook", "https://wiki.example.com/rds-upgrade"),
            link(
                "AWS Health Dashboard",
                "https://health.aws.amazon.com/health/home#/account/event-log?eventID=x",
            ),
        ],
        service: "RDS".into(),
        type_code: "AWS_RDS_PLANNED_LIFECYCLE_EVENT".into(),
        region: "eu-west-1".into(),
        account: "111122223333".into(),
        environment: Some("production".into()),
        personas: vec!["OPERATIONS".into()],
        actionability: "ACTION_REQUIRED".into(),
        event_arn: "arn:aws:health:eu-west-1::event/RDS/AWS_RDS_PLANNED_LIFECYCLE_EVENT/x".into(),
        topic: "AWS_RDS_PLANNED_LIFECYCLE_EVENT|Amazon RDS for MySQL 8.0".into(),
        provider_change: true,
        drill: false,
        at: "2026-11-20T00:00:00Z".parse().unwrap(),
    }
}

/// The message of this notice alone.
pub(crate) fn message() -> Message {
    let notice = notice();
    Message { conversation: notice.thread.clone(), notice, fold: None, repeated: false }
}

/// The same across accounts and Regions.
pub(crate) fn storm() -> Message {
    let fold = Fold {
        cases: 15,
        open: 14,
        accounts: 14,
        regions: ["eu-central-1", "eu-west-1"].map(str::to_owned).into(),
        resources: 120,
        severity: Severity::Critical,
        deadline: Some("2026-11-28T00:00:00Z".parse().unwrap()),
        examples: ["111122223333", "222233334444", "333344445555"].map(str::to_owned).into(),
    };
    Message { fold: Some(fold), conversation: "storm-7d793037a0760186574b0282f2f435e7".into(), ..message() }
}

/// The end of it.
pub(crate) fn closed() -> Message {
    let mut notice = Notice { seq: 3, change: Change::Resolved, severity: Severity::Low, ..notice() };
    notice.headline = "Resolved: Amazon RDS for MySQL 8.0 end of standard support in eu-west-1".into();
    notice.next_step = "Nothing more to do. Check that what depends on it works again.".into();
    notice.resources.iter_mut().for_each(|it| it.status = "RESOLVED".into());
    Message { notice, ..message() }
}

/// Messages with whatever somebody might write, up to 100,000 characters of it.
pub(crate) fn wild() -> impl Strategy<Value = Message> {
    let notice = (wild_text(), wild_text(), wild_text(), wild_text(), 0..30_usize, any::<u8>()).prop_map(
        |(headline, text, value, name, count, pick)| {
            let fact = Fact { name: name.chars().take(60).collect(), value: value.clone() };
            let resource = Resource { name: name.clone(), status: value.chars().take(60).collect() };
            let link = Link { title: name.clone(), url: format!("https://example.com/{value}") };
            let link_of_ours = Link { title: "Runbook".into(), url: "https://example.com/r".into() };
            let kinds = [Kind::Issue, Kind::ScheduledChange, Kind::Malformed, Kind::Security];
            let changes = [Change::Opened, Change::BurnedDown, Change::Resolved, Change::CountedDown];
            let severities = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
            Notice {
                kind: kinds[usize::from(pick % 4)],
                change: changes[usize::from(pick / 4 % 4)],
                severity: severities[usize::from(pick / 16 % 4)],
                headline,
                text,
                facts: vec![fact; count],
                resources: vec![resource; count],
                resource_count: 1_000_000,
                links: vec![link_of_ours, link],
                owner: Some(value.clone()),
                next_step: value.clone(),
                service: name.chars().take(500).collect(),
                type_code: name.clone(),
                environment: Some(value),
                ..notice()
            }
        },
    );
    (notice, any::<bool>(), any::<bool>()).prop_map(|(notice, is_storm, repeated)| {
        let fold = storm().fold.filter(|_| is_storm);
        Message { notice, fold, repeated, ..message() }
    })
}

/// [`wild`], in the short fields and in a storm's extent as well.
pub(crate) fn everywhere() -> impl Strategy<Value = Message> {
    (wild(), wild_text(), wild_text()).prop_map(|(mut message, first, second)| {
        let notice = &mut message.notice;
        notice.topic = format!("{first}|{second}");
        notice.account = first.clone();
        notice.region = second.clone();
        notice.thread = first.clone();
        notice.drill = first.len() % 2 == 0;
        message.conversation = second.clone();
        if let Some(fold) = &mut message.fold {
            fold.regions = [first.clone(), second.clone()].into();
            fold.examples = vec![first, second];
            fold.open = u32::from(notice.drill);
        }
        message
    })
}

/// Text that does its worst: markup, mentions, wide and invisible characters, no spaces, too much of it.
pub(crate) fn wild_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z0-9.,:;/ _-]{0,40}",
        "\\PC{0,20}",
        ".{0,10}",
        prop::sample::select(vec![
            "<!channel>",
            "<!here|x>",
            "@channel",
            "@everyone ",
            "<@U123>",
            "[x](https://evil.example)",
            "![x](https://evil.example)",
            "<https://evil.example|x>",
            "<script>alert(1)</script>",
            "<at>all</at>",
            "&lt;!channel&gt;",
            "&amp;",
            "&",
            "*b*",
            "_i_",
            "~s~",
            "`c`",
            "```\n",
            "\n# h\n",
            "\n> q\n",
            "\n- l\n",
            "[y]: https://evil.example\n",
            "|",
            "\\n",
            "\\",
            "\"",
            "\u{1f469}\u{200d}\u{1f680}",
            "\u{1f525}",
            "東京",
            "שלום",
            "\u{202e}",
            "\u{7}",
            "\u{1b}[31m",
            "\u{0}",
            "\u{e0041}",
            "e\u{301}",
            "\t",
            "\r\n",
            "arn:aws:rds:eu-west-1:111122223333:db:a-name-that-is-longer-than-what-is-usual-for-a-database",
        ])
        .prop_map(str::to_owned),
    ];
    let pieces = prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    (pieces, prop::sample::select(vec![1_usize, 3, 100_000])).prop_map(|(text, times)| {
        text.chars().cycle().take(text.chars().count().saturating_mul(times).min(100_000)).collect()
    })
}

/// Storms whose every text is one character, as often as nobody would write it: those that cost a channel most.
pub(crate) fn worst() -> impl Iterator<Item = Message> {
    ["\u{1f525}", "&", "\"", "\\", "*", "\u{6771}"].into_iter().map(|character| {
        let worst = character.repeat(2_000);
        let mut message = storm();
        let notice = &mut message.notice;
        let resource = Resource { name: worst.clone(), status: worst.clone() };
        let url = format!("https://example.com/{}", "&".repeat(900));
        notice.headline = worst.clone();
        notice.text = worst.clone();
        notice.next_step = worst.clone();
        notice.type_code = worst.clone();
        notice.facts = vec![Fact { name: worst.clone(), value: worst.clone() }; 20];
        notice.resources = vec![resource; 20];
        notice.links = vec![Link { title: worst.clone(), url }; 9];
        message
    })
}
