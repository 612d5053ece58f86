//! What an event is called.

use watchkeeper_domain::{case::Content, text};

/// What the event is about, on one line, without where and when.
pub fn title(content: &Content) -> String {
    let named =
        content.metadata.get("deprecated_versions").map(|it| text::line(it)).filter(|it| !it.is_empty());
    text::cut(&named.unwrap_or_else(|| readable(&content.type_code)), 120)
}

/// `AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED` → `EC2 persistent instance retirement scheduled`.
fn readable(type_code: &str) -> String {
    let code = type_code.strip_prefix("AWS_").unwrap_or(type_code);
    let Some((service, rest)) = code.split_once('_') else { return code.to_owned() };
    let name = NAMES.iter().find(|(known, _)| *known == service).map_or(service, |(_, name)| name);
    format!("{name} {}", rest.to_lowercase().replace('_', " "))
}

/// Services whose code is not what people call them.
const NAMES: &[(&str, &str)] = &[
    ("ABUSE", "Abuse:"),
    ("APIGATEWAY", "API Gateway"),
    ("AUTOSCALING", "Auto Scaling"),
    ("CLOUDFRONT", "CloudFront"),
    ("DIRECTCONNECT", "Direct Connect"),
    ("DYNAMODB", "DynamoDB"),
    ("ELASTICACHE", "ElastiCache"),
    ("ELASTICBEANSTALK", "Elastic Beanstalk"),
    ("ELASTICLOADBALANCING", "Elastic Load Balancing"),
    ("LAMBDA", "Lambda"),
    ("MULTIPLE", "Several services:"),
    ("OPENSEARCH", "OpenSearch"),
    ("RISK", "Security risk:"),
    ("ROUTE53", "Route 53"),
    ("SECRETSMANAGER", "Secrets Manager"),
    ("TRANSITGATEWAY", "Transit Gateway"),
];
