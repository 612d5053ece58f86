//! What a guard has to know, as a test or a person has set it: alarms, calendars, incidents, people, issues, resources.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use watchkeeper_domain::{
    drill::OnCall,
    failure::Failure,
    ports::{Alarm, Alarms, CalendarState, Calendars, Inventory, Issue, Issues, OnCalls},
};

use crate::turn::turn;

/// The facts. Clones share them. At first nothing exists: no alarm, no calendar, no issue, no resource; nobody is on call.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    state: Arc<Mutex<State>>,
}

/// What can be asked, and so what can fail.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Question {
    /// [`Alarms::alarms`].
    Alarms,
    /// [`Calendars::calendars`].
    Calendars,
    /// [`Calendars::incidents`].
    Incidents,
    /// [`OnCalls::is_anybody_on_call`].
    OnCall,
    /// [`Issues::open_issues`].
    Issues,
    /// [`Inventory::tags`].
    Tags,
    /// [`Inventory::fleet`].
    Fleet,
    /// [`Inventory::zones`].
    Zones,
}

/// A resource of the account.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Resource {
    /// FIS's word for its type: `aws:ec2:instance`.
    pub resource_type: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The id of its Availability Zone, if it lives in one.
    pub zone: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    alarms: BTreeMap<String, Alarm>,
    calendars: BTreeMap<String, Vec<Range<Timestamp>>>,
    incidents: Vec<String>,
    pages: BTreeMap<String, Vec<String>>,
    on_call: BTreeSet<String>,
    issues: BTreeMap<String, Issue>,
    resources: BTreeMap<String, Resource>,
    uncounted: BTreeSet<String>,
    unreadable: BTreeMap<Question, String>,
}

impl Facts {
    /// Makes every answer to `question` a failure with this cause, until [`Facts::mend`].
    pub fn fail(&self, question: Question, cause: &str) {
        self.with(|state| state.unreadable.insert(question, cause.to_owned()));
    }

    /// Makes `question` answerable again.
    pub fn mend(&self, question: Question) {
        self.with(|state| state.unreadable.remove(&question));
    }

    /// Makes `alarm`, or sets it anew.
    pub fn set_alarm(&self, alarm: Alarm) {
        self.with(|state| state.alarms.insert(alarm.arn.clone(), alarm));
    }

    /// Makes the calendar `name`, or sets it anew: closed in each of `closed`, open at all other times.
    pub fn set_calendar(&self, name: &str, closed: impl IntoIterator<Item = Range<Timestamp>>) {
        let closed = closed.into_iter().collect();
        self.with(|state| state.calendars.insert(name.to_owned(), closed));
    }

    /// Opens an OpsItem with this title.
    pub fn open_incident(&self, title: &str) {
        self.with(|state| state.incidents.push(title.to_owned()));
    }

    /// Resolves the OpsItems with this title.
    pub fn resolve_incident(&self, title: &str) {
        self.with(|state| state.incidents.retain(|open| open != title));
    }

    /// Makes the page at `url`, or sets it anew: it lists `incidents`.
    pub fn set_page(&self, url: &str, incidents: impl IntoIterator<Item = &'static str>) {
        let incidents = incidents.into_iter().map(str::to_owned).collect();
        self.with(|state| state.pages.insert(url.to_owned(), incidents));
    }

    /// Puts somebody on call in the PagerDuty schedule `schedule`.
    pub fn go_on_call(&self, schedule: &str) {
        self.with(|state| state.on_call.insert(schedule.to_owned()));
    }

    /// Leaves that schedule without anybody.
    pub fn go_off_call(&self, schedule: &str) {
        self.with(|state| state.on_call.remove(schedule));
    }

    /// Opens `issue`, or sets it anew.
    pub fn open_issue(&self, issue: Issue) {
        self.with(|state| state.issues.insert(issue.arn.clone(), issue));
    }

    /// Closes the issue `arn`.
    pub fn close_issue(&self, arn: &str) {
        self.with(|state| state.issues.remove(arn));
    }

    /// Makes the resource `arn`, or sets it anew.
    pub fn set_resource(&self, arn: &str, resource: Resource) {
        self.with(|state| state.resources.insert(arn.to_owned(), resource));
    }

    /// Removes the resource `arn`.
    pub fn remove_resource(&self, arn: &str) {
        self.with(|state| state.resources.remove(arn));
    }

