//! Eight agents and one provider that allows 23 calls and 30 000 input tokens a minute: once with
//! backing off alone, once with a `RateLimit`, and once more while a stranger uses the same key.
//!
//! ```text
//! cargo run --release --example rate_limits
//! ```
//!
//! Time is simulated, so minutes pass in milliseconds and every run is the same. `agent.rs` is what you
//! would write yourself; `provider.rs` stands for the other side, with a count of its own.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod agent;
mod provider;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use agent::Manner;
use agent_resilience::classify::LimitedResource::{InputTokens, Requests};
use agent_resilience::{RateLimit, RateLimitConfig, RateWindow};
use futures_util::future::join_all;
use provider::{PausedClock, SimulatedProvider, Tally};

const AGENTS: u64 = 8;
const CALLS_EACH: u32 = 12;

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "{AGENTS} agents, {CALLS_EACH} calls each; 23 calls and 30 000 input tokens a minute\n"
    );
    println!(
        "{:39}{:>9}{:>7}{:>9}{:>11}",
        "", "answered", "429", "share", "took"
    );
    let alone = run("exponential backoff", false, false)?;
    let limited = run("RateLimit", true, false)?;
    let shared = run("RateLimit, a stranger on the same key", true, true)?;
    println!(
        "\nThe limit asks for nothing that the provider would refuse: {} refusals in place of {}.\n\
         What a stranger takes with the same key it learns from each reply's headers: {} refusals.",
        limited.refused, alone.refused, shared.refused
    );
    if limited.refused > 0 {
        return Err("a call met a 429 that the limit should have held back".into());
    }
    Ok(())
}

/// Runs all agents to their end on a runtime whose time is simulated.
fn run(name: &str, limited: bool, stranger: bool) -> Result<Tally, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    let (tally, took) = runtime.block_on(story(limited, stranger))?;
    let share = 100 * tally.refused / (tally.answered + tally.refused).max(1);
    let (answered, refused, seconds) = (tally.answered, tally.refused, took.as_secs());
    let took = format!("{}m {:02}s", seconds / 60, seconds % 60);
    println!("{name:39}{answered:>9}{refused:>7}{share:>7} %{took:>11}");
    Ok(tally)
}

async fn story(limited: bool, stranger: bool) -> Result<(Tally, Duration), Box<dyn Error>> {
    let clock = PausedClock::new();
    let provider = Arc::new(SimulatedProvider::new(clock));
    let manner = if limited {
        // A little less than the whole burst: calls may arrive closer together than they were sent.
        let config = RateLimitConfig::default()
            .window(RateWindow::per_minute(Requests, 23).burst(20))
            .window(RateWindow::per_minute(InputTokens, 30_000).burst(27_000));
        Manner::Limited(RateLimit::with_clock(&config, clock)?)
    } else {
        Manner::BackingOff
    };
    let other = stranger.then(|| tokio::spawn(agent::stranger(Arc::clone(&provider))));
    let agents = (0..AGENTS).map(|number| {
        let (provider, manner) = (Arc::clone(&provider), manner.clone());
        tokio::spawn(agent::work(provider, manner, number, CALLS_EACH))
    });
    let mut tally = Tally::default();
    for agent in join_all(agents).await {
        tally = tally + agent?;
    }
    let took = clock.passed();
    if let Some(other) = other {
        other.abort();
    }
    Ok((tally, took))
}
