//! No text of an item is in what was seen of it, save names and ids.

use super::super::field::Field;
use super::super::table::{GROUPS, Read, Signal};
use super::*;
use crate::otlp::wire::SpanEvent;

const CANARY: &str = "CANARY";

/// What is a name or an id, and meant to be kept.
const KEPT: &[Field] = &[
    Field::Session,
    Field::Instance,
    Field::Service,
    Field::Project,
    Field::User,
    Field::AgentName,
    Field::AgentId,
    Field::ParentAgent,
    Field::EntityName,
    Field::Provider,
    Field::RequestModel,
    Field::ResponseModel,
    Field::Request,
    Field::ClientRequest,
    Field::Response,
    Field::ToolName,
    Field::ToolCall,
    Field::ScoreName,
    Field::ChosenModel,
    Field::HandoffFrom,
    Field::HandoffTo,
];

/// What decides that something is seen at all, so that there is something to look at.
const DECIDING: &str = "decision=reject num_blocking=1 event.kind=response.completed gen_ai.evaluation.score.value=1 type=input";

/// The canary under every key that is not a name, and under keys that nobody knows.
fn full(without: &[&str]) -> Attributes<'static> {
    let mut all = attributes(DECIDING);
    let keys = GROUPS.iter().flat_map(|group| group.keys);
    for key in keys.filter(|key| !without.contains(&key.name)) {
        let is_told = all.get(key.name).is_some();
        let text = if KEPT.contains(&key.field) {
            "name"
        } else {
            CANARY
        };
        if !is_told {
            all.push(key.name.into(), Value::Text(text.into()));
        }
    }
    for key in [
        "gen_ai.prompt.0.content",
        "prompt_text",
        "tool_details",
        "my.secret",
    ] {
        let inner = Attributes::from_iter([("text", Value::Text(CANARY.into()))]);
        all.push(key.into(), Value::Array(vec![Value::Map(inner)]));
    }
    all
}

const NAMING: &[&str] = &[
    "event.name",
    "gen_ai.operation.name",
    "openinference.span.kind",
    "llm.request.type",
    "traceloop.span.kind",
    "mcp.method.name",
];

fn assert_clean(name: &str, seen: &[Seen]) -> usize {
    let text = format!("{seen:?}");
    assert!(!text.contains(CANARY), "{name}: {text}");
    seen.len()
}

#[test]
fn content_of_no_item_is_in_what_was_seen() {
    let resources = [
        "service.name=claude-code",
        "service.name=codex",
        "service.name=gemini-cli",
        "service.name=bot",
    ];
    let (scope, mut seen) = (scope(), 0);
    for (resource, group) in resources
        .iter()
        .flat_map(|it| GROUPS.iter().map(move |group| (it, group)))
    {
        let mut resource = attributes(resource);
        resource.push("host.name".into(), Value::Text(CANARY.into()));
        let source = Source::new(&resource, &scope);
        for row in group.rows {
            let mut out = Vec::new();
            let mut all = full(NAMING);
            match (row.signal, row.read) {
                (Signal::Event, _) => {
                    let log = Log {
                        time: END,
                        event_name: row.name.into(),
                        body: Value::Text(CANARY.into()),
                        attributes: all,
                        ..Log::default()
                    };
                    of_log(&source, &log, &mut out);
                }
                (Signal::Metric, read) => {
                    if let Read::Plain(..) = read {
                        all.push("type".into(), Value::Text(CANARY.into()));
                    }
                    let head = MetricHead {
                        name: row.name.into(),
                        unit: CANARY.into(),
                        shape: SUM,
                    };
                    let meaning = of_series(&source, &head, &all);
                    meaning.of_number(Number::Int(1), moment(START), moment(END), &mut out);
                    meaning.of_histogram(1, Some(1.0), moment(START), moment(END), &mut out);
                    meaning.of_gauge(Number::Int(1), moment(END), &mut out);
                }
                (signal, _) => {
                    let key = match signal {
                        Signal::Operation => "gen_ai.operation.name",
                        Signal::Kind => "openinference.span.kind",
                        Signal::Request => "llm.request.type",
                        _ => "traceloop.span.kind",
                    };
                    let is_named = signal == Signal::Span;
                    if !is_named {
                        all.push(key.into(), Value::Text(row.name.into()));
                    }
                    let event = SpanEvent {
                        time: END,
                        name: CANARY.into(),
                        attributes: full(NAMING),
                    };
                    let span = Span {
                        name: if is_named { row.name } else { CANARY }.into(),
                        start: START,
                        end: END,
                        attributes: all,
                        events: vec![event],
                        ..Span::default()
                    };
                    of_span(&source, &span, &mut out);
                }
            }
            seen += assert_clean(row.name, &out);
        }
    }
    println!("{seen} things seen, none with content");
    assert!(seen > 500, "there was something to look at: {seen}");
}
