//! Tests of the table and of its readers.

mod canary;
mod conventions;
mod events;
mod failures;
mod hostile;
mod keys;
mod metric_rows;
mod metrics;
mod page;
mod sessions;
mod spans;

use std::fmt::Write as _;

use agent_primitives::Timestamp;

use super::super::seen::{Bucket, CallSeen, Seen, What};
use super::super::value::{Attributes, Value};
use super::super::wire::{Log, MetricHead, Number, Scope, Shape, Span, SpanStatus, Temporality};
use super::*;

/// Attributes from `key=value` with spaces between: numbers, truth values and texts.
fn attributes(text: &str) -> Attributes<'_> {
    let pairs = text.split_whitespace().map(|pair| {
        let (key, value) = pair.split_once('=').expect("key=value");
        (key, value_of(value))
    });
    pairs.collect()
}

fn value_of(text: &str) -> Value<'_> {
    if let Ok(it) = text.parse() {
        return Value::Int(it);
    }
    match (text.parse(), text) {
        (_, "true") => Value::Bool(true),
        (_, "false") => Value::Bool(false),
        (Ok(it), _) => Value::Double(it),
        (Err(_), _) => Value::Text(text.into()),
    }
}

fn scope() -> Scope<'static> {
    Scope::default()
}

const START: u64 = 1_700_000_000_000_000_000;
const END: u64 = START + 2_500_000_000;

/// What an event says, in a line for each thing.
fn event(resource: &str, name: &str, text: &str) -> (Recognised, Vec<Seen>) {
    let (resource, scope) = (attributes(resource), scope());
    let log = Log {
        time: END,
        event_name: name.into(),
        attributes: attributes(text),
        fingerprint: 7,
        ..Log::default()
    };
    let mut out = Vec::new();
    let recognised = of_log(&Source::new(&resource, &scope), &log, &mut out);
    (recognised, out)
}

fn span_of<'a>(name: &'a str, text: &'a str) -> Span<'a> {
    Span {
        trace_id: 0xAB,
        span_id: 0xCD,
        name: name.into(),
        start: START,
        end: END,
        attributes: attributes(text),
        ..Span::default()
    }
}

fn span(resource: &str, span: &Span<'_>) -> (Recognised, Vec<Seen>) {
    let (resource, scope) = (attributes(resource), scope());
    let mut out = Vec::new();
    let recognised = of_span(&Source::new(&resource, &scope), span, &mut out);
    (recognised, out)
}

const SUM: Shape = Shape::Sum {
    temporality: Temporality::Delta,
    monotonic: true,
};

fn meaning(resource: &str, name: &str, unit: &str, text: &str) -> Meaning {
    let (resource, scope) = (attributes(resource), scope());
    let head = MetricHead {
        name: name.into(),
        unit: unit.into(),
        shape: SUM,
    };
    of_series(&Source::new(&resource, &scope), &head, &attributes(text))
}

fn moment(nanos: u64) -> Timestamp {
    Timestamp::from_unix_nanos(i64::try_from(nanos).unwrap())
}

/// What was added by a sum, in lines.
fn added(meaning: &Meaning, number: Number) -> String {
    let mut out = Vec::new();
    meaning.of_number(number, moment(START), moment(END), &mut out);
    lines(&out)
}

fn measured(meaning: &Meaning, count: u64, sum: f64) -> String {
    let mut out = Vec::new();
    meaning.of_histogram(count, Some(sum), moment(START), moment(END), &mut out);
    lines(&out)
}

/// What was seen, a line for each.
fn lines(seen: &[Seen]) -> String {
    let lines: Vec<String> = seen.iter().map(line).collect();
    lines.join("\n")
}

