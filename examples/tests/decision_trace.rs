//! The replay of a run as a person meets it: every step in its place, readable, and the same as data.

#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

mod built;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn run(program: &Path, arguments: &[&str]) -> (Output, String) {
    let mut command = Command::new(program);
    let output = command
        .args(arguments)
        .output()
        .expect("the program starts");
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    (output, text)
}

#[test]
fn the_demo_is_told_in_order_with_its_failover_and_why_others_were_passed_over() {
    let Some(program) = built::program("decision_trace") else {
        return;
    };
    let (output, text) = run(&program, &["--demo"]);
    assert!(output.status.success(), "{output:?}");
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    // In this order.
    let mut rest = text.as_str();
    for wanted in [
        "Session trace: ",
        "begin     session trace, agent coder, bug_fix",
        "decide    provider: claude",
        "chosen",
        "ollama",
        "no_tools",
        "model     claude · claude-sonnet-4-5: ok in",
        "tool      ",
        "attempt   claude no. 1: failed (rate_limited)",
        "retry     claude is asked again in 2.",
        "failed (overloaded)",
        "handoff   claude -> groq (overloaded, automatic)",
        "model     groq · openai/gpt-oss-120b: ok in",
        "begin     session trace-review, agent reviewer, review, from session trace",
        "violation todo (warning): a note to do it later, in src/server.rs:41",
        "end       success",
        "; ended: success",
    ] {
        let found = rest.find(wanted);
        let place = found.unwrap_or_else(|| panic!("no {wanted} where it belongs: {text}"));
        rest = rest.get(place..).unwrap_or_default();
    }
    let review = text.lines().find(|line| line.contains("trace-review"));
    assert!(
        review.is_some_and(|line| line.contains("    begin ")),
        "a subagent stands below its parent: {review:?}"
    );
}

#[test]
fn a_database_is_replayed_as_text_as_data_and_step_by_step() {
    let Some(program) = built::program("decision_trace") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.db");
    let path = path.to_str().expect("text");
    let (output, told) = run(&program, &["--demo", "--db", path]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(run(&program, &["--db", path]).1, told, "the same again");

    let (_, json) = run(&program, &["--db", path, "--json", "--all"]);
    let steps: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let after: Vec<u64> = steps
        .iter()
        .map(|it| it["after_ns"].as_u64().expect("a time"))
        .collect();
    assert!(after.is_sorted(), "{after:?}");
    let attempts = steps.iter().filter(|it| it["mark"] == "attempt").count();
    let failed = told.lines().filter(|it| it.contains(" attempt ")).count();
    assert!(attempts > failed, "--all shows the answered ones as well");
    assert_eq!(steps[0]["record"]["record"], "session_start");

    let (_, review) = run(&program, &["--db", path, "--session", "trace-review"]);
    assert!(
        review.starts_with("Session trace-review: 4 steps"),
        "{review}"
    );

    let mut stepwise = Command::new(&program)
        .args(["--db", path, "--step"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = stepwise.stdin.take().expect("a pipe");
    input.write_all(b"\n\nq\n").expect("it listens");
    drop(input);
    let output = stepwise.wait_with_output().expect("it ends");
    let text = String::from_utf8(output.stdout).expect("text");
    let steps = text.lines().filter(|it| it.starts_with("   0:")).count();
    assert!(
        output.status.success() && text.lines().count() < told.lines().count(),
        "{text}"
    );
    assert_eq!(steps, 3, "one, and one more for each Enter: {text}");
}

#[test]
fn what_is_not_there_is_refused_with_what_to_write() {
    let Some(program) = built::program("decision_trace") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.db");
    let path = path.to_str().expect("text");
    assert!(run(&program, &["--demo", "--db", path]).0.status.success());
    for (arguments, code, wanted) in [
        (&["--db", "none.db"][..], 2, "make some with --demo"),
        (&["--demo", "--db", path], 2, "name a new file"),
        (
            &["--demo", "--jsonl", "folder"],
            2,
            "in place of a database",
        ),
        (
            &["--db", path, "--session", "nobody"],
            3,
            "there are trace-review, trace",
        ),
        (&["--db", path, "--session", "two words"], 2, "see --help"),
    ] {
        let (output, _) = run(&program, arguments);
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(wanted), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    let (_, help) = run(&program, &["--help"]);
    assert!(
        help.lines().all(|line| line.chars().count() <= 100),
        "{help}"
    );
}
