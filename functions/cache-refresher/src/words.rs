//! Everything that this function says to people, as pure functions.

use watchkeeper_domain::{
    notice::{Change, DomainEvent, Fact, Kind, Link, Notice, Severity},
    text::{self, count, fingerprint},
};

use crate::{
    decide::{Decision, Effect, Rules},
    night::Account,
    pool::Trouble,
    standing::{Generation, Night, Standing},
};

/// How many characters of a reason a notice carries.
const TEXT: usize = 3000;
/// From this share of a filesystem in use on, a larger one is advised, in percent.
const FULL: u64 = 85;
/// Up to this share, a smaller one.
const ROOMY: u64 = 25;

/// What there is to tell of a cache.
#[derive(Clone, Copy, Debug)]
pub enum Saying<'a> {
    /// A night is over, and its generation is published, if there was anything new.
    Refreshed {
        /// What it has done.
        account: &'a Account,
        /// What jobs get now.
        generation: Option<&'a Generation>,
    },
    /// A night is over, and nothing was published.
    Failed {
        /// Why.
        why: &'a str,
        /// The night.
        night: &'a Night,
    },
    /// On the leash, it would have done this.
    Rehearsed {
        /// What.
        account: &'a Account,
        /// Why it was asked for.
        because: &'a str,
    },
    /// A person has gone back.
    RolledBack {
        /// To which.
        generation: &'a Generation,
        /// From which.
        from: Option<u32>,
        /// Why.
        because: &'a str,
    },
    /// A copy or a deletion has failed.
    Uncared {
        /// Why.
        why: &'a str,
    },
}

/// `decision`, which records `next` and tells people.
pub(crate) fn told(decision: Decision, mut next: Standing, saying: Saying<'_>, rules: Rules<'_>) -> Decision {
    next.seq += 1;
    let notice = notice(saying, &next, rules);
    if notice.is_closed() {
        (next.thread, next.seq) = (next.thread + 1, 0);
    }
    let event = event(detail_type(saying), notice.clone());
    decision.record(next).then(Effect::Tell(Box::new(notice))).then(Effect::Emit(Box::new(event)))
}

/// `decision`, which records `next` and says that a part is published: to machines only, since the night goes on.
pub(crate) fn published(
    decision: Decision,
    next: Standing,
    generation: &Generation,
    rules: Rules<'_>,
) -> Decision {
    let saying = Saying::Refreshed { account: &generation.account, generation: Some(generation) };
    let event = event(detail_type(saying), notice(saying, &next, rules));
    decision.record(next).then(Effect::Emit(Box::new(event)))
}

fn event(detail_type: &str, notice: Notice) -> DomainEvent {
    let id = fingerprint([notice.id.as_str(), detail_type]);
    DomainEvent { id, detail_type: detail_type.to_owned(), notice }
}

