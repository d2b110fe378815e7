//! What handles on many threads promise: order, bounds, fairness, rest.

use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::time::Duration;

use agent_primitives::{ManualClock, TokenUsage};
use agent_telemetry::{
    Answer, Body, MemorySink, Metric, Outcome, Parent, ProjectId, Record, SessionStart, Sink,
    SinkError, Stats, Telemetry, ToolOutcome,
};

use crate::story::{LONG, agent, model, provider, recorder, session_id, tool};

fn started(name: &str) -> SessionStart {
    SessionStart::new(session_id(name), agent("a"))
}

/// Sessions that wander from thread to thread, each of which records a call in passing; the last one
/// ends them.
#[test]
fn marks_keep_their_place_among_the_calls_of_other_threads() {
    const SESSIONS: u32 = 400;
    let sink = MemorySink::new();
    // So short that many batches are cut in the midst of it.
    let telemetry = Telemetry::builder(sink.clone())
        .window(Duration::from_micros(50))
        .start()
        .unwrap();
    std::thread::scope(|scope| {
        let (first, mut arrivals) = mpsc::sync_channel(4);
        for _ in 0..3 {
            let (next, behind) = mpsc::sync_channel(4);
            let here = std::mem::replace(&mut arrivals, behind);
            scope.spawn(move || {
                for (session, grep) in here {
                    let session: agent_telemetry::Session = session;
                    let grep: agent_telemetry::ToolHandle = grep;
                    grep.record(ToolOutcome::Ok, Duration::ZERO);
                    session.metric(Metric::count("seen", 1));
                    next.send((session, grep)).unwrap();
                }
            });
        }
        scope.spawn(move || {
            for (session, grep) in arrivals {
                grep.record(ToolOutcome::Failed, Duration::ZERO);
                session.end(Outcome::Success);
            }
        });
        for number in 0..SESSIONS {
            let session = telemetry.session(started(&format!("s{number}")));
            let grep = session.tool(tool("grep"));
            grep.record(ToolOutcome::Ok, Duration::ZERO);
            first.send((session, grep)).unwrap();
        }
    });
    telemetry.flush(LONG).unwrap();
    let all = sink.records();
    for number in 0..SESSIONS {
        let id = session_id(&format!("s{number}"));
        let of_session: Vec<&Record> = all
            .iter()
            .filter(|it| it.session.as_ref() == Some(&id))
            .collect();
        assert_eq!(of_session.len(), 10, "{id}");
        assert!(
            matches!(of_session[0].body, Body::SessionStart(_)),
            "{of_session:?}"
        );
        assert!(
            matches!(of_session[9].body, Body::SessionEnd(_)),
            "{of_session:?}"
        );
    }
    let stats = Stats::of(&all);
    assert_eq!(
        (stats.outcomes.success, stats.overview.crashes),
        (u64::from(SESSIONS), 0)
    );
}

