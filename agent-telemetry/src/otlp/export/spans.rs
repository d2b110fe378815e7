//! Records that took time, as spans.

use std::collections::HashMap;

use agent_primitives::{AgentId, Handoff, Party, SessionId, Timestamp};

use super::ids::{SpanId, TraceId};
use super::protobuf::{Any, Attributes, Message};
use super::sessions::{Place, Sessions, Work};
use super::style::{HandoffSpans, Style};
use crate::{
    Body, Decision, GenAiNames, ModelCall, Outcome, ProjectId, Record, ServiceTier, SessionEnd,
    ToolCall, ToolOutcome,
};

const INTERNAL: u64 = 1;
const CLIENT: u64 = 3;
/// The status of a span that failed.
const ERROR: u64 = 2;

// The fields of a span.
const TRACE_ID: u32 = 1;
const SPAN_ID: u32 = 2;
const PARENT_SPAN_ID: u32 = 4;
const NAME: u32 = 5;
const KIND: u32 = 6;
const START: u32 = 7;
const END: u32 = 8;
const ATTRIBUTES: u32 = 9;
const LINKS: u32 = 13;
const STATUS: u32 = 15;

/// How often a batch has said the same, since equal spans must have different ids.
#[derive(Debug, Default)]
pub(super) struct Occurrences(HashMap<SpanId, u32>);

impl Occurrences {
    fn next(&mut self, of: SpanId) -> u32 {
        let count = self.0.entry(of).or_default();
        let number = *count;
        *count = count.saturating_add(1);
        number
    }
}

/// The span of a record, if it is one that has a span.
pub(super) fn span(
    record: &Record,
    style: Style,
    sessions: &mut Sessions,
    seen: &mut Occurrences,
) -> Option<Message> {
    let mut tail = Message::new();
    match &record.body {
        Body::SessionEnd(end) => return session(record, end, sessions),
        Body::ModelCall(call) => model_call(&mut tail, record, call, style),
        Body::ToolCall(call) => tool_call(&mut tail, record, call),
        Body::Handoff(it) => handoff(&mut tail, record, it, style),
        Body::Decision(it) => decision(&mut tail, record, it, style),
        _ => return None,
    }
    let place = sessions.place(record);
    let trace = place.map_or(TraceId([0; 16]), |it| it.trace);
    let occurrence = seen.next(SpanId::of_content(trace, tail.bytes(), 0));
    let place = place.unwrap_or_else(|| Place {
        trace: TraceId::alone(tail.bytes(), occurrence),
        parent: None,
    });
    let id = SpanId::of_content(place.trace, tail.bytes(), occurrence);
    Some(with_ids(place, id, &tail))
}

fn with_ids(place: Place, id: SpanId, tail: &Message) -> Message {
    let mut span = Message::new();
    span.slice(TRACE_ID, &place.trace.0);
    span.slice(SPAN_ID, &id.0);
    if let Some(parent) = place.parent {
        span.slice(PARENT_SPAN_ID, &parent.0);
    }
    span.append(tail.bytes());
    span
}

/// Nanoseconds since 1970; nothing was before.
pub(super) fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.unix_nanos()).unwrap_or(0)
}

fn head(span: &mut Message, name: &str, kind: u64, from: Timestamp, to: Timestamp) {
    span.text(NAME, name);
    span.number(KIND, kind);
    span.fixed(START, nanos(from));
    span.fixed(END, nanos(to));
}

fn failed(span: &mut Message) {
    span.message(STATUS, |status| status.number(3, ERROR));
}

/// What every span and event says of where it belongs.
pub(super) fn owner(attributes: &mut Attributes<'_>, record: &Record) {
    let (session, agent) = (&record.session, &record.agent);
    attributes
        .maybe(
            "gen_ai.conversation.id",
            session.as_ref().map(SessionId::as_str),
        )
        .maybe("gen_ai.agent.name", agent.as_ref().map(AgentId::as_str))
        .maybe(
            "agent.project",
            record.project.as_ref().map(ProjectId::as_str),
        );
}

fn session(record: &Record, end: &SessionEnd, sessions: &mut Sessions) -> Option<Message> {
    let began = record.at - end.elapsed;
    let work = sessions.end(record, began)?;
    let mut tail = Message::new();
    let agent = record.agent.as_ref().map(AgentId::as_str);
    let name = agent.map_or_else(
        || "invoke_agent".to_owned(),
        |it| format!("invoke_agent {it}"),
    );
    head(&mut tail, &name, INTERNAL, began, record.at);
    let mut attributes = Attributes::new(&mut tail, ATTRIBUTES);
    attributes.text("gen_ai.operation.name", "invoke_agent");
    owner(&mut attributes, record);
    attributes
        .text("agent.outcome", end.outcome.as_str())
        .maybe("agent.task.type", work.task.task_type.as_deref());
    if let Some(user) = work.task.user {
        attributes.text("user.hash", &user.to_string());
    }
    let is_failure = matches!(end.outcome, Outcome::Failed | Outcome::Aborted);
    if is_failure {
        attributes.text("error.type", end.outcome.as_str());
    }
    let Work {
        trace,
        span,
        parent,
        giver,
        ..
    } = work;
    if let Some((trace, span)) = giver {
        tail.message(LINKS, |link| {
            link.slice(1, &trace.0);
            link.slice(2, &span.0);
        });
    }
    if is_failure {
        failed(&mut tail);
    }
    Some(with_ids(Place { trace, parent }, span, &tail))
}

