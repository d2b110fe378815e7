//! What our own receiver makes of what we send: the same records, as far as the wire carries them.

use std::time::Duration;

use agent_primitives::{
    AgentId, FailureKind, Handoff, HandoffReason, ManualClock, ModelId, ProviderId, SessionId,
    TokenUsage, ToolName, Usd,
};
use agent_telemetry::otlp::{HandoffSpans, OtlpSink, OtlpTemporality, Processor, Receiver};
use agent_telemetry::{
    Body, GenAiNames, MemorySink, ModelCall, Outcome, Prices, Record, ServiceTier, SessionEnd,
    Sink as _, Stats, StopReason, Task, Telemetry, ToolCall, ToolOutcome,
};

use crate::day;
use crate::story::{at, story};

const PATIENCE: Duration = Duration::from_secs(60);
const SERVICE: &str = "shop-agents";
const INSTANCE: &str = "i-1";
const DAY: Duration = Duration::from_secs(86_400);

#[derive(Debug, Clone, Copy)]
struct Style {
    names: GenAiNames,
    handoffs: HandoffSpans,
    temporality: OtlpTemporality,
}

/// Records that a host makes of what a sink sends to it.
fn received(style: Style, records: &[Record]) -> Vec<Record> {
    let store = MemorySink::new();
    let end = records.iter().map(|it| it.at).max().unwrap();
    let clock = ManualClock::starting_at(end + DAY);
    let telemetry = Telemetry::builder(store.clone())
        .clock(clock.clone())
        .prices(Prices::none())
        .start()
        .unwrap();
    let processor = Processor::builder(&telemetry).start().unwrap();
    let receiver = Receiver::builder(processor.clone())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let theirs = clock.clone();
    let mut sink = OtlpSink::builder(&format!("http://{}", receiver.local_addr()))
        .service_name(SERVICE)
        .service_instance(INSTANCE)
        .names(style.names)
        .handoffs(style.handoffs)
        .temporality(style.temporality)
        .with_gzip()
        .waits(clock.clone(), move |time| theirs.advance(time))
        .build()
        .unwrap();
    for batch in records.chunks(100) {
        clock.advance(Duration::from_secs(1));
        sink.write(batch).unwrap();
    }
    let counts = sink.stats().counts();
    let dropped = [counts.traces, counts.metrics, counts.logs].map(|it| it.dropped());
    assert_eq!(dropped, [0; 3]);
    receiver.shutdown(PATIENCE).unwrap();
    assert!(processor.flush(PATIENCE));
    // Until what metrics tell has waited for its calls for long enough.
    for _ in 0..3 {
        clock.advance(PATIENCE);
        assert!(processor.flush(PATIENCE));
    }
    store.records()
}

/// What of a record comes back, where it does.
fn carried(record: &Record, names: GenAiNames) -> Option<Record> {
    let mut record = record.clone();
    // A receiver takes the project from the resource.
    record.project = None;
    match &mut record.body {
        Body::ModelCall(call) => carry_call(call, names),
        Body::ToolCall(_) | Body::Handoff(_) | Body::SessionEnd(_) => {}
        _ => return None,
    }
    if record.session.is_none() {
        // What is nobody's is the sender's.
        record.session = SessionId::new(INSTANCE).ok();
        record.agent = AgentId::new(SERVICE).ok();
    }
    Some(record)
}

fn carry_call(call: &mut ModelCall, names: GenAiNames) {
    // One name for each provider.
    if call.provider.as_str() == "claude" {
        call.provider = ProviderId::new("anthropic").unwrap();
    }
    call.attempts = call.attempts.max(1);
    let usage = call.usage;
    call.usage = if names == GenAiNames::V1_36 {
        // They had one figure each.
        call.first_token = None;
        TokenUsage::new(usage.input_total(), usage.output())
    } else {
        // There is one cache.
        TokenUsage::new(usage.input(), usage.output())
            .with_cache_read(usage.cache_read())
            .with_cache_write_5m(usage.cache_write())
            .with_reasoning(usage.reasoning())
            .unwrap()
    };
    // An answer with a first piece came in pieces.
    call.streamed = call.first_token.is_some() || call.streamed && names != GenAiNames::V1_36;
    let is_cost = |cost: &Usd| (0..10_i128.pow(38)).contains(&cost.picos());
    call.cost = call.cost.filter(is_cost);
}

fn sorted(records: impl Iterator<Item = Record>) -> Vec<Record> {
    let mut records: Vec<Record> = records.collect();
    records.sort_by_cached_key(|it| (it.at, serde_json::to_string(it).unwrap()));
    records
}

#[track_caller]
fn assert_comes_back(style: Style, records: &[Record]) {
    let got = received(style, records);
    let sent = sorted(records.iter().filter_map(|it| carried(it, style.names)));
    let returned = |it: &&Record| carried(it, style.names).is_some();
    let came = sorted(got.iter().filter(returned).cloned());
    for (came, sent) in came.iter().zip(&sent) {
        assert_eq!(came, sent, "{style:?}");
    }
    assert_eq!(came.len(), sent.len(), "{style:?}");
    // What else there is: sessions that began, and plain metrics.
    let others = got.iter().filter(|it| !returned(it));
    for other in others {
        let is_known = matches!(other.body, Body::SessionStart(_) | Body::Metric(_));
        assert!(is_known, "{other:?}");
    }
    assert_same_figures(&Stats::of(&came), &Stats::of(&sent));
}

