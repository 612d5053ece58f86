use jiff::SignedDuration;

use super::*;
use crate::{
    cache::{Access, Feeder, Pool, Source},
    channel::SecretName,
    config::Config,
};

const LEAST: &str = r#"
[[cache]]
name = "maven"
size_gib = 100

[[cache.feeder]]
kind = "missed"
repository = "https://nexus.example.com/repository/maven-public"
"#;

fn caches(toml: &str) -> Vec<Cache> {
    let shown = |problems: Vec<_>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    Config::parse(toml).map_err(shown).unwrap().caches
}

fn problems(toml: &str) -> Vec<String> {
    Config::parse(toml).unwrap_err().iter().map(ToString::to_string).collect()
}

/// With `lines` in the table of the cache itself: line 5.
fn with(lines: &str) -> String {
    LEAST.replace("size_gib = 100\n", &format!("size_gib = 100\n{lines}\n"))
}

/// With another feeder, whose keys begin in line 4.
fn fed_by(lines: &str) -> String {
    format!("[[cache]]\nsize_gib = 1\nname = \"c\"\n[[cache.feeder]]\n{lines}\n")
}

#[test]
fn the_least_cache_is_off_and_has_the_defaults_that_its_types_name() {
    let repository = "https://nexus.example.com/repository/maven-public".to_owned();
    let expected = Cache {
        name: "maven".into(),
        enabled: false,
        owner: None,
        runbook: None,
        schedule: None,
        zone: TimeZone::UTC,
        size_gib: 100,
        snapshot: None,
        encryption: Encryption::Key(None),
        files: Files { uid: 1000, gid: 1000, file_mode: 0o644, dir_mode: 0o755 },
        feeders: vec![Feeder::Missed { at_least: 2, repository, under: None }],
        access: Vec::new(),
        prune: Prune::default(),
        limits: NightLimits { mib: 2048, file_mib: 64, in_flight: 8 },
        keep: 3,
        copy_to: Vec::new(),
        pool: None,
    };
    assert_eq!(caches(LEAST), [expected]);
    let pool = caches(&with("pool = { zones = [\"use1-az1\"] }")).remove(0).pool;
    let expected = Pool {
        zones: vec!["use1-az1".into()],
        size: 2,
        most: 8,
        initialization_mib: None,
        region_mib: 5000,
        claim: SignedDuration::from_mins(120),
        copies: false,
    };
    assert_eq!(pool, Some(expected));
}

