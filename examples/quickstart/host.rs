//! The agent: what you would write yourself. It works through a session, saves after every message,
//! and can be killed at any moment.

use std::error::Error;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use agent_checkpoint::{Checkpointer, EstimateTokens, FileStore, Message};
use agent_primitives::{
    AgentId, CheckpointKind, Clock, Fanout, ModelId, SessionId, Timestamp, ToolName,
};
use agent_resilience::classify::Remedy;
use agent_resilience::{ChainError, FallbackChain, FallbackConfig, Reply, Sleep};
use agent_telemetry::{
    Metric, ModelCall, Outcome, Price, Prices, Session, SessionStart, SqliteSink, Telemetry,
};
use support::{ApiKey, ChatReply, ChatRequest, Dialect, HttpProvider, Recording, ToolSpec};

use crate::options::{Options, PROVIDERS};
use crate::skip_clock::SkipClock;
use crate::summary::{CHECKPOINTS, DATABASE};
use crate::timeline::{self, Line, send};

type Fallible<T> = Result<T, Box<dyn Error>>;
type Chain = FallbackChain<ChatRequest, ChatReply>;

/// Works through the session, from wherever the last process left it.
///
/// # Errors
/// When nobody can answer, or nothing can be saved.
pub(crate) async fn run(options: Options) -> Fallible<()> {
    let clock = SkipClock::new(options.skipped, options.pace);
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let (id, agent) = (SessionId::new("quickstart")?, AgentId::new("coder")?);

    let prices = Prices::builtin().with_provider("ollama".parse()?, Price::FREE);
    let telemetry = Telemetry::builder(SqliteSink::open(options.dir.join(DATABASE))?)
        .clock(clock.clone())
        .prices(prices)
        .start()?;
    let hears = Arc::new(
        Fanout::new()
            .with(telemetry.clone())
            .with(timeline::observer()),
    );
    let mut log =
        Checkpointer::builder(FileStore::open(options.dir.join(CHECKPOINTS))?, id.clone())
            .agent(agent.clone())
            .clock(Arc::clone(&shared))
            .observer(hears)
            .open()?;
    let start = SessionStart::new(id, agent).task_type("bug_fix");
    let session = if log.history().is_empty() {
        telemetry.session(start)
    } else {
        let (messages, report) = (log.history().len(), log.report().to_string());
        send(clock.timestamp(), Line::Resumed { messages, report });
        telemetry.resume_session(start)
    };
    let mut chain = FallbackChain::builder()
        .config(settings())
        .seed(options.seed);
    for name in PROVIDERS {
        chain = chain.provider(provider(&options, name)?);
    }
    let hears = Fanout::new()
        .with(session.observer())
        .with(log.signal())
        .with(timeline::observer());
    let chain = chain
        .clock(shared)
        .sleep(Arc::new(clock.clone()))
        .observer(Arc::new(hears))
        .build()?;

    let recording = &options.recording;
    for turn in recording.turns() {
        let done = turn.history().len();
        if log.history().len() > done {
            continue; // This turn was answered and saved, by this process or an earlier one.
        }
        for message in turn
            .history()
            .get(log.history().len()..)
            .unwrap_or_default()
        {
            log.push(message.clone())?;
            log.save(CheckpointKind::Auto)?;
        }
        send(
            clock.timestamp(),
            Line::Asking {
                turn: turn.number(),
            },
        );
        let before = clock.monotonic();
        let reply = ask(&chain, &mut log, &session, recording).await?;
        let latency = clock.monotonic().since(before);
        let model = ModelId::new(options.model(reply.provider.as_str()))?;
        let call = ModelCall::new(reply.provider.clone(), model);
        session.model_call(
            call.usage(reply.value.usage)
                .latency(latency)
                .attempts(reply.attempts),
        );
        // A real endpoint answers in its own words; the session goes on as it was recorded.
        let answer = if options.real_time {
            turn.answer().clone()
        } else {
            reply.value.message
        };
        let action = use_tools(&answer, &session, &clock, options.seed + done as u64).await?;
        log.push(answer)?;
        log.save(CheckpointKind::Auto)?;
        log.save_if_asked()?;
        chain.probe_due().await;
        telemetry.flush(Duration::from_secs(5))?;
        let skipped_ms = u64::try_from(clock.skipped().as_millis())?;
        let (turn, provider) = (turn.number(), reply.provider.to_string());
        send(
            clock.timestamp(),
            Line::Turn {
                turn,
                provider,
                action,
                skipped_ms,
            },
        );
    }
    for message in recording
        .messages()
        .get(log.history().len()..)
        .unwrap_or_default()
    {
        log.push(message.clone())?;
    }
    log.save(CheckpointKind::Workflow)?;
    session.metric(Metric::count(
        "turns",
        u32::try_from(recording.turns().len())?,
    ));
    session.end(Outcome::Success);
    telemetry.flush(Duration::from_secs(5))?;
    Ok(())
}

