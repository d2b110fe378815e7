//! What a `tracing` subscriber sees.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_primitives::{FailureKind, ManualClock, TokenUsage};
use agent_telemetry::{
    Answer, GenAiNames, MemorySink, Metrics, ModelCall, Operation, Outcome, SessionStart,
    Telemetry, Value,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::story::{agent, model, provider, session_id, tool};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Lines {
    fn add(&self, name: &str, fill: impl FnOnce(&mut Line)) {
        let mut line = Line(name.to_owned());
        fill(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "agent_telemetry"
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.add(span.metadata().name(), |line| span.record(line));
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        self.add("then", |line| values.record(line));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        self.add("event", |line| event.record(line));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What a subscriber sees of a session with a call of each kind.
fn seen(names: Option<GenAiNames>) -> Vec<String> {
    let lines = Lines::default();
    let builder = Telemetry::builder(MemorySink::new()).clock(ManualClock::default());
    let builder = match names {
        Some(names) => builder.genai_names(names),
        None => builder,
    };
    let telemetry = builder.start().unwrap();
    tracing::subscriber::with_default(lines.clone(), || {
        let session = telemetry.session(SessionStart::new(session_id("s"), agent("coder")));
        session.model_call(
            ModelCall::new(provider("claude"), model("claude-haiku-4-5"))
                .usage(usage())
                .failed(FailureKind::OutputLimit),
        );
        let mut call = session
            .model(provider("claude"), model("claude-haiku-4-5"))
            .begin();
        call.first_token();
        call.end(Answer::new(usage(), Duration::ZERO));
        session.tool_call(tool("grep")).ok();
        session.end(Outcome::Success);
    });
    let mut seen = lines.0.lock().unwrap();
    std::mem::take(&mut *seen)
}

fn usage() -> TokenUsage {
    let usage = TokenUsage::new(10, 3).with_cache_read(90);
    let usage = usage.with_cache_write_5m(4).with_cache_write_1h(1);
    usage.with_reasoning(2).unwrap()
}

#[test]
fn spans_and_events_carry_the_latest_names_of_the_genai_conventions() {
    let expected = [
        "invoke_agent gen_ai.operation.name=\"invoke_agent\" gen_ai.conversation.id=\"s\" \
         gen_ai.agent.name=\"coder\"",
        "event message=model call gen_ai.operation.name=\"chat\" \
         gen_ai.provider.name=\"claude\" gen_ai.request.model=\"claude-haiku-4-5\" \
         gen_ai.usage.input_tokens=105 gen_ai.usage.cache_read.input_tokens=90 \
         gen_ai.usage.cache_write.input_tokens=5 gen_ai.usage.output_tokens=3 \
         gen_ai.usage.reasoning.output_tokens=2 error.type=\"output_limit\" latency_ms=0.0",
        "chat gen_ai.operation.name=\"chat\" gen_ai.provider.name=\"claude\" \
         gen_ai.request.model=\"claude-haiku-4-5\"",
        "then gen_ai.usage.input_tokens=105",
        "then gen_ai.usage.cache_read.input_tokens=90",
        "then gen_ai.usage.cache_write.input_tokens=5",
        "then gen_ai.usage.reasoning.output_tokens=2",
        "then gen_ai.usage.output_tokens=3",
        "then gen_ai.response.time_to_first_chunk=0.0",
        "execute_tool gen_ai.operation.name=\"execute_tool\" gen_ai.tool.name=\"grep\"",
        "then outcome=\"ok\"",
        "then outcome=\"success\"",
    ];
    assert_eq!(seen(None), expected);
    assert_eq!(seen(Some(GenAiNames::Latest)), expected);
}

/// The names of the span and of the event of a model call, for each generation.
#[test]
fn each_generation_has_its_names_and_none_of_the_others() {
    let always = [
        "gen_ai.operation.name",
        "gen_ai.request.model",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
    ];
    let all: [(GenAiNames, &[&str]); 3] = [
        (GenAiNames::V1_36, &["gen_ai.system"]),
        (
            GenAiNames::V1_41,
            &[
                "gen_ai.provider.name",
                "gen_ai.usage.cache_read.input_tokens",
                "gen_ai.usage.cache_creation.input_tokens",
                "gen_ai.usage.reasoning.output_tokens",
                "gen_ai.response.time_to_first_chunk",
            ],
        ),
        (
            GenAiNames::Latest,
            &[
                "gen_ai.provider.name",
                "gen_ai.usage.cache_read.input_tokens",
                "gen_ai.usage.cache_write.input_tokens",
                "gen_ai.usage.reasoning.output_tokens",
                "gen_ai.response.time_to_first_chunk",
            ],
        ),
    ];
    for (names, own) in all {
        let lines = seen(Some(names));
        let end = lines.iter().position(|it| it.starts_with("execute_tool"));
        let calls = lines[1..end.unwrap()].join(" ");
        let mut sent: Vec<&str> = calls
            .split([' ', '='])
            .filter(|it| it.starts_with("gen_ai."))
            .collect();
        sent.sort_unstable();
        sent.dedup();
        let mut expected = [&always, own].concat();
        expected.sort_unstable();
        assert_eq!(sent, expected, "{names:?}");
    }
}

#[test]
fn each_generation_has_its_metrics() {
    let tokens = "gen_ai.client.inference";
    let (usage_in, usage_out) = (105.0, 3.0);
    for (names, provider_key, expected) in [
        (
            GenAiNames::V1_36,
            "gen_ai.system",
            vec![
                ("gen_ai.client.operation.duration".to_owned(), 0.5),
                ("gen_ai.client.token.usage".to_owned(), usage_in + usage_out),
            ],
        ),
        (
            GenAiNames::V1_41,
            "gen_ai.provider.name",
            vec![
                ("gen_ai.client.operation.duration".to_owned(), 0.5),
                (
                    "gen_ai.client.operation.time_to_first_chunk".to_owned(),
                    0.25,
                ),
                ("gen_ai.client.token.usage".to_owned(), usage_in + usage_out),
            ],
        ),
        (
            GenAiNames::Latest,
            "gen_ai.provider.name",
            vec![
                (format!("{tokens}.duration"), 0.5),
                (format!("{tokens}.operation.input_tokens"), usage_in),
                (format!("{tokens}.operation.output_tokens"), usage_out),
                (format!("{tokens}.time_to_first_chunk"), 0.25),
                (format!("{tokens}.usage.cache_read.input_tokens"), 90.0),
                (format!("{tokens}.usage.cache_write.input_tokens"), 5.0),
                (format!("{tokens}.usage.input_tokens"), usage_in),
                (format!("{tokens}.usage.output_tokens"), usage_out),
                (format!("{tokens}.usage.reasoning.output_tokens"), 2.0),
            ],
        ),
    ] {
        let metrics = Metrics::new();
        let call = ModelCall::new(provider("claude"), model("claude-haiku-4-5"))
            .usage(usage())
            .latency(Duration::from_millis(500))
            .first_token(Duration::from_millis(250));
        let calls = metrics.model_calls(names).unwrap();
        calls.record(Operation::Chat, &call);
        let snapshot = metrics.snapshot();
        let mut sums = Vec::new();
        for family in &snapshot.families {
            assert!(
                family.labels.iter().any(|it| it == provider_key),
                "{family:?}"
            );
            let sum = family.series.iter().map(|series| match &series.value {
                Value::Counter(count) => f64::from(u32::try_from(*count).unwrap()),
                Value::Histogram(values) => values.sum(),
                other => panic!("{other:?}"),
            });
            sums.push((family.name.to_string(), sum.sum::<f64>()));
        }
        assert_eq!(sums, expected, "{names:?}");
    }
}
