//! `halt`: the switch, the levers, and what becomes of each when another fails.

use watchkeeper_domain::{
    drill::Halt,
    records::{Nothing, Record, Records},
};
use watchkeeper_shell::observe::halt_key;

use super::{
    cloud::{Cloud, Fault},
    ops, stdout,
};
use crate::out;

/// How the switch stands.
pub async fn thrown(cloud: &Cloud) -> Option<Halt> {
    let record: Record<Option<Halt>, Nothing> = cloud.table.read(&halt_key()).await.unwrap();
    record.state.flatten()
}

fn lever(cloud: &Cloud, region: &str) -> String {
    cloud.with(|state| state.levers.get(region).map(|(status, _)| status.clone()).unwrap_or_default())
}

#[tokio::test]
async fn a_halt_throws_the_switch_and_pulls_the_lever_and_is_taken_back_with_its_reasons() {
    let cloud = Cloud::start("halt").await;
    let on = ["halt", "--because", "checkout is down"];
    let told = out(&ops(&cloud, &on).await);
    assert!(
        told.starts_with(
            "  switch of the stack        thrown\n  safety lever of eu-west-1  engaged\nNo drill starts."
        ),
        "{told}"
    );
    let switch = thrown(&cloud).await.unwrap();
    assert_eq!((switch.by.as_str(), switch.because.as_str()), ("alice", "checkout is down"));
    cloud.with(|state| assert_eq!(state.levers["eu-west-1"].1, "checkout is down, by alice"));

    let again = out(&ops(&cloud, &["halt", "--because", "twice", "--by", "bob"]).await);
    assert!(
        again.contains("was thrown already, by alice on ") && again.contains(": checkout is down\n"),
        "{again}"
    );
    assert!(again.contains("was engaged already, because: checkout is down, by alice\n"), "{again}");

    assert_eq!(ops(&cloud, &["halt", "--off"]).await.status.code(), Some(2), "not without a reason");
    let off = ["halt", "--off", "--because", "all is well"];
    let told = out(&ops(&cloud, &off).await);
    assert!(
        told.contains("taken back; it was thrown by alice on ") && told.contains(": checkout is down\n"),
        "{told}"
    );
    assert!(told.contains("disengaged; it was engaged because: checkout is down, by alice\n"), "{told}");
    assert_eq!((thrown(&cloud).await, lever(&cloud, "eu-west-1").as_str()), (None, "disengaged"));
    let told = out(&ops(&cloud, &off).await);
    assert!(told.contains("was not thrown\n") && told.contains("was not engaged\n"), "{told}");
    out(&ops(&cloud, &on).await);
    assert!(thrown(&cloud).await.is_some());
}

#[tokio::test]
async fn one_step_that_fails_keeps_no_other_from_being_tried() {
    let cloud = Cloud::start("halt-some").await;
    cloud.with(|state| {
        state.lever_faults.insert("us-east-1".to_owned(), Fault::Refuse(403, "AccessDeniedException"));
        state.lever_faults.insert("eu-central-1".to_owned(), Fault::CutAfterAccepting);
        state.slow.push("eu-west-2".to_owned());
    });
    let regions =
        ["us-east-1", "eu-west-2", "eu-central-1", "us-east-1"].map(|region| ["--region", region]).concat();
    let output = ops(&cloud, &[&["halt", "--because", "x"], &regions[..]].concat()).await;
    let told = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].ends_with("  thrown") && thrown(&cloud).await.is_some(), "{told}");
    assert!(lines[1].starts_with("  safety lever of eu-central-1  engaged"), "an answer was lost: {told}");
    assert!(lines[2].starts_with("  safety lever of eu-west-2     engaging: FIS is ending"), "{told}");
    assert!(
        lines[3].starts_with("  safety lever of us-east-1     FAILED: could not engage")
            && told.contains("AccessDenied")
    );
    assert!(lines[4].starts_with("NOT ALL OF IT IS HALTED"), "{told}");
    let halt = cloud.words(&["halt", "--because", "x", "--region", "us-east-1"]);
    assert_eq!(cloud.unread(halt).await.unwrap().code(), Some(1), "though nobody reads what failed");

    // The lever can't be moved while it is engaging, and the rest is taken back all the same.
    let output = ops(&cloud, &["halt", "--off", "--because", "x", "--region", "eu-west-2"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("FAILED: it is still engaging"), "{}", stdout(&output));
    assert_eq!((thrown(&cloud).await, lever(&cloud, "eu-west-2").as_str()), (None, "engaging"));
}

#[tokio::test]
async fn whoever_does_not_know_the_table_can_still_pull_the_lever() {
    let cloud = Cloud::start("halt-no-table").await;
    let mut command = cloud.words(&["halt", "--because", "x"]);
    command.args(["--table", ""]);
    let output = cloud.reached_by(command).await.unwrap();
    assert_eq!((output.status.code(), lever(&cloud, "eu-west-1").as_str()), (Some(1), "engaged"));
    assert!(stdout(&output).contains("FAILED: no table: name it with --table"), "{}", stdout(&output));
}