/// Asks for the next answer; a history that is too long is cut and asked again.
async fn ask(
    chain: &Chain,
    log: &mut Checkpointer,
    session: &Session,
    recording: &Recording,
) -> Fallible<Reply<ChatReply>> {
    for _ in 0..5 {
        let messages: Vec<Message> = log.context().into_iter().cloned().collect();
        let mut request = ChatRequest::new("any", messages);
        request.tools = recording
            .tool_names()
            .into_iter()
            .map(|name| ToolSpec::new(name, name))
            .collect();
        let error = match chain.call(&request).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let Some(Remedy::ShrinkContext(limit)) = remedy(&error) else {
            return Err(error.into());
        };
        // Providers count differently: aim below the limit, or at two thirds where none is given.
        let size = support::estimate_tokens(&request.messages);
        let limit = limit.filter(|limit| *limit < size).unwrap_or(size * 2 / 3) * 9 / 10;
        let cut = log
            .cut(limit, &EstimateTokens)
            .or_else(|small| log.cut(small.needed, &EstimateTokens))?;
        log.save(CheckpointKind::Error)?;
        let text = format!("{error}: {} messages left out", cut.dropped);
        send(
            log.latest().map_or(Timestamp::UNIX_EPOCH, |c| c.at),
            Line::Note {
                who: "host".into(),
                text,
            },
        );
        session.metric(Metric::count("messages_cut", u32::try_from(cut.dropped)?));
    }
    Err("the context does not fit any provider, however much is left out".into())
}

fn remedy(error: &ChainError) -> Option<Remedy> {
    error.failure().map(|failure| failure.verdict().remedy())
}

/// Plays the tools that the answer calls, and says in a few words what it did.
async fn use_tools(
    answer: &Message,
    session: &Session,
    clock: &SkipClock,
    seed: u64,
) -> Fallible<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut names: Vec<_> = answer
        .tool_calls
        .iter()
        .map(|call| call.name.as_str())
        .collect();
    if names.is_empty() {
        names.push("command"); // Some recordings have their commands in the text.
    }
    let each = random.u64(16_000..28_000) / names.len() as u64;
    for name in &names {
        let span = session.tool_call(ToolName::new(*name)?);
        clock.sleep(Duration::from_millis(each)).await;
        span.ok();
    }
    Ok(names.join(", "))
}

fn provider(options: &Options, name: &str) -> Fallible<HttpProvider> {
    let (dialect, variable) = match name {
        "claude" => (Dialect::Anthropic, "ANTHROPIC_API_KEY"),
        "groq" => (Dialect::Groq, "GROQ_API_KEY"),
        _ => (Dialect::Ollama, "OLLAMA_API_KEY"),
    };
    let url = options
        .endpoints
        .get(name)
        .ok_or("every provider needs an endpoint")?;
    let mut provider = HttpProvider::new(name.parse()?, dialect, url)?.model(options.model(name));
    if let Ok(key) = std::env::var(variable) {
        provider = provider.key(ApiKey::new(&key)?);
    }
    Ok(provider)
}

fn settings() -> FallbackConfig {
    let mut config = FallbackConfig::default();
    config.retry.max_attempts = NonZeroU32::MIN.saturating_add(3);
    config.breaker.consecutive_failures = NonZeroU16::new(3);
    config
}
