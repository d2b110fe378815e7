//! What is said when the server refuses, and that nothing of the batch is stored then.

use std::error::Error;

use agent_primitives::Timestamp;
use agent_telemetry::{
    Metric, PostgresConfig, PostgresError, PostgresSink, PostgresStore, Record, Sink, SinkError,
};

use super::server::{Place, Server, skip};
use super::store::{sink, stored};

fn numbered(number: u32) -> Record {
    Record::new(Timestamp::UNIX_EPOCH, Metric::count("number", number))
}

/// What a refusal is to be.
type Is = fn(&PostgresError) -> bool;

fn cause(error: &SinkError) -> &PostgresError {
    error.source().unwrap().downcast_ref().unwrap()
}

#[test]
fn refusals_of_the_server_are_told_apart_and_the_batch_is_stored_afterwards() {
    let Some(place) = Place::new() else { return };
    let mut sink = sink(&place);
    sink.write(&[numbered(0)]).unwrap();
    let mut sql = place.sql();
    let mut expected = vec![numbered(0)];
    let refusals: [(&str, Is); 9] = [
        ("53100", PostgresError::is_full),
        ("XX001", PostgresError::is_corrupt),
        ("25006", PostgresError::is_read_only),
        ("42501", PostgresError::is_denied),
        ("55P03", PostgresError::is_locked),
        ("40001", PostgresError::is_locked),
        ("57P01", PostgresError::is_unreachable),
        ("53300", PostgresError::is_unreachable),
        ("42P01", PostgresError::is_missing),
    ];
    for (number, (code, is)) in (1..).zip(refusals) {
        sql.batch_execute(&format!(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$;
             CREATE TRIGGER refuse AFTER INSERT ON metrics FOR EACH STATEMENT
             EXECUTE FUNCTION refuse();"
        ))
        .unwrap();
        let error = sink.write(&[numbered(number)]).unwrap_err();
        assert!(is(cause(&error)), "{code}: {:?}", cause(&error));
        assert!(cause(&error).source().is_some(), "{code}");
        sql.batch_execute("DROP TRIGGER refuse ON metrics").unwrap();
        sink.write(&[numbered(number)]).unwrap();
        expected.push(numbered(number));
    }
    assert_eq!(stored(&place), expected);
}

#[test]
fn writer_that_another_program_keeps_out_says_so_and_goes_on_afterwards() {
    let Some(mut place) = Place::new() else {
        return;
    };
    place.config.lock_timeout_ms = 20;
    let mut sink = sink(&place);
    let mut sql = place.sql();
    let mut holding = sql.transaction().unwrap();
    holding
        .batch_execute("SELECT next FROM sequence FOR UPDATE")
        .unwrap();
    let error = sink.write(&[numbered(1)]).unwrap_err();
    assert!(cause(&error).is_locked(), "{:?}", cause(&error));
    holding.commit().unwrap();
    sink.write(&[numbered(1)]).unwrap();
    assert_eq!(stored(&place), [numbered(1)]);
}

#[test]
fn schema_of_a_newer_version_or_of_something_else_stays_as_it_is() {
    let Some(place) = Place::new() else { return };
    let connect = || PostgresSink::connect(&place.config).unwrap_err();
    let read = || PostgresStore::connect(&place.config).unwrap_err();
    assert!(read().is_missing());
    let mut sql = place.sql();
    let schema = &place.config.schema;
    sql.batch_execute(&format!(
        "CREATE SCHEMA {schema}; CREATE TABLE names (mine text)"
    ))
    .unwrap();
    assert!(connect().is_foreign() && read().is_foreign());
    assert_eq!(place.number("SELECT count(*) FROM names"), 0);
    sql.batch_execute("DROP TABLE names; CREATE TABLE schema_version (version text)")
        .unwrap();
    assert!(connect().is_foreign() || connect().is_corrupt());
    sql.batch_execute("DROP TABLE schema_version").unwrap();
    // A schema without anything in it may have been made by whoever has the right to.
    sink(&place).write(&[numbered(1)]).unwrap();
    sql.batch_execute("UPDATE schema_version SET version = 99")
        .unwrap();
    let error = connect();
    assert!(error.is_newer_schema() && read().is_newer_schema());
    assert!(error.to_string().contains("schema 99"), "{error}");
    assert_eq!(place.number("SELECT version FROM schema_version"), 99);
}

#[test]
fn schema_that_is_removed_under_a_sink_is_made_anew() {
    let Some(place) = Place::new() else { return };
    let mut sink = sink(&place);
    sink.write(&[numbered(1)]).unwrap();
    let drop = format!("DROP SCHEMA {} CASCADE", place.config.schema);
    place.sql().batch_execute(&drop).unwrap();
    let error = sink.write(&[numbered(2)]).unwrap_err();
    assert!(cause(&error).is_missing(), "{:?}", cause(&error));
    sink.write(&[numbered(2)]).unwrap();
    assert_eq!(stored(&place), [numbered(2)]);
}

