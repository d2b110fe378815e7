//! A circuit breaker in front of a provider that fails for a while: closed, open, half open, closed.
//!
//! ```text
//! cargo run --example circuit_breaker
//! ```
//!
//! The provider is a real server on this machine, with a script of what goes wrong. The breaker's clock is
//! moved by hand, so that nobody waits half a minute; leave `.clock(…)` out and it is the system's.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::error::Error;
use std::time::Duration;

use agent_primitives::{Clock, Event, FailureKind, ManualClock, Stamp, SystemClock};
use agent_resilience::{BreakerConfig, CallError, CircuitBreaker, Provider};
use support::{
    ApiKey, ChatRequest, Dialect, Fault, HttpProvider, Recording, Rule, Script, ScriptedProvider,
};

/// Three failures in a row, or half of the last twenty calls; a timeout counts as two failures. Two probes
/// have to succeed before everybody may call again.
const SETTINGS: &str = r#"{
    "consecutive_failures": 3,
    "failure_rate": 50,
    "window": {"calls": 20},
    "open_for": "30s",
    "probes": 2,
    "weights": {"timeout": 2}
}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let recording = Recording::sample();
    // A wrong key first, which is nobody's outage; then the service is overloaded for a while.
    let faults = Script::new([
        Rule::new(Fault::Unauthorized).requests(2..=2),
        Rule::new(Fault::Overloaded).requests(3..=5),
    ]);
    let server = ScriptedProvider::builder(recording.clone())
        .script(faults)
        .start()
        .await?;
    let claude = HttpProvider::new("claude".parse()?, Dialect::Anthropic, &server.url())?
        .key(ApiKey::new("not checked by the scripted provider")?);
    let turn = recording.turn(1).ok_or("the recording is empty")?;
    let request = ChatRequest::new("claude-sonnet-4-5", turn.before().to_vec());

    let clock = ManualClock::starting_at(SystemClock.timestamp());
    let config: BreakerConfig = serde_json::from_str(SETTINGS)?;
    let breaker = CircuitBreaker::new(claude.id().clone(), config)
        .clock(clock.clone())
        .observer(|_: Stamp<'_>, event: &Event| {
            if let Event::Breaker(change) = event {
                println!("           {} -> {}", change.from, change.to);
            }
        });

    for call in 1..=7 {
        match breaker.call(|| claude.call(&request)).await {
            Ok(_) => println!("call {call}     answered"),
            Err(CallError::Inner(failure)) => println!("call {call}     {failure}"),
            Err(error) => println!("call {call}     not made: {error}"),
        }
    }
    println!("snapshot   {}", breaker.snapshot());

    println!("           30 s pass");
    clock.advance(Duration::from_secs(30));
    // Where the call cannot be wrapped: ask, and report what came of it. An owned permit goes along into
    // the task; if that is aborted, the probe is free again.
    let permit = breaker.admit_owned()?;
    let probe = {
        let (claude, request) = (claude.clone(), request.clone());
        tokio::spawn(async move {
            let answer = claude.call(&request).await;
            permit.record(&answer);
            answer.is_ok()
        })
    };
    println!("probe      answered: {}", probe.await?);
    println!("snapshot   {}", breaker.snapshot());

    // One reading of the clock for the admission and the report.
    let now = clock.monotonic();
    let permit = breaker.admit_at(now)?;
    match claude.call(&request).await {
        Ok(_) => permit.success_at(now),
        Err(failure) => permit.failure_at(failure.verdict(), now),
    }
    println!("snapshot   {}", breaker.snapshot());

    // By hand, when a status page says more than the calls do.
    breaker.isolate();
    let refused = breaker
        .admit()
        .err()
        .ok_or("an isolated breaker admits nobody")?;
    println!("by hand    {refused}");
    breaker.close();
    drop(breaker.admit()?);
    breaker.admit()?.failure(FailureKind::Timeout);
    println!("snapshot   {}", breaker.snapshot());
    println!("server     asked {} times", server.tally().chats);
    server.stop().await;
    Ok(())
}
