//! The AWS Health API: the issues that are open.

use std::collections::BTreeMap;

use aws_config::{Region, SdkConfig, retry::RetryConfig};
use aws_sdk_health::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    types::{EntityFilter, Event, EventFilter, EventStatusCode, EventTypeCategory},
};
use watchkeeper_domain::{
    failure::Failure,
    ports::{Issue, Issues},
};

use crate::error::failure;

const OPERATION: &str = "read";
const SUBJECT: &str = "the open issues of AWS Health";

/// The most events that can be asked for by ARN at once (AWS Health API Reference, `eventArns`).
const BATCH: usize = 10;

/// The AWS Health API of one account.
#[derive(Clone, Debug)]
pub struct HealthApi {
    client: Client,
}

impl HealthApi {
    /// The API, reached with the credentials of `config`, at the one endpoint that it has in the partition of its
    /// Region. A call is tried three times: it only reads.
    pub fn connect(config: &SdkConfig) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(3);
        let region = config.region().map(|region| Region::new(endpoint(region.as_ref()).to_owned()));
        let config = aws_sdk_health::config::Builder::from(config).retry_config(retries).region(region);
        Self { client: Client::from_conf(config.build()) }
    }

    /// `DescribeEvents`, all pages. FIS's own notices are left out: a run that reaches other accounts makes one in each.
    async fn events(&self, region: &str) -> Result<Vec<Event>, Failure> {
        let filter = EventFilter::builder()
            .event_type_categories(EventTypeCategory::Issue)
            .event_status_codes(EventStatusCode::Open)
            .regions(region)
            .regions("global");
        let request = self.client.describe_events().filter(filter.build()).max_results(100);
        let mut pages = request.into_paginator().send();
        let mut events = Vec::new();
        while let Some(page) = pages.next().await {
            events.extend(page.map_err(unread)?.events.unwrap_or_default());
        }
        events.retain(|event| event.service() != Some("FIS"));
        Ok(events)
    }

    /// What AWS says of each of `arns`, of which there are at most [`BATCH`]. `DescribeEventDetails`; an event that it
    /// has nothing to say of has no entry.
    async fn descriptions(&self, arns: &[String]) -> Result<Vec<(String, String)>, Failure> {
        let request = self.client.describe_event_details().set_event_arns(Some(arns.to_vec()));
        let answer = request.send().await.map_err(unread)?;
        let said = answer.successful_set().iter().filter_map(|it| {
            let text = it.event_description()?.latest_description()?;
            Some((it.event()?.arn()?.to_owned(), text.to_owned()))
        });
        Ok(said.collect())
    }

    /// The names of what is affected by each of `arns`, of which there are at most [`BATCH`].
    /// `DescribeAffectedEntities`, all pages: a page is shared by all the events asked for.
    async fn entities(&self, arns: &[String]) -> Result<Vec<(String, String)>, Failure> {
        let filter = EntityFilter::builder().set_event_arns(Some(arns.to_vec())).build();
        let filter = filter.map_err(|error| Failure::new(OPERATION, SUBJECT, error))?;
        let request = self.client.describe_affected_entities().filter(filter).max_results(100);
        let mut pages = request.into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(unread)?;
            names.extend(page.entities().iter().filter_map(|entity| {
                Some((entity.event_arn()?.to_owned(), entity.entity_value()?.to_owned()))
            }));
        }
        Ok(names)
    }
}

impl Issues for HealthApi {
    async fn open_issues(&self, region: &str) -> Result<Vec<Issue>, Failure> {
        let events = self.events(region).await?;
        let arns: Vec<_> = events.iter().filter_map(|event| event.arn().map(str::to_owned)).collect();
        let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for arns in arns.chunks(BATCH) {
            let said = [self.descriptions(arns).await?, self.entities(arns).await?];
            for (arn, text) in said.into_iter().flatten() {
                texts.entry(arn).or_default().push(text);
            }
        }
        let text = |event: &Event| {
            let zone = event.availability_zone().map(str::to_owned);
            let said = event.arn().and_then(|arn| texts.get(arn)).cloned().unwrap_or_default();
            said.into_iter().chain(zone).collect::<Vec<_>>().join("\n")
        };
        Ok(events.iter().map(|event| issue(event, text(event))).collect())
    }
}

fn issue(event: &Event, text: String) -> Issue {
    let or_empty = |field: Option<&str>| field.unwrap_or_default().to_owned();
    Issue {
        arn: or_empty(event.arn()),
        service: or_empty(event.service()),
        region: or_empty(event.region()),
        type_code: or_empty(event.event_type_code()),
        text,
    }
}

/// The Region under which the SDK knows the endpoint of the partition of `region`.
///
/// AWS Health User Guide, "Endpoints for AWS Health API requests": `global.health.amazonaws.com` leads to the active one
/// of two Regions, and a request has to be signed for that one, which is `us-east-1` unless that has failed. Then every
/// call fails, and drills are refused until it is back.
fn endpoint(region: &str) -> &str {
    match region {
        it if it.starts_with("cn-") => "aws-cn-global",
        it if it.starts_with("us-gov-") => "us-gov-west-1",
        it if it.contains("-iso") || it.starts_with("eusc-") => it,
        _ => "aws-global",
    }
}

/// The failure of a call. An account without the support plan gets a code that the API's model does not have.
fn unread<E>(error: SdkError<E, HttpResponse>) -> Failure
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if error.code() == Some("SubscriptionRequiredException") {
        let mend = "the AWS Health API needs a Business support plan or a higher one: without one, set \
                    `health_api = false` in `[drills]`";
        return Failure::new(OPERATION, SUBJECT, mend);
    }
    failure(OPERATION, SUBJECT, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_own_endpoint() {
        let of = ["eu-west-1", "us-east-1", "cn-north-1", "us-gov-east-1", "us-iso-east-1", "eusc-de-east-1"];
        let expected =
            ["aws-global", "aws-global", "aws-cn-global", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"];
        assert_eq!(of.map(endpoint), expected);
    }
}
