//! How spans hang together.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use agent_primitives::ToolName;
use agent_telemetry::{Body, Outcome, Record, SessionEnd, Sink as _, Task, ToolCall, ToolOutcome};
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::render::hex;
use crate::server::Server;
use crate::story::{by_coder, story};

/// The spans that a server gets of these batches.
fn sent(batches: &[&[Record]]) -> Vec<Span> {
    let server = Server::start([]);
    let mut sink = crate::sink(&server).0.build().unwrap();
    for batch in batches {
        sink.write(batch).unwrap();
    }
    let traces = server
        .all()
        .into_iter()
        .filter(|it| it.path == "/v1/traces");
    let scopes = traces.flat_map(|it| it.traces().resource_spans);
    let scopes = scopes.flat_map(|it| it.scope_spans);
    scopes.flat_map(|it| it.spans).collect()
}

#[test]
fn ids_are_the_same_in_every_run_and_differ_within_one() {
    let (first, second) = (sent(&[&story()]), sent(&[&story()]));
    assert_eq!(first, second);
    let ids: HashSet<&[u8]> = first.iter().map(|it| &*it.span_id).collect();
    assert_eq!(ids.len(), first.len());
    assert!(
        first
            .iter()
            .all(|it| it.trace_id.len() == 16 && it.span_id.len() == 8)
    );
}

#[test]
fn ids_do_not_depend_on_how_records_were_batched() {
    let story = story();
    let ids = |spans: &[Span]| spans.iter().map(|it| hex(&it.span_id)).collect::<Vec<_>>();
    let whole = ids(&sent(&[&story]));
    // Between two that are equal it may.
    let cuts: Vec<&[Record]> = story
        .chunk_by(|_, next| !matches!(next.body, Body::Decision(_)))
        .collect();
    assert_eq!(cuts.len(), 2);
    assert_eq!(ids(&sent(&cuts)), whole);
}

#[test]
fn work_hangs_below_whoever_did_it() {
    let spans = sent(&[&story()]);
    let by_id: HashMap<&[u8], &Span> = spans.iter().map(|it| (&*it.span_id, it)).collect();
    let parent = |name: &str, nth: usize| {
        let span = spans.iter().filter(|it| it.name == name).nth(nth).unwrap();
        by_id
            .get(&*span.parent_span_id)
            .map(|it| (it.name.as_str(), it.start_time_unix_nano))
    };
    let second = |number: u64| (1_800_000_000 + number) * 1_000_000_000;
    let coder = Some(("invoke_agent coder", second(0)));
    assert_eq!(parent("chat claude-sonnet-4-5", 0), coder);
    let tester = parent("chat claude-sonnet-4-5", 1).unwrap();
    assert_eq!(tester.0, "invoke_agent tester");
    assert_eq!(parent("invoke_agent tester", 0), coder);
    assert_eq!(parent("plan provider", 0), coder);
    // Of the stretch that it was resumed for, which goes on with the first.
    assert_eq!(
        parent("execute_tool grep", 4),
        Some(("invoke_agent coder", second(7)))
    );
    assert_eq!(parent("invoke_agent coder", 0), None);
    assert_eq!(parent("invoke_agent coder", 1), coder);
    // In another session, and linked.
    assert_eq!(parent("invoke_agent reviewer", 0), None);
    let reviewer = spans
        .iter()
        .find(|it| it.name == "invoke_agent reviewer")
        .unwrap();
    let root = spans
        .iter()
        .find(|it| it.name == "invoke_agent coder")
        .unwrap();
    assert_ne!(reviewer.trace_id, root.trace_id);
    assert_eq!(reviewer.links.len(), 1);
    assert_eq!(reviewer.links[0].span_id, root.span_id);
    // Nobody's.
    assert_eq!(parent("chat claude-sonnet-4-5", 3), None);
    let traces: HashSet<&[u8]> = spans.iter().map(|it| &*it.trace_id).collect();
    assert_eq!(traces.len(), 3);
}

#[test]
fn work_whose_beginning_was_not_seen_hangs_below_the_same_span() {
    let tool = || {
        let call = ToolCall::new(
            ToolName::new("grep").unwrap(),
            ToolOutcome::Ok,
            Duration::ZERO,
        );
        by_coder(500, call)
    };
    let end = || {
        by_coder(
            1_000,
            SessionEnd::new(Outcome::Success, Duration::from_secs(1)),
        )
    };
    let whole = [
        by_coder(0, Body::SessionStart(Task::default())),
        tool(),
        end(),
    ];
    let spans = sent(&[&whole]);
    assert_eq!(spans[0].parent_span_id, spans[1].span_id);
    let late = sent(&[&[tool()], &[end()]]);
    assert_eq!(
        (&late[0].span_id, &late[0].parent_span_id),
        (&spans[0].span_id, &spans[0].parent_span_id)
    );
    assert_eq!(late[1].span_id, spans[1].span_id);
}

#[test]
fn handles_of_one_session_end_with_their_own_spans() {
    let start = |at| by_coder(at, Body::SessionStart(Task::default()));
    let end = |at: i64, after| {
        by_coder(
            at,
            SessionEnd::new(Outcome::Success, Duration::from_millis(after)),
        )
    };
    // The one that began first ends first.
    let spans = sent(&[&[start(0), start(400), end(900, 900), end(1_000, 600)]]);
    assert_ne!(spans[0].span_id, spans[1].span_id);
    assert_eq!(spans[0].parent_span_id, b"");
    assert_eq!(spans[1].parent_span_id, spans[0].span_id);
}

#[test]
fn stretches_whose_beginnings_were_not_seen_have_ids_of_their_own() {
    let start = |at| by_coder(at, Body::SessionStart(Task::default()));
    let end = |at: i64, after| {
        by_coder(
            at,
            SessionEnd::new(Outcome::Success, Duration::from_millis(after)),
        )
    };
    let spans = sent(&[&[
        start(0),
        end(700, 699),
        start(800),
        end(900, 899),
        end(1_000, 200),
    ]]);
    let ids: HashSet<&[u8]> = spans.iter().map(|it| &*it.span_id).collect();
    assert_eq!(ids.len(), 3);
    for story in [
        vec![end(900, 900), end(1_000, 600)],
        vec![start(400), end(900, 500), end(1_000, 1_000)],
        vec![end(300, 300), start(400), end(900, 500)],
    ] {
        let spans = sent(&[&story]);
        assert_ne!(spans[0].span_id, spans[1].span_id);
        assert_eq!(spans[0].parent_span_id, b"");
        assert_eq!(spans[1].parent_span_id, spans[0].span_id);
    }
}
