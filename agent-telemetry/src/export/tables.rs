//! The lists of a report as tables of comma-separated values, one for each list.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::csv::{Guard, seconds, text};
use super::node::Node;

/// A list of a report as a table: a line of names, and a row for each entry. Figures are as exact as the
/// report has them, not as it shows them.
///
/// An entry within an entry is columns of its own (`usage.input`), a list within one is JSON in one cell, times
/// of the form `{"secs", "nanos"}` are seconds, and a column ends in `_s` then. What stands in the report beside
/// its lists is the table `report` with one row.
///
/// ```
/// use agent_primitives::{Timestamp, ToolName};
/// use agent_telemetry::{CsvTable, Period, Record, Rollups, ToolCall, ToolOutcome, ToolsReport};
///
/// let at = Timestamp::from_unix_seconds(1_795_219_200);
/// let call = ToolCall::new(ToolName::new("grep")?, ToolOutcome::Ok, std::time::Duration::from_millis(3));
/// let period = Period::last_24_hours(at);
/// let report = ToolsReport::of(period, &Rollups::of([&Record::new(at, call)], period));
/// let tables = CsvTable::of(&report)?;
/// assert_eq!((&*tables[0].name, &*tables[1].name), ("report", "tools"));
/// assert!(tables[1].text.starts_with("tool,calls,ok,failed,aborted,success_rate,latency.count,latency.p50_s"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CsvTable {
    /// Which list: the name of its field, with those that it lies in before it.
    pub name: String,
    /// The table, with a line of names; lines end in CR LF.
    pub text: String,
}

impl CsvTable {
    /// Every list of a report that has an entry, in their order; texts that a spreadsheet would
    /// take for formulas get an apostrophe.
    ///
    /// # Errors
    /// What serde says about a value that is no JSON; none of this crate's reports is.
    pub fn of(report: &impl Serialize) -> Result<Vec<Self>, serde_json::Error> {
        let Node::Entry(fields) = Node::of(report)? else {
            return Ok(Vec::new());
        };
        let mut tables = Vec::new();
        let mut rest = Row::new();
        gather("", fields, &mut rest, &mut tables);
        if !rest.is_empty() {
            tables.insert(0, Self::table("report", &[rest]));
        }
        Ok(tables)
    }

    fn table(name: &str, rows: &[Row]) -> Self {
        // In the order in which they first come, which is that of the fields.
        let mut known = BTreeSet::new();
        let named = rows.iter().flatten().map(|(column, _)| column.as_str());
        let columns: Vec<&str> = named.filter(|column| known.insert(*column)).collect();
        // Where an entry is there or not, it is the columns of what is in it.
        let parts = |column: &str| {
            let within = |it: &&str| {
                it.strip_prefix(column)
                    .is_some_and(|it| it.starts_with('.') || it == "_s")
            };
            columns.iter().any(within)
        };
        let columns: Vec<&str> = columns.iter().copied().filter(|it| !parts(it)).collect();
        let mut out = Vec::new();
        line(&mut out, columns.iter().map(|it| Some(Value::from(*it))));
        for row in rows {
            let cell = |column: &&str| {
                let mut of = row.iter().filter(|(name, _)| name == column);
                of.next().map(|(_, value)| value.clone())
            };
            line(&mut out, columns.iter().map(cell));
        }
        Self {
            name: name.to_owned(),
            text: String::from_utf8_lossy(&out).into_owned(),
        }
    }
}

/// Named cells.
type Row = Vec<(String, Value)>;

/// Puts what is no list into `rest`, and makes a table of every list of entries.
fn gather(path: &str, fields: Vec<(String, Node)>, rest: &mut Row, tables: &mut Vec<CsvTable>) {
    for (field, value) in fields {
        let path = joined(path, &field);
        match value {
            Node::List(entries) if entries.iter().all(Node::is_entry) => {
                let rows: Vec<Row> = entries.into_iter().map(|entry| flat("", entry)).collect();
                if !rows.is_empty() {
                    tables.push(CsvTable::table(&path, &rows));
                }
            }
            Node::Entry(fields) if as_time(&fields).is_none() => {
                gather(&path, fields, rest, tables);
            }
            value => rest.extend(flat(&path, value)),
        }
    }
}

fn flat(path: &str, value: Node) -> Row {
    match value {
        Node::Entry(fields) => {
            if let Some(time) = as_time(&fields) {
                return vec![(format!("{path}_s"), Value::String(time))];
            }
            let each = fields.into_iter();
            each.flat_map(|(field, value)| flat(&joined(path, &field), value))
                .collect()
        }
        Node::List(entries) if entries.is_empty() => vec![(path.to_owned(), Value::Null)],
        list @ Node::List(_) => {
            vec![(path.to_owned(), Value::String(list.into_json().to_string()))]
        }
        Node::Value(value) => vec![(path.to_owned(), value)],
    }
}

fn joined(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}

/// Seconds as text, so that no decimal is lost.
fn as_time(fields: &[(String, Node)]) -> Option<String> {
    let [(secs, Node::Value(whole)), (nanos, Node::Value(rest))] = fields else {
        return None;
    };
    if (secs.as_str(), nanos.as_str()) != ("secs", "nanos") {
        return None;
    }
    let time =
        Duration::from_secs(whole.as_u64()?).checked_add(Duration::from_nanos(rest.as_u64()?))?;
    let mut shown = Vec::new();
    seconds(&mut shown, time).ok()?;
    String::from_utf8(shown).ok()
}

/// Digits, of which there may be some behind a point and a minus before: a name such as `-inf` is none.
fn is_amount(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    digits(whole) && digits(rest)
}

fn line(out: &mut Vec<u8>, cells: impl Iterator<Item = Option<Value>>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match cell {
            None | Some(Value::Null) => {}
            // Amounts are texts in JSON, and a minus before a number is no formula.
            Some(Value::String(it)) if !is_amount(&it) => text(out, &it, Guard::On),
            Some(Value::String(it)) => text(out, &it, Guard::Off),
            Some(other) => text(out, &other.to_string(), Guard::Off),
        }
    }
    out.extend_from_slice(b"\r\n");
}
