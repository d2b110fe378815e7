//! The report program as a person meets it: what it prints, and what it says when it cannot.

#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

mod built;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn run(program: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .output()
        .expect("the program starts")
}

/// The exit code, and what it says on standard error.
fn refused(program: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(program, arguments);
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    (output.status.code().expect("no signal"), said)
}

fn demo(program: &Path, folder: &Path) -> String {
    let path = folder.join("demo.db");
    let shown = path.to_str().expect("text").to_owned();
    let now = ["--now", "2026-11-20T12:00", "--sample", "--sessions", "40"];
    let output = run(program, &[&["--demo", "--db", &shown], &now[..]].concat());
    assert!(output.status.success(), "{output:?}");
    shown
}

#[test]
fn rules_are_run_over_the_past() {
    let Some(program) = built::program("telemetry_report") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let database = demo(&program, folder.path());
    let now = ["alerts", "--db", &database, "--now", "2026-11-20T12:00"];
    let rules = folder.path().join("rules.json");
    let shown = rules.to_str().expect("text");
    fs::write(
        &rules,
        r#"{"rules": [{"name": "any-cost", "when":
            {"kind": "budget", "period": "day", "share": 0.01, "amount": "0.01"}}]}"#,
    )
    .expect("written");
    let output = run(
        &program,
        &[&now[..], &["--rules", shown, "--json"]].concat(),
    );
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && !text.is_empty(), "{text}");
    for (number, line) in text.lines().enumerate() {
        let told: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let expected = ["firing", "resolved"][number % 2];
        assert_eq!(
            (&told["rule"], &told["status"]),
            (&"any-cost".into(), &expected.into())
        );
    }
    // A beginning and its end are one alert.
    let (lines, said) = (
        text.lines().count(),
        String::from_utf8(output.stderr).expect("text"),
    );
    let (fired, ended) = (lines.div_ceil(2), lines / 2);
    let counted = format!("1 rules: {fired} alerts would have fired and {ended} ended, ");
    assert!(said.contains(&counted), "{said}");
    let recommended = run(&program, &now);
    let said = String::from_utf8(recommended.stderr).expect("text");
    assert!(said.contains(" records, 10 rules: "), "{said}");

    fs::write(
        &rules,
        r#"{"rules": [{"name": "x", "when": {"kind": "silence", "after": "0s"}}]}"#,
    )
    .expect("written");
    let (code, said) = refused(&program, &[&now[..], &["--rules", shown]].concat());
    assert_eq!(code, 1);
    assert!(said.contains("rule \"x\": after is zero"), "{said}");
}

#[test]
fn every_report_fits_100_columns_and_is_one_line_of_json() {
    let Some(program) = built::program("telemetry_report") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let database = demo(&program, folder.path());
    let now = ["--db", &database, "--now", "2026-11-20T12:00"];
    for question in QUESTIONS {
        let output = run(&program, &[&[question], &now[..]].concat());
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(
            output.status.success() && text.lines().count() > 5,
            "{text}"
        );
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        let output = run(&program, &[&[question, "--json"], &now[..]].concat());
        let text = String::from_utf8(output.stdout).expect("text");
        assert_eq!(text.lines().count(), 1, "{text}");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(json["schema"], 1, "{question}");
    }
    let details = run(&program, &[&["details", "--json"], &now[..]].concat());
    let json: serde_json::Value = serde_json::from_slice(&details.stdout).expect("JSON");
    assert!(
        json["overview"]["sessions"].as_u64() >= Some(40),
        "rescues come to them"
    );
    assert_eq!(json["decisions"]["made"], 40);
    assert_eq!(json["work"]["tasks"], 40);
}

const QUESTIONS: [&str; 12] = [
    "stats",
    "models",
    "tools",
    "details",
    "compare",
    "handoffs",
    "cost",
    "errors",
    "performance",
    "quality",
    "suggestions",
    "forecast",
];

/// What it says on standard error, where it ends well and prints nothing.
fn written(program: &Path, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{output:?}"
    );
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn page_has_every_report_and_nothing_from_elsewhere() {
    let Some(program) = built::program("telemetry_report") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let database = demo(&program, folder.path());
    let path = folder.path().join("page.html");
    let shown = path.to_str().expect("text");
    let now = ["--db", &database, "--now", "2026-11-20T12:00"];
    let said = written(
        &program,
        &[&QUESTIONS[..], &now, &["--html", shown]].concat(),
    );
    assert_eq!(said, format!("wrote {shown}\n"));
    let page = fs::read_to_string(&path).expect("a page");
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    for title in [
        "Agents",
        "Models",
        "Tools",
        "Records",
        "Agents compared",
        "Handoffs",
        "Cost",
    ] {
        assert!(page.contains(&format!("<h2>{title}</h2>")), "{title}");
    }
    assert!(page.contains("Made at <time datetime=\"2026-11-20T12:00:00.000Z\">"));
    for word in ["<script", "http://", "https://", "url(", "@import", "NaN"] {
        assert!(!page.contains(word), "{word}");
    }
    for element in ["article", "section", "table", "svg", "figure", "div"] {
        let [opened, closed] =
            [format!("<{element}"), format!("</{element}>")].map(|tag| page.matches(&tag).count());
        assert!(
            opened > 0 && opened == closed,
            "{element}: {opened}, {closed}"
        );
    }
    // Printed as JSON, the reports are on the page as well.
    let output = run(
        &program,
        &[&["stats", "--json", "--html", shown], &now[..]].concat(),
    );
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text.lines().count(), 1, "{text}");
    let nowhere = folder.path().join("none/page.html");
    let nowhere = nowhere.to_str().expect("text");
    let (code, said) = refused(
        &program,
        &[&["stats", "--html", nowhere], &now[..]].concat(),
    );
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("cannot be written"), "{said}");
}

