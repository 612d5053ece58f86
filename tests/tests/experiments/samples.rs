//! The sample events of both functions: each is understood by its own.

use chaos_trigger::event::Event as Asked;
use experiment_watcher::event::Event as Happened;
use watchkeeper_tests::support::{range::before, template::events};

#[test]
fn each_sample_event_is_understood_by_its_function() {
    let samples = events("chaos-trigger");
    assert_eq!(samples.len(), 10);
    for (name, sample) in samples {
        let event = chaos_trigger::event::parse(&sample, before()).remove(0).event;
        assert!(!matches!(event, Asked::Foreign(_) | Asked::Malformed(_)), "{name}: {event:?}");
    }
    let samples = events("experiment-watcher");
    assert_eq!(samples.len(), 10);
    for (name, sample) in samples {
        let event = experiment_watcher::event::parse(&sample, before()).remove(0).event;
        assert!(!matches!(event, Happened::Foreign(_) | Happened::Malformed(_)), "{name}: {event:?}");
    }
}
