//! What a resource's own description says: Cloud Control, which gives it as CloudFormation would.
//!
//! | ARN | type | what is read | permissions besides `cloudformation:GetResource` |
//! |---|---|---|---|
//! | `ec2 … instance/` | `AWS::EC2::Instance` | zone | `ec2:DescribeInstances`, `DescribeInstanceAttribute`, `DescribeInstanceCreditSpecifications`, `DescribeLaunchTemplates`, `DescribeNetworkInterfaces`, `DescribeVolumes`, `ssm:DescribeAssociation`, `ListAssociations` |
//! | `ec2 … subnet/` | `AWS::EC2::Subnet` | zone and its id | `ec2:DescribeSubnets`, `DescribeNetworkAcls` |
//! | `ec2 … volume/` | `AWS::EC2::Volume` | zone and its id | `ec2:DescribeVolumes`, `DescribeVolumeAttribute`, `DescribeTags` |
//! | `rds … db:` | `AWS::RDS::DBInstance` | zone of the primary | `rds:DescribeDBInstances`, `ec2:DescribeAccountAttributes`, `DescribeAvailabilityZones`, `DescribeInternetGateways`, `DescribeSecurityGroups`, `DescribeSubnets`, `DescribeVpcAttribute`, `DescribeVpcs` |
//! | `autoscaling … autoScalingGroup:` | `AWS::AutoScaling::AutoScalingGroup` | tags | `autoscaling:Describe*`, `managed-fleets:Get*` |
//! | `iam … role/` | `AWS::IAM::Role` | tags | `iam:GetRole`, `ListAttachedRolePolicies`, `ListRolePolicies`, `GetRolePolicy` |
//!
//! Types, primary identifiers, properties and permissions are those of the CloudFormation registry's schemas. Not verified
//! against AWS: that each of these properties is filled. An ECS task lives in a zone, too, and Cloud Control has no type
//! for it. Everything else is regional, or spans zones.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_cloudcontrol::Client;
use serde_json::Value;
use watchkeeper_domain::failure::Failure;

use super::Tags;
use crate::error::failure;

/// An Availability Zone. Its name means another place in another account; its id means one place.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Zone {
    /// `eu-west-1a`.
    pub(super) name: String,
    /// `euw1-az2`, where the type has it.
    pub(super) id: Option<String>,
}

/// What an ARN names, as far as it matters here.
#[derive(Debug, Eq, PartialEq)]
enum Named<'a> {
    /// Something in one zone: its type and primary identifier.
    Zonal(&'static str, &'a str),
    /// An ECS task: in one zone that cannot be read.
    Task,
    /// Something whose tags are told by its description alone: its type and primary identifier.
    Tagged(&'static str, &'a str),
    /// Anything else.
    Regional,
}

/// Cloud Control in one account and Region.
#[derive(Clone, Debug)]
pub(super) struct Descriptions {
    client: Client,
}