    /// Makes `resource_type` one that the tagging API does not know, as `aws:eks:pod` is.
    pub fn set_uncounted(&self, resource_type: &str) {
        self.with(|state| state.uncounted.insert(resource_type.to_owned()));
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks, unless the question fails.
    async fn ask<T>(
        &self,
        question: Question,
        look: impl FnOnce(&State) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        turn().await;
        self.with(|state| match state.unreadable.get(&question) {
            Some(cause) => Err(Failure::new("read", format!("{question:?}").to_lowercase(), cause.clone())),
            None => look(state),
        })
    }
}

impl Alarms for Facts {
    async fn alarms(&self, arns: &BTreeSet<String>) -> Result<Vec<Alarm>, Failure> {
        let look = |state: &State| Ok(arns.iter().filter_map(|arn| state.alarms.get(arn).cloned()).collect());
        self.ask(Question::Alarms, look).await
    }
}

impl Calendars for Facts {
    async fn calendars(&self, names: &[String], now: Timestamp) -> Result<Vec<CalendarState>, Failure> {
        let look = |state: &State| names.iter().map(|name| calendar(state, name, now)).collect();
        self.ask(Question::Calendars, look).await
    }

    async fn incidents(&self, page: Option<&str>) -> Result<Vec<String>, Failure> {
        let look = |state: &State| {
            let listed = page.map(|url| {
                let listed = state.pages.get(url).cloned();
                listed.ok_or_else(|| Failure::new("read", "the open incidents", "404: there is no such page"))
            });
            let listed = listed.transpose()?.unwrap_or_default();
            Ok(state.incidents.iter().cloned().chain(listed).collect())
        };
        self.ask(Question::Incidents, look).await
    }
}

impl OnCalls for Facts {
    async fn is_anybody_on_call(&self, on_call: &OnCall) -> Result<bool, Failure> {
        self.ask(Question::OnCall, |state| Ok(state.on_call.contains(&on_call.schedule))).await
    }
}

fn calendar(state: &State, name: &str, now: Timestamp) -> Result<CalendarState, Failure> {
    let closed = state.calendars.get(name);
    let closed =
        closed.ok_or_else(|| Failure::new("read", name, "InvalidDocument: there is no such calendar"))?;
    let is_open = |at: Timestamp| !closed.iter().any(|it| it.contains(&at));
    let open = is_open(now);
    let turns = closed.iter().flat_map(|it| [it.start, it.end]);
    let until = turns.filter(|at| *at > now && is_open(*at) != open).min();
    Ok(CalendarState { name: name.to_owned(), open, until })
}

impl Issues for Facts {
    async fn open_issues(&self, region: &str) -> Result<Vec<Issue>, Failure> {
        let is_here = |issue: &&Issue| issue.region == region || issue.region == "global";
        let look = |state: &State| {
            Ok(state.issues.values().filter(|it| it.service != "FIS").filter(is_here).cloned().collect())
        };
        self.ask(Question::Issues, look).await
    }
}

impl Inventory for Facts {
    async fn tags(
        &self,
        arns: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, Failure> {
        let look = |state: &State| {
            let known =
                arns.iter().filter_map(|arn| Some((arn.clone(), state.resources.get(arn)?.tags.clone())));
            Ok(known.filter(|(_, tags)| !tags.is_empty()).collect())
        };
        self.ask(Question::Tags, look).await
    }

    async fn fleet(
        &self,
        resource_type: &str,
        key: &str,
        value: &str,
    ) -> Result<Option<BTreeSet<String>>, Failure> {
        let is_one = |it: &Resource| {
            it.resource_type == resource_type && it.tags.get(key).is_some_and(|it| it == value)
        };
        let look = |state: &State| {
            let fleet = state.resources.iter().filter(|(_, it)| is_one(it)).map(|(arn, _)| arn.clone());
            Ok((!state.uncounted.contains(resource_type)).then(|| fleet.collect()))
        };
        self.ask(Question::Fleet, look).await
    }

    /// A resource that does not exist has a zone that cannot be read.
    async fn zones(&self, arns: &BTreeSet<String>) -> Result<BTreeMap<String, String>, Failure> {
        let look = |state: &State| {
            let mut zones = BTreeMap::new();
            for arn in arns {
                let resource = state.resources.get(arn);
                let resource = resource
                    .ok_or_else(|| Failure::new("read the zone of", arn, "there is no such resource"))?;
                if let Some(zone) = &resource.zone {
                    zones.insert(arn.clone(), zone.clone());
                }
            }
            Ok(zones)
        };
        self.ask(Question::Zones, look).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn set<const N: usize>(items: [&str; N]) -> BTreeSet<String> {
        items.map(str::to_owned).into()
    }

    fn instance(tags: &[(&str, &str)], zone: &str) -> Resource {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Resource { resource_type: "aws:ec2:instance".into(), tags, zone: Some(zone.into()) }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_calendar_says_until_when_it_stays_as_it_is() {
        let facts = Facts::default();
        // The second range begins when the first ends: nothing changes there.
        facts.set_calendar("freeze", [at(10)..at(20), at(20)..at(30), at(50)..Timestamp::MAX]);
        let names = ["freeze".to_owned()];
        let mut seen = Vec::new();
        for second in [0, 10, 29, 30, 60] {
            let state = facts.calendars(&names, at(second)).await.unwrap().remove(0);
            seen.push((state.open, state.until.map(Timestamp::as_second)));
        }
        let never = Some(Timestamp::MAX.as_second());
        assert_eq!(
            seen,
            [(true, Some(10)), (false, Some(30)), (false, Some(30)), (true, Some(50)), (false, never)]
        );
        let failure = facts.calendars(&["nobody's".to_owned()], at(0)).await.unwrap_err();
        assert!(failure.chain().contains("nobody's: InvalidDocument"), "{}", failure.chain());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_fails_says_why_until_it_is_mended() {
        let facts = Facts::default();
        facts.fail(Question::Incidents, "AccessDenied");
        assert_eq!(
            facts.incidents(None).await.unwrap_err().chain(),
            "could not read incidents: AccessDenied"
        );
        facts.open_incident("checkout is slow");
        facts.mend(Question::Incidents);
        assert_eq!(facts.incidents(None).await.unwrap(), ["checkout is slow"]);
        facts.resolve_incident("checkout is slow");
        assert_eq!(facts.incidents(None).await.unwrap(), [""; 0]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_page_lists_incidents_besides_the_ops_items() {
        let facts = Facts::default();
        facts.open_incident("checkout is slow");
        facts.set_page("https://status.example.com", ["carts are down"]);
        let page = Some("https://status.example.com");
        assert_eq!(facts.incidents(page).await.unwrap(), ["checkout is slow", "carts are down"]);
        let failure = facts.incidents(Some("https://nobody.example.com")).await.unwrap_err();
        assert!(failure.chain().contains("404"), "{}", failure.chain());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn issues_are_those_of_the_region_and_of_no_region_and_never_those_of_fis() {
        let facts = Facts::default();
        for (arn, service, region) in [
            ("a", "EC2", "eu-west-1"),
            ("b", "IAM", "global"),
            ("c", "EC2", "us-east-1"),
            ("d", "FIS", "global"),
        ] {
            let [arn, service, region] = [arn, service, region].map(str::to_owned);
            facts.open_issue(Issue { arn, service, region, type_code: String::new(), text: String::new() });
        }
        let open = facts.open_issues("eu-west-1").await.unwrap();
        assert_eq!(open.iter().map(|issue| issue.arn.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        facts.close_issue("a");
        assert_eq!(facts.open_issues("eu-west-1").await.unwrap().len(), 1);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn resources_are_known_by_their_tags_their_number_and_their_zones() {
        let facts = Facts::default();
        facts.set_resource("one", instance(&[("ChaosReady", "Yes")], "euw1-az1"));
        facts.set_resource("two", instance(&[("ChaosReady", "No")], "euw1-az2"));
        facts.set_resource("bare", instance(&[], "euw1-az3"));
        facts.set_resource("cluster", Resource { zone: None, ..Resource::default() });

        let tags = facts.tags(&set(["one", "bare", "nobody's"])).await.unwrap();
        assert_eq!(tags.into_keys().collect::<Vec<_>>(), ["one"]);
        let fleet = async |kind| facts.fleet(kind, "ChaosReady", "Yes").await.unwrap();
        facts.set_uncounted("aws:eks:pod");
        assert_eq!([fleet("aws:ec2:instance").await, fleet("aws:eks:pod").await], [Some(set(["one"])), None]);
        let zones = facts.zones(&set(["two", "cluster"])).await.unwrap();
        assert_eq!(zones, BTreeMap::from([("two".to_owned(), "euw1-az2".to_owned())]));
        facts.remove_resource("two");
        assert_eq!(
            facts.zones(&set(["one", "two"])).await.unwrap_err().chain(),
            "could not read the zone of two: there is no such resource"
        );
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_alarm_that_nobody_made_is_not_in_the_answer() {
        let facts = Facts::default();
        let alarm = Alarm { arn: "p99".into(), state: "OK".into(), since: Some(at(7)) };
        facts.set_alarm(alarm.clone());
        assert_eq!(facts.alarms(&set(["p99", "errors"])).await.unwrap(), [alarm]);
    }
}
