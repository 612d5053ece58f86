//! Real POMs: those of Debian's Maven packages, where they are installed.

use std::{fs, path::Path};

use super::{Server, Shelf, planned, problems, wanted};

const HERE: &str = "/usr/share/maven-repo";

#[tokio::test]
async fn real_poms_lead_to_their_parents() {
    if !Path::new(HERE).join("org/apache/maven/maven-core/3.8.7").exists() {
        println!("SKIPPED: {HERE} has no maven-core 3.8.7 (Debian 12: apt install libmaven3-core-java)");
        return;
    }
    let server = Server::start().await;
    serve(&server, Path::new(HERE));
    let manifest = "org.apache.maven:maven-core:3.8.7\norg.apache.commons:commons-lang3:3.12.0\norg.fusesource.jansi:jansi:2.4.0";
    let plan = planned(&server, &Shelf::default(), manifest).await;
    assert_eq!(problems(&plan), [""; 0]);
    assert_eq!(
        wanted(&plan),
        [
            "org/apache/apache/debian/apache-debian.pom",
            "org/apache/commons/commons-lang3/3.12.0/commons-lang3-3.12.0.jar",
            "org/apache/commons/commons-lang3/3.12.0/commons-lang3-3.12.0.pom",
            "org/apache/commons/commons-parent/debian/commons-parent-debian.pom",
            "org/apache/maven/maven-core/3.8.7/maven-core-3.8.7.jar",
            "org/apache/maven/maven-core/3.8.7/maven-core-3.8.7.pom",
            "org/apache/maven/maven-parent/debian/maven-parent-debian.pom",
            "org/apache/maven/maven/3.x/maven-3.x.pom",
            "org/fusesource/jansi/jansi/2.4.0/jansi-2.4.0.jar",
            "org/fusesource/jansi/jansi/2.4.0/jansi-2.4.0.pom",
        ]
    );
}

/// Every file below `folder`, under `/m2`. Debian's repository is made of links.
fn serve(server: &Server, folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            serve(server, &path);
        } else if let Ok(bytes) = fs::read(&path) {
            server.file(&format!("/m2{}", path.to_str().unwrap().strip_prefix(HERE).unwrap()), &bytes);
        }
    }
}
