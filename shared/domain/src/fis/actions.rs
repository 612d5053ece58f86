//! What is known of each FIS action.
//!
//! Source: AWS FIS User Guide, "AWS FIS Actions reference"
//! (<https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html>), as of November 2026.

/// How long an action takes, as far as its parameters say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lasting {
    /// As long as this parameter says; FIS refuses the template without it.
    For(&'static str),
    /// As long as this parameter says, and for ever without it.
    UntilUndone(&'static str),
    /// It has no duration: it happens, and is over.
    Moment,
}

/// One action of FIS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Known {
    /// `aws:ec2:stop-instances`.
    pub id: &'static str,
    /// The resource type of its target. `None` when it has none.
    pub resource: Option<&'static str>,
    /// How long it takes.
    pub lasting: Lasting,
    /// Whether FIS has no post action for it: stopping the experiment brings nothing back.
    pub destructive: bool,
}

/// The action with `id`, when it is known here. AWS adds some every year.
pub fn find(id: &str) -> Option<&'static Known> {
    ACTIONS.iter().find(|action| action.id == id)
}

/// Whether stopping the experiment can't undo the action `id`. An unknown action is not in this class: it is refused
/// as unknown, unless somebody allows it by name.
pub fn is_destructive(id: &str) -> bool {
    find(id).is_some_and(|action| action.destructive)
}

/// The action that puts a Chaos Mesh or Litmus resource into a cluster.
pub const INJECT: &str = "aws:eks:inject-kubernetes-custom-resource";
/// The action that runs an SSM command on instances.
pub const SEND_COMMAND: &str = "aws:ssm:send-command";
/// The action that runs an SSM automation: it has no targets, so a preview shows nothing.
pub const START_AUTOMATION: &str = "aws:ssm:start-automation-execution";

const DURATION: Lasting = Lasting::For("duration");

const fn lasting(id: &'static str, resource: &'static str) -> Known {
    Known { id, resource: Some(resource), lasting: DURATION, destructive: false }
}

const fn destructive(id: &'static str, resource: &'static str) -> Known {
    Known { id, resource: Some(resource), lasting: Lasting::Moment, destructive: true }
}

const fn untargeted(id: &'static str, lasting: Lasting) -> Known {
    Known { id, resource: None, lasting, destructive: false }
}

