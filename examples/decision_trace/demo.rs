//! A real run over the committed session: a chain of three scripted providers behind HTTP, in virtual time. One has
//! its limit reached once and is overloaded for a while; another one sees no tools and is always passed over.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent_checkpoint::{Checkpointer, MemoryStore};
use agent_primitives::{AgentId, CheckpointKind, Fanout, ModelId, ProviderId, SessionId, ToolName};
use agent_resilience::{
    CallOptions, Capabilities, Considered, FallbackChain, FallbackConfig, Needs, Profile, Sleep,
};
use agent_telemetry::{
    Candidate, Decision, DecisionOutcome, ModelCall, Outcome, Session, SessionStart, Severity,
    SqliteSink, Telemetry, Violation,
};
use support::{
    ChatReply, ChatRequest, Dialect, Fault, HttpProvider, Recording, Rule, Script,
    ScriptedProvider, ToolSpec, Turn, VirtualTime, estimate_tokens,
};

type Fallible<T> = Result<T, Box<dyn Error>>;
type Chain = FallbackChain<ChatRequest, ChatReply>;

const PROVIDERS: [(&str, Dialect, &str); 3] = [
    ("claude", Dialect::Anthropic, "claude-sonnet-4-5"),
    ("groq", Dialect::Groq, "openai/gpt-oss-120b"),
    ("ollama", Dialect::Ollama, "llama3.1:8b"),
];
/// By price, time and health at once, so that there are scores to see.
const SETTINGS: &str = r#"{
    "predict": false,
    "retry": {"max_attempts": 3},
    "breaker": {"consecutive_failures": 3},
    "route": {"strategy": {"balanced": {"order": 4}}}
}"#;
/// Turns that are told.
const TURNS: usize = 9;
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells the run to a new database.
pub(crate) async fn fill(path: &Path) -> Fallible<()> {
    let time = VirtualTime::default();
    time.while_passing(run(path, &time)).await
}

async fn run(path: &Path, time: &VirtualTime) -> Fallible<()> {
    let telemetry = Telemetry::builder(SqliteSink::open(path)?)
        .clock(time.clone())
        .start()?;
    let (id, agent) = (SessionId::new("trace")?, AgentId::new("coder")?);
    let start = SessionStart::new(id.clone(), agent.clone())
        .task_type("bug_fix")
        .description("the first turns of the committed session");
    let session = telemetry.session(start);
    let mut log = Checkpointer::builder(MemoryStore::new(), id)
        .agent(agent)
        .clock(time.clone())
        .observer(telemetry.clone())
        .open()?;
    let hears = Fanout::new().with(session.observer()).with(log.signal());

    let recording = Recording::sample();
    let (mut chain, mut servers) = (FallbackChain::builder(), Vec::new());
    for (name, dialect, model) in PROVIDERS {
        let server = serve(&recording, name, time).await?;
        let provider = HttpProvider::new(name.parse()?, dialect, &server.url())?;
        let provider = provider.model(model).sleep(Arc::new(time.clone()));
        let able = match name {
            "ollama" => Capabilities::default().without_tools(),
            _ => Capabilities::default(),
        };
        let profile = Profile::default().model(ModelId::new(model)?);
        chain = chain.provider_with(provider, profile.capabilities(able));
        servers.push(server);
    }
    let config: FallbackConfig = serde_json::from_str(SETTINGS)?;
    let chain = chain.config(config).seed(7).observer(hears);
    let chain = chain.clock(time.clone()).sleep(time.clone()).build()?;

    for turn in recording.turns().into_iter().take(TURNS) {
        for message in turn.before() {
            log.push(message.clone())?;
        }
        ask(&chain, &session, turn, &recording).await?;
        log.push(turn.answer().clone())?;
        for call in &turn.answer().tool_calls {
            let span = session.tool_call(ToolName::new(call.name.as_str())?);
            time.sleep(Duration::from_millis(180)).await;
            span.ok();
        }
        if turn.number() % 3 == 0 {
            log.save(CheckpointKind::Auto)?;
        }
        chain.probe_due().await;
    }
    review(&session, time).await?;
    session.end(Outcome::Success);
    telemetry.shutdown(PATIENCE)?;
    Ok(())
}

