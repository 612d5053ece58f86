//! What is measured beside coldsnap; `tests/bench/coldsnap` builds and runs it.
//!
//! | command | what it does |
//! |---|---|
//! | `endpoint LATENCY_MS` | answers as EBS does, on a free port that it prints, until its input ends |
//! | `files FOLDER` | writes what the night brings into FOLDER, and how `debugfs` writes it, into FOLDER.debugfs |
//! | `base ENDPOINT` | makes a volume of 100 GiB with a Maven cache, and prints its snapshot |
//! | `night ENDPOINT SNAPSHOT FOLDER` | refreshes it with the files in FOLDER, and prints the new snapshot |
//! | `checked-night ENDPOINT SNAPSHOT FOLDER` | does the same, and then checks the new snapshot |
//! | `upload ENDPOINT IMAGE` | uploads an image without holes, and prints its snapshot |

#![expect(clippy::print_stdout, reason = "what it prints is what the script reads")]

mod endpoint;
mod files;
mod night;
mod upload;

use std::{error::Error, path::Path, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ebs::config::{Credentials, SharedCredentialsProvider};
use jiff::Timestamp;
use tokio::runtime::Builder;
use watchkeeper_volume::{
    ebs::Ebs,
    ext4::Attributes,
    snapshots::{Order, Origin, SnapshotId},
};

/// The size of the volume of the cache, in GiB.
const SIZE_GIB: u32 = 100;
/// When all of it takes place.
const NOW: Timestamp = Timestamp::constant(1_795_226_400, 0);
/// What the files look like.
const FILE: Attributes = Attributes { mode: 0o644, uid: 0, gid: 0, modified: NOW };
/// What the directories look like.
const DIRECTORY: Attributes = Attributes { mode: 0o755, ..FILE };

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // The endpoint may use every core; the other side is as the functions are.
    let functions = || Builder::new_current_thread().enable_all().build();
    match arguments[..] {
        ["endpoint", latency] => {
            let latency = Duration::from_millis(latency.parse()?);
            Builder::new_multi_thread().enable_all().build()?.block_on(endpoint::serve(latency))?;
        }
        ["files", folder] => files::write(Path::new(folder))?,
        ["base", endpoint] => {
            println!("{}", functions()?.block_on(night::base(&connect(endpoint)))?);
        }
        [kind @ ("night" | "checked-night"), endpoint, base, folder] => {
            let (base, is_checked) = (SnapshotId::new(base), kind == "checked-night");
            let night = night::night(connect(endpoint), base, folder.into(), is_checked);
            println!("{}", functions()?.block_on(night)?);
        }
        ["upload", endpoint, image] => {
            println!("{}", functions()?.block_on(upload::upload(&connect(endpoint), image.into()))?);
        }
        _ => return Err("see examples/bench/main.rs for what can be asked".into()),
    }
    Ok(())
}

fn connect(endpoint: &str) -> Ebs {
    let credentials = Credentials::new("testing", "testing", None, None, "bench");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build();
    Ebs::connect(&config)
}

/// A snapshot of a volume of `size_gib` GiB. Each process asks for one.
fn order(origin: Origin, size_gib: u32) -> Order {
    Order {
        origin,
        size_gib,
        token: format!("bench-{}", std::process::id()),
        timeout_minutes: 60,
        description: String::new(),
        tags: Vec::new(),
    }
}
