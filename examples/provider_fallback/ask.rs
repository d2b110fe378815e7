//! `ask`: one request through the chain.

use std::error::Error;

use agent_primitives::{Event, Stamp};
use agent_resilience::{CallOptions, ChainError, Needs, Reply};
use serde_json::{Value, json};
use support::{ChatReply, ChatRequest, Message, estimate_tokens};

use crate::fleet::Fleet;
use crate::table::span;

/// What happens on the way, for whoever waits.
pub(crate) fn hears(_: Stamp<'_>, event: &Event) {
    if let Some((who, text)) = support::in_words(event) {
        eprintln!("  {who}: {text}");
    }
}

/// Asks; whether anybody answered.
pub(crate) async fn ask(
    fleet: &Fleet,
    text: &str,
    explain: bool,
    is_json: bool,
) -> Result<bool, Box<dyn Error>> {
    let request = ChatRequest::new("", vec![Message::user(text)]);
    let needs = Needs::default()
        .input(estimate_tokens(&request.messages))
        .output(request.max_tokens);
    let _ = explain;
    let answer = fleet
        .chain
        .call_with(&request, &CallOptions::new().needs(needs))
        .await;
    match answer {
        Ok(reply) => {
            {
                let mut state = fleet.memory.state();
                state.last = Some(reply.provider.clone());
                if !reply.value.limits.is_unknown() {
                    state
                        .limits
                        .insert(reply.provider.clone(), reply.value.limits);
                }
            }
            if is_json {
                println!("{}", as_json(&reply));
            } else {
                print_reply(&reply);
            }
            Ok(true)
        }
        Err(error) => {
            if is_json {
                println!("{}", refused_json(&error));
            }
            eprintln!("provider_fallback: {error}");
            if let Some(wait) = retry_in(&error) {
                eprintln!("  ask again in {}", span(wait));
            }
            Ok(false)
        }
    }
}

fn print_reply(reply: &Reply<ChatReply>) {
    println!("{}: {}", reply.provider, reply.value.message.content);
    let calls = if reply.attempts == 1 { "call" } else { "calls" };
    let cost = reply.cost.map_or_else(
        || "its price is not known".to_owned(),
        |cost| cost.to_string(),
    );
    println!(
        "  {} {calls} in {:.1} ms, {} tokens, {cost}",
        reply.attempts,
        reply.elapsed.as_secs_f64() * 1_000.0,
        reply.value.usage.total(),
    );
    for handoff in &reply.handoffs {
        println!("  {handoff}");
    }
}

fn as_json(reply: &Reply<ChatReply>) -> Value {
    json!({
        "provider": reply.provider,
        "text": reply.value.message.content,
        "attempts": reply.attempts,
        "elapsed_ms": reply.elapsed.as_secs_f64() * 1_000.0,
        "handoffs": reply.handoffs,
        "usage": reply.value.usage,
        "cost_usd": reply.cost,
    })
}

fn refused_json(error: &ChainError) -> Value {
    json!({
        "provider": null,
        "error": error.to_string(),
        "attempts": error.attempts(),
        "retry_in_s": retry_in(error).map(|wait| wait.as_secs_f64()),
    })
}

fn retry_in(error: &ChainError) -> Option<std::time::Duration> {
    match error {
        ChainError::Exhausted(exhausted) => exhausted.retry_in(),
        _ => None,
    }
}