fn detail_type(saying: Saying<'_>) -> &'static str {
    match saying {
        Saying::Refreshed { generation: Some(_), .. } | Saying::RolledBack { .. } => "Cache Published",
        Saying::Refreshed { generation: None, .. } | Saying::Rehearsed { .. } => "Cache Rehearsed",
        Saying::Failed { .. } | Saying::Uncared { .. } => "Cache Failed",
    }
}

fn notice(saying: Saying<'_>, next: &Standing, rules: Rules<'_>) -> Notice {
    let cache = &rules.cache.name;
    let thread = fingerprint(["cache", cache, &next.thread.to_string()]);
    let generation = match saying {
        Saying::Refreshed { generation, .. } => generation,
        Saying::RolledBack { generation, .. } => Some(generation),
        Saying::Failed { .. } | Saying::Rehearsed { .. } | Saying::Uncared { .. } => None,
    };
    let number = generation.map(|it| it.number.to_string()).unwrap_or_default();
    Notice {
        id: fingerprint([thread.as_str(), &next.seq.to_string(), &number, detail_type(saying)]),
        seq: next.seq,
        change: change(saying, next),
        severity: severity(saying),
        headline: text::cut(&headline(saying, rules), 200),
        text: text::cut(&text::clean(&why(saying, rules)), TEXT),
        facts: facts(saying, generation, next),
        next_step: next_step(saying, rules),
        links: console(generation, rules),
        event_arn: generation.map(|it| arn(&it.snapshot, rules)).unwrap_or_default(),
        thread,
        ..blank(rules)
    }
}

/// What is wrong with a pool.
pub(crate) fn pool_notice(trouble: &Trouble, zone: &str, rules: Rules<'_>) -> Notice {
    let cache = &rules.cache.name;
    let thread = fingerprint(["pool", cache, zone, &trouble.since.to_string()]);
    let (change, headline, next_step) = match trouble.is_over {
        true => (Change::Resolved, format!("Cache {cache} has volumes in {zone} again"), String::new()),
        false => (
            Change::Opened,
            format!("Cache {cache} gets no volumes in {zone}"),
            "Jobs there wait or download. Look at the quotas for EBS volumes, their copies and their initialization \
             rates in this Region"
                .to_owned(),
        ),
    };
    let seq = if trouble.is_over { 2 } else { 1 };
    Notice {
        id: fingerprint([thread.as_str(), &seq.to_string()]),
        seq,
        change,
        severity: if trouble.is_over { Severity::Low } else { Severity::Medium },
        headline,
        text: text::cut(&text::clean(&trouble.why), TEXT),
        next_step,
        thread,
        ..blank(rules)
    }
}

/// What every notice of a cache says.
fn blank(Rules { cache, site, now, .. }: Rules<'_>) -> Notice {
    Notice {
        id: String::new(),
        thread: String::new(),
        seq: 0,
        kind: Kind::Cache,
        change: Change::Opened,
        severity: Severity::Low,
        headline: String::new(),
        text: String::new(),
        facts: Vec::new(),
        resources: Vec::new(),
        resource_count: 0,
        deadline: None,
        owner: cache.owner.clone(),
        next_step: String::new(),
        links: Vec::new(),
        service: "EBS".to_owned(),
        type_code: cache.name.clone(),
        region: site.region.clone(),
        account: site.account.clone(),
        environment: None,
        personas: vec!["OPERATIONS".to_owned()],
        actionability: String::new(),
        event_arn: String::new(),
        topic: format!("cache {}", cache.name),
        provider_change: false,
        drill: false,
        at: now,
    }
}

fn change(saying: Saying<'_>, next: &Standing) -> Change {
    match saying {
        Saying::Refreshed { .. } | Saying::Rehearsed { .. } | Saying::RolledBack { .. } => Change::Resolved,
        Saying::Failed { .. } | Saying::Uncared { .. } if next.seq > 1 => Change::Updated,
        Saying::Failed { .. } | Saying::Uncared { .. } => Change::Opened,
    }
}

fn severity(saying: Saying<'_>) -> Severity {
    match saying {
        Saying::Refreshed { .. } | Saying::Rehearsed { .. } => Severity::Low,
        Saying::RolledBack { .. } | Saying::Uncared { .. } => Severity::Medium,
        Saying::Failed { .. } => Severity::High,
    }
}

fn headline(saying: Saying<'_>, Rules { cache, .. }: Rules<'_>) -> String {
    let name = &cache.name;
    match saying {
        Saying::Refreshed { account, generation: Some(it) }
            if account.written_files > 0 || account.removed > 0 =>
        {
            format!("Cache {name} refreshed: generation {}, {}", it.number, done(account))
        }
        Saying::Refreshed { .. } => format!("Cache {name} is up to date"),
        Saying::Failed { .. } => format!("Cache {name} was not refreshed"),
        Saying::Rehearsed { account, .. } => {
            format!("Cache {name} on the leash: {} would be written", done(account))
        }
        Saying::RolledBack { generation, .. } => {
            format!("Cache {name} is back at generation {}", generation.number)
        }
        Saying::Uncared { .. } => format!("Cache {name}: a copy or a deletion of snapshots has failed"),
    }
}

/// `214 files, 85.2 MB`, and what was removed.
fn done(account: &Account) -> String {
    let files = count(usize::try_from(account.written_files).unwrap_or(usize::MAX), "file");
    let removed = match account.removed {
        0 => String::new(),
        removed => format!(", {removed} removed"),
    };
    format!("{files}, {}{removed}", bytes(account.written_bytes))
}

/// `85.2 MB`.
pub fn bytes(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0);
    format!("{value:.digits$} {}", units.get(unit).copied().unwrap_or_default())
}