/// Every action that is known here.
pub const ACTIONS: &[Known] = &[
    untargeted("aws:fis:wait", DURATION),
    untargeted("aws:cloudwatch:assert-alarm-state", Lasting::Moment),
    untargeted(START_AUTOMATION, Lasting::For("maxDuration")),
    lasting(SEND_COMMAND, "aws:ec2:instance"),
    lasting("aws:fis:inject-api-internal-error", "aws:iam:role"),
    lasting("aws:fis:inject-api-throttle-error", "aws:iam:role"),
    lasting("aws:fis:inject-api-unavailable-error", "aws:iam:role"),
    lasting("aws:arc:start-zonal-autoshift", "aws:arc:zonal-shift-managed-resource"),
    lasting("aws:directconnect:virtual-interface-disconnect", "aws:directconnect:virtual-interface"),
    lasting("aws:dsql:cluster-connection-failure", "aws:dsql:cluster"),
    lasting("aws:dynamodb:global-table-pause-replication", "aws:dynamodb:global-table"),
    lasting("aws:ebs:pause-volume-io", "aws:ec2:ebs-volume"),
    lasting("aws:ebs:volume-io-latency", "aws:ec2:ebs-volume"),
    lasting("aws:ec2:api-insufficient-instance-capacity-error", "aws:iam:role"),
    lasting("aws:ec2:asg-insufficient-instance-capacity-error", "aws:ec2:autoscaling-group"),
    Known {
        id: "aws:ec2:stop-instances",
        resource: Some("aws:ec2:instance"),
        lasting: Lasting::UntilUndone("startInstancesAfterDuration"),
        destructive: false,
    },
    Known {
        id: "aws:ec2:send-spot-instance-interruptions",
        resource: Some("aws:ec2:spot-instance"),
        lasting: Lasting::For("durationBeforeInterruption"),
        destructive: true,
    },
    destructive("aws:ec2:reboot-instances", "aws:ec2:instance"),
    destructive("aws:ec2:terminate-instances", "aws:ec2:instance"),
    lasting("aws:ecs:drain-container-instances", "aws:ecs:cluster"),
    destructive("aws:ecs:stop-task", "aws:ecs:task"),
    destructive("aws:ecs:task-kill-process", "aws:ecs:task"),
    lasting("aws:ecs:task-cpu-stress", "aws:ecs:task"),
    lasting("aws:ecs:task-io-stress", "aws:ecs:task"),
    lasting("aws:ecs:task-network-blackhole-port", "aws:ecs:task"),
    lasting("aws:ecs:task-network-latency", "aws:ecs:task"),
    lasting("aws:ecs:task-network-packet-loss", "aws:ecs:task"),
    Known {
        id: INJECT,
        resource: Some("aws:eks:cluster"),
        lasting: Lasting::For("maxDuration"),
        destructive: false,
    },
    destructive("aws:eks:terminate-nodegroup-instances", "aws:eks:nodegroup"),
    destructive("aws:eks:pod-delete", "aws:eks:pod"),
    lasting("aws:eks:pod-cpu-stress", "aws:eks:pod"),
    lasting("aws:eks:pod-io-stress", "aws:eks:pod"),
    lasting("aws:eks:pod-memory-stress", "aws:eks:pod"),
    lasting("aws:eks:pod-network-blackhole-port", "aws:eks:pod"),
    lasting("aws:eks:pod-network-latency", "aws:eks:pod"),
    lasting("aws:eks:pod-network-packet-loss", "aws:eks:pod"),
    lasting("aws:elasticache:replicationgroup-interrupt-az-power", "aws:elasticache:replicationgroup"),
    lasting("aws:kinesis:stream-expired-iterator-exception", "aws:kinesis:stream"),
    lasting("aws:kinesis:stream-provisioned-throughput-exception", "aws:kinesis:stream"),
    lasting("aws:lambda:invocation-add-delay", "aws:lambda:function"),
    lasting("aws:lambda:invocation-error", "aws:lambda:function"),
    lasting("aws:lambda:invocation-http-integration-response", "aws:lambda:function"),
    lasting("aws:memorydb:multi-region-cluster-pause-replication", "aws:memorydb:multi-region-cluster"),
    lasting("aws:network:disrupt-connectivity", "aws:ec2:subnet"),
    lasting("aws:network:disrupt-vpc-endpoint", "aws:ec2:vpc-endpoint"),
    lasting("aws:network:route-table-disrupt-cross-region-connectivity", "aws:ec2:subnet"),
    lasting("aws:network:transit-gateway-disrupt-cross-region-connectivity", "aws:ec2:transit-gateway"),
    destructive("aws:rds:failover-db-cluster", "aws:rds:cluster"),
    destructive("aws:rds:reboot-db-instances", "aws:rds:db"),
    lasting("aws:s3:bucket-pause-replication", "aws:s3:bucket"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_action_is_listed_once() {
        let ids: BTreeSet<_> = ACTIONS.iter().map(|action| action.id).collect();
        assert_eq!(ids.len(), ACTIONS.len());
    }

    #[test]
    fn what_cannot_be_undone_is_a_class_of_its_own() {
        let destructive: Vec<_> =
            ACTIONS.iter().filter(|action| action.destructive).map(|action| action.id).collect();
        assert_eq!(
            destructive,
            [
                "aws:ec2:send-spot-instance-interruptions",
                "aws:ec2:reboot-instances",
                "aws:ec2:terminate-instances",
                "aws:ecs:stop-task",
                "aws:ecs:task-kill-process",
                "aws:eks:terminate-nodegroup-instances",
                "aws:eks:pod-delete",
                "aws:rds:failover-db-cluster",
                "aws:rds:reboot-db-instances",
            ]
        );
        assert!(!is_destructive("aws:ec2:stop-instances"));
        assert!(!is_destructive("aws:ec2:something-new"));
    }
}