#[test]
fn handles_record_what_the_session_would_and_may_outlive_it() {
    let sink = MemorySink::new();
    let clock = ManualClock::default();
    let telemetry = recorder(sink.clone(), &clock);
    let session = telemetry.session(started("s").project(ProjectId::new("shop").unwrap()));
    let claude = session.model(provider("claude"), model("claude-haiku-4-5"));
    let grep = session.tool(tool("grep"));
    let answer = Answer::new(TokenUsage::new(1_000, 100), Duration::from_millis(640));
    session.model_call(answer.of(provider("claude"), model("claude-haiku-4-5")));
    drop(session);
    claude.record(answer);
    let mut call = claude.begin();
    clock.advance(Duration::from_millis(200));
    call.first_token();
    clock.advance(Duration::from_millis(440));
    call.first_token();
    call.end(answer.latency(Duration::MAX));
    grep.record(ToolOutcome::Failed, Duration::from_millis(3));
    // Their places are used again by others, while the records are still on their way.
    drop((claude, grep));
    let other = telemetry.session(started("t"));
    let edit = other.tool(tool("edit"));
    edit.record(ToolOutcome::Ok, Duration::ZERO);
    telemetry.flush(LONG).unwrap();
    edit.record(ToolOutcome::Ok, Duration::ZERO);
    telemetry.flush(LONG).unwrap();

    let records = sink.records();
    let calls: Vec<_> = records
        .iter()
        .filter_map(|it| match &it.body {
            Body::ModelCall(call) => Some((it.project.clone(), it.session.clone(), call.clone())),
            _ => None,
        })
        .collect();
    assert_eq!((calls.len(), &calls[0]), (3, &calls[1]));
    let (_, _, measured) = &calls[2];
    assert_eq!(measured.latency, Duration::from_millis(640));
    assert_eq!(measured.first_token, Some(Duration::from_millis(200)));
    assert!(measured.streamed && measured.cost == calls[0].2.cost);
    assert_eq!(measured.cost.unwrap().to_string(), "$0.0015");
    let tools: Vec<(&str, &str)> = records
        .iter()
        .filter_map(|it| match &it.body {
            Body::ToolCall(call) => {
                Some((it.session.as_ref().unwrap().as_str(), call.tool.as_str()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(tools, [("s", "grep"), ("t", "edit"), ("t", "edit")]);
}

#[test]
fn sessions_of_one_id_in_two_projects_are_two() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    for name in ["shop", "site"] {
        let start = started("s").project(ProjectId::new(name).unwrap());
        telemetry.session(start).end(Outcome::Success);
    }
    telemetry.session(started("s")).end(Outcome::Failed);
    telemetry.flush(LONG).unwrap();
    let stats = Stats::of(sink.records());
    assert_eq!((stats.overview.sessions, stats.overview.crashes), (3, 0));
    assert_eq!((stats.outcomes.success, stats.outcomes.failed), (2, 1));
}

#[test]
fn subagents_name_their_parent_and_keep_its_project() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    let shop = ProjectId::new("shop").unwrap();
    let lead = telemetry.session(started("s").project(shop.clone()));
    let tester = lead.subagent(SessionStart::new(session_id("t"), agent("tester")));
    let helper = tester.subagent(SessionStart::new(session_id("u"), agent("helper")));
    drop((helper, tester, lead));
    telemetry.flush(LONG).unwrap();
    let parents: Vec<Option<Parent>> = sink
        .records()
        .iter()
        .filter_map(|it| {
            assert_eq!(it.project.as_ref(), Some(&shop));
            match &it.body {
                Body::SessionStart(task) => Some(task.parent.clone()),
                _ => None,
            }
        })
        .collect();
    let of = |session, name| Some(Parent::new(session_id(session)).agent(agent(name)));
    assert_eq!(parents, [None, of("s", "a"), of("t", "tester")]);
}

/// Says when a write begins, and ends it when told to.
struct Gate(mpsc::Sender<()>, mpsc::Receiver<()>);

impl Sink for Gate {
    fn write(&mut self, _: &[Record]) -> Result<(), SinkError> {
        self.0.send(()).map_err(SinkError::new)?;
        self.1.recv().map_err(SinkError::new)
    }
}

#[test]
fn thread_that_fills_the_queue_does_not_keep_out_the_others() {
    let (entered, has_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel();
    let telemetry = Telemetry::builder(Gate(entered, may_leave))
        .queue(NonZeroUsize::new(4_096).unwrap())
        .window(Duration::ZERO)
        .start()
        .unwrap();
    let session = telemetry.session(started("s"));
    let grep = session.tool(tool("grep"));
    has_entered.recv().unwrap();
    for _ in 0..5_000 {
        grep.record(ToolOutcome::Ok, Duration::ZERO);
    }
    let before = telemetry.health();
    assert!(before.dropped.queue_full > 0 && before.waiting > 3_500);
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| grep.record(ToolOutcome::Ok, Duration::ZERO));
        }
    });
    let after = telemetry.health();
    assert!(
        after.accepted > before.accepted && after.waiting <= 4_096,
        "{after:?}"
    );
    for _ in 0..4 {
        leave.send(()).unwrap();
    }
    let stored = telemetry.flush(LONG).unwrap().stored;
    assert_eq!(
        (stored, telemetry.dropped()),
        (after.accepted, after.dropped)
    );

    // The places are free again.
    for _ in 0..3_000 {
        grep.record(ToolOutcome::Ok, Duration::ZERO);
    }
    assert_eq!(telemetry.health().accepted, after.accepted + 3_000);
    for _ in 0..8 {
        leave.send(()).unwrap();
    }
}

#[test]
fn idle_recorder_does_not_wake_while_another_works() {
    let idle = recorder(MemorySink::new(), &ManualClock::default());
    let session = idle.session(started("s"));
    idle.flush(LONG).unwrap();
    // The flush wakes the writer, which then goes to sleep again: the next record finds it there.
    let busy = Telemetry::builder(MemorySink::new())
        .window(Duration::ZERO)
        .start()
        .unwrap();
    let work = || {
        for number in 0..50 {
            busy.session(started(&format!("t{number}")))
                .end(Outcome::Success);
            busy.flush(LONG).unwrap();
        }
    };
    work();
    let before = idle.health().wakeups;
    work();
    assert_eq!(idle.health().wakeups, before);
    assert!(idle.health().running);
    drop(session);
}
