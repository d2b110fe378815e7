//! Running totals beside the report over the same records.

use std::time::Duration;

use agent_primitives::{FailureKind, ManualClock, Timestamp, TokenUsage};
use agent_telemetry::{
    Body, Live, LiveConfig, LiveItem, LiveTotals, MemorySink, ModelCall, Outcome, SessionStart,
    Stats, Telemetry, ToolOutcome,
};

use super::{next_record, number, numbered};
use crate::story::{self, LONG, agent, model, provider, recorder, session_id, tool};

fn replayed() -> (LiveTotals, Stats) {
    let records = story::records();
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    let live = telemetry.subscribe(LiveConfig::new()).unwrap();
    for record in &records {
        telemetry.record(record.clone());
    }
    telemetry.flush(LONG).unwrap();
    (live.totals(), Stats::of(&records))
}

#[test]
fn totals_agree_with_the_report_over_the_same_records() {
    let (totals, stats) = replayed();
    let overview = &stats.overview;
    assert_eq!(totals.records, overview.records);
    assert_eq!(totals.sums.model_calls, overview.model_calls);
    assert_eq!(totals.sums.tool_calls, overview.tool_calls);
    assert_eq!(totals.sums.usage, overview.usage);
    assert_eq!(totals.sums.cost, stats.cost.total);
    assert_eq!(totals.sums.unpriced, stats.cost.unpriced_calls);
    assert_eq!(totals.retries, stats.quality.retries);
    let failed: u64 = stats.quality.failures.iter().map(|it| it.calls).sum();
    assert_eq!(totals.failures.values().sum::<u64>(), failed);
    assert_eq!(totals.sums.model_failures, failed);
    assert!(failed > 0 && totals.sums.unpriced > 0, "the story has both");
    assert_eq!(totals.last_minute.sums, totals.sums);
}

#[test]
fn totals_come_back_from_json() {
    let (totals, _) = replayed();
    let json = serde_json::to_string(&totals).unwrap();
    assert_eq!(serde_json::from_str::<LiveTotals>(&json).unwrap(), totals);
    assert!(json.starts_with(r#"{"schema":1,"since":"#), "{json}");
}

#[test]
fn a_session_runs_until_the_last_of_its_agents_has_ended() {
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    let old = telemetry.session(SessionStart::new(session_id("old"), agent("a")));
    let live = telemetry.subscribe(LiveConfig::new()).unwrap();
    let running = |telemetry: &Telemetry| {
        telemetry.flush(LONG).unwrap();
        let totals = live.totals();
        (totals.sessions_running, totals.sessions_ended)
    };
    let a = telemetry.session(SessionStart::new(session_id("s"), agent("a")));
    let b = telemetry.session(SessionStart::new(session_id("s"), agent("b")));
    assert_eq!(running(&telemetry), (1, 0));
    a.end(Outcome::Success);
    assert_eq!(running(&telemetry), (1, 0));
    // One that began before the subscription is known from its first call.
    old.tool_call(tool("grep")).ok();
    assert_eq!(running(&telemetry), (2, 0));
    b.end(Outcome::Failed);
    assert_eq!(running(&telemetry), (1, 1));
    old.end(Outcome::Success);
    assert_eq!(running(&telemetry), (0, 2));
    let totals = live.totals();
    assert_eq!((totals.sessions_started, totals.sessions_succeeded), (2, 1));
}

#[test]
fn totals_come_once_in_each_interval_of_the_recorder_s_clock() {
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_000));
    let telemetry = recorder(MemorySink::new(), &clock);
    let config = LiveConfig::new().totals_every(Duration::from_secs(10));
    let mut live = telemetry.subscribe(config).unwrap();
    let session = telemetry.session(SessionStart::new(session_id("s"), agent("a")));
    assert!(matches!(next_record(&mut live).body, Body::SessionStart(_)));
    clock.advance(Duration::from_millis(9_999));
    assert!(live.try_recv().unwrap_err().is_empty());
    clock.advance(Duration::from_millis(1));
    let Ok(LiveItem::Totals(totals)) = live.recv(LONG) else {
        panic!("no totals");
    };
    assert_eq!((totals.sessions_running, totals.records), (1, 1));
    assert_eq!(totals.at.since(totals.since), Duration::from_secs(10));
    assert!(live.try_recv().unwrap_err().is_empty(), "once");
    // Ahead of what waits, so that a flood of records does not keep them back.
    session
        .tool(tool("grep"))
        .record(ToolOutcome::Ok, Duration::ZERO);
    telemetry.flush(LONG).unwrap();
    clock.advance(Duration::from_secs(10));
    assert!(matches!(live.try_recv(), Ok(LiveItem::Totals(_))));
    assert!(matches!(next_record(&mut live).body, Body::ToolCall(_)));
}