#[test]
fn rows_that_make_no_sense_are_said() {
    let Some(place) = Place::new() else { return };
    sink(&place).write(&[numbered(1)]).unwrap();
    let mut sql = place.sql();
    let mut store = PostgresStore::connect(&place.config).unwrap();
    for (nonsense, undone) in [
        (
            "UPDATE metrics SET unit = 'miles'",
            "UPDATE metrics SET unit = 'count'",
        ),
        (
            "UPDATE metrics SET metric = 99",
            "UPDATE metrics SET metric = 1",
        ),
        (
            "ALTER TABLE metrics RENAME unit TO per",
            "ALTER TABLE metrics RENAME per TO unit",
        ),
    ] {
        sql.batch_execute(nonsense).unwrap();
        let error = store.stats().unwrap_err();
        assert!(error.is_corrupt(), "{nonsense}: {error:?}");
        sql.batch_execute(undone).unwrap();
        assert_eq!(store.records().count(), 1);
    }
    sql.batch_execute("UPDATE rollup_agents SET records = -1")
        .unwrap();
    let error = store.rollups(agent_telemetry::Period::ALL).unwrap_err();
    assert!(error.is_corrupt(), "{error:?}");
    let refused = || sink(&place).write(&[numbered(2)]).unwrap_err();
    assert!(cause(&refused()).is_corrupt(), "{:?}", refused());
    sql.batch_execute("DELETE FROM sequence").unwrap();
    assert!(cause(&refused()).is_corrupt(), "{:?}", refused());
}

#[test]
fn view_that_others_are_made_of_stays_and_the_sink_works() {
    let Some(place) = Place::new() else { return };
    drop(sink(&place));
    let mut sql = place.sql();
    sql.batch_execute(
        "UPDATE schema_version SET views = 'older';
         DROP VIEW v_tools; CREATE VIEW v_tools AS SELECT 1 AS other, 2 AS tool;
         CREATE VIEW mine AS SELECT tool FROM v_tools",
    )
    .unwrap();
    sink(&place).write(&[numbered(1)]).unwrap();
    let old = "SELECT count(*) FROM schema_version WHERE views = 'older'";
    assert_eq!(place.number(old), 1);
    sql.batch_execute("DROP VIEW mine; DROP VIEW v_agents")
        .unwrap();
    drop(sink(&place));
    assert_eq!(place.number(old), 0);
    assert_eq!(place.number("SELECT count(*) FROM v_agents"), 1);
}

#[test]
fn sink_and_store_work_within_a_runtime() {
    let Some(place) = Place::new() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut sink = sink(&place);
        sink.user_key().unwrap();
        sink.write(&[numbered(1)]).unwrap();
        sink.prune().unwrap();
        drop(sink);
        let mut store = PostgresStore::connect(&place.config).unwrap();
        assert_eq!(store.records().count(), 1);
        assert_eq!(store.stats().unwrap().overview.records, 1);
    });
}

#[test]
fn user_that_the_server_does_not_admit_is_said_without_the_password() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    let place = Place::on(&server);
    drop(sink(&place));
    let mut sql = place.sql();
    sql.batch_execute(&format!(
        "CREATE ROLE eve LOGIN PASSWORD 'hunter2';
         CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA {0} TO reader;
         GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO reader;",
        place.config.schema
    ))
    .unwrap();
    let port = server.port();
    let connect = |user: &str| {
        let address = format!("host=127.0.0.1 port={port} dbname=postgres {user}");
        let mut config = PostgresConfig::new(address);
        config.schema.clone_from(&place.config.schema);
        config
    };
    for wrong in [
        "user=eve password=hunter3",
        "user=eve",
        "user=nobody-at-all",
    ] {
        let error = PostgresSink::connect(connect(wrong)).unwrap_err();
        assert!(error.is_denied(), "{wrong}: {error:?}");
        assert!(
            !format!("{error:?} {error}").contains("hunter"),
            "{error:?}"
        );
    }
    // Who has the password and no rights.
    let error = PostgresSink::connect(connect("user=eve password=hunter2"))
        .and_then(|mut sink| sink.prune())
        .unwrap_err();
    assert!(error.is_denied(), "{error:?}");
    // Who may read reads, and writes nothing.
    let mut store = PostgresStore::connect(connect("user=reader")).unwrap();
    assert_eq!(store.records().count(), 0);
    let mut other = PostgresSink::connect(connect("user=reader")).unwrap();
    let error = other.write(&[numbered(1)]).unwrap_err();
    assert!(cause(&error).is_denied(), "{:?}", cause(&error));
    let nowhere = PostgresStore::connect(connect("user=ada").connection.replace("=postgres", "=x"));
    assert!(nowhere.unwrap_err().is_missing());
    // Of another encoding, in which not every text can be written.
    sql.batch_execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
        .unwrap();
    let latin = PostgresSink::connect(
        connect("user=ada")
            .connection
            .replace("=postgres", "=latin"),
    );
    assert!(latin.unwrap_err().is_foreign());
}
