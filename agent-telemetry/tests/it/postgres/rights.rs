//! Users that own nothing: they write and read although the views are of another version.

use agent_primitives::Timestamp;
use agent_telemetry::{Metric, PostgresConfig, PostgresSink, PostgresStore, Record, Sink};

use super::server::{Place, Server, skip};
use super::store::sink;

fn numbered(number: u32) -> Record {
    Record::new(Timestamp::UNIX_EPOCH, Metric::count("number", number))
}

#[test]
fn views_of_another_version_keep_no_writer_out_and_take_no_rights_away() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    let place = Place::on(&server);
    drop(sink(&place));
    let schema = &place.config.schema;
    let mut sql = place.sql();
    sql.batch_execute(&format!(
        "CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA {schema} TO reader;
         GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader;
         CREATE ROLE writer LOGIN; GRANT USAGE ON SCHEMA {schema} TO writer;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO writer;"
    ))
    .unwrap();
    let port = server.port();
    let connect = |user: &str| {
        let address = format!("host=127.0.0.1 port={port} dbname=postgres user={user}");
        let mut config = PostgresConfig::new(address);
        config.schema.clone_from(schema);
        config
    };
    let grow_old = format!("UPDATE {schema}.schema_version SET views = 'old'");
    let views = format!("SELECT count(*) FROM {schema}.schema_version WHERE views = 'old'");

    sql.batch_execute(&grow_old).unwrap();
    let mut writer = PostgresSink::connect(connect("writer")).unwrap();
    writer.write(&[numbered(1)]).unwrap();
    assert_eq!(place.number(&views), 1, "they stay as they are");

    drop(sink(&place));
    assert_eq!(place.number(&views), 0, "their owner replaces them");
    let mut reader = PostgresStore::connect(connect("reader")).unwrap();
    assert_eq!(reader.records().count(), 1);
    let can =
        format!("SELECT has_table_privilege('reader', '{schema}.v_tools', 'SELECT')::int::bigint");
    assert_eq!(place.number(&can), 1, "who could read them still can");

    // One with other columns is made anew.
    sql.batch_execute(&format!(
        "DROP VIEW {schema}.v_tools; CREATE VIEW {schema}.v_tools AS SELECT 1 AS other; {grow_old}"
    ))
    .unwrap();
    drop(sink(&place));
    assert_eq!(place.number(&views), 0);
    assert_eq!(
        place.number(&format!("SELECT count(tool) FROM {schema}.v_tools")),
        0
    );
}

#[test]
fn a_limit_on_statements_holds_up_no_batch() {
    let Some(place) = Place::new() else { return };
    let mut config = place.config.clone();
    config.connection += " options='-c statement_timeout=40'";
    config.lock_timeout_ms = u32::MAX;
    let mut sink = PostgresSink::connect(&config).unwrap();
    let many: Vec<_> = (0..80_000).map(numbered).collect();
    sink.write(&many).unwrap();
    assert_eq!(
        PostgresStore::connect(&place.config)
            .unwrap()
            .records()
            .count(),
        80_000
    );
}