#[test]
fn tables_are_the_lists_of_the_reports() {
    let Some(program) = built::program("telemetry_report") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let database = demo(&program, folder.path());
    let tables = folder.path().join("tables");
    let shown = tables.to_str().expect("text");
    let now = ["--db", &database, "--now", "2026-11-20T12:00"];
    let said = written(
        &program,
        &[&QUESTIONS[..], &now, &["--tables", shown]].concat(),
    );
    let files = fs::read_dir(&tables).expect("a folder").count();
    assert_eq!(said, format!("wrote {files} tables to {shown}\n"));
    assert!(files > 20, "{files}");
    for (question, list) in [
        ("stats", "agents"),
        ("models", "models"),
        ("tools", "tools"),
        ("compare", "sides"),
        ("compare", "pairs"),
        ("handoffs", "paths"),
        ("cost", "days"),
    ] {
        let output = run(&program, &[&[question, "--json"], &now[..]].concat());
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let entries = json[list].as_array().expect("a list").len();
        let file = tables.join(format!("{question}-{list}.csv"));
        let text = fs::read_to_string(file).expect("a table");
        let rows: Vec<&str> = text.split_terminator("\r\n").collect();
        assert!(entries > 0 && rows.len() == entries + 1, "{list}: {text}");
    }
    let agents = fs::read_to_string(tables.join("stats-agents.csv")).expect("a table");
    let header = agents.lines().next().expect("names");
    assert!(
        header.starts_with("agent,sessions.started,sessions.resumed"),
        "{header}"
    );
    let (code, said) = refused(
        &program,
        &[&["stats", "--tables", &database], &now[..]].concat(),
    );
    assert_eq!(code, 1, "{said}");
}

#[test]
fn export_has_every_record_in_the_form_that_the_name_says() {
    let Some(program) = built::program("telemetry_report") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let database = demo(&program, folder.path());
    let now = ["--db", &database, "--now", "2026-11-20T12:00"];
    let details = run(&program, &[&["details", "--json"], &now[..]].concat());
    let details: serde_json::Value = serde_json::from_slice(&details.stdout).expect("JSON");
    let records = details["overview"]["records"].as_u64().expect("a number");
    let records = usize::try_from(records).expect("few");
    for form in ["csv", "jsonl", "json", "parquet"] {
        let path = folder.path().join(format!("records.{form}"));
        let shown = path.to_str().expect("text");
        let said = written(&program, &[&["export", "--out", shown], &now[..]].concat());
        assert_eq!(said, format!("wrote {records} records\n"), "{form}");
        let bytes = fs::read(&path).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        match form {
            "csv" => assert_eq!(text.matches("\r\n").count(), records + 1),
            "jsonl" => assert_eq!(text.lines().count(), records),
            "json" => {
                let all: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
                assert_eq!(all.len(), records);
            }
            _ => assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1")),
        }
    }
    // To standard output, of one kind alone.
    let kinds = ["export", "--kinds", "session_end", "--format", "jsonl"];
    let output = run(&program, &[&kinds, &now[..]].concat());
    let text = String::from_utf8(output.stdout).expect("text");
    let ends = text.lines().map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(record["record"], "session_end");
    });
    assert!(ends.count() >= 40, "rescues come to them");
    let empty = [
        "export",
        "--db",
        &database,
        "--period",
        "2020-01-01..2020-02-01",
    ];
    let output = run(&program, &empty);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(
        (output.status.code(), said.as_str()),
        (Some(3), "wrote 0 records\n")
    );
    let nowhere = folder.path().join("none/records.csv");
    let nowhere = nowhere.to_str().expect("text");
    let (code, said) = refused(
        &program,
        &[&["export", "--out", nowhere], &now[..]].concat(),
    );
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("cannot be written"), "{said}");
}