impl Descriptions {
    /// A call is tried three times: it only reads.
    pub(super) fn connect(config: &SdkConfig) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(3);
        let config = aws_sdk_cloudcontrol::config::Builder::from(config).retry_config(retries);
        Self { client: Client::from_conf(config.build()) }
    }

    /// The zone of `arn`, or `None` if its sort lives in none. A resource that is not there is a failure.
    pub(super) async fn zone(&self, arn: &str) -> Result<Option<Zone>, Failure> {
        const OPERATION: &str = "read the zone of";
        let properties = match named(arn) {
            Named::Regional | Named::Tagged(..) => return Ok(None),
            Named::Task => {
                return Err(Failure::new(OPERATION, arn, "Cloud Control does not tell of ECS tasks"));
            }
            Named::Zonal(kind, identifier) => self.properties(OPERATION, arn, (kind, identifier)).await?,
        };
        let text = |name: &str| properties[name].as_str().filter(|it| !it.is_empty()).map(str::to_owned);
        let name = text("AvailabilityZone").ok_or_else(|| Failure::new(OPERATION, arn, "it has none"))?;
        Ok(Some(Zone { name, id: text("AvailabilityZoneId") }))
    }

    /// The tags of `arn`, of which [`tags_are_elsewhere`] is true.
    pub(super) async fn tags(&self, arn: &str) -> Result<Tags, Failure> {
        let Named::Tagged(kind, identifier) = named(arn) else { return Ok(Tags::new()) };
        let properties = self.properties("read the tags of", arn, (kind, identifier)).await?;
        let text = |tag: &Value, name: &str| tag[name].as_str().map(str::to_owned);
        let tags = properties["Tags"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(tags.iter().filter_map(|tag| Some((text(tag, "Key")?, text(tag, "Value")?))).collect())
    }

    /// Cloud Control API Reference, `GetResource`: `Properties` is JSON in a text.
    async fn properties(
        &self,
        operation: &'static str,
        arn: &str,
        (kind, identifier): (&str, &str),
    ) -> Result<Value, Failure> {
        let answer = self.client.get_resource().type_name(kind).identifier(identifier).send().await;
        let answer = answer.map_err(|error| failure(operation, arn, error))?;
        let properties = answer.resource_description().and_then(|it| it.properties()).unwrap_or_default();
        serde_json::from_str(properties).map_err(|error| Failure::new(operation, arn, error))
    }
}

/// Whether the tagging API does not tell the tags of `arn` (Resource Groups Tagging API Reference, "Services that
/// support the Resource Groups Tagging API").
pub(super) fn tags_are_elsewhere(arn: &str) -> bool {
    matches!(named(arn), Named::Tagged(..))
}

/// `arn:aws:SERVICE:eu-west-1:111122223333:REST`.
fn named(arn: &str) -> Named<'_> {
    let mut parts = arn.splitn(6, ':');
    let (Some(service), Some(rest)) = (parts.nth(2), parts.nth(2)) else { return Named::Regional };
    let Some((kind, id)) = rest.split_once(['/', ':']) else { return Named::Regional };
    match (service, kind) {
        ("ec2", "instance") => Named::Zonal("AWS::EC2::Instance", id),
        ("ec2", "subnet") => Named::Zonal("AWS::EC2::Subnet", id),
        ("ec2", "volume") => Named::Zonal("AWS::EC2::Volume", id),
        ("rds", "db") => Named::Zonal("AWS::RDS::DBInstance", id),
        ("ecs", "task") => Named::Task,
        // `autoScalingGroup:UUID:autoScalingGroupName/NAME`; a name may have slashes.
        ("autoscaling", "autoScalingGroup") => {
            let name = id.split_once("autoScalingGroupName/").map_or(id, |(_, name)| name);
            Named::Tagged("AWS::AutoScaling::AutoScalingGroup", name)
        }
        // `role/PATH/NAME`
        ("iam", "role") => Named::Tagged("AWS::IAM::Role", id.rsplit('/').next().unwrap_or(id)),
        _ => Named::Regional,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_what_is_read_and_by_what_name() {
        let group =
            "arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:3f1c:autoScalingGroupName/web/blue";
        for (arn, expected) in [
            ("arn:aws:ec2:eu-west-1:111122223333:instance/i-1", Named::Zonal("AWS::EC2::Instance", "i-1")),
            ("arn:aws:rds:eu-west-1:111122223333:db:orders", Named::Zonal("AWS::RDS::DBInstance", "orders")),
            ("arn:aws:rds:eu-west-1:111122223333:cluster:orders", Named::Regional),
            ("arn:aws:ecs:eu-west-1:111122223333:task/web/0a1b", Named::Task),
            (group, Named::Tagged("AWS::AutoScaling::AutoScalingGroup", "web/blue")),
            ("arn:aws:iam::111122223333:role/teams/web/api", Named::Tagged("AWS::IAM::Role", "api")),
            ("arn:aws:s3:::bucket", Named::Regional),
            ("i-1", Named::Regional),
        ] {
            assert_eq!(named(arn), expected, "{arn}");
        }
    }
}
