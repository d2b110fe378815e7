//! What `promtool` says of the page.

#![allow(clippy::print_stdout, reason = "what is skipped is told")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use agent_telemetry::prometheus::Format;

use crate::full;

/// Runs `promtool`, or says that it is not there: its exit and all that it said.
pub(crate) fn promtool(test: &str, arguments: &[&str], input: &str) -> Option<(bool, String)> {
    let child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            println!(
                "SKIPPED {test}: promtool cannot be run ({error}); install the package `prometheus`"
            );
            return None;
        }
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8(said).unwrap()))
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    let page = full::exporter().render(Format::Text);
    let Some((good, said)) = promtool("check metrics", &["check", "metrics"], &page) else {
        return;
    };
    assert!(good && said.is_empty(), "{said}");
    println!(
        "promtool check metrics: {} lines, no complaint",
        page.lines().count()
    );

    let (good, said) = promtool(
        "check metrics",
        &["check", "metrics"],
        "# TYPE a counter\na 1\n",
    )
    .unwrap();
    assert!(!good && said.contains("_total"), "{said}");
}
