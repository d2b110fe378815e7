//! Agents that speak OTLP through the OpenTelemetry SDK, telling a recorded session.

use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use agent_primitives::TokenUsage;
use support::{Recording, WatchedAgent, WatchedCall, estimate_tokens};

const AGENTS: u64 = 3;
const MODEL: &str = "claude-haiku-4-5";
/// Between two turns.
const PAUSE: Duration = Duration::from_millis(200);
/// How many times larger the outputs of tools are than they were, so that a short session fills a context.
const LARGER: u64 = 900;

pub(crate) fn start(endpoint: &str, token: Option<String>) -> JoinHandle<()> {
    let endpoint = endpoint.to_owned();
    thread::spawn(move || {
        let agents: Vec<_> = (0..AGENTS)
            .map(|number| {
                let (endpoint, token) = (endpoint.clone(), token.clone());
                thread::spawn(move || {
                    if let Err(error) = play(&endpoint, number, token.as_deref()) {
                        eprintln!("agent {number} of the demo: {error}");
                    }
                })
            })
            .collect();
        for agent in agents {
            // A panic in it was said by itself.
            let _ = agent.join();
        }
    })
}

fn play(
    endpoint: &str,
    number: u64,
    token: Option<&str>,
) -> Result<(), Box<dyn std::error::Error>> {
    let agent = WatchedAgent::start(endpoint, &format!("demo-{number}"), token)?;
    let (_stop, stopped) = mpsc::channel::<()>();
    let recording = Recording::sample();
    let mut cached = 0;
    for (turn, it) in recording.turns().into_iter().enumerate() {
        let prompt = estimate_tokens(it.before()) * (LARGER + 50 * number);
        let output = estimate_tokens(std::slice::from_ref(it.answer()));
        let fresh = prompt.saturating_sub(cached).max(1);
        let usage = TokenUsage::new(fresh, output).with_cache_read(cached);
        cached = prompt;
        agent.call(&WatchedCall {
            request: format!("req_demo_{number}_{turn}"),
            model: MODEL,
            usage,
            // $1, $0.1 and $5 for a million tokens.
            cost_micros: usage.input() + usage.cache_read() / 10 + 5 * usage.output(),
            latency: Duration::from_millis(600 + 50 * number),
        });
        for call in &it.answer().tool_calls {
            let id = format!("{}-{number}", call.id);
            agent.tool(&id, &call.name, true, Duration::from_millis(40));
        }
        agent.send()?;
        // Nobody says so: it is the time that passes.
        let _ = stopped.recv_timeout(PAUSE);
    }
    Ok(())
}
