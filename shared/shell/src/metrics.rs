//! CloudWatch metrics: what was measured before, while and after a run.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_cloudwatch::{
    Client,
    primitives::DateTime,
    types::{
        Dimension, Metric as SdkMetric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode,
    },
};
use jiff::Timestamp;
use watchkeeper_domain::{
    experiment::{
        hypothesis::{Metric, Source},
        windows::Interval,
    },
    failure::Failure,
    ports::{Metrics, Point, Query, Series},
};

use crate::{error::failure, time};

const OPERATION: &str = "read";

/// The most queries that one call takes (Amazon CloudWatch API Reference, `GetMetricData`).
const BATCH: usize = 500;

/// The metrics of one account and Region.
#[derive(Clone, Debug)]
pub struct CloudWatchMetrics {
    client: Client,
}

impl CloudWatchMetrics {
    /// The metrics that `config` reaches. A call is tried three times: it only reads.
    pub fn connect(config: &SdkConfig) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(3);
        let config = aws_sdk_cloudwatch::config::Builder::from(config).retry_config(retries);
        Self { client: Client::from_conf(config.build()) }
    }

    /// One call for `queries`: plain metrics, or one expression.
    async fn together(&self, queries: &[Query], within: Interval) -> Result<Vec<Series>, Failure> {
        let asked = queries.iter().enumerate().map(|(index, query)| Asked::of(query, index));
        let asked = asked.collect::<Result<Vec<_>, _>>()?;
        let parts = asked.iter().flat_map(|it| it.queries.clone()).collect();
        let request = self.client.get_metric_data().set_metric_data_queries(Some(parts));
        let request = request.start_time(time::sdk(within.from)).end_time(time::sdk(within.to));
        let mut pages = request.scan_by(ScanBy::TimestampAscending).into_paginator().send();
        let mut found: BTreeMap<String, Found> = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(OPERATION, subject(queries), error))?;
            for result in page.metric_data_results() {
                found.entry(result.id().unwrap_or_default().to_owned()).or_default().take(result);
            }
        }
        let series = |(query, asked): (&Query, &Asked)| {
            found.remove(&asked.id).unwrap_or_default().series(query, within)
        };
        queries.iter().zip(&asked).map(series).collect()
    }
}

impl Metrics for CloudWatchMetrics {
    /// `GetMetricData`, all pages. Neighbouring plain metrics share a call; an expression has one of its own, since each
    /// has its own names for its inputs.
    async fn series(&self, queries: &[Query], within: Interval) -> Result<Vec<Series>, Failure> {
        let mut series = Vec::new();
        let are_plain = |one: &Query, next: &Query| is_plain(one) && is_plain(next);
        for queries in queries.chunk_by(are_plain).flat_map(|queries| queries.chunks(BATCH)) {
            series.extend(self.together(queries, within).await?);
        }
        Ok(series)
    }
}

fn is_plain(query: &Query) -> bool {
    matches!(query.source, Source::Metric(_))
}

fn subject(queries: &[Query]) -> String {
    match queries {
        [query] => format!("the metric {:?}", query.id),
        [] | [_, ..] => format!("{} metrics", queries.len()),
    }
}

/// A query in CloudWatch's form, and the id of that one of its parts that is answered.
struct Asked {
    id: String,
    queries: Vec<MetricDataQuery>,
}

impl Asked {
    /// `index` tells plain metrics apart that share a call.
    fn of(query: &Query, index: usize) -> Result<Self, Failure> {
        let build = || -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
            let period = i32::try_from(query.period.as_secs())?;
            let (expression, inputs) = match &query.source {
                Source::Metric(metric) => {
                    let id = format!("metric{index}");
                    let query = MetricDataQuery::builder().id(&id).metric_stat(stat(metric, period)?);
                    return Ok(Self { queries: vec![query.build()], id });
                }
                Source::Expression { expression, inputs } => (expression, inputs),
            };
            let id = free_id(inputs);
            let result = MetricDataQuery::builder().id(&id).expression(expression).return_data(true);
            // An expression without inputs reads metrics itself (`SELECT`, `SEARCH`) and has no period but this one.
            let result = result.set_period(inputs.is_empty().then_some(period));
            let mut queries = vec![result.build()];
            for (id, metric) in inputs {
                let input = MetricDataQuery::builder().id(id).metric_stat(stat(metric, period)?);
                queries.push(input.return_data(false).build());
            }
            Ok(Self { queries, id })
        };
        build().map_err(|error| Failure::new(OPERATION, subject(std::slice::from_ref(query)), error))
    }
}

/// An id that none of `inputs` has.
fn free_id(inputs: &BTreeMap<String, Metric>) -> String {
    let mut id = "result".to_owned();
    while inputs.contains_key(&id) {
        id.push('_');
    }
    id
}

