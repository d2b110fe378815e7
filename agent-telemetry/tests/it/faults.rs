//! Damage anywhere in a database: an error that says so, never a panic and never a removed file.

use std::fs;

use agent_primitives::Timestamp;
use agent_telemetry::{
    Metric, Period, Record, Sink, SqliteSink, SqliteStore, StoreError, Telemetry,
};

use crate::story::{self, LONG};

fn numbered(number: u32) -> Record {
    Record::new(Timestamp::UNIX_EPOCH, Metric::count("number", number))
}

/// Two bytes of the head say which programs may write the file.
fn is_told(error: &StoreError) -> bool {
    error.is_corrupt() || error.is_foreign() || error.is_newer_schema() || error.is_read_only()
}

/// Everything that a program does with a database.
fn use_it(path: &std::path::Path) -> Result<(), StoreError> {
    {
        let store = SqliteStore::open_read_only(path)?;
        store.stats()?;
        store.rollups(Period::ALL)?;
    }
    let mut sink = SqliteSink::open(path)?;
    let write = sink.write(&story::records());
    if let Err(error) = write {
        let cause = std::error::Error::source(&error).unwrap();
        let cause = cause.downcast_ref::<StoreError>().unwrap();
        assert!(is_told(cause), "{cause:?}");
    }
    sink.prune().map(drop)
}

#[test]
fn damage_is_said_whichever_page_it_is_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    SqliteSink::open(&path)
        .unwrap()
        .write(&story::records())
        .unwrap();
    let whole = fs::read(&path).unwrap();
    let (mut damaged, mut unharmed) = (0, 0);
    for page in 0..whole.len() / 4_096 {
        let mut bytes = whole.clone();
        // The head of the page, which says what is in it.
        let head = page * 4_096 + if page == 0 { 100 } else { 0 };
        for byte in &mut bytes[head..head + 12] {
            *byte ^= 0x5a;
        }
        fs::write(&path, &bytes).unwrap();
        match use_it(&path) {
            Ok(()) => unharmed += 1,
            Err(error) => {
                assert!(
                    error.is_corrupt() || error.is_foreign(),
                    "{page}: {error:?}"
                );
                damaged += 1;
            }
        }
        for beside in ["telemetry.db-wal", "telemetry.db-shm"] {
            let _ = fs::remove_file(folder.path().join(beside));
        }
    }
    // Pages of tables that hold no rows yet are written anew, or not looked at.
    println!("damage: {damaged} pages said, {unharmed} not met");
    assert!(damaged > unharmed, "{damaged} {unharmed}");
}

#[test]
fn any_byte_may_be_wrong_and_any_end_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    SqliteSink::open(&path)
        .unwrap()
        .write(&story::records())
        .unwrap();
    let whole = fs::read(&path).unwrap();
    let mut told = 0;
    let mut check = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).unwrap();
        if let Err(error) = use_it(&path) {
            assert!(is_told(&error), "{what}: {error:?}");
            told += 1;
        }
        for beside in ["telemetry.db-wal", "telemetry.db-shm"] {
            let _ = fs::remove_file(folder.path().join(beside));
        }
    };
    // Much of the head, and some of all the rest.
    let flips = (0..100)
        .step_by(3)
        .chain((100..whole.len()).step_by(whole.len() / 25));
    for at in flips {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x81;
        check(&bytes, &format!("byte {at}"));
    }
    for end in (0..whole.len()).step_by(whole.len() / 10) {
        check(&whole[..end], &format!("first {end} bytes"));
    }
    println!("wrong bytes and missing ends: {told} told");
    assert!(told > 15, "{told}");
}

#[test]
fn damaged_database_is_set_aside_and_nothing_that_waits_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let telemetry = Telemetry::builder(SqliteSink::open(&path).unwrap())
        .window(LONG)
        .start()
        .unwrap();
    telemetry.record(numbered(1));
    telemetry.flush(LONG).unwrap();
    // Another program turns the tables of sums into nonsense.
    let sql = rusqlite::Connection::open(&path).unwrap();
    sql.execute("UPDATE rollup_agents SET records = -1", [])
        .unwrap();
    drop(sql);
    telemetry.record(numbered(2));
    let error = telemetry.flush(LONG).unwrap_err();
    let refusal = std::error::Error::source(&error).unwrap();
    let cause = refusal.source().unwrap().downcast_ref::<StoreError>();
    assert!(cause.unwrap().is_corrupt(), "{cause:?}");

    let aside = SqliteSink::set_aside(&path).unwrap();
    assert!(
        telemetry.flush(LONG).unwrap_err().is_sink(),
        "says that it was moved"
    );
    telemetry.flush(LONG).unwrap();
    assert_eq!(telemetry.dropped().total(), 0);
    drop(telemetry);
    let stored = |path| {
        let store = SqliteStore::open_read_only(path).unwrap();
        store.records().collect::<Result<Vec<_>, _>>().unwrap()
    };
    assert_eq!(stored(&path), [numbered(2)]);
    assert_eq!(stored(&aside), [numbered(1)], "what can be saved");
    let second = SqliteSink::set_aside(&path).unwrap();
    assert!(second.ends_with("telemetry.db.aside-2"), "{second:?}");
    assert!(SqliteSink::set_aside(&path).unwrap_err().is_missing());
}
