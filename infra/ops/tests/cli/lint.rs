//! `drill lint`: templates judged before anybody starts one.

use crate::{fresh, json_lines, out, watchkeeper};

const OURS: &str = "infra/fis/template.yaml";

#[test]
fn ours_pass_with_the_allowances_that_they_name() {
    let state = fresh("lint");
    let all = ["drill", "lint", OURS, "--allow-destructive", "--max-percent", "100", "--json"];
    let judged = json_lines(&out(&watchkeeper(&state, &all)));
    assert!(judged.len() >= 10, "{}", judged.len());
    assert!(judged.iter().all(|it| it["refused"] == false && it["hash"].is_string()), "{judged:?}");
}

#[test]
fn without_them_what_cannot_be_undone_is_refused_with_its_place_and_the_exit_status_says_so() {
    let output = watchkeeper(&fresh("lint-refused"), &["drill", "lint", OURS]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("PodDelete: refused\n"), "{text}");
    assert!(text.contains("[kubernetes-destructive]"), "{text}");
}

#[test]
fn one_of_ours_is_judged_by_its_name() {
    let state = fresh("lint-name");
    let told = out(&watchkeeper(&state, &["drill", "lint", "network-partition"]));
    assert!(told.starts_with("infra/fis/template.yaml: NetworkPartition: may be started\n"), "{told}");
    assert_eq!(told.matches("hash ").count(), 1, "{told}");
    let output = watchkeeper(&state, &["drill", "lint", "netwrok-partition"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("no template in infra/fis is called `netwrok-partition`; known: container-kill, "),
        "{told}"
    );
}

#[test]
fn a_file_without_a_template_is_an_error_that_names_it() {
    for file in ["template.yaml", "README.md", "nowhere.json"] {
        let output = watchkeeper(&fresh("lint-none"), &["drill", "lint", file]);
        assert_eq!(output.status.code(), Some(1), "{file}");
        assert!(String::from_utf8(output.stderr).unwrap().contains(file), "{file}");
    }
}