#[test]
fn totals_come_at_most_once_a_millisecond() {
    let clock = ManualClock::default();
    let telemetry = recorder(MemorySink::new(), &clock);
    let often = LiveConfig::new().totals_every(Duration::ZERO);
    let mut live = telemetry.subscribe(often).unwrap();
    for _ in 0..3 {
        assert!(live.try_recv().unwrap_err().is_empty());
        clock.advance(Duration::from_micros(999));
        assert!(live.try_recv().unwrap_err().is_empty());
        clock.advance(Duration::from_micros(1));
        assert!(matches!(live.try_recv(), Ok(LiveItem::Totals(_))));
    }
}

/// What the next reads say, each after a second in which `records` more are recorded.
fn reads(live: &mut Live, clock: &ManualClock, count: u32, mut records: impl FnMut()) -> String {
    let read = |_| {
        records();
        clock.advance(Duration::from_secs(1));
        match live.try_recv().unwrap() {
            LiveItem::Totals(_) => "totals ".to_owned(),
            LiveItem::Missed(records) => format!("-{records} "),
            LiveItem::Record(record) => format!("{} ", number(&record).unwrap()),
            other => panic!("{other:?}"),
        }
    };
    (0..count).map(read).collect()
}

#[test]
fn totals_that_come_faster_than_reads_keep_back_no_record() {
    let clock = ManualClock::default();
    let telemetry = recorder(MemorySink::new(), &clock);
    let often = LiveConfig::new().totals_every(Duration::from_millis(1));
    let mut live = telemetry.subscribe(often).unwrap();
    for number in 0..3 {
        telemetry.record(numbered(number));
    }
    telemetry.flush(LONG).unwrap();
    assert_eq!(
        reads(&mut live, &clock, 8, || {}),
        "totals 0 totals 1 totals 2 totals totals "
    );
}

#[test]
fn gaps_and_totals_at_every_read_keep_back_no_record_and_stand_where_they_are() {
    let clock = ManualClock::default();
    let telemetry = recorder(MemorySink::new(), &clock);
    let room = |config: LiveConfig| config.capacity(2.try_into().unwrap());
    let mut live = telemetry.subscribe(room(LiveConfig::new())).unwrap();
    let alone = room(LiveConfig::new().without_totals());
    let mut alone = telemetry.subscribe(alone).unwrap();
    let mut next = 0;
    let mut flood = || {
        for _ in 0..4 {
            telemetry.record(numbered(next));
            next += 1;
        }
        telemetry.flush(LONG).unwrap();
    };
    assert_eq!(
        reads(&mut live, &clock, 7, &mut flood),
        "totals -6 6 totals -11 18 totals "
    );
    // Each gap ends where the record behind it begins.
    assert_eq!(reads(&mut alone, &clock, 4, &mut flood), "-30 30 -7 38 ");
}

#[test]
fn the_last_minute_forgets_what_is_older_and_gives_rates() {
    let clock = ManualClock::default();
    let telemetry = recorder(MemorySink::new(), &clock);
    let live = telemetry.subscribe(LiveConfig::new()).unwrap();
    let session = telemetry.session(SessionStart::new(session_id("s"), agent("a")));
    assert_eq!(live.totals().last_minute.per_minute(3), None);
    let call = |cost: &str| {
        let call = ModelCall::new(provider("p"), model("m"))
            .usage(TokenUsage::new(600, 0))
            .cost(cost.parse().unwrap());
        session.model_call(call);
        telemetry.flush(LONG).unwrap();
    };
    call("1");
    clock.advance(Duration::from_secs(30));
    call("2");
    let minute = live.totals().last_minute;
    assert_eq!(minute.per_minute(minute.sums.usage.total()), Some(2_400.0));
    assert_eq!(minute.cost_per_hour(), Some("360".parse().unwrap()));
    clock.advance(Duration::from_secs(45));
    let minute = live.totals().last_minute;
    assert_eq!(
        (minute.sums.model_calls, minute.sums.cost),
        (1, "2".parse().unwrap())
    );
    session.model_call(ModelCall::new(provider("p"), model("m")).failed(FailureKind::Timeout));
    telemetry.flush(LONG).unwrap();
    let totals = live.totals();
    assert_eq!(totals.failures[&FailureKind::Timeout], 1);
    assert_eq!(totals.last_minute.sums.failures(), 1);
    assert_eq!(totals.latency.unwrap().count, 2);
}
