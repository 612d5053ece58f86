//! Scenarios, contracts and peers: every file beside this one.

automod::dir!("tests");