fn assert_same_figures(came: &Stats, sent: &Stats) {
    let overview = |it: &Stats| {
        let it = &it.overview;
        let (calls, tools) = (it.model_calls, it.tool_calls);
        (it.sessions, calls, it.attempts, tools, it.usage)
    };
    assert_eq!(overview(came), overview(sent));
    assert!(sent.overview.sessions > 0 && sent.overview.usage.total() > 0);
    assert_eq!(came.overview.agents, sent.overview.agents);
    assert_eq!(came.outcomes, sent.outcomes);
    assert_eq!(came.cost, sent.cost);
    assert_eq!(came.quality.failures, sent.quality.failures);
    assert_eq!(came.quality.handoffs, sent.quality.handoffs);
    assert_eq!(came.performance.models, sent.performance.models);
    assert_eq!(came.performance.tools, sent.performance.tools);
}

/// A day of a hundred sessions, each after the other.
fn busy_day(seed: u64) -> Vec<Record> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut records = Vec::new();
    for number in 0..100 {
        let session = SessionId::new(format!("s-{number}")).unwrap();
        let agent = ["coder", "tester"][rng.usize(..2)];
        let began = number * 800_000;
        let mut tell = |millis: i64, body: Body| {
            let record = Record::new(at(began + millis), body);
            let agent = AgentId::new(agent).unwrap();
            records.push(record.of_session(session.clone()).of_agent(agent));
        };
        tell(0, Body::SessionStart(Task::default()));
        let mut millis = 0;
        for _ in 0..rng.u32(1..20) {
            millis += rng.i64(5_000..20_000);
            tell(millis, happens(&mut rng));
        }
        let outcome = Outcome::ALL[rng.usize(..Outcome::ALL.len())];
        let elapsed = Duration::from_millis(millis.unsigned_abs() + 5);
        tell(millis + 5, SessionEnd::new(outcome, elapsed).into());
    }
    records
}

fn happens(rng: &mut fastrand::Rng) -> Body {
    let time = Duration::from_micros(rng.u64(1..4_000_000));
    match rng.u32(..10) {
        0..6 => model_call(rng, time).into(),
        6..9 => {
            let tool = ToolName::new(["grep", "edit"][rng.usize(..2)]).unwrap();
            let outcome = ToolOutcome::ALL[rng.usize(..ToolOutcome::ALL.len())];
            ToolCall::new(tool, outcome, time).into()
        }
        _ => {
            let groq = ProviderId::new("groq").unwrap();
            let coder = AgentId::new("coder").unwrap();
            let reason = HandoffReason::ALL[rng.usize(..HandoffReason::ALL.len())];
            if rng.bool() {
                Handoff::automatic(groq, coder, reason).into()
            } else {
                Handoff::manual(coder, groq, reason).into()
            }
        }
    }
}

fn model_call(rng: &mut fastrand::Rng, time: Duration) -> ModelCall {
    let (provider, model) = [("anthropic", "claude-opus-5"), ("groq", "llama")][rng.usize(..2)];
    let call = ModelCall::new(
        ProviderId::new(provider).unwrap(),
        ModelId::new(model).unwrap(),
    );
    let call = call.latency(time).attempts(rng.u32(1..4));
    if rng.u32(..10) == 0 {
        return call.failed(FailureKind::ALL[rng.usize(..FailureKind::ALL.len())]);
    }
    let output = rng.u64(1..5_000);
    let usage = TokenUsage::new(rng.u64(..50_000), output)
        .with_cache_read(rng.u64(..90_000))
        .with_cache_write_5m(rng.u64(..9_000))
        .with_cache_write_1h(rng.u64(..9_000))
        .with_reasoning(rng.u64(..output))
        .unwrap();
    let mut call = call
        .usage(usage)
        .cost(Usd::from_picos(rng.i128(..2_000_000_000_000_000)))
        .stop_reason(StopReason::ALL[rng.usize(..StopReason::ALL.len())]);
    if rng.bool() {
        call = call.first_token(time / 3);
    }
    if rng.bool() {
        call = call.service_tier(ServiceTier::ALL[rng.usize(..ServiceTier::ALL.len())]);
    }
    call
}

#[test]
fn records_of_a_day_come_back_under_each_generation_of_names() {
    let [tool, own] = [HandoffSpans::ToolCall, HandoffSpans::Own];
    let [all, new] = [OtlpTemporality::Cumulative, OtlpTemporality::Delta];
    for (names, handoffs, temporality) in [
        (GenAiNames::V1_36, own, all),
        (GenAiNames::V1_41, tool, new),
        (GenAiNames::Latest, tool, all),
        (GenAiNames::Latest, own, new),
    ] {
        let style = Style {
            names,
            handoffs,
            temporality,
        };
        assert_comes_back(style, &day::records());
        assert_comes_back(style, &story());
        assert_comes_back(style, &busy_day(7));
    }
}

#[test]
fn page_says_what_does_not_come_back() {
    let page = include_str!("../../docs/otlp-export.md");
    let section = page
        .split("\n## ")
        .find(|it| it.starts_with("To our own receiver"));
    let section = section.unwrap();
    for record in story() {
        if carried(&record, GenAiNames::Latest).is_none() {
            let record = serde_json::to_value(&record).unwrap();
            let kind = record["record"].as_str().unwrap();
            assert!(section.contains(&format!("`{kind}`")), "{kind}");
        }
    }
}