fn why(saying: Saying<'_>, rules: Rules<'_>) -> String {
    match saying {
        Saying::Failed { why, .. } | Saying::Uncared { why } => why.to_owned(),
        Saying::RolledBack { because, .. } => because.to_owned(),
        Saying::Refreshed { account, .. } | Saying::Rehearsed { account, .. } => {
            let mut lines: Vec<_> = advice(account, rules).into_iter().collect();
            if account.problem_count > 0 {
                let left_out = count(usize::try_from(account.problem_count).unwrap_or(usize::MAX), "package");
                lines.push(format!("{left_out} left out:"));
                lines.extend(account.problems.iter().map(|problem| format!("- {problem}")));
            }
            lines.join("\n")
        }
    }
}

/// What size would fit, where this one does not.
pub fn advice(account: &Account, rules: Rules<'_>) -> Option<String> {
    let space = account.space.as_ref()?;
    let percent = space.used_bytes * 100 / space.total_bytes.max(1);
    let gib = (space.used_bytes * 2).div_ceil(1 << 30).max(1);
    if percent >= FULL {
        Some(format!(
            "{percent} % of the filesystem is in use. A larger one takes a new line of snapshots: set `size_gib` to \
             {gib} or more, under another name of the cache"
        ))
    } else if percent <= ROOMY && u64::from(rules.cache.size_gib) > gib * 2 {
        Some(format!(
            "Only {percent} % of the filesystem is in use: `size_gib` = {gib} would do for a new line"
        ))
    } else {
        None
    }
}

fn facts(saying: Saying<'_>, generation: Option<&Generation>, next: &Standing) -> Vec<Fact> {
    let account = match saying {
        Saying::Refreshed { account, .. } | Saying::Rehearsed { account, .. } => Some(account),
        Saying::RolledBack { .. } | Saying::Failed { .. } | Saying::Uncared { .. } => None,
    };
    let space = account.and_then(|it| it.space.as_ref());
    let stays = match saying {
        Saying::Failed { .. } => Some(next.current().map_or_else(
            || "no generation yet".to_owned(),
            |it| format!("generation {} of {}", it.number, it.published_at.strftime("%-d %b %Y %H:%M UTC")),
        )),
        Saying::Refreshed { .. }
        | Saying::Rehearsed { .. }
        | Saying::RolledBack { .. }
        | Saying::Uncared { .. } => None,
    };
    let from = match saying {
        Saying::RolledBack { from, .. } => from.map(|from| format!("generation {from}")),
        Saying::Refreshed { .. }
        | Saying::Rehearsed { .. }
        | Saying::Failed { .. }
        | Saying::Uncared { .. } => None,
    };
    let all = [
        ("Snapshot", generation.map(|it| it.snapshot.clone())),
        ("Instead of", from),
        ("Jobs get", stays),
        ("Blocks written", account.filter(|it| it.blocks > 0).map(|it| it.blocks.to_string())),
        ("In use", space.map(|it| format!("{} of {}", bytes(it.used_bytes), bytes(it.total_bytes)))),
    ];
    let fact = |(name, value): (&str, Option<String>)| Some(Fact { name: name.to_owned(), value: value? });
    all.into_iter().filter_map(fact).collect()
}

fn next_step(saying: Saying<'_>, Rules { cache, .. }: Rules<'_>) -> String {
    let name = &cache.name;
    match saying {
        Saying::Refreshed { .. } => {
            format!("Nothing. If builds break on it: `watchkeeper cache rollback {name} --because …`")
        }
        Saying::Failed { .. } => {
            format!(
                "Jobs still get the last good generation. Mend the cause, then: `watchkeeper cache refresh {name} --because …`"
            )
        }
        Saying::Rehearsed { .. } => {
            "Take the leash off (parameter Leash) once you agree with what it would have done".to_owned()
        }
        Saying::RolledBack { .. } => {
            "Find out what was wrong before the next night: it begins with this generation".to_owned()
        }
        Saying::Uncared { .. } => {
            "Nothing that jobs get is touched. It is tried again after the next night".to_owned()
        }
    }
}

fn console(generation: Option<&Generation>, rules: Rules<'_>) -> Vec<Link> {
    let runbook = rules.cache.runbook.clone().map(|url| Link { title: "Runbook".into(), url });
    let page = generation.map(|it| {
        let region = &rules.site.region;
        let id = &it.snapshot;
        let url = format!(
            "https://{region}.console.aws.amazon.com/ec2/home?region={region}#SnapshotDetails:snapshotId={id}"
        );
        Link { title: "Snapshot".into(), url }
    });
    runbook.into_iter().chain(page).collect()
}

fn arn(snapshot: &str, rules: Rules<'_>) -> String {
    format!("arn:aws:ec2:{}::snapshot/{snapshot}", rules.site.region)
}
