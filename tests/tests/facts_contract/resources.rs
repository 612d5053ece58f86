//! Tags, fleets and zones, of tagging and Cloud Control.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watchkeeper_domain::ports::Inventory;
use watchkeeper_shell::Resources;
use watchkeeper_tests::support::{
    api::Api,
    aws::{REGION, config, moto, unique},
};

use super::{ec2, set, words};

fn described(properties: &Value) -> Value {
    json!({ "ResourceDescription": { "Identifier": "x", "Properties": properties.to_string() } })
}

#[tokio::test]
async fn tags_are_read_a_hundred_at_once_without_a_word_about_pages() {
    let api = Api::start().await.unwrap();
    let arns: BTreeSet<_> = (0..101).map(|number| ec2("instance", &format!("i-{number:03}"))).collect();
    let (first, last) = (arns.first().unwrap(), arns.last().unwrap());
    let tagged = json!([{ "ResourceARN": first, "Tags": [{ "Key": "ChaosReady", "Value": "Yes" }] }]);
    api.answer("GetResources", json!({ "PaginationToken": "", "ResourceTagMappingList": tagged }));
    // A resource that once had tags.
    api.answer("GetResources", json!({ "ResourceTagMappingList": [{ "ResourceARN": last, "Tags": [] }] }));
    let resources = Resources::connect(&config(&api.endpoint));

    let tags = resources.tags(&arns).await.unwrap();

    let expected = BTreeMap::from([("ChaosReady".to_owned(), "Yes".to_owned())]);
    assert_eq!(tags, BTreeMap::from([(first.clone(), expected)]));
    let all: Vec<_> = arns.iter().cloned().collect();
    assert_eq!(
        api.asked("GetResources"),
        [json!({ "ResourceARNList": all[..100] }), json!({ "ResourceARNList": [last] })]
    );
    api.answer("GetResources", json!({ "PaginationToken": "more", "ResourceTagMappingList": [] }));
    let chain = resources.tags(&set([last])).await.unwrap_err().chain();
    assert_eq!(chain, "could not read the tags of resources: the answer is not whole");
}

#[tokio::test]
async fn tags_that_the_tagging_api_does_not_tell_are_in_the_resources_own_description() {
    let api = Api::start().await.unwrap();
    let role = "arn:aws:iam::111122223333:role/teams/checkout-api";
    api.answer("GetResource", described(&json!({ "Tags": [{ "Key": "ChaosReady", "Value": "Yes" }] })));
    let resources = Resources::connect(&config(&api.endpoint));
    assert_eq!(resources.tags(&set([role])).await.unwrap()[role]["ChaosReady"], "Yes");
    assert_eq!(
        api.asked("GetResource"),
        [json!({ "TypeName": "AWS::IAM::Role", "Identifier": "checkout-api" })]
    );
    assert_eq!(api.asked("GetResources"), Vec::<Value>::new());
}

#[tokio::test]
async fn a_fleet_is_listed_by_tag_and_type_page_by_page() {
    let api = Api::start().await.unwrap();
    let volumes = words(["vol-1", "vol-2", "vol-3"]).map(|id| ec2("volume", &id));
    let page = |volumes: &[String], token: &str| {
        let list: Vec<_> = volumes.iter().map(|arn| json!({ "ResourceARN": arn })).collect();
        json!({ "ResourceTagMappingList": list, "PaginationToken": token })
    };
    api.answer("GetResources", page(&volumes[..2], "more"));
    api.answer("GetResources", page(&volumes[2..], ""));
    let resources = Resources::connect(&config(&api.endpoint));

    let fleet = async |kind| resources.fleet(kind, "ChaosReady", "Yes").await.unwrap();
    assert_eq!(fleet("aws:ec2:ebs-volume").await, Some(volumes.into()));
    assert_eq!(fleet("aws:eks:pod").await, None);

    let first = json!({
        "TagFilters": [{ "Key": "ChaosReady", "Values": ["Yes"] }],
        "ResourceTypeFilters": ["ec2:volume"], "ResourcesPerPage": 100,
    });
    let mut second = first.clone();
    second["PaginationToken"] = "more".into();
    assert_eq!(api.asked("GetResources"), [first, second]);
}