#[test]
fn everything_that_a_cache_may_say_is_read() {
    let toml = r#"
        [[cache]]
        name = "maven"
        enabled = true
        owner = "platform"
        runbook = "https://runbooks.example.com/cache"
        schedule = "cron(30 1 ? * TUE-SAT *)"
        zone = "Europe/Berlin"
        size_gib = 200
        kms_key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        files = { uid = 1001, gid = 121, file_mode = "0664", dir_mode = "2775" }
        prune = { keep_versions = 3 }
        limits = { mib = 4096, file_mib = 256, in_flight = 4 }
        keep = 5
        copy_to = ["eu-central-1", "us-gov-west-1"]
        pool = { zones = ["euw1-az1", "usw2-lax1-az2"], size = 4, most = 9, initialization_mib = 300, region_mib = 1200, claim_minutes = 90, copies = true }

        [[cache.feeder]]
        kind = "manifest"
        file = "lists/maven.txt"
        repository = "https://nexus.example.com/repository/maven-public"
        under = "repository"

        [[cache.feeder]]
        kind = "missed"
        at_least = 3
        repository = "http://localhost:8081/maven"
        under = "repository"

        [[cache.feeder]]
        kind = "nexus"
        base = "https://nexus.example.com"
        repository = "npm-proxy"
        layout = "plain"
        delta = true

        [[cache.feeder]]
        kind = "list"
        url = "https://files.example.com/list.jsonl?ref=main"

        [[cache.access]]
        base = "https://nexus.example.com"
        secret = "secretsmanager:watchkeeper/nexus"

        [[cache]]
        name = "ready-made"
        size_gib = 16384
        snapshot = "snap-0123456789abcdef0"
        prune = { unused_days = 60 }
        [[cache.feeder]]
        kind = "nexus"
        base = "https://nexus.example.com"
        repository = "maven-central"

        [[cache]]
        name = "plain"
        size_gib = 1
        encrypted = false
        [[cache.feeder]]
        kind = "list"
        file = "list.jsonl"
        "#;
    let [maven, ready_made, plain] = caches(toml).try_into().unwrap();
    assert_eq!((maven.enabled, maven.owner.as_deref()), (true, Some("platform")));
    assert_eq!(maven.runbook.as_deref(), Some("https://runbooks.example.com/cache"));
    assert_eq!(maven.schedule.map(|cron| cron.text).as_deref(), Some("cron(30 1 ? * TUE-SAT *)"));
    assert_eq!((maven.zone, maven.size_gib, maven.keep), (TimeZone::get("Europe/Berlin").unwrap(), 200, 5));
    let key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    assert_eq!(maven.encryption, Encryption::Key(Some(key.into())));
    assert_eq!(maven.files, Files { uid: 1001, gid: 121, file_mode: 0o664, dir_mode: 0o2775 });
    assert_eq!(maven.prune, Prune { unused_days: None, keep_versions: Some(3) });
    assert_eq!(maven.limits, NightLimits { mib: 4096, file_mib: 256, in_flight: 4 });
    assert_eq!(maven.copy_to, ["eu-central-1", "us-gov-west-1"]);
    let pool = Pool {
        zones: vec!["euw1-az1".into(), "usw2-lax1-az2".into()],
        size: 4,
        most: 9,
        initialization_mib: Some(300),
        region_mib: 1200,
        claim: SignedDuration::from_mins(90),
        copies: true,
    };
    assert_eq!(maven.pool, Some(pool));
    let under = Some("repository".to_owned());
    assert_eq!(
        maven.feeders,
        [
            Feeder::Manifest {
                source: Source::File("lists/maven.txt".into()),
                repository: "https://nexus.example.com/repository/maven-public".into(),
                under: under.clone(),
            },
            Feeder::Missed { at_least: 3, repository: "http://localhost:8081/maven".into(), under },
            Feeder::Nexus {
                base: "https://nexus.example.com".into(),
                repository: "npm-proxy".into(),
                maven: false,
                delta: true,
                under: None,
            },
            Feeder::List { source: Source::Url("https://files.example.com/list.jsonl?ref=main".into()) },
        ]
    );
    let access = Access {
        base: "https://nexus.example.com".into(),
        secret: SecretName::SecretsManager("watchkeeper/nexus".into()),
    };
    assert_eq!(maven.access, [access]);
    assert_eq!(ready_made.snapshot.as_deref(), Some("snap-0123456789abcdef0"));
    assert_eq!(ready_made.prune, Prune { unused_days: Some(60), keep_versions: None });
    assert!(matches!(ready_made.feeders[..], [Feeder::Nexus { maven: true, delta: false, .. }]));
    assert_eq!((plain.encryption, plain.zone), (Encryption::None, TimeZone::UTC));
}

#[test]
fn what_every_cache_needs_is_asked_for() {
    assert_eq!(
        problems("[[cache]]\nschedule = \"cron(0 1 ? * * *)\"\n"),
        [
            "1:1: `name` is missing here",
            "1:1: `size_gib` is missing here",
            "1:1: `zone` is missing here",
            "1:1: nobody says what belongs into it: add a `[[cache.feeder]]`",
        ]
    );
    assert_eq!(problems(&with("pool = {}")), ["5:8: `zones` is missing here"]);
    for (feeder, missing) in [
        ("under = \"a\"", "`kind` is missing here"),
        ("kind = \"missed\"", "`repository` is missing here"),
        ("kind = \"nexus\"\nrepository = \"a\"", "`base` is missing here"),
        ("kind = \"nexus\"\nbase = \"https://a\"", "`repository` is missing here"),
        ("kind = \"list\"", "`file` or `url` is missing here: where the lines stand"),
    ] {
        assert_eq!(problems(&fed_by(feeder)), [format!("4:1: {missing}")], "{feeder}");
    }
}

