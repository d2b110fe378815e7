//! What a `tracing` subscriber sees.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use agent_primitives::{FailureKind, ManualClock, TokenUsage};
use agent_telemetry::{MemorySink, ModelCall, Outcome, SessionStart};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::story::{agent, model, provider, recorder, session_id, tool};

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

#[test]
fn spans_and_events_carry_the_names_of_the_genai_conventions() {
    let lines = Lines::default();
    let telemetry = recorder(MemorySink::new(), &ManualClock::default());
    tracing::subscriber::with_default(lines.clone(), || {
        let session = telemetry.session(SessionStart::new(session_id("s"), agent("coder")));
        session.model_call(
            ModelCall::new(provider("claude"), model("claude-haiku-4-5"))
                .usage(TokenUsage::new(10, 3).with_cache_read(90))
                .failed(FailureKind::OutputLimit),
        );
        session.tool_call(tool("grep")).ok();
        session.end(Outcome::Success);
    });
    let seen = lines.0.lock().unwrap();
    assert_eq!(
        *seen,
        [
            "invoke_agent gen_ai.operation.name=\"invoke_agent\" gen_ai.conversation.id=\"s\" \
             gen_ai.agent.name=\"coder\"",
            "event message=model call gen_ai.operation.name=\"chat\" \
             gen_ai.provider.name=\"claude\" gen_ai.request.model=\"claude-haiku-4-5\" \
             gen_ai.usage.input_tokens=100 gen_ai.usage.cache_read.input_tokens=90 \
             gen_ai.usage.output_tokens=3 error.type=\"output_limit\" latency_ms=0.0",
            "execute_tool gen_ai.operation.name=\"execute_tool\" gen_ai.tool.name=\"grep\"",
            "then outcome=\"ok\"",
            "then outcome=\"success\"",
        ]
    );
}
