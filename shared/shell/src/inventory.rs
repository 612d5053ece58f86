//! What resources are: their tags, how many there are, and in which Availability Zones they live.

mod described;

use std::collections::{BTreeMap, BTreeSet};

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_resourcegroupstagging::{
    Client,
    types::{ResourceTagMapping, TagFilter},
};
use futures::{StreamExt, TryStreamExt, stream};
use watchkeeper_domain::{failure::Failure, ports::Inventory};

use self::described::{Descriptions, Zone, tags_are_elsewhere};
use crate::error::failure;

/// The most ARNs that one call takes (Resource Groups Tagging API Reference, `GetResources`).
const BATCH: usize = 100;

/// How many resources are looked at together. Cloud Control's own limits are not documented.
const AT_ONCE: usize = 8;

type Tags = BTreeMap<String, String>;

/// The resources of one account and Region.
#[derive(Clone, Debug)]
pub struct Resources {
    tagging: Client,
    descriptions: Descriptions,
}

impl Resources {
    /// The resources that `config` reaches. A call is tried three times: it only reads.
    pub fn connect(config: &SdkConfig) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(3);
        let tagging = aws_sdk_resourcegroupstagging::config::Builder::from(config).retry_config(retries);
        Self { tagging: Client::from_conf(tagging.build()), descriptions: Descriptions::connect(config) }
    }

    /// The tags of at most [`BATCH`] resources. Together with ARNs the API takes no word about pages, so an answer that
    /// is not whole is a failure.
    async fn tags_of(&self, arns: &[String]) -> Result<Vec<(String, Tags)>, Failure> {
        const OPERATION: &str = "read";
        const SUBJECT: &str = "the tags of resources";
        let request = self.tagging.get_resources().set_resource_arn_list(Some(arns.to_vec()));
        let answer = request.send().await.map_err(|error| failure(OPERATION, SUBJECT, error))?;
        if answer.pagination_token().is_some_and(|token| !token.is_empty()) {
            return Err(Failure::new(OPERATION, SUBJECT, "the answer is not whole"));
        }
        Ok(answer.resource_tag_mapping_list().iter().filter_map(tagged).collect())
    }
}

impl Inventory for Resources {
    /// `GetResources`, and Cloud Control for what that does not tell of: Auto Scaling groups and IAM roles.
    async fn tags(&self, arns: &BTreeSet<String>) -> Result<BTreeMap<String, Tags>, Failure> {
        let (described, tagged): (Vec<_>, Vec<_>) =
            arns.iter().cloned().partition(|arn| tags_are_elsewhere(arn));
        let mut tags = BTreeMap::new();
        for arns in tagged.chunks(BATCH) {
            tags.extend(self.tags_of(arns).await?);
        }
        let reads = described.iter().map(async |arn| Ok((arn.clone(), self.descriptions.tags(arn).await?)));
        let described: Vec<_> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        tags.extend(described);
        tags.retain(|_, tags| !tags.is_empty());
        Ok(tags)
    }

    /// `GetResources` by tag and type, all pages. It may still list what was deleted a short time ago (EC2 User Guide,
    /// "Terminate Amazon EC2 instances": an instance is visible for about an hour).
    async fn fleet(
        &self,
        resource_type: &str,
        key: &str,
        value: &str,
    ) -> Result<Option<BTreeSet<String>>, Failure> {
        let Some(kind) = tagging_type(resource_type) else { return Ok(None) };
        let filter = TagFilter::builder().key(key).values(value).build();
        let request = self.tagging.get_resources().tag_filters(filter).resource_type_filters(kind);
        let mut pages = request.resources_per_page(100).into_paginator().send();
        let mut fleet = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let subject = || format!("the resources of type {kind} with the tag {key}={value}");
            let page = page.map_err(|error| failure("list", subject(), error))?;
            fleet.extend(page.resource_tag_mapping_list().iter().filter_map(|it| it.resource_arn.clone()));
        }
        Ok(Some(fleet))
    }

    /// Cloud Control, one resource a call. A zone that is given by name only takes its id from another resource of the
    /// answer, if one has both: so the same zone is never called two things.
    async fn zones(&self, arns: &BTreeSet<String>) -> Result<BTreeMap<String, String>, Failure> {
        let reads = arns.iter().map(async |arn| Ok((arn.clone(), self.descriptions.zone(arn).await?)));
        let zones: Vec<(String, Option<Zone>)> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        let zones: Vec<_> = zones.into_iter().filter_map(|(arn, zone)| Some((arn, zone?))).collect();
        let ids: BTreeMap<_, _> =
            zones.iter().filter_map(|(_, it)| Some((it.name.clone(), it.id.clone()?))).collect();
        let called = |zone: Zone| ids.get(&zone.name).cloned().unwrap_or(zone.name);
        Ok(zones.into_iter().map(|(arn, zone)| (arn, called(zone))).collect())
    }
}

fn tagged(it: &ResourceTagMapping) -> Option<(String, Tags)> {
    let tags = it.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
    Some((it.resource_arn()?.to_owned(), tags.collect()))
}

/// FIS's word for a type (AWS FIS User Guide, "Resource types") as the tagging API's, which are those in ARNs (Resource
/// Groups Tagging API Reference, `ResourceTypeFilters`; Service Authorization Reference).
///
/// Spot instances count among all instances, and global tables among all tables: neither API can tell them apart. It
/// knows nothing of pods, of Auto Scaling groups ("return an empty response"), of IAM, and of what ARC may shift.
/// `memorydb`'s clusters of several Regions are in none. Not verified against AWS: `directconnect:dxvif`, `dsql:cluster`
/// and `ecs:task`.
fn tagging_type(resource_type: &str) -> Option<&'static str> {
    Some(match resource_type {
        "aws:directconnect:virtual-interface" => "directconnect:dxvif",
        "aws:dsql:cluster" => "dsql:cluster",
        "aws:dynamodb:global-table" => "dynamodb:table",
        "aws:ec2:ebs-volume" => "ec2:volume",
        "aws:ec2:instance" | "aws:ec2:spot-instance" => "ec2:instance",
        "aws:ec2:subnet" => "ec2:subnet",
        "aws:ec2:transit-gateway" => "ec2:transit-gateway",
        "aws:ec2:vpc-endpoint" => "ec2:vpc-endpoint",
        "aws:ecs:cluster" => "ecs:cluster",
        "aws:ecs:task" => "ecs:task",
        "aws:eks:cluster" => "eks:cluster",
        "aws:eks:nodegroup" => "eks:nodegroup",
        "aws:elasticache:replicationgroup" => "elasticache:replicationgroup",
        "aws:kinesis:stream" => "kinesis:stream",
        "aws:lambda:function" => "lambda:function",
        "aws:rds:cluster" => "rds:cluster",
        "aws:rds:db" => "rds:db",
        "aws:s3:bucket" => "s3:bucket",
        _ => return None,
    })
}