#[test]
fn a_value_out_of_its_bounds_is_refused_in_its_place() {
    let mend = "which is another zone in each account: write its id, as in use1-az1";
    for (line, problem) in [
        ("colour = 1", "5:1: unknown key `colour`; known here: name, enabled, "),
        ("schedule = \"rate(1 day)\"\nzone = \"UTC\"", "5:12: `schedule`: "),
        ("zone = \"Berlin\"", "5:8: `Berlin` is no IANA time zone"),
        ("snapshot = \"snap-\"", "5:12: `snap-` is no id of a snapshot"),
        ("snapshot = \"snap-0123ABC\"", "5:12: `snap-0123ABC` is no id of a snapshot"),
        ("snapshot = \"snap-1\"\nencrypted = true", "6:13: `encrypted` has no effect with `snapshot`"),
        ("kms_key = \"alias/ci\"", "5:11: `kms_key` must be the ARN of a key"),
        (
            "kms_key = \"arn:aws:kms:eu-west-1:123456789012:alias/ci\"",
            "5:11: `kms_key` must be the ARN of a key",
        ),
        (
            "encrypted = false\nkms_key = \"arn:aws:kms:eu-west-1:123456789012:key/1\"",
            "6:11: `kms_key` has no effect with `encrypted = false`",
        ),
        ("files = { uid = -1 }", "5:17: `uid` must be a whole number from 0 to 4294967294"),
        ("files = { file_mode = 644 }", "5:23: `file_mode` must be a text in quotes"),
        ("files = { file_mode = \"0888\" }", "5:23: `file_mode` must be octal digits in quotes"),
        (
            "files = { file_mode = \"4755\" }",
            "5:23: `file_mode` must be octal digits in quotes, from \"0000\" to \"0777\"",
        ),
        ("files = { dir_mode = \"+755\" }", "5:22: `dir_mode` must be octal digits in quotes"),
        ("files = { mode = \"0644\" }", "5:11: unknown key `mode`"),
        ("prune = { unused_days = 0 }", "5:25: `unused_days` must be a whole number from 1 to 3650"),
        (
            "prune = { unused_days = 60 }\n[[cache.feeder]]\nkind = \"nexus\"\nbase = \"https://n.example.com\"\nrepository = \"r\"\ndelta = true",
            "5:9: `unused_days` would take out what is in use",
        ),
        ("prune = { older = 1 }", "5:11: unknown key `older`"),
        ("limits = { in_flight = 65 }", "5:24: `in_flight` must be a whole number from 1 to 64"),
        ("limits = { mib = 10 }", "5:10: a file of 64 MiB would never fit"),
        ("limits = { gib = 1 }", "5:12: unknown key `gib`"),
        ("keep = 1", "5:8: `keep` must be a whole number from 2 to 50"),
        ("copy_to = [\"us-east-1a\"]", "5:11: `us-east-1a` is no Region"),
        ("copy_to = [\"us-east-1\", \"us-east-1\"]", "5:11: `us-east-1` is named twice"),
        ("pool = { zones = [\"us-east-1a\"] }", &format!("5:18: `us-east-1a` is the name of a zone, {mend}")),
        (
            "pool = { zones = [\"us-west-2-lax-1a\"] }",
            "5:18: `us-west-2-lax-1a` is no id of an Availability Zone",
        ),
        ("pool = { zones = [\"use1-az\"] }", "5:18: `use1-az` is no id of an Availability Zone"),
        ("pool = { zones = [\"use1-az1\", \"use1-az1\"] }", "5:18: `use1-az1` is named twice"),
        ("pool = { zones = [\"use1-az1\"], size = 0 }", "5:39: `size` must be a whole number from 1 to 100"),
        ("pool = { zones = [\"use1-az1\"], size = 3, most = 2 }", "5:49: `most` must be at least `size`"),
        ("pool = { zones = [\"use1-az1\"], initialization_mib = 99 }", "a whole number from 100 to 300"),
        (
            "pool = { zones = [\"use1-az1\"], initialization_mib = 300, region_mib = 200 }",
            "`region_mib` must be at least `initialization_mib`",
        ),
        ("pool = { zones = [\"use1-az1\"], claim_minutes = 4 }", "a whole number from 5 to 1440"),
        ("pool = { zones = [\"use1-az1\"], volumes = 4 }", "5:32: unknown key `volumes`"),
    ] {
        let found = problems(&with(line));
        assert!(found.len() == 1 && found[0].contains(problem), "{line}: {found:?}");
    }
    assert!(problems(&LEAST.replace("100", "16385"))[0].contains("a whole number from 1 to 16384"));
}