async fn serve(
    recording: &Recording,
    name: &str,
    time: &VirtualTime,
) -> Fallible<ScriptedProvider> {
    let takes = |millis| {
        Rule::new(Fault::SlowStart {
            delay: Duration::from_millis(millis),
        })
        .times(100)
    };
    let script = match name {
        "claude" => Script::new([
            Rule::new(Fault::RateLimited {
                retry_after: Some(Duration::from_secs(2)),
            })
            .turn(2)
            .times(1),
            Rule::new(Fault::Overloaded).turn(4).times(3),
            takes(1_100),
        ]),
        _ => Script::new([takes(300)]),
    };
    let server = ScriptedProvider::builder(recording.clone())
        .script(script)
        .clock(Arc::new(time.clone()))
        .sleep(Arc::new(time.clone()))
        .start()
        .await?;
    let stirs = time.clone();
    server.on_change(move || stirs.stir());
    Ok(server)
}

/// Asks for the answer, and says who was chosen for it and why not the others.
async fn ask(
    chain: &Chain,
    session: &Session,
    turn: Turn<'_>,
    recording: &Recording,
) -> Fallible<()> {
    let tools = recording.tool_names();
    let tools: Vec<_> = tools.iter().map(|name| ToolSpec::new(*name, "")).collect();
    let request = ChatRequest::new("", turn.history().to_vec()).tools(tools);
    let needs = Needs::default()
        .tools()
        .input(estimate_tokens(turn.history()));
    let options = CallOptions::new().needs(needs);
    let id = |number: usize| format!("turn-{}.{number}", turn.number());
    // Who will be asked first is known before; the others once the chain has had to turn to them.
    session.decision(decision_of(id(1), &chain.explain(&needs)));
    let reply = chain.call_with(&request, &options).await?;
    for (number, decision) in (1..).zip(&reply.decisions).skip(1) {
        session.decision(decision_of(id(number), decision));
    }
    let asked = reply.decisions.len();
    let model = PROVIDERS
        .iter()
        .find(|(name, ..)| *name == reply.provider.as_str());
    let (.., model) = model.ok_or("a provider that is not in the chain")?;
    session.model_call(
        ModelCall::new(reply.provider.clone(), ModelId::new(*model)?)
            .usage(reply.value.usage)
            .latency(reply.latency)
            .attempts(reply.attempts),
    );
    // Every choice but the last was of somebody who failed.
    for number in 1..=asked {
        let outcome = if number < asked {
            Outcome::Failed
        } else {
            Outcome::Success
        };
        session.decision_outcome(DecisionOutcome::new(id(number), outcome));
    }
    Ok(())
}

/// A decision of the chain as a record.
fn decision_of(id: String, of: &agent_resilience::Decision) -> Decision {
    let mut decision = Decision::new(id, "provider");
    for ((name, ..), considered) in PROVIDERS.into_iter().zip(of.considered()) {
        let candidate = Candidate::new(name);
        decision = match considered {
            Considered::Chosen(score) => decision
                .candidate(candidate.score(points(score.milli())))
                .choice(name),
            Considered::Lost(score) => {
                let candidate = candidate.score(points(score.milli()));
                decision.candidate(candidate.lost("another one scored more"))
            }
            Considered::Skipped(why) => decision.candidate(candidate.lost(why.as_str())),
        };
    }
    decision
}

fn points(milli: i32) -> f64 {
    f64::from(milli) / 1_000.0
}

/// A subagent looks at what was done.
async fn review(session: &Session, time: &VirtualTime) -> Fallible<()> {
    let start = SessionStart::new(SessionId::new("trace-review")?, AgentId::new("reviewer")?);
    let review = session.subagent(start.task_type("review"));
    time.sleep(Duration::from_millis(1_400)).await;
    let call = ModelCall::new(
        ProviderId::new("claude")?,
        ModelId::new("claude-haiku-4-5")?,
    );
    let usage = agent_primitives::TokenUsage::new(5_200, 160);
    review.model_call(call.usage(usage).latency(Duration::from_millis(1_400)));
    let found = Violation::new("todo", Severity::Warning, "a note to do it later");
    review.violation(found.at("src/server.rs", 41));
    review.end(Outcome::Success);
    Ok(())
}
