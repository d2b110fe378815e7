//! The page about the database names everything that there is, and its questions can be asked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use agent_telemetry::{Retention, Sink, SqliteSink};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::story;

const PAGE: &str = include_str!("../../docs/schema.md");
const REPORTS: &str = include_str!("../../docs/reports.md");
const README: &str = include_str!("../../README.md");

fn filled() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let mut sink = SqliteSink::open(&path)
        .unwrap()
        .retention(Retention::FOREVER);
    sink.write(&story::records()).unwrap();
    (folder, path)
}

/// What stands between a heading and the next one.
fn section(name: &str) -> Option<&'static str> {
    let (_, behind) = PAGE.split_once(&format!("\n### `{name}`\n"))?;
    Some(behind.split("\n#").next().unwrap_or(behind))
}

#[test]
fn page_names_every_column_of_every_table_and_view_and_no_others() {
    let (_folder, path) = filled();
    let sql = Connection::open(&path).unwrap();
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut statement = sql
        .prepare(
            "SELECT s.name, c.name FROM sqlite_schema s, pragma_table_info(s.name) c
             WHERE s.type IN ('table', 'view') AND s.name NOT LIKE 'sqlite_%'",
        )
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    for row in rows.unwrap() {
        let (table, column) = row.unwrap();
        columns.entry(table).or_default().push(column);
    }
    assert_eq!(columns.len(), 27 + 11);
    for (name, columns) in &columns {
        let section = section(name).unwrap_or_else(|| panic!("{name} is not on the page"));
        for column in columns {
            assert!(section.contains(&format!("`{column}`")), "{name}.{column}");
        }
        if !name.starts_with("v_") {
            let lines = section
                .lines()
                .filter(|line| line.starts_with("| `"))
                .count();
            assert_eq!(
                lines,
                columns.len(),
                "{name} has columns that are not there"
            );
        }
    }
    let headings = PAGE.lines().filter(|line| line.starts_with("### ")).count();
    assert_eq!(headings, columns.len());
    let version: i64 = sql
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert!(PAGE.contains(&format!("Version {version} of the schema")));
}

#[test]
fn questions_on_the_pages_have_answers() {
    let (_folder, path) = filled();
    let sql = Connection::open(&path).unwrap();
    let questions = |page: &'static str| {
        let blocks = page.split("```sql\n").skip(1);
        let blocks = blocks.filter_map(|rest| rest.split("```").next());
        let questions = blocks.flat_map(|block| block.split_inclusive(';'));
        questions.filter(|it| !it.trim().is_empty())
    };
    let pages = [PAGE, REPORTS, README].map(questions);
    let counts = pages.clone().map(Iterator::count);
    assert_eq!(counts, [8, 3, 2]);
    for question in pages.into_iter().flatten() {
        let mut statement = sql.prepare(question).unwrap();
        let mut rows = statement.query([]).unwrap();
        assert!(rows.next().unwrap().is_some(), "no answer: {question}");
    }
}

#[test]
fn views_over_sums_agree_with_the_records() {
    let (_folder, path) = filled();
    let sql = Connection::open(&path).unwrap();
    let same = |one: &str, other: &str| {
        let text = |query: &str| -> String {
            let value = sql.query_row(query, [], |row| row.get::<_, rusqlite::types::Value>(0));
            format!("{:?}", value.unwrap())
        };
        assert_eq!(text(one), text(other), "{one}");
    };
    for table in ["v_daily", "v_agents"] {
        same(
            &format!("SELECT sum(cost_picos) FROM {table}"),
            "SELECT sum(cost_picos) FROM v_cost_by_model",
        );
        same(
            &format!("SELECT sum(model_calls) FROM {table}"),
            "SELECT count(*) FROM v_model_calls",
        );
    }
    same(
        "SELECT sum(unpriced) FROM v_models_daily",
        "SELECT sum(unpriced) FROM v_cost_by_model",
    );
    same(
        "SELECT sum(count) FROM v_metrics",
        "SELECT count(*) FROM metrics",
    );
    same(
        "SELECT count(*) FROM v_violations",
        "SELECT count(*) FROM violations",
    );
    same(
        "SELECT cost_usd FROM v_agents ORDER BY cost_picos DESC LIMIT 1",
        "SELECT printf('%d.%012d', s / 1000000000000, s % 1000000000000) FROM
         (SELECT sum(cost_picos) AS s FROM v_sessions WHERE agent = 'coder')",
    );
}
