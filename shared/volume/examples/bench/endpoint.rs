//! The fake EBS, alone in a process, so that what it costs is on nobody's bill.

use std::{io, time::Duration};

use watchkeeper_sim::{
    clock::Clock,
    ebs::{Counters, Operation, Server},
};

use crate::NOW;

/// Serves until the input ends, and prints the address first. Each line of input has the ids of the snapshots to keep,
/// all others are forgotten; it is answered with a line of JSON that says how many blocks were got and put since the last.
///
/// Blocks are not compared with their checksums, and each answer to a get or a put takes `latency` at least.
///
/// # Errors
/// When no port can be bound, or the input cannot be read.
pub async fn serve(latency: Duration) -> io::Result<()> {
    let server = Server::start(Clock::at(NOW)).await?;
    let store = server.store();
    store.set(|settings| {
        settings.verify = false;
        if !latency.is_zero() {
            let slow = [Operation::GetSnapshotBlock, Operation::PutSnapshotBlock];
            settings.latency = slow.map(|operation| (operation, latency)).into();
        }
    });
    println!("{}", server.endpoint);
    let mut before = Counters::default();
    for keep in io::stdin().lines() {
        let keep = keep?;
        let now = store.counters();
        let (gets, puts) = (now.blocks_got - before.blocks_got, now.blocks_put - before.blocks_put);
        println!(r#"{{"gets": {gets}, "puts": {puts}}}"#);
        before = now;
        let is_kept = |id: &str| keep.split_whitespace().any(|kept| kept == id);
        for snapshot in store.snapshots().iter().filter(|snapshot| !is_kept(&snapshot.id)) {
            store.delete(&snapshot.id);
        }
    }
    Ok(())
}
