//! The agent: what you would write yourself. It works through a session, saves after every message,
//! and may be killed at any moment.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use agent_checkpoint::handoff::{Receiver, Scenario, Terms};
use agent_checkpoint::recover::{Recovered, Recovery};
use agent_checkpoint::{Checkpointer, EstimateTokens, FileStore, Message};
use agent_primitives::{AgentId, CheckpointKind, Fanout, ModelId, SessionId, ToolName};
use agent_resilience::classify::Remedy;
use agent_resilience::{CallOptions, FallbackChain, Needs, Reply, SessionBudget};
use agent_telemetry::{
    Metric, ModelCall, Outcome, Price, Prices, Session, SessionStart, SqliteSink, Telemetry,
};
use support::{ChatReply, ChatRequest, ToolSpec, estimate_tokens};

use crate::options::{CHECKPOINTS, DATABASE, HANDOFF, Options, PROVIDERS};
use crate::skip_clock::SkipClock;
use crate::spent::{self, Spent};
use crate::timeline;

type Fallible<T> = Result<T, Box<dyn Error>>;
type Chain = FallbackChain<ChatRequest, ChatReply>;

/// Four calls a provider at most, and a breaker that opens at the third failure in a row.
/// No limits on time: the clock skips pauses, and limits wait as pauses do. No prediction: the clocks of
/// scripted providers do not skip, so that the ends of their limits would not be where they say.
const SETTINGS: &str = r#"{
    "predict": false,
    "retry": {"max_attempts": 4, "total": null},
    "attempt_timeout": null,
    "breaker": {"consecutive_failures": 3}
}"#;

/// Works through the session, from wherever the last process left it.
///
/// # Errors
/// When nobody can answer, or nothing can be saved.
pub(crate) async fn run(options: Options) -> Fallible<()> {
    let clock = SkipClock::new(options.skipped, options.pace);
    let (id, agent) = (SessionId::new("quickstart")?, AgentId::new("coder")?);
    let start = SessionStart::new(id.clone(), agent.clone()).task_type("bug_fix");

    let telemetry = Telemetry::builder(SqliteSink::open(options.dir.join(DATABASE))?)
        .clock(clock.clone())
        .prices(Prices::shipped().with_provider("ollama".parse()?, Price::FREE))
        .start()?;
    let Recovered {
        session: mut log,
        report,
        ..
    } = Checkpointer::builder(FileStore::open(options.dir.join(CHECKPOINTS))?, id.clone())
        .agent(agent)
        .clock(clock.clone())
        .observer(telemetry.clone())
        .recover(&Recovery::default())?;
    let session = if log.history().is_empty() {
        telemetry.session(start)
    } else {
        timeline::resumed(&clock, &log, &report);
        telemetry.resume_session(start)
    };
    let hears = Fanout::new()
        .with(session.observer())
        .with(log.signal())
        .with(timeline::observer());
    let hears = Arc::new(hears);
    let budget = spent::budget(&id, &log, clock.clone(), Arc::clone(&hears))?;
    let mut chain = FallbackChain::builder();
    for name in PROVIDERS {
        chain = chain.provider_with(options.provider(name)?, options.profile(name)?);
    }
    let chain = chain
        .config(serde_json::from_str(SETTINGS)?)
        .seed(options.seed)
        .clock(clock.clone())
        .sleep(clock.clone())
        .observer(hears)
        .build()?;

    let recording = &options.recording;
    for turn in recording.turns() {
        if log.history().len() > turn.history().len() {
            continue; // Answered and saved, by this process or an earlier one.
        }
        save_missing(&mut log, turn.history())?;
        timeline::asking(&clock, turn.number());
        let reply = ask(&chain, &mut log, &session, &budget, &clock, &options).await?;
        let model = ModelId::new(options.model(reply.provider.as_str()))?;
        session.model_call(
            ModelCall::new(reply.provider.clone(), model)
                .usage(reply.value.usage)
                .latency(reply.latency)
                .attempts(reply.attempts),
        );
        // A real endpoint answers in its own words; the session goes on as it was recorded.
        let answer = if options.real_time {
            turn.answer().clone()
        } else {
            reply.value.message
        };
        log.push(answer.clone())?;
        log.put(&Spent::of(&budget))?;
        log.save(CheckpointKind::Auto)?;
        let seed = options.seed.wrapping_add(u64::try_from(turn.number())?);
        let action = use_tools(&answer, &session, &clock, seed).await?;
        log.save_if_due()?;
        chain.probe_due().await;
        telemetry.flush(Duration::from_secs(5))?;
        timeline::turn(&clock, turn.number(), &reply.provider, action);
    }
    save_missing(&mut log, recording.messages())?;
    log.update(|work| work.next_steps.push("review the change".into()));
    log.save(CheckpointKind::Workflow)?;
    // Whoever reviews the work gets what there is to know in one file.
    let package = log.hand_off(&Terms::new(Scenario::Delegated).with_to("reviewer".parse()?))?;
    package.write_file(options.dir.join(HANDOFF))?;
    timeline::handed_off(&clock, &package.validate(&Receiver::new()));
    session.end(Outcome::Success);
    telemetry.flush(Duration::from_secs(5))?;
    Ok(())
}