#[test]
fn a_feeder_has_the_keys_of_its_kind_only() {
    let repository = "repository = \"https://repo.example.com\"";
    for (lines, problem) in [
        ("kind = \"artifactory\"", "5:8: `kind` must be one of manifest, missed, nexus, list"),
        (&format!("kind = \"missed\"\n{repository}\nfile = \"a\""), "7:1: unknown key `file`"),
        (
            &format!("kind = \"missed\"\n{repository}\nat_least = 0"),
            "7:12: `at_least` must be a whole number",
        ),
        (
            &format!("kind = \"manifest\"\n{repository}\nfile = \"a\"\nat_least = 2"),
            "8:1: unknown key `at_least`",
        ),
        ("kind = \"list\"\nfile = \"a\"\nunder = \"b\"", "7:1: unknown key `under`"),
        ("kind = \"list\"\nfile = \"a\"\nurl = \"https://a\"", "7:7: `url` and `file` exclude each other"),
        (
            "kind = \"nexus\"\nbase = \"https://a\"\nrepository = \"a/b\"",
            "7:14: `repository` must be the name",
        ),
        (
            "kind = \"nexus\"\nbase = \"https://a\"\nrepository = \"a\"\nlayout = \"npm\"",
            "8:10: `layout` must be",
        ),
    ] {
        let found = problems(&fed_by(lines));
        assert!(found.len() == 1 && found[0].starts_with(problem), "{lines}: {found:?}");
    }
}

#[test]
fn a_path_leads_nowhere_else() {
    for path in ["/etc/passwd", "../a", "a/../b", "a//b", "a/", "./a", "a\\u0000"] {
        let found = problems(&fed_by(&format!("kind = \"list\"\nfile = \"{path}\"")));
        assert_eq!(
            found,
            ["6:8: `file` must be a relative path without `.` and `..`: the file, beside this one"],
            "{path}"
        );
    }
}

#[test]
fn an_address_is_https_or_of_this_machine_and_what_may_be_a_password_is_not_repeated() {
    let missed = |url: &str| fed_by(&format!("kind = \"missed\"\nrepository = \"{url}\""));
    for url in
        ["https://a", "https://a:8443/b?c", "http://127.0.0.1:8081/b", "http://localhost", "http://[::1]:80/"]
    {
        caches(&missed(url));
    }
    for url in [
        "http://a",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "ftp://a",
        "a",
        "https://",
        "https:///a",
        "https://a b",
        "https://a#b",
    ] {
        let found = problems(&missed(url));
        assert_eq!(found, ["6:14: `repository` must be an address that begins with https://"], "{url}");
    }
    for url in ["https://ci:hunter2@a/b", "http://hunter2@localhost", "https://hunter2@localhost:80"] {
        let found = problems(&missed(url));
        assert!(found[0].contains("has credentials in it") && !found[0].contains("hunter2"), "{found:?}");
    }
}

#[test]
fn a_secret_is_named_and_a_host_has_one() {
    let access = |base: &str, secret: &str| {
        format!("{LEAST}[[cache.access]]\nbase = \"{base}\"\nsecret = \"{secret}\"\n")
    };
    let found = problems(&access("https://a", "bob:hunter2"));
    assert!(found[0].starts_with("11:10: `secret` must name where the secret is kept"), "{found:?}");
    assert!(!found[0].contains("hunter2"));
    let twice = |other: &str| {
        format!(
            "{}[[cache.access]]\nbase = \"{other}\"\nsecret = \"ssm:/b\"\n",
            access("https://a/x", "ssm:/a")
        )
    };
    for other in ["https://a", "https://A/y", "https://a?y"] {
        assert_eq!(problems(&twice(other)), ["13:8: another `[[cache.access]]` opens this host"], "{other}");
    }
    for other in ["https://a:8443", "https://a.b", "http://localhost"] {
        assert_eq!(caches(&twice(other)).remove(0).access.len(), 2, "{other}");
    }
}

#[test]
fn names_have_a_shape_and_differ_by_more_than_dashes() {
    let named = |name: &str| LEAST.replace("\"maven\"", &format!("\"{name}\""));
    let long = "a".repeat(41);
    for name in ["Maven", "1-maven", "-maven", "maven_1", "mävén", &long] {
        assert!(
            problems(&named(name))[0].starts_with(&format!("3:8: `{name}` must begin with a small")),
            "{name}"
        );
    }
    caches(&named(&long[1..]));
    assert_eq!(problems(&format!("{LEAST}{LEAST}")), ["11:8: another cache has this name"]);
    let told = problems(&format!("{}{}", named("m-aven"), LEAST));
    assert_eq!(told, ["11:8: another cache is called m-aven: the dashes alone don't tell them apart"]);
}