fn model_call(span: &mut Message, record: &Record, call: &ModelCall, style: Style) {
    let (names, usage) = (style.names, &call.usage);
    let name = format!("chat {}", call.model);
    head(span, &name, CLIENT, record.at - call.latency, record.at);
    let mut attributes = Attributes::new(span, ATTRIBUTES);
    attributes
        .text("gen_ai.operation.name", "chat")
        .text(names.provider_key(), call.provider.as_str())
        .text("gen_ai.request.model", call.model.as_str());
    owner(&mut attributes, record);
    // The conventions count cached tokens as input.
    attributes.count("gen_ai.usage.input_tokens", usage.input_total());
    for (name, tokens) in names.parts(usage) {
        attributes.count(name, tokens);
    }
    attributes.count("gen_ai.usage.output_tokens", usage.output());
    if usage.cache_write_1h() > 0 && names != GenAiNames::V1_36 {
        attributes.count(
            "agent.usage.cache_write_1h.input_tokens",
            usage.cache_write_1h(),
        );
    }
    if let Some(after) = call.first_token.filter(|_| names.has_first_chunk()) {
        attributes.double("gen_ai.response.time_to_first_chunk", after.as_secs_f64());
    }
    if let Some(reason) = call.stop_reason {
        attributes.set(
            "gen_ai.response.finish_reasons",
            Any::Texts(&[reason.as_str()]),
        );
    }
    if call.streamed && names != GenAiNames::V1_36 {
        attributes.bool("gen_ai.request.stream", true);
    }
    cost(&mut attributes, call, names);
    attributes
        .count("agent.attempts", u64::from(call.attempts))
        .maybe(
            "agent.service_tier",
            call.service_tier.map(ServiceTier::as_str),
        );
    if let Some(kind) = call.failure {
        attributes.text("error.type", kind.as_str());
        failed(span);
    }
}

fn cost(attributes: &mut Attributes<'_>, call: &ModelCall, names: GenAiNames) {
    let Some(cost) = call.cost else {
        return;
    };
    if names == GenAiNames::Latest {
        // Pull request 443 of the conventions.
        attributes
            .double("gen_ai.usage.cost.amount", dollars(cost.picos()))
            .text("gen_ai.usage.cost.currency", "USD");
    }
    // Exact, and so a text where the number is beyond the protocol's.
    match i64::try_from(cost.picos()) {
        Ok(picos) => attributes.set("agent.cost.pico_usd", Any::Int(picos)),
        Err(_) => attributes.text("agent.cost.pico_usd", &cost.picos().to_string()),
    };
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the exact figure is told beside"
)]
pub(super) fn dollars(picos: i128) -> f64 {
    picos as f64 / 1e12
}

fn tool_call(span: &mut Message, record: &Record, call: &ToolCall) {
    let name = format!("execute_tool {}", call.tool);
    head(span, &name, INTERNAL, record.at - call.elapsed, record.at);
    let mut attributes = Attributes::new(span, ATTRIBUTES);
    attributes
        .text("gen_ai.operation.name", "execute_tool")
        .text("gen_ai.tool.name", call.tool.as_str());
    owner(&mut attributes, record);
    attributes.text("agent.tool.outcome", call.outcome.as_str());
    if call.outcome != ToolOutcome::Ok {
        attributes.text("error.type", call.outcome.as_str());
        failed(span);
    }
}

fn handoff(span: &mut Message, record: &Record, handoff: &Handoff, style: Style) {
    let target = handoff.to.name();
    let is_tool = style.handoffs == HandoffSpans::ToolCall;
    let tool = format!("transfer_to_{target}");
    let name = if is_tool {
        format!("execute_tool {tool}")
    } else {
        format!("handoff {target}")
    };
    head(span, &name, INTERNAL, record.at, record.at);
    let mut attributes = Attributes::new(span, ATTRIBUTES);
    if is_tool {
        attributes
            .text("gen_ai.operation.name", "execute_tool")
            .text("gen_ai.tool.name", &tool);
    } else {
        attributes.text("gen_ai.operation.name", "handoff");
    }
    owner(&mut attributes, record);
    attributes
        .text("gen_ai.agent.handoff.source.name", handoff.from.name())
        .text("gen_ai.agent.handoff.target.name", target)
        .text("agent.handoff.source.kind", kind(&handoff.from))
        .text("agent.handoff.target.kind", kind(&handoff.to))
        .text("agent.handoff.reason", handoff.reason.as_str())
        .text("agent.handoff.initiator", handoff.initiator.as_str());
}

const fn kind(party: &Party) -> &'static str {
    match party {
        Party::Agent(_) => "agent",
        Party::Provider(_) => "provider",
        _ => "other",
    }
}

fn decision(span: &mut Message, record: &Record, decision: &Decision, style: Style) {
    let name = format!("plan {}", decision.subject);
    head(span, &name, INTERNAL, record.at, record.at);
    let mut attributes = Attributes::new(span, ATTRIBUTES);
    attributes.text("gen_ai.operation.name", "plan");
    owner(&mut attributes, record);
    attributes
        .text("agent.decision.id", &decision.id)
        .text("agent.decision.subject", &decision.subject)
        .maybe("agent.decision.choice", decision.choice.as_deref());
    if let Some(confidence) = decision.confidence {
        attributes.double("agent.decision.confidence", confidence);
    }
    let names: Vec<&str> = decision.candidates.iter().map(|it| &*it.name).collect();
    attributes.set("agent.decision.candidates", Any::Texts(&names));
    if decision.omitted > 0 {
        attributes.count("agent.decision.omitted", u64::from(decision.omitted));
    }
    for (place, candidate) in decision.candidates.iter().enumerate() {
        if let Some(score) = candidate.score {
            attributes.double(&format!("agent.decision.candidate.{place}.score"), score);
        }
        if let Some(lost) = candidate.lost.as_deref().filter(|_| style.texts) {
            attributes.text(&format!("agent.decision.candidate.{place}.lost"), lost);
        }
    }
}
