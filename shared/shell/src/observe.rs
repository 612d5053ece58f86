//! What guards judge, read through the ports: by `chaos-trigger` before a start and by `experiment-watcher` after it.

use watchkeeper_domain::{
    decision::Decision,
    drill::{
        Book, Deployments, Drill, Drills, Fact, Halt, Proof, Site, TemplateRef, deployments::Progress,
        partition,
    },
    failure::Failure,
    fis::Template,
    notice::{Kind, Notice},
    ports::{Experiments, Issue, Issues},
    records::{Key, Nothing, Record, Records},
};

#[cfg(feature = "drills")]
mod targets;

#[cfg(feature = "drills")]
pub use self::targets::targets;
use crate::conclude::{Run, conclude};

/// The key of the switch that halts all drills.
pub fn halt_key() -> Key {
    Key::head("HALT")
}

/// The beginning of the sort key of what a drill has proved.
pub const PROOF: &str = "PROOF#";

/// What was read, or why it could not be.
pub fn fact<T>(read: Result<T, Failure>) -> Fact<T> {
    read.map_err(|failure| failure.chain())
}

/// The switch that halts all drills.
///
/// # Errors
/// When the table cannot be read.
pub async fn halt<W: Records>(world: &W) -> Result<Option<Halt>, Failure> {
    let record: Record<Option<Halt>, Nothing> = world.read(&halt_key()).await?;
    Ok(record.state.flatten())
}

/// The id of the template that a drill names. Only a name is looked up.
pub async fn template_id<W: Experiments>(world: &W, template: &TemplateRef) -> Fact<String> {
    match template.id() {
        Some(id) => Ok(id.to_owned()),
        None => template.among(&fact(world.templates().await)?),
    }
}

/// The template `id`, or `None` when FIS has none. One that nobody can read as a template is not known.
pub async fn template<W: Experiments>(world: &W, id: &str) -> Fact<Option<Template>> {
    let Some(json) = fact(world.template(id).await)? else { return Ok(None) };
    Template::parse(&json).map(Some).map_err(|findings| {
        let all: Vec<_> = findings.iter().map(ToString::to_string).collect();
        all.join("; ")
    })
}

/// The open issues: of the cases kept here, and of the Health API where the configuration says that there is one.
///
/// # Errors
/// When one of the two cannot be read.
pub async fn issues<W>(world: &W, drills: &Drills, site: &Site) -> Result<Vec<Issue>, Failure>
where
    W: Records + Issues,
{
    let book: Record<Book, Nothing> = world.read(&Book::key()).await?;
    let mut issues = book.state.unwrap_or_default().open(&site.region);
    if drills.health_api {
        issues.extend(world.open_issues(&site.region).await?);
    }
    issues.sort_by(|one, other| one.arn.cmp(&other.arn));
    issues.dedup_by(|next, first| next.arn == first.arn && !first.arn.is_empty());
    Ok(issues)
}

/// Takes in what `notice` says of an issue. Returns whether that was news.
///
/// # Errors
/// When the table cannot be read or written.
pub async fn hear<W: Records>(world: &W, notice: &Notice, run: &Run) -> Result<bool, Failure> {
    if notice.kind != Kind::Issue {
        return Ok(false);
    }
    let decide = |record: &Record<Book, Nothing>, (): &()| -> Decision<bool, Book, Nothing> {
        let book = record.state.clone().unwrap_or_default();
        let next = book.clone().with(notice, run.now);
        let is_news = next != book;
        if is_news { Decision::because(true).record(next) } else { Decision::because(false) }
    };
    let observe = async || Ok((world.read(&Book::key()).await?, ()));
    let key = Book::key();
    let concluded = conclude(world, run, &key, observe, decide, async |effect, _| match *effect {}).await?;
    Ok(concluded.because)
}

/// What is being deployed, and what was lately.
///
/// # Errors
/// When the table cannot be read.
pub async fn deployments<W: Records>(world: &W) -> Result<Deployments, Failure> {
    let record: Record<Deployments, Nothing> = world.read(&Deployments::key()).await?;
    Ok(record.state.unwrap_or_default())
}

/// Takes in how far a deployment is.
///
/// # Errors
/// When the table cannot be read or written.
pub async fn deployment_changed<W: Records>(
    world: &W,
    progress: &Progress,
    run: &Run,
) -> Result<(), Failure> {
    let decide = |record: &Record<Deployments, Nothing>, (): &()| -> Decision<(), Deployments, Nothing> {
        let known = record.state.clone().unwrap_or_default();
        let next = known.clone().with(progress, run.now);
        if next == known { Decision::because(()) } else { Decision::because(()).record(next) }
    };
    let observe = async || Ok((world.read(&Deployments::key()).await?, ()));
    let key = Deployments::key();
    conclude(world, run, &key, observe, decide, async |effect, _| match *effect {}).await?;
    Ok(())
}

/// What `drill`, and the one before it in promotion, have proved.
///
/// # Errors
/// When the table cannot be read.
pub async fn proofs<W: Records>(world: &W, drill: &Drill) -> Result<Vec<Proof>, Failure> {
    let mut proofs = world.list(&partition(&drill.name), PROOF).await?;
    if let Some(promotion) = &drill.promotion {
        proofs.extend(world.list::<Proof>(&partition(&promotion.after), PROOF).await?);
    }
    Ok(proofs)
}
