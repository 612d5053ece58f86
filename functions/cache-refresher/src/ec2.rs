//! EC2's part of caches: snapshots in any Region, volumes in the function's own.
//!
//! | method | calls (EC2 API Reference, each by its name) |
//! |---|---|
//! | `snapshot`, `snapshots` | `DescribeSnapshots` with `OwnerIds=self`, all pages |
//! | `copy_snapshot` | `CopySnapshot` in the Region of the copy, tried once: it knows no client token |
//! | `delete_snapshot` | `DeleteSnapshot` |
//! | `volume`, `volumes` | `DescribeVolumes`, all pages; `DescribeVolumeStatus` for those that are being filled |
//! | `make` | `CreateVolume` or `CopyVolumes`; after a refusal `DescribeVolumes` by the tag of the token |
//! | `delete_volume` | `DeleteVolume` |
//!
//! Where an answer has no id of a zone, its name stands in, and where it has neither, an empty text: emulators don't know
//! ids.

mod answer;
mod archive;
mod refusal;
mod volumes;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_config::{Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_ec2::{
    Client,
    config::Builder,
    types::{Filter, ResourceType, Tag, TagSpecification},
};
use watchkeeper_domain::failure::Failure;
use watchkeeper_shell::Leash;

/// How often a call is tried: again after a 5xx, a throttled call, a time-out, a lost connection.
const TRIES: u32 = 3;
/// How long an attempt takes at most, where the configuration has no word on it.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most that a page of a list can have.
const PAGE: i32 = 1000;

/// EC2 in one account.
#[derive(Clone, Debug)]
pub struct Ec2 {
    home: Client,
    /// By Region, made when they are first needed.
    clients: Arc<Mutex<BTreeMap<String, Client>>>,
    leash: Leash,
}

impl Ec2 {
    /// EC2, reached through `config`, whose time-outs hold; without one, an attempt takes 10 s at most. Volumes are those
    /// of its Region; an endpoint that it names is used for all Regions. `leash` holds back what makes, copies and
    /// deletes. A call is tried three times, but `CopySnapshot` once.
    pub fn connect(config: &SdkConfig, leash: Leash) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(TRIES);
        let time_outs =
            config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let time_outs =
            time_outs.take_unset_from(TimeoutConfig::builder().operation_attempt_timeout(PATIENCE));
        let builder = Builder::from(config).retry_config(retries).timeout_config(time_outs.build());
        let home = Client::from_conf(builder.build());
        let region = config.region().map(|region| (region.to_string(), home.clone()));
        Self { home, clients: Arc::new(Mutex::new(region.into_iter().collect())), leash }
    }

    fn in_region(&self, region: &str) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let connect = || {
            let config = self.home.config().to_builder().region(Region::new(region.to_owned()));
            Client::from_conf(config.build())
        };
        clients.entry(region.to_owned()).or_insert_with(connect).clone()
    }
}

/// A filter's value may have the wildcards `*` and `?`; that of a tag has none.
fn is_tagged(tags: &BTreeMap<String, String>, (key, value): (&str, &str)) -> bool {
    tags.get(key).is_some_and(|it| it == value)
}

fn filter((key, value): (&str, &str)) -> Filter {
    Filter::builder().name(format!("tag:{key}")).values(value).build()
}

fn tags(of: ResourceType, tags: &BTreeMap<String, String>) -> TagSpecification {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    TagSpecification::builder().resource_type(of).set_tags(Some(tags)).build()
}

/// It was done, and what was made has no name: it is to be found by its tags.
fn nameless(operation: &'static str, subject: &str) -> Failure {
    Failure::new(operation, subject, "an answer without an id").in_doubt()
}

#[cfg(test)]
mod tests {
    use aws_config::BehaviorVersion;

    use super::*;

    fn config(time_outs: Option<TimeoutConfig>) -> SdkConfig {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .endpoint_url("http://127.0.0.1:1");
        config.set_timeout_config(time_outs);
        config.build()
    }

    fn patience(time_outs: Option<TimeoutConfig>) -> Option<Duration> {
        let ec2 = Ec2::connect(&config(time_outs), Leash::default());
        ec2.home.config().timeout_config().and_then(TimeoutConfig::operation_attempt_timeout)
    }

    #[test]
    fn an_attempt_takes_ten_seconds_unless_the_configuration_has_a_word_on_it() {
        assert_eq!(patience(None), Some(PATIENCE));
        let other = TimeoutConfig::builder().connect_timeout(Duration::from_secs(1)).build();
        assert_eq!(patience(Some(other)), Some(PATIENCE));
        assert_eq!(patience(Some(watchkeeper_shell::aws::timeouts())), Some(Duration::from_secs(5)));
    }

    #[test]
    fn each_region_has_one_client_and_home_is_one_of_them() {
        let ec2 = Ec2::connect(&config(None), Leash::default());
        for region in ["us-east-1", "eu-west-1", "us-east-1"] {
            let client = ec2.in_region(region);
            assert_eq!(client.config().region().map(AsRef::as_ref), Some(region));
        }
        assert_eq!(ec2.clients.lock().unwrap().keys().collect::<Vec<_>>(), ["eu-west-1", "us-east-1"]);
    }
}
