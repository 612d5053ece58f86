//! Systems Manager: change calendars, and incidents in progress.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_ssm::{
    Client,
    types::{OpsItemFilter, OpsItemFilterKey, OpsItemFilterOperator},
};
use futures::future::try_join;
use jiff::Timestamp;
use watchkeeper_domain::{
    failure::Failure,
    ports::{CalendarState, Calendars},
};

use crate::{error::failure, http::Patience, status_page};

/// Systems Manager in one account and Region.
#[derive(Clone, Debug)]
pub struct SystemsManager {
    client: Client,
}

impl SystemsManager {
    /// Systems Manager as `config` reaches it. A call is tried three times: it only reads.
    pub fn connect(config: &SdkConfig) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(3);
        let config = aws_sdk_ssm::config::Builder::from(config).retry_config(retries);
        Self { client: Client::from_conf(config.build()) }
    }

    /// Systems Manager API Reference, `GetCalendarState`. Anything but `OPEN` is closed.
    async fn calendar(&self, name: &str, now: Timestamp) -> Result<CalendarState, Failure> {
        const OPERATION: &str = "read the state of";
        let subject = || format!("the change calendar {name}");
        let request = self.client.get_calendar_state().calendar_names(name);
        let answer = request.at_time(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).send().await;
        let answer = answer.map_err(|error| failure(OPERATION, subject(), error))?;
        let open = answer.state() == Some(&aws_sdk_ssm::types::CalendarState::Open);
        let until = answer.next_transition_time().filter(|it| !it.is_empty()).map(str::parse).transpose();
        let until = until.map_err(|error: jiff::Error| Failure::new(OPERATION, subject(), error))?;
        Ok(CalendarState { name: name.to_owned(), open, until })
    }

    /// Systems Manager API Reference, `DescribeOpsItems`, all pages. Not verified against AWS: that several values of a
    /// filter are alternatives, and the filter by severity, which the reference lists as a key and without an operator.
    async fn ops_items(&self) -> Result<Vec<String>, Failure> {
        const OPERATION: &str = "read";
        const SUBJECT: &str = "the open OpsItems";
        let mut request = self.client.describe_ops_items().max_results(50);
        for (key, values) in
            [(OpsItemFilterKey::Status, ["Open", "InProgress"]), (OpsItemFilterKey::Severity, ["1", "2"])]
        {
            let filter = OpsItemFilter::builder().key(key).operator(OpsItemFilterOperator::Equal);
            let filter = filter.set_values(Some(values.map(str::to_owned).into())).build();
            request =
                request.ops_item_filters(filter.map_err(|error| Failure::new(OPERATION, SUBJECT, error))?);
        }
        let mut pages = request.into_paginator().send();
        let mut titles = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(OPERATION, SUBJECT, error))?;
            titles.extend(page.ops_item_summaries().iter().map(|item| {
                item.title().or(item.ops_item_id()).unwrap_or("an OpsItem without a title").to_owned()
            }));
        }
        Ok(titles)
    }
}

impl Calendars for SystemsManager {
    /// One `GetCalendarState` a calendar: the answer for several does not say which of them is closed. One that does not
    /// exist, or is no calendar, is a failure that names it.
    async fn calendars(&self, names: &[String], now: Timestamp) -> Result<Vec<CalendarState>, Failure> {
        let mut states = Vec::new();
        for name in names {
            states.push(self.calendar(name, now).await?);
        }
        Ok(states)
    }

    async fn incidents(&self, page: Option<&str>) -> Result<Vec<String>, Failure> {
        let Some(page) = page else { return self.ops_items().await };
        let listed = status_page::incidents(page, Patience::default());
        let (items, listed) = try_join(self.ops_items(), listed).await?;
        Ok(items.into_iter().chain(listed).collect())
    }
}
