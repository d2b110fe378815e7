//! goose's database, `sessions.db`: tables `sessions` and `messages` as `create_schema` of
//! `crates/goose/src/session/session_manager.rs` makes them.

use std::path::Path;

use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::fields::{Fields, mended};
use super::super::{ImportError, Imported, Limits, Reason};
use super::Session;

/// SQLite reads the schema under the same limit on the length of values.
const SCHEMA_ROOM: i32 = 1 << 20;

/// A session in goose's database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GooseSession {
    /// goose's id of it.
    pub id: String,
    /// Its title; may be empty.
    pub title: String,
    /// When it was last written, as goose has it.
    pub updated: String,
    /// How many messages it has.
    pub messages: u64,
}

/// The newest sessions in goose's database, at most `count`, newest first.
///
/// The database is opened for reading alone; goose may be at work meanwhile.
///
/// # Errors
/// [`ImportError::Database`] where it cannot be read or is none of goose.
pub fn goose_sessions(path: &Path, count: u32) -> Result<Vec<GooseSession>, ImportError> {
    let database = open(path, Limits::default().line_bytes)?;
    let query = "SELECT s.*, (SELECT COUNT(*) FROM messages m WHERE m.session_id = s.id) AS messages_counted
        FROM sessions s ORDER BY s.updated_at DESC, s.id DESC LIMIT ?1";
    let mut statement = database.prepare(query).map_err(failed)?;
    let mut rows = statement.query([count]).map_err(failed)?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let told = columns(row);
        let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
        let title = match text("name") {
            "" => text("description"),
            name => name,
        };
        let messages = told.get("messages_counted").and_then(Value::as_u64);
        sessions.push(GooseSession {
            id: text("id").to_owned(),
            title: title.to_owned(),
            updated: text("updated_at").to_owned(),
            messages: messages.unwrap_or(0),
        });
    }
    Ok(sessions)
}

/// Reads a session out of goose's database, the one that was written last where none is named.
///
/// # Errors
/// [`ImportError::NoSession`] where there is none of this id, or none at all; [`ImportError::Database`];
/// [`ImportError::TooLarge`].
pub fn goose_database(
    path: &Path,
    session: Option<&str>,
    limits: &Limits,
) -> Result<Imported, ImportError> {
    let database = open(path, limits.line_bytes)?;
    let (query, wanted) = match session {
        Some(id) => ("SELECT * FROM sessions WHERE id = ?1", id),
        None => (
            "SELECT * FROM sessions WHERE ?1 = ?1 ORDER BY updated_at DESC, id DESC LIMIT 1",
            "of any id",
        ),
    };
    let mut statement = database.prepare(query).map_err(failed)?;
    let mut rows = statement.query([wanted]).map_err(failed)?;
    let row = rows.next().map_err(failed)?;
    let head = row
        .map(columns)
        .ok_or_else(|| ImportError::NoSession(wanted.to_owned()))?;
    let id = head
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();

    let mut reading = Session::new(limits);
    let head = exported(head).to_string();
    match Fields::of_line(head.as_bytes()) {
        Ok(fields) => {
            if let Err(fault) = reading.head(&fields) {
                reading.draft.left_out.note(fault, "session", 0);
            }
        }
        Err(fault) => reading.draft.left_out.note(fault, "session", 0),
    }
    // The order in which goose itself reads them.
    let query = "SELECT * FROM messages WHERE session_id = ?1 ORDER BY created_timestamp, id";
    let mut statement = database.prepare(query).map_err(failed)?;
    let mut rows = statement.query([&id]).map_err(failed)?;
    let mut number = 0;
    let too_large = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::TooBig) => too_large_message(limits),
        _ => failed(error),
    };
    while let Some(row) = rows.next().map_err(too_large)? {
        number += 1;
        let message = message(row);
        if message.len() > limits.line_bytes {
            return Err(too_large_message(limits));
        }
        reading.draft.keep(message.len())?;
        let (message, is_mended) = mended(message.into_bytes());
        let fault = match Fields::of_line(&message) {
            Ok(fields) => reading.message(&fields, number)?,
            Err(fault) => Some(fault),
        };
        let fault = fault.or_else(|| is_mended.then_some(Reason::HalfCharacter));
        if let Some(fault) = fault {
            reading.draft.left_out.note(fault, "message", number);
        }
    }
    Ok(reading.finish())
}

fn too_large_message(limits: &Limits) -> ImportError {
    ImportError::TooLarge {
        what: "bytes in a message",
        max: limits.line_bytes as u64,
    }
}

fn failed(error: impl std::fmt::Display) -> ImportError {
    ImportError::Database(error.to_string())
}

/// Opens the database without a way to change it, and trusts nothing in its schema. No value of more than `longest`
/// bytes is read out of it.
fn open(path: &Path, longest: usize) -> Result<Connection, ImportError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags).map_err(failed)?;
    let longest = i32::try_from(longest).unwrap_or(i32::MAX).max(SCHEMA_ROOM);
    database
        .set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)
        .map_err(failed)?;
    database
        .execute_batch(
            "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ON;",
        )
        .map_err(failed)?;
    // A view may have rows without an end.
    let query = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('sessions', 'messages')";
    let tables: u8 = database
        .query_row(query, [], |row| row.get(0))
        .map_err(failed)?;
    if tables != 2 {
        return Err(failed("it has no tables of sessions and messages"));
    }
    Ok(database)
}

/// The columns of a row that are no JSON of goose, by name; versions have more or fewer of them.
fn columns(row: &Row<'_>) -> Map<String, Value> {
    let mut columns = Map::new();
    for name in row.as_ref().column_names() {
        let value = match row.get_ref(name) {
            Ok(ValueRef::Integer(number)) => json!(number),
            Ok(ValueRef::Real(number)) => json!(number),
            Ok(ValueRef::Text(text)) => json!(String::from_utf8_lossy(text)),
            _ => continue,
        };
        columns.insert(name.to_owned(), value);
    }
    columns
}

/// A row of `sessions` as the export has it.
fn exported(row: Map<String, Value>) -> Value {
    let mut head = Map::new();
    for (name, value) in row {
        let parsed = name.strip_suffix("_json");
        let inner = if name == "extension_data" {
            Some("extension_data")
        } else {
            parsed
        };
        let (name, value) = match inner {
            Some(inner) => {
                let text = value.as_str().unwrap_or_default();
                let value = serde_json::from_str(text).unwrap_or(value);
                (inner.to_owned(), value)
            }
            None => (name, value),
        };
        head.insert(name, value);
    }
    Value::Object(head)
}

/// A row of `messages` as the export has it; its content stays as it was written.
fn message(row: &Row<'_>) -> String {
    let mut columns = columns(row);
    let mut json_of = |name: &str, otherwise: &str| {
        let text = columns.remove(name);
        let text = text.as_ref().and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() {
            otherwise.to_owned()
        } else {
            text.to_owned()
        }
    };
    let content = json_of("content_json", "null");
    let metadata = json_of("metadata_json", "{}");
    let text = |name: &str| columns.get(name).cloned().unwrap_or(Value::Null);
    format!(
        r#"{{"id":{},"role":{},"created":{},"content":{content},"metadata":{metadata}}}"#,
        text("message_id"),
        text("role"),
        text("created_timestamp"),
    )
}
