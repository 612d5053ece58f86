//! `cache inspect`.

use serde_json::{Value, json};

use super::yard::{OURS, Yard, standing};
use crate::{
    out,
    stack::{stderr, stdout},
};

/// What no text is.
fn content() -> Vec<u8> {
    (0..3_000_000_u32).map(|it| (it % 251) as u8).collect()
}

/// A stack whose current generation has a few files.
async fn yard(name: &str) -> (Yard, String) {
    let yard = Yard::start(name).await;
    let snapshot = yard
        .snapshot(|volume| {
            volume.make_dirs(["m2/org", "m2/empty"], &OURS)?;
            volume.write_file("m2/org/a.jar", &content()[..], &OURS)?;
            volume.write_file("m2/org/a.pom", &b"<project/>"[..], &OURS).map(drop)
        })
        .await;
    yard.stands(&standing(&snapshot)).await;
    (yard, snapshot)
}

#[tokio::test]
async fn a_directory_is_listed_and_a_file_comes_out_byte_by_byte() {
    let (yard, snapshot) = yard("cache-inspect").await;
    let root = yard.ops(&["inspect", "maven"]).await;
    let names: Vec<_> = out(&root).lines().map(|line| line.rsplit_once("  ").unwrap().1.to_owned()).collect();
    assert_eq!(names, ["lost+found/", "m2/"]);
    assert!(stderr(&root).ends_with(&format!(" of 512 KiB read from {snapshot}\n")), "{root:?}");
    let org = out(&yard.ops(&["inspect", "maven", "m2/org"]).await);
    assert_eq!(
        org,
        "-rw-r-----  1000:121  3000000  2023-11-14 22:13Z  a.jar\n\
         -rw-r-----  1000:121       10  2023-11-14 22:13Z  a.pom\n"
    );
    let empty = out(&yard.ops(&["inspect", "maven", "/m2/empty/"]).await);
    assert_eq!(empty, "");
    let file = yard.ops(&["inspect", "maven", "/m2/org/a.jar", "--snapshot", &snapshot, "--table", ""]).await;
    assert!(file.status.success() && file.stdout == content(), "{:?}", stderr(&file));
    let of = async |path| -> Value {
        serde_json::from_str(&out(&yard.ops(&["inspect", "maven", path, "--json"]).await)).unwrap()
    };
    assert_eq!(of("m2/org").await["entries"][1]["size"], 10);
    let file = of("m2/org/a.pom").await["file"].clone();
    assert_eq!((&file["kind"], &file["mode"], &file["uid"]), (&json!("file"), &json!("0640"), &json!(1000)));
    assert_eq!(yard.cloud.with(|state| state.puts), 0);
}

#[tokio::test]
async fn what_is_not_there_or_no_filesystem_is_said_to_be_so() {
    let (yard, snapshot) = yard("cache-inspect-refused").await;
    let refused = async |args: &[&str]| {
        let output = yard.ops(&[&["inspect", "maven"], args].concat()).await;
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""), "{output:?}");
        stderr(&output)
    };
    let told = refused(&["m2/org/b.jar"]).await;
    assert!(
        told.contains("could not show m2/org/b.jar: there is no such file or directory on the volume"),
        "{told}"
    );
    let told = refused(&["m2/../m2"]).await;
    assert!(told.contains("it has a name that no file can have"), "{told}");
    let told = refused(&["--generation", "7"]).await;
    assert!(told.contains("maven has no generation 7; kept: 1, 2"), "{told}");
    let blank = yard.stock.ebs.store().import_blocks(1, [(0, vec![1; 512 * 1024])]).unwrap();
    let told = refused(&["--snapshot", &blank]).await;
    assert!(told.contains(&format!("could not open the filesystem of {blank}: it is damaged: ")), "{told}");
    assert_ne!(blank, snapshot);
    let told = refused(&["--table", ""]).await;
    assert!(told.contains("name one with --snapshot, or the table that knows the generations"), "{told}");
}

#[tokio::test]
async fn an_audit_compares_the_structure_of_the_whole_volume() {
    let (yard, _) = yard("cache-audit").await;
    let sound = out(&yard.ops(&["inspect", "maven", "--audit"]).await);
    assert!(sound.ends_with(" were compared with the bitmaps: nothing is wrong\n"), "{sound}");
    let json = out(&yard.ops(&["inspect", "maven", "--audit", "--json"]).await);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["wrong"], &json["findings"]), (&json!(0), &json!([])));
}