fn line(seen: &Seen) -> String {
    let mut line = String::new();
    match &seen.what {
        What::Call(call) => return call_line(call),
        What::Tool(it) => {
            write!(line, "tool {} {}", it.tool, it.outcome).unwrap();
            if let Some(call) = &it.call {
                write!(line, " id={call}").unwrap();
            }
            if let Some(elapsed) = it.elapsed {
                write!(line, " {elapsed:?}").unwrap();
            }
        }
        What::Amount(it) => {
            let (bucket, amount) = (it.bucket, it.amount);
            write!(line, "{bucket:?} {amount} {} {}", it.provider, it.model).unwrap();
        }
        What::Began { resumed } => write!(line, "began resumed={resumed}").unwrap(),
        What::Ended { outcome, elapsed } => write!(line, "ended {outcome} {elapsed:?}").unwrap(),
        What::Compacted {
            before,
            after,
            automatic,
        } => write!(line, "compacted {before:?} {after:?} automatic={automatic}").unwrap(),
        What::Context { used, window } => write!(line, "context {used}/{window}").unwrap(),
        What::Metric(it) => {
            write!(line, "{} {} {}", it.name(), it.value(), it.unit()).unwrap();
        }
        What::Violation(it) => {
            write!(line, "{} {}: {}", it.kind, it.severity, it.message).unwrap();
        }
        What::Decision(it) => {
            let choice = it.choice.as_deref().unwrap_or("nothing");
            write!(line, "{} -> {choice}", it.subject).unwrap();
        }
        What::Handoff(it) => {
            let side = |party: &agent_primitives::Party| match party {
                agent_primitives::Party::Agent(it) => it.to_string(),
                other => format!("provider {}", other.name()),
            };
            let (from, to) = (side(&it.from), side(&it.to));
            let (reason, initiator) = (it.reason.as_str(), it.initiator.as_str());
            write!(line, "{from} -> {to} {reason} {initiator}").unwrap();
        }
        What::Files(it) => {
            let (files, added, removed) = (it.files, it.lines_added, it.lines_removed);
            write!(line, "files {files} +{added} -{removed}").unwrap();
        }
    }
    line
}

fn call_line(call: &CallSeen) -> String {
    let mut line = format!("call {} {}", call.provider, call.model);
    let mut add = |text: String| line += &text;
    if let Some(it) = &call.usage {
        let (read, write) = (it.cache_read(), it.cache_write());
        let (output, reasoning) = (it.output(), it.reasoning());
        add(format!(
            " {}+{read}+{write}>{output}({reasoning})",
            it.input()
        ));
    }
    if let Some(cost) = call.cost {
        add(format!(" {cost}"));
    }
    if let Some(latency) = call.latency {
        add(format!(" {latency:?}"));
    }
    if let Some(first) = call.first_token {
        add(format!(" first={first:?}"));
    }
    if call.attempts != 1 {
        add(format!(" attempts={}", call.attempts));
    }
    if let Some(failure) = call.failure {
        add(format!(" failed={failure}"));
    }
    if let Some(stop) = call.stop_reason {
        add(format!(" stop={stop}"));
    }
    if let Some(tier) = call.service_tier {
        add(format!(" tier={tier}"));
    }
    if call.streamed {
        add(" streamed".to_owned());
    }
    if let Some(request) = &call.keys.request {
        add(format!(" request={request}"));
    }
    if let Some(response) = &call.keys.response {
        add(format!(" response={response}"));
    }
    line
}

/// The calls that were seen.
fn calls(seen: &[Seen]) -> Vec<&CallSeen> {
    let call = |seen: &'_ Seen| matches!(seen.what, What::Call(_));
    let only = seen.iter().filter(|it| call(it));
    only.map(|it| match &it.what {
        What::Call(call) => &**call,
        _ => unreachable!("only calls are left"),
    })
    .collect()
}

/// The names of the table that tests have, against those that it has.
fn assert_all_names(signal: table::Signal, tested: &[&str]) {
    let rows = table::GROUPS.iter().flat_map(|group| group.rows);
    let rows = rows.filter(|row| row.signal == signal);
    let mut names: Vec<&str> = rows.map(|row| row.name).collect();
    let mut tested: Vec<&str> = tested.to_vec();
    names.sort_unstable();
    tested.sort_unstable();
    assert_eq!(
        tested, names,
        "a test row for each name, and a name for each row"
    );
}

#[test]
fn names_and_keys_of_the_table_are_each_there_once() {
    for signal in table::Signal::ALL {
        let rows = table::GROUPS.iter().flat_map(|group| group.rows);
        let rows = rows.filter(|row| row.signal == signal);
        let mut names: Vec<&str> = rows.map(|row| row.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "{signal:?}");
    }
    let keys = table::GROUPS.iter().flat_map(|group| group.keys);
    let mut keys: Vec<&str> = keys.map(|key| key.name).collect();
    keys.sort_unstable();
    let all = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), all);
}
