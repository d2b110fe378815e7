//! goose's database, made as goose makes it.

use std::path::{Path, PathBuf};

use agent_checkpoint::import::{
    ImportError, Limits, Reason, any, goose, goose_database, goose_sessions,
};
use rusqlite::{Connection, params};
use serde_json::Value;

/// The tables of `create_schema`, without its indexes.
const SCHEMA: &str = "
    CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT '', description TEXT NOT NULL DEFAULT '',
        user_set_name BOOLEAN DEFAULT FALSE, session_type TEXT NOT NULL DEFAULT 'user', working_dir TEXT NOT NULL,
        created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        extension_data TEXT DEFAULT '{}', total_tokens INTEGER, input_tokens INTEGER, output_tokens INTEGER,
        accumulated_total_tokens INTEGER, accumulated_input_tokens INTEGER, accumulated_output_tokens INTEGER,
        accumulated_cache_read_tokens INTEGER, schedule_id TEXT, recipe_json TEXT, provider_name TEXT,
        model_config_json TEXT, goose_mode TEXT NOT NULL DEFAULT 'auto');
    CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT,
        session_id TEXT NOT NULL REFERENCES sessions(id), role TEXT NOT NULL, content_json TEXT NOT NULL,
        created_timestamp INTEGER NOT NULL, timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP, tokens INTEGER,
        metadata_json TEXT);";

fn export() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import");
    std::fs::read(folder.join("goose.json")).unwrap()
}

/// The session of the export, and an older one without messages.
fn database(folder: &Path) -> PathBuf {
    let path = folder.join("sessions.db");
    let database = Connection::open(&path).unwrap();
    database.execute_batch(SCHEMA).unwrap();
    let session: Value = serde_json::from_slice(&export()).unwrap();
    let insert = "INSERT INTO sessions (id, name, working_dir, created_at, updated_at, accumulated_input_tokens,
        accumulated_output_tokens, accumulated_cache_read_tokens, provider_name, model_config_json)
        VALUES (?1, ?2, '/home/ada/weather', '2026-03-02 09:00:00', ?3, 2400, 160, 1000, 'anthropic', ?4)";
    let model = session["model_config"].to_string();
    for (id, name, at) in [
        ("20260301_1", "older", "2026-03-01 09:00:00"),
        ("20260302_1", "Empty chart", "2026-03-02 09:00:08"),
    ] {
        database
            .execute(insert, params![id, name, at, model])
            .unwrap();
    }
    let insert = "INSERT INTO messages (message_id, session_id, role, content_json, created_timestamp, metadata_json)
        VALUES (?1, '20260302_1', ?2, ?3, ?4, ?5)";
    for message in session["conversation"].as_array().unwrap() {
        let created = message["created"].as_i64().unwrap();
        let metadata = message.get("metadata").map(Value::to_string);
        database
            .execute(
                insert,
                params![
                    message["id"].as_str(),
                    message["role"].as_str(),
                    message["content"].to_string(),
                    // As older versions wrote them, all are seconds here: goose orders by them.
                    if created > 10_000_000_000 {
                        created / 1_000
                    } else {
                        created
                    },
                    metadata
                ],
            )
            .unwrap();
    }
    path
}

#[test]
fn a_session_in_the_database_is_that_of_its_export() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let limits = Limits::default();
    let exported = goose(export().as_slice(), &limits).unwrap();
    let before = std::fs::read(&path).unwrap();
    let imported = goose_database(&path, Some("20260302_1"), &limits).unwrap();
    assert_eq!(imported.state.conversation, exported.state.conversation);
    assert_eq!(imported.context, exported.context);
    assert_eq!(
        imported.state.work.usage_by_model,
        exported.state.work.usage_by_model
    );
    assert_eq!(imported.id, exported.id);
    assert_eq!(imported.about().unwrap()["cwd"], "/home/ada/weather");
    assert_eq!(imported.left_out.count(Reason::Malformed), 1);
    // The one that was written last, where none is named.
    let last = goose_database(&path, None, &limits).unwrap();
    assert_eq!(last.state, imported.state);
    // Reading leaves it as it was, and nothing beside it.
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let error = goose_database(&path, Some("nobody"), &limits).unwrap_err();
    assert!(
        matches!(&error, ImportError::NoSession(id) if id == "nobody"),
        "{error}"
    );
}

#[test]
fn sessions_are_listed_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let sessions = goose_sessions(&path, 10).unwrap();
    let listed: Vec<_> = sessions
        .iter()
        .map(|s| (s.id.as_str(), s.title.as_str(), s.messages))
        .collect();
    assert_eq!(
        listed,
        [("20260302_1", "Empty chart", 8), ("20260301_1", "older", 0)]
    );
    assert_eq!(goose_sessions(&path, 1).unwrap().len(), 1);
}

#[test]
fn a_database_is_read_while_goose_writes_it_and_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let writer = Connection::open(&path).unwrap();
    writer.pragma_update(None, "journal_mode", "WAL").unwrap();
    writer
        .execute_batch("BEGIN IMMEDIATE; UPDATE sessions SET name = 'later'")
        .unwrap();
    let imported = goose_database(&path, None, &Limits::default()).unwrap();
    assert_eq!(imported.about().unwrap()["title"], "Empty chart");
    writer.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn a_message_that_is_too_long_keeps_nobody_from_other_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let insert = "INSERT INTO messages (session_id, role, content_json, created_timestamp)
        VALUES ('20260301_1', 'user', zeroblob(70 << 20), 1)";
    Connection::open(&path)
        .unwrap()
        .execute(insert, [])
        .unwrap();
    let limits = Limits::default();
    assert_eq!(goose_sessions(&path, 9).unwrap().len(), 2);
    let imported = goose_database(&path, Some("20260302_1"), &limits).unwrap();
    assert!(!imported.state.conversation.is_empty());
    let error = goose_database(&path, Some("20260301_1"), &limits).unwrap_err();
    assert!(matches!(error, ImportError::TooLarge { .. }), "{error}");
}

#[test]
fn a_database_that_is_hostile_or_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits::default();
    let path = database(folder.path());
    let small: Limits = serde_json::from_str(r#"{"line_bytes": 100}"#).unwrap();
    let error = goose_database(&path, None, &small).unwrap_err();
    assert!(matches!(error, ImportError::TooLarge { .. }), "{error}");
    let bytes = std::fs::read(&path).unwrap();
    let error = any(bytes.as_slice(), &limits).unwrap_err();
    assert!(matches!(error, ImportError::IsDatabase), "{error}");

    let other = folder.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let none = folder.path().join("none.db");
    for path in [&other, &none] {
        let error = goose_database(path, None, &limits).unwrap_err();
        assert!(matches!(error, ImportError::Database(_)), "{error}");
    }
    assert!(!none.exists());
    // One whose rows have no end.
    let view = folder.path().join("view.db");
    let endless = SCHEMA.replace("CREATE TABLE sessions (", "CREATE TABLE others (")
        + "CREATE VIEW sessions AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n)
            SELECT id, '' AS name, id AS updated_at FROM n;";
    Connection::open(&view)
        .unwrap()
        .execute_batch(&endless)
        .unwrap();
    let error = goose_sessions(&view, 1).unwrap_err();
    assert!(error.to_string().contains("no tables"), "{error}");
    // Every page damaged once.
    for at in (0..bytes.len()).step_by(257) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        std::fs::write(&path, &damaged).unwrap();
        if let Ok(imported) = goose_database(&path, None, &limits) {
            assert!(imported.state.conversation.len() <= 16);
        }
    }
}