#[test]
fn help_names_every_report_and_option() {
    let Some(program) = built::program("telemetry_report") else {
        return;
    };
    for flag in ["--help", "-h"] {
        let output = run(&program, &[flag]);
        let help = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success(), "{flag}");
        for word in [
            "stats",
            "models",
            "tools",
            "details",
            "compare",
            "handoffs",
            "cost",
            "errors",
            "performance",
            "quality",
            "suggestions",
            "--of",
            "--task-type",
            "--project",
            "--db",
            "--period",
            "--json",
            "--now",
            "--demo",
            "--seed",
            "--sessions",
            "--sample",
            "export",
            "--out",
            "--format",
            "--kinds",
            "--html",
            "--tables",
        ] {
            assert!(help.contains(word), "{word}: {help}");
        }
        assert!(
            help.lines().all(|line| line.chars().count() <= 100),
            "{help}"
        );
    }
}

#[test]
fn arguments_that_mean_nothing_are_refused_with_what_to_write() {
    let Some(program) = built::program("telemetry_report") else {
        return;
    };
    for (arguments, wanted) in [
        (
            &["statistics"][..],
            "write stats, models, tools, details, compare",
        ),
        (&["--of", "tools"], "write agents or models"),
        (&["--project", "my shop"], "without spaces"),
        (&["--period", "yesterday"], "write 24h"),
        (
            &["--period", "2026-11-02..2026-11-01"],
            "the earlier day first",
        ),
        (&["--period"], "--period"),
        (&["--now", "noon"], "write one as 2026-11-20T08:00"),
        (&["--demo", "--seed", "many"], "many"),
        (&["--demo", "--sessions", "0"], "at least one session"),
        (&["--format", "csv"], "write export before them"),
        (
            &["export", "--format", "xml"],
            "write csv, jsonl, json or parquet",
        ),
        (&["export", "--kinds", "calls"], "model_call"),
        (&["export", "stats"], "in another call"),
    ] {
        let (code, said) = refused(&program, arguments);
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert!(said.contains(wanted), "{arguments:?}: {said}");
        assert!(
            said.contains("see --help") && said.lines().count() == 1,
            "{said}"
        );
    }
}

#[test]
fn what_is_no_readable_database_is_refused_with_what_to_do() {
    let Some(program) = built::program("telemetry_report") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("written");
        path.to_str().expect("text").to_owned()
    };
    let whole = demo(&program, folder.path());
    let bytes = fs::read(&whole).expect("a database");
    // The version of the schema stands there, in a SQLite file's first page.
    let mut newer = bytes.clone();
    newer.splice(60..64, [0, 0, 0, 99]);
    let mut foreign = bytes.clone();
    foreign.splice(60..64, [0; 4]);
    let missing = folder.path().join("none.db");
    for (database, wanted) in [
        (
            missing.to_str().expect("text").to_owned(),
            "make one with --demo",
        ),
        (
            folder.path().to_str().expect("text").to_owned(),
            "is a folder",
        ),
        (
            file("text.db", b"no database at all, but a text of some length"),
            "not a telemetry database",
        ),
        (file("empty.db", b""), "not a telemetry database"),
        (file("newer.db", &newer), "upgrade the program"),
        (file("foreign.db", &foreign), "not a telemetry database"),
        (file("cut.db", &bytes[..bytes.len() / 3]), "damaged"),
    ] {
        for question in [
            "stats",
            "details",
            "compare",
            "handoffs",
            "cost",
            "errors",
            "performance",
            "quality",
        ] {
            let arguments = [question, "--db", &database, "--now", "2026-11-20T12:00"];
            let (code, said) = refused(&program, &arguments);
            assert_eq!(code, 1, "{database}: {said}");
            assert!(said.contains(wanted), "{database}: {said}");
        }
    }
    let (code, said) = refused(&program, &["--demo", "--db", &whole]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("name a new file"), "{said}");
    let nowhere = folder.path().join("none/demo.db");
    let (code, said) = refused(
        &program,
        &["--demo", "--db", nowhere.to_str().expect("text")],
    );
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("check the path"), "{said}");
}

#[test]
fn empty_period_is_said_and_ends_with_3() {
    let Some(program) = built::program("telemetry_report") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let database = demo(&program, folder.path());
    for (question, wanted) in [
        ("stats", "no sessions in this period"),
        ("models", "no model calls in this period"),
        ("tools", "no tool calls in this period"),
        ("details", "There are no records."),
        ("compare", "no sessions that began and ended in this period"),
        ("handoffs", "no handoffs in this period"),
        ("cost", "no model calls in this period"),
        ("errors", "no calls in this period"),
        ("performance", "no operations in this period"),
        ("quality", "nothing about quality in this period"),
        ("suggestions", "Nothing to suggest"),
    ] {
        let output = run(
            &program,
            &[
                question,
                "--db",
                &database,
                "--period",
                "2020-01-01..2020-02-01",
            ],
        );
        let said = String::from_utf8(output.stdout).expect("text");
        assert_eq!(output.status.code(), Some(3), "{question}: {said}");
        assert!(said.contains(wanted), "{said}");
    }
}