#[tokio::test]
async fn moto_knows_tags_and_numbers_of_instances() {
    let Some(endpoint) = moto() else { return };
    let tag = unique("ChaosReady");
    let form = format!(
        "Action=RunInstances&Version=2016-11-15&ImageId=ami-12c6146b&MinCount=2&MaxCount=2&TagSpecification.1.ResourceType=instance\
         &TagSpecification.1.Tag.1.Key={tag}&TagSpecification.1.Tag.1.Value=Yes"
    );
    let credential = format!("AWS4-HMAC-SHA256 Credential=testing/20261121/{REGION}/ec2/aws4_request");
    let request = reqwest::Client::new().post(&endpoint).body(form).header("authorization", credential);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.send().await.unwrap().text().await.unwrap();
    let id = answer.split("<instanceId>").nth(1).unwrap().split('<').next().unwrap();
    let arn = format!("arn:aws:ec2:{REGION}:123456789012:instance/{id}");
    let resources = Resources::connect(&config(&endpoint));

    let fleet = async |kind, value| resources.fleet(kind, &tag, value).await.unwrap().unwrap();
    let instances = fleet("aws:ec2:instance", "Yes").await;
    assert_eq!((instances.len(), instances.contains(&arn)), (2, true), "{instances:?}");
    assert_eq!(fleet("aws:ec2:instance", "No").await, set([]));
    assert_eq!(fleet("aws:ec2:subnet", "Yes").await, set([]));
    let nobody = ec2("instance", "i-0");
    let tags = resources.tags(&set([&arn, &nobody])).await.unwrap();
    assert_eq!(tags, BTreeMap::from([(arn, BTreeMap::from([(tag, "Yes".to_owned())]))]));
}

#[tokio::test]
async fn a_zone_goes_by_its_id_where_that_is_told_and_what_is_regional_has_none() {
    let api = Api::start().await.unwrap();
    let cluster = format!("arn:aws:eks:{REGION}:111122223333:cluster/shop");
    let resources = Resources::connect(&config(&api.endpoint));
    // One at a time, so that each answer meets its question.
    let zone = async |arn: &str| resources.zones(&set([arn])).await.unwrap().remove(arn);

    api.answer(
        "GetResource",
        described(&json!({ "AvailabilityZone": "eu-west-1a", "AvailabilityZoneId": "" })),
    );
    assert_eq!(zone(&ec2("instance", "i-1")).await.as_deref(), Some("eu-west-1a"));
    api.answer(
        "GetResource",
        described(&json!({ "AvailabilityZone": "eu-west-1a", "AvailabilityZoneId": "euw1-az2" })),
    );
    assert_eq!(zone(&ec2("subnet", "subnet-1")).await.as_deref(), Some("euw1-az2"));
    assert_eq!(zone(&cluster).await, None);

    let asked = [("Instance", "i-1"), ("Subnet", "subnet-1")];
    let asked = asked.map(|(kind, id)| json!({ "TypeName": format!("AWS::EC2::{kind}"), "Identifier": id }));
    assert_eq!(api.asked("GetResource"), asked);
}

#[tokio::test]
async fn one_zone_is_never_called_two_things() {
    let api = Api::start().await.unwrap();
    let both = described(&json!({ "AvailabilityZone": "eu-west-1a", "AvailabilityZoneId": "euw1-az2" }));
    let name = described(&json!({ "AvailabilityZone": "eu-west-1a" }));
    // Whichever is asked first: they are in the same zone.
    api.answer("GetResource", both);
    api.answer("GetResource", name);
    let resources = Resources::connect(&config(&api.endpoint));
    let zones = resources.zones(&set([&ec2("instance", "i-1"), &ec2("volume", "vol-1")])).await.unwrap();
    assert_eq!(zones.into_values().collect::<Vec<_>>(), ["euw1-az2", "euw1-az2"]);
}

#[tokio::test]
async fn a_zone_that_cannot_be_read_is_a_failure() {
    let api = Api::start().await.unwrap();
    let resources = Resources::connect(&config(&api.endpoint));
    let arn = ec2("instance", "i-1");
    let chain = async |arn: &str| resources.zones(&set([arn])).await.unwrap_err().chain();
    api.refuse("GetResource", "ResourceNotFoundException", "no such instance");
    let expected =
        format!("could not read the zone of {arn}: ResourceNotFoundException: no such instance (HTTP 400, ");
    assert!(chain(&arn).await.starts_with(&expected));
    api.answer("GetResource", described(&json!({ "InstanceId": "i-1" })));
    assert_eq!(chain(&arn).await, format!("could not read the zone of {arn}: it has none"));
    api.answer("GetResource", json!({}));
    assert!(chain(&arn).await.starts_with(&format!("could not read the zone of {arn}: ")));
    let task = format!("arn:aws:ecs:{REGION}:111122223333:task/shop/0a1b");
    assert!(chain(&task).await.ends_with("Cloud Control does not tell of ECS tasks"));
}