/// Saves what the log does not have yet of `messages`, one by one.
fn save_missing(log: &mut Checkpointer, messages: &[Message]) -> Fallible<()> {
    for message in messages.get(log.history().len()..).unwrap_or_default() {
        log.push(message.clone())?;
        log.save(CheckpointKind::Auto)?;
    }
    Ok(())
}

/// Asks for the next answer. A context that is too long is cut to fit and asked again.
async fn ask(
    chain: &Chain,
    log: &mut Checkpointer,
    session: &Session,
    budget: &SessionBudget,
    clock: &SkipClock,
    options: &Options,
) -> Fallible<Reply<ChatReply>> {
    let tools = options.recording.tool_names();
    let tools: Vec<_> = tools.iter().map(|name| ToolSpec::new(*name, "")).collect();
    loop {
        let context: Vec<Message> = log.context().into_iter().cloned().collect();
        let size = estimate_tokens(&context);
        let request = ChatRequest::new("", context).tools(tools.clone());
        let needs = Needs::default()
            .tools()
            .input(size)
            .output(request.max_tokens);
        let how = CallOptions::new().needs(needs).budget(budget.clone());
        let error = match chain.call_with(&request, &how).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let Some((provider, failure)) = error.too_long() else {
            return Err(error.into());
        };
        let model = ModelId::new(options.model(provider.as_str()))?;
        let call = ModelCall::new(provider.clone(), model).attempts(error.attempts());
        session.model_call(call.failed(failure.kind()));
        let Remedy::ShrinkContext(limit) = failure.verdict().remedy() else {
            return Err(error.into());
        };
        // Providers count in their own way: aim a tenth lower, where that leaves enough to go on with.
        let aim = limit.map_or(size, |limit| limit.min(size)) * 9 / 10;
        let cut = log.cut(aim, &EstimateTokens);
        let cut = cut.or_else(|error| match error.needed() {
            Some(needed) => log.cut(needed, &EstimateTokens),
            None => Err(error),
        })?;
        if cut.dropped == 0 {
            return Err(error.into());
        }
        log.save(CheckpointKind::Error)?;
        session.metric(Metric::count("messages_cut", u32::try_from(cut.dropped)?));
        timeline::cut(clock, &error, cut.dropped);
    }
}

/// Plays the tools that an answer calls, and names them.
async fn use_tools(
    answer: &Message,
    session: &Session,
    clock: &SkipClock,
    seed: u64,
) -> Fallible<String> {
    let calls = answer.tool_calls.iter();
    let mut names: Vec<_> = calls.map(|call| call.name.as_str()).collect();
    if names.is_empty() {
        names.push("command"); // Some recordings have their commands in the text.
    }
    let each = fastrand::Rng::with_seed(seed).u64(16_000..28_000) / names.len() as u64;
    for name in &names {
        let span = session.tool_call(ToolName::new(*name)?);
        clock.play(Duration::from_millis(each)).await;
        span.ok();
    }
    Ok(names.join(", "))
}
