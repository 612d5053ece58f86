//! The sample events of `cache-refresher`: each is what its name says.

use std::collections::BTreeMap;

use cache_refresher::event::{Event, parse};
use watchkeeper_tests::support::template::events;

#[test]
fn each_sample_event_of_a_cache_is_understood() {
    let kind = |event: &Event| match event {
        Event::SweepDue => "minute-passed",
        Event::RefreshRequested { .. } => "refresh-requested",
        Event::RollbackRequested { .. } => "rollback-requested",
        Event::PackagesMissed(_) => "packages-missed",
        Event::VolumeClaimed { .. } => "volume-claimed",
        Event::VolumeReleased { .. } => "volume-released",
        Event::SnapshotChanged { .. } => "snapshot",
        Event::VolumeChanged { .. } => "volume",
        Event::Foreign(_) | Event::Malformed(_) => "nothing",
    };
    let understood = |(name, sample)| (name, kind(&parse(&sample)[0].event));
    let found: BTreeMap<_, _> = events("cache-refresher").into_iter().map(understood).collect();
    let expected = [
        ("01-minute-passed.json", "minute-passed"),
        ("02-refresh-requested.json", "refresh-requested"),
        ("03-snapshot-completed.json", "snapshot"),
        ("04-snapshot-failed.json", "snapshot"),
        ("05-volume-available.json", "volume"),
        ("06-volume-claimed.json", "volume-claimed"),
        ("07-packages-missed.json", "packages-missed"),
        ("08-volume-released.json", "volume-released"),
        ("09-rollback-requested.json", "rollback-requested"),
    ];
    assert_eq!(found, expected.map(|(name, kind)| (name.to_owned(), kind)).into());
}
