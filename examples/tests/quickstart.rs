//! The main job, as a process of its own: nothing is lost, and one seed gives one run.

#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

mod built;

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn run(program: &PathBuf, arguments: &[&str]) -> (Output, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let output = Command::new(program)
        .arg("--dir")
        .arg(dir.path())
        .args(arguments)
        .output()
        .expect("the program starts");
    (output, dir)
}

fn summary(program: &PathBuf, arguments: &[&str]) -> Value {
    let (output, _dir) = run(program, &[&["--json"], arguments].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    let stdout = String::from_utf8(output.stdout).expect("text");
    assert_eq!(
        stdout.lines().count(),
        1,
        "one object and nothing else: {stdout}"
    );
    serde_json::from_str(&stdout).expect("JSON")
}

fn assert_nothing_lost(summary: &Value, what: &str) {
    assert_eq!(summary["turns_lost"], 0, "{what}: {summary}");
    assert_eq!(summary["crashes"], 1, "{what}: {summary}");
    assert_eq!(
        summary["spent_usd"], summary["cost_usd"],
        "the budget and the records count alike, across the crash: {summary}"
    );
    let handoffs = summary["handoffs"].as_array().expect("a list");
    assert!(handoffs.len() >= 2, "{what}: {summary}");
    assert!(
        handoffs
            .iter()
            .any(|handoff| handoff["to"] == "claude" && handoff["reason"] == "recovered"),
        "{what}: {summary}"
    );
}

#[test]
fn a_killed_session_loses_no_turn_and_one_seed_gives_one_run() {
    let Some(program) = built::program("quickstart") else {
        return;
    };
    let steady = |seed: &str| {
        let mut summary = summary(&program, &["--seed", seed]);
        assert_nothing_lost(&summary, seed);
        for figure in ["recovered_ms", "wall_ms", "logical_bytes", "bytes_on_disk"] {
            let taken = summary.as_object_mut().expect("an object").remove(figure);
            assert!(taken.is_some_and(|figure| figure.is_number()), "{figure}");
        }
        summary
    };
    assert_eq!(steady("7"), steady("7"));
    assert_eq!(steady("8")["seed"], 8);
}

#[test]
fn every_recorded_trajectory_plays() {
    let Some(program) = built::program("quickstart") else {
        return;
    };
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/data/trajectories"
    );
    let Ok(entries) = std::fs::read_dir(folder) else {
        eprintln!("SKIPPED recorded trajectories: none beside the project");
        return;
    };
    let mut played = 0;
    for entry in entries {
        let path = entry.expect("a readable entry").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "traj")
        {
            let name = path.to_str().expect("a readable name");
            assert_nothing_lost(&summary(&program, &["--session", name]), name);
            played += 1;
        }
    }
    assert!(played > 0, "{folder} has no trajectories");
}

#[test]
fn a_malformed_session_is_refused_in_one_line() {
    let Some(program) = built::program("quickstart") else {
        return;
    };
    let dir = tempfile::tempdir().expect("a folder");
    let bad = dir.path().join("bad.traj");
    for text in ["", "{", r#"{"history": 7}"#, r#"{"history": []}"#] {
        std::fs::write(&bad, text).expect("written");
        let (output, _dir) = run(&program, &["--session", bad.to_str().expect("a name")]);
        assert_eq!(output.status.code(), Some(2), "{text:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains("bad.traj"), "{stderr}");
    }
}

#[test]
fn what_a_quickstart_did_not_leave_is_not_removed() {
    let Some(program) = built::program("quickstart") else {
        return;
    };
    let dir = tempfile::tempdir().expect("a folder");
    let mine = dir.path().join("checkpoints/mine.txt");
    std::fs::create_dir(dir.path().join("checkpoints")).expect("made");
    std::fs::write(&mine, "mine").expect("written");
    let refused = |what: &str| {
        let output = Command::new(&program)
            .arg("--dir")
            .arg(dir.path())
            .output()
            .expect("the program starts");
        assert!(!output.status.success(), "{what}");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains("choose another --dir"), "{stderr}");
    };
    refused("a folder of somebody else");
    assert_eq!(std::fs::read_to_string(&mine).expect("still there"), "mine");

    std::fs::remove_dir_all(dir.path().join("checkpoints")).expect("removed");
    let database = dir.path().join("telemetry.db");
    std::fs::write(&database, "not a database, but mine").expect("written");
    refused("a file of somebody else");
    assert!(database.exists());
}

#[test]
fn a_wrong_argument_is_refused_with_code_2() {
    let Some(program) = built::program("quickstart") else {
        return;
    };
    for arguments in [
        &["--sed", "7"][..],
        &["--seed", "x"],
        &["--provider", "grok=http://x"],
    ] {
        let (output, _dir) = run(&program, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(
            String::from_utf8_lossy(&output.stderr).lines().count(),
            1,
            "{arguments:?}"
        );
    }
}
