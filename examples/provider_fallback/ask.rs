//! `ask`: one request through the chain.

use std::error::Error;

use agent_primitives::{Event, Stamp};
use agent_resilience::{CallOptions, ChainError, Decision, Needs, Reply};
use serde_json::{Value, json};
use support::{ChatReply, ChatRequest, Message, estimate_tokens};

use crate::fleet::{Chain, Fleet};
use crate::table::span;

/// What happens on the way, for whoever waits.
pub(crate) fn hears(_: Stamp<'_>, event: &Event) {
    if let Some((who, text)) = support::in_words(event) {
        eprintln!("  {who}: {text}");
    }
}

/// Asks; whether anybody answered.
pub(crate) async fn ask(
    fleet: &mut Fleet,
    text: &str,
    explain: bool,
    is_json: bool,
) -> Result<bool, Box<dyn Error>> {
    for missing in fleet.members.iter().filter_map(|it| it.missing.as_ref()) {
        eprintln!("  {missing}");
    }
    let request = ChatRequest::new("", vec![Message::user(text)]);
    let needs = Needs::default()
        .input(estimate_tokens(&request.messages))
        .output(request.max_tokens);
    let how = CallOptions::new()
        .needs(needs)
        .budget(fleet.budget.without_session());
    let answer = fleet.chain.call_with(&request, &how).await;
    match answer {
        Ok(reply) => {
            let (name, limits) = (&reply.provider, reply.value.limits);
            fleet.state.last = Some(name.clone());
            if !limits.is_unknown() {
                fleet.state.limits.insert(name.clone(), limits);
            }
            if is_json {
                let chain = explain.then_some(&fleet.chain);
                println!("{}", as_json(&reply, chain));
            } else {
                print_reply(&reply);
                if explain {
                    print_decisions(fleet, &reply.decisions);
                }
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
            if explain && !is_json {
                print_decisions(fleet, &[fleet.chain.explain(&needs)]);
            }
            Ok(false)
        }
    }
}

/// Why this one, and why not the others: a table for each choice on the way.
fn print_decisions(fleet: &Fleet, decisions: &[Decision]) {
    let names = fleet.chain.providers();
    for (number, decision) in (1..).zip(decisions) {
        println!("\nchoice {number}:");
        print!("{}", decision.table(&names));
    }
}

fn print_reply(reply: &Reply<ChatReply>) {
    println!("{}: {}", reply.provider, reply.value.message.content);
    let calls = if reply.attempts == 1 { "call" } else { "calls" };
    let cost = reply
        .cost
        .map_or_else(|| "of unknown price".to_owned(), |cost| cost.to_string());
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

fn as_json(reply: &Reply<ChatReply>, explained_by: Option<&Chain>) -> Value {
    json!({
        "provider": reply.provider,
        "text": reply.value.message.content,
        "attempts": reply.attempts,
        "elapsed_ms": reply.elapsed.as_secs_f64() * 1_000.0,
        "handoffs": reply.handoffs,
        "usage": reply.value.usage,
        "cost_usd": reply.cost,
        // The places in a decision are those in the order.
        "order": explained_by.map(Chain::providers),
        "decisions": explained_by.map(|_| &reply.decisions),
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
