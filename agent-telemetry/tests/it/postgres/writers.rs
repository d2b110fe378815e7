//! Several writers at once: sums are right, numbers are in the order of commits, and nobody waits for
//! ever.

use std::thread;

use agent_primitives::Timestamp;
use agent_telemetry::{
    Body, Metric, Outcome, Period, PostgresSink, PostgresStore, Record, Retention, Rollups,
    SessionEnd, SessionStart, Sink, ToolCall, ToolOutcome,
};

use super::server::Place;
use super::store::{sink, stored};
use crate::story::{agent, session_id, tool};

const DAY: i64 = 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_seconds(second)
}

/// Names that all writers share, and each in another order.
fn work(writer: u32, batch: u32) -> Vec<Record> {
    let tools = ["grep", "edit", "build", "test"].map(tool);
    let mut records: Vec<Record> = (0..20_u32)
        .map(|number| {
            let minute = i64::from((number * 7 + writer) % 5) * 60;
            let body: Body = if number % 2 == 0 {
                let tool = tools.iter().cycle().nth((number + writer) as usize);
                let time = std::time::Duration::from_millis(u64::from(number + batch));
                ToolCall::new(tool.unwrap().clone(), ToolOutcome::Ok, time).into()
            } else {
                Metric::count("work", number).into()
            };
            Record::new(at(minute), body).of_agent(agent("coder"))
        })
        .collect();
    // A session that all take part in: the first mark of all says what kind of work it is.
    let session = session_id(&format!("s{}", batch % 3));
    let start = SessionStart::new(session.clone(), agent("coder"));
    let task = start.task_type(format!("task-{writer}")).task;
    records.push(Record::new(at(60), Body::SessionResume(task)).of_session(session.clone()));
    let end = SessionEnd::new(Outcome::Success, std::time::Duration::ZERO);
    records.push(Record::new(at(61), end).of_session(session));
    if writer.is_multiple_of(2) {
        records.reverse();
    }
    records
}

#[test]
fn writers_at_once_leave_right_sums_and_each_its_order() {
    const WRITERS: u32 = 4;
    const BATCHES: u32 = 12;
    let Some(place) = Place::new() else { return };
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let place = &place;
            // All find no schema and want to make it.
            scope.spawn(move || {
                let mut sink = sink(place);
                for batch in 0..BATCHES {
                    sink.write(&work(writer, batch)).unwrap();
                }
            });
        }
    });
    let found = stored(&place);
    assert_eq!(found.len(), (WRITERS * BATCHES * 22) as usize);
    // Batches stay together, each writer's in its order.
    let mut next = [0; WRITERS as usize];
    for batch in found.chunks(22) {
        let writer = (0..WRITERS).find(|it| batch == work(*it, next[*it as usize]));
        next[writer.expect("a batch as it was written") as usize] += 1;
    }
    assert_eq!(next, [BATCHES; WRITERS as usize]);
    let sums = PostgresStore::connect(&place.config)
        .unwrap()
        .rollups(Period::ALL)
        .unwrap();
    // Measurements are whole numbers, whose sums are exact in any order.
    assert_eq!(sums.rollups, Rollups::of(&found, Period::ALL));
    assert_eq!(
        place.number("SELECT count(*) FROM writers"),
        i64::from(WRITERS)
    );
    assert_eq!(
        place.number("SELECT count(*) - count(DISTINCT name) FROM names"),
        0
    );
    assert_eq!(
        place.number("SELECT s.next - r.next FROM sequence s, rollup_state r"),
        0
    );
}

#[test]
fn what_another_writer_removed_does_not_come_back() {
    let Some(place) = Place::new() else { return };
    let measured = |second| [Record::new(at(second), Metric::count("files", 1))];
    let mut one = sink(&place);
    one.write(&measured(0)).unwrap();
    let mut other = PostgresSink::connect(&place.config)
        .unwrap()
        .retention(Retention::default());
    other.write(&measured(400 * DAY)).unwrap();
    assert!(other.prune().unwrap().done);
    // The first one remembers sums of that minute, which are gone.
    one.write(&measured(1)).unwrap();
    let records = "SELECT records FROM rollup_agents WHERE start = 0 AND span = 60";
    assert_eq!(place.number(records), 1);
}

#[test]
fn transaction_that_the_server_undoes_for_another_is_tried_again() {
    let Some(place) = Place::new() else { return };
    let mut sink = sink(&place);
    sink.write(&work(0, 0)).unwrap();
    // A server that finds a deadlock twice, and once that transactions cannot be put in a row.
    place
        .sql()
        .batch_execute(
            "CREATE SEQUENCE refusals;
             CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 CASE nextval('refusals')
                     WHEN 1, 2 THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01';
                     WHEN 3 THEN RAISE EXCEPTION 'order' USING ERRCODE = '40001';
                     ELSE RETURN NULL;
                 END CASE;
             END $$;
             CREATE TRIGGER refuse AFTER INSERT ON metrics FOR EACH STATEMENT
             EXECUTE FUNCTION refuse();",
        )
        .unwrap();
    sink.write(&work(0, 1)).unwrap();
    assert_eq!(place.number("SELECT last_value FROM refusals"), 4);
    let found = stored(&place);
    assert_eq!(found, [work(0, 0), work(0, 1)].concat());
    let sums = PostgresStore::connect(&place.config)
        .unwrap()
        .rollups(Period::ALL)
        .unwrap();
    assert_eq!(sums.rollups, Rollups::of(&found, Period::ALL));
}

#[test]
fn sinks_share_one_key_for_people() {
    let Some(place) = Place::new() else { return };
    let keys = thread::scope(|scope| {
        let key = || sink(&place).user_key().unwrap().to_bytes();
        let keys = [scope.spawn(key), scope.spawn(key), scope.spawn(key)];
        keys.map(|key| key.join().unwrap())
    });
    assert_eq!(keys, [keys[0]; 3]);
    // Whatever the order in which they asked.
    let another = "INSERT INTO store_key VALUES ('0123456789abcdef')";
    assert!(place.sql().batch_execute(another).is_err());
    assert_eq!(place.number("SELECT count(*) FROM store_key"), 1);
}