fn stat(metric: &Metric, period: i32) -> Result<MetricStat, aws_sdk_cloudwatch::error::BuildError> {
    let dimensions = metric.dimensions.iter();
    let dimensions = dimensions.map(|(name, value)| Dimension::builder().name(name).value(value).build());
    let what = SdkMetric::builder().namespace(&metric.namespace).metric_name(&metric.name);
    let what = what.set_dimensions(Some(dimensions.collect()));
    Ok(MetricStat::builder().metric(what.build()).period(period).stat(&metric.stat).build())
}

/// What the pages have told so far.
#[derive(Default)]
struct Found {
    points: BTreeMap<Timestamp, f64>,
    labels: BTreeSet<String>,
    complete: bool,
}

impl Found {
    /// A page may hold a part of the series: the last one's status is that of the whole.
    fn take(&mut self, result: &MetricDataResult) {
        self.labels.insert(result.label().unwrap_or_default().to_owned());
        self.complete = result.status_code() == Some(&StatusCode::Complete);
        let points = result.timestamps().iter().zip(result.values());
        let finite = points.filter(|(_, value)| value.is_finite());
        self.points
            .extend(finite.filter_map(|(at, value): (&DateTime, _)| Some((time::timestamp(at)?, *value))));
    }

    fn series(self, query: &Query, within: Interval) -> Result<Series, Failure> {
        if self.labels.len() > 1 {
            let cause = format!("it gives {} series, and a measure is one", self.labels.len());
            return Err(Failure::new(OPERATION, subject(std::slice::from_ref(query)), cause));
        }
        let points = self.points.range(within.from..within.to);
        let points = points.map(|(at, value)| Point { at: *at, value: *value }).collect();
        Ok(Series { id: query.id.clone(), points, complete: self.complete })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn query() -> Query {
        let metric = Metric {
            namespace: "AWS/ApplicationELB".into(),
            name: "TargetResponseTime".into(),
            dimensions: BTreeMap::new(),
            stat: "p99".into(),
        };
        Query {
            id: "checkout p99".into(),
            source: Source::Metric(metric),
            period: SignedDuration::from_mins(1),
        }
    }

    fn within(from: i64, to: i64) -> Interval {
        Interval { from: Timestamp::from_second(from).unwrap(), to: Timestamp::from_second(to).unwrap() }
    }

    /// One result on a page: its label, its points and its status.
    type Part<'a> = (&'a str, &'a [(i64, f64)], StatusCode);

    fn found(parts: &[Part<'_>]) -> Found {
        let mut found = Found::default();
        for (label, points, status) in parts {
            let (times, values): (Vec<_>, Vec<_>) = points.iter().copied().unzip();
            let times = times.into_iter().map(DateTime::from_secs).collect();
            let result = MetricDataResult::builder().id("result").label(*label).status_code(status.clone());
            found.take(&result.set_timestamps(Some(times)).set_values(Some(values)).build());
        }
        found
    }

    #[test]
    fn pages_are_put_together_in_order_and_the_last_one_says_whether_that_is_all() {
        let later = (60, 2.0);
        let pages: [Part<'_>; 2] = [
            ("p99", &[later, (120, 3.0)], StatusCode::PartialData),
            ("p99", &[(0, 1.0), later], StatusCode::Complete),
        ];
        let series = found(&pages).series(&query(), within(0, 120)).unwrap();
        let points: Vec<_> = series.points.iter().map(|it| (it.at.as_second(), it.value)).collect();
        assert_eq!((points, series.complete), (vec![(0, 1.0), (60, 2.0)], true));
        assert!(!found(&pages[..1]).series(&query(), within(0, 120)).unwrap().complete);
    }

    #[test]
    fn what_is_no_number_is_no_point_and_what_was_not_answered_is_not_complete() {
        let pages: [Part<'_>; 1] =
            [("p99", &[(0, f64::NAN), (60, f64::INFINITY), (120, 0.0)], StatusCode::Complete)];
        let series = found(&pages).series(&query(), within(0, 600)).unwrap();
        assert_eq!(series.points.len(), 1);
        let series = found(&[]).series(&query(), within(0, 600)).unwrap();
        assert_eq!((series.points.len(), series.complete), (0, false));
    }

    #[test]
    fn an_expression_that_gives_two_series_is_a_failure_that_names_the_query() {
        let pages: [Part<'_>; 2] =
            [("i-1", &[(0, 1.0)], StatusCode::Complete), ("i-2", &[(0, 1.0)], StatusCode::Complete)];
        let failure = found(&pages).series(&query(), within(0, 600)).unwrap_err();
        let expected = "could not read the metric \"checkout p99\": it gives 2 series, and a measure is one";
        assert_eq!(failure.chain(), expected);
    }

    #[test]
    fn the_result_has_an_id_that_no_input_has() {
        let Source::Metric(metric) = query().source else { unreachable!() };
        let inputs = BTreeMap::from([("result".to_owned(), metric)]);
        assert_eq!(free_id(&inputs), "result_");
    }
}
