//! The page about the tables on a server says how they differ from those of SQLite, and no more, and its
//! questions can be asked.

use std::collections::BTreeMap;

use agent_telemetry::Sink;

use super::server::Place;
use super::store::sink;
use crate::story;

const PAGE: &str = include_str!("../../../docs/schema-postgres.md");
/// The page about SQLite, which names every column.
const SQLITE: &str = include_str!("../../../docs/schema.md");

type Columns = BTreeMap<String, Vec<String>>;

/// Tables and views of a page: a line of a table, or words between quotes, for each column.
fn columns_of(page: &str) -> Columns {
    let mut columns = Columns::new();
    for section in page.split("\n### `").skip(1) {
        let (name, rest) = section.split_once('`').unwrap();
        let rest = rest.split("\n#").next().unwrap();
        let of_table = rest.lines().filter_map(|line| line.strip_prefix("| `"));
        let of_table = of_table.filter_map(|line| line.split('`').next());
        let found: Vec<String> = if name.starts_with("v_") {
            rest.split('`').skip(1).step_by(2).map(Into::into).collect()
        } else {
            of_table.map(Into::into).collect()
        };
        columns.insert(name.to_owned(), found);
    }
    columns
}

#[test]
fn tables_and_views_are_those_of_sqlite_and_what_the_page_adds() {
    let Some(place) = Place::new() else { return };
    sink(&place).write(&story::records()).unwrap();
    let mut found = Columns::new();
    let query = "SELECT table_name::text, column_name::text FROM information_schema.columns
                 WHERE table_schema = $1";
    let schema = &place.config.schema;
    for row in place.sql().query(query, &[schema]).unwrap() {
        found.entry(row.get(0)).or_default().push(row.get(1));
    }
    let mut expected = columns_of(SQLITE);
    for (name, columns) in columns_of(PAGE) {
        expected.insert(name, columns);
    }
    for columns in found.values_mut().chain(expected.values_mut()) {
        columns.sort();
    }
    assert_eq!(found, expected);
    let version = place.number("SELECT version FROM schema_version");
    assert!(PAGE.contains(&format!("Version {version} of the schema")));
}

#[test]
fn questions_on_the_page_have_answers() {
    let Some(place) = Place::new() else { return };
    sink(&place).write(&story::records()).unwrap();
    let questions: Vec<&str> = PAGE
        .split("```sql\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(questions.len(), 9);
    let mut sql = place.sql();
    for question in questions {
        if question.starts_with("SET ") {
            sql.batch_execute(&question.replace("agent_telemetry", &place.config.schema))
                .unwrap();
            continue;
        }
        let rows = sql.query(question, &[]).unwrap();
        assert!(!rows.is_empty(), "no answer: {question}");
    }
}
