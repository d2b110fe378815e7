//! One scenario, played: two scripted providers behind real HTTP, and a chain that calls them.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::Clock;
use agent_resilience::Sleep;

use super::catalogue::{Calls, Scenario};
use super::host::{Caller, Host};
use crate::{Dialect, Exchange, HttpProvider, Message, Recording, ScriptedProvider, VirtualTime};

pub(super) const QUESTION: &str =
    "In sixty words: what should a program do when its model provider fails?";
// Sixty words.
pub(super) const ANSWER: &str = "It should ask again where asking again can help, wait as long as it was told to wait, \
turn to somebody else where waiting is for nothing, never send twice what cannot succeed, never show half an \
answer as a whole one, leave alone who is down, come back once he is up, and say in the end who \
answered.";

/// How a call ended for its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// With an answer.
    Answered {
        /// Whether it is the whole answer, word for word.
        whole: bool,
        /// Who is said to have given it.
        by: String,
        /// Tokens that it is said to have taken.
        tokens: u64,
    },
    /// With an error.
    Failed(String),
}

/// What one call looked like.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallSeen {
    /// From the start of the scenario.
    pub at: Duration,
    /// Until its end.
    pub took: Duration,
    /// How it ended.
    pub ended: Ended,
}

/// What was seen of a scenario: by the caller, and by the two providers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Observed {
    /// The calls, in order.
    pub calls: Vec<CallSeen>,
    /// What reached the preferred provider, probes left out.
    pub primary: Vec<Exchange>,
    /// What reached the other one.
    pub fallback: Vec<Exchange>,
    /// Whether a call afterwards was answered in full.
    pub alive_after: bool,
}

/// Plays one scenario. Time is virtual: what takes a minute is over in milliseconds.
///
/// ```
/// use support::failover::{Caller, Scenario, play};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let silent = &Scenario::all()[5];
/// let observed = play(silent, Caller::Chain).await?;
/// assert_eq!(observed.primary.len(), 1, "not asked again");
/// assert_eq!(observed.fallback.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When no server can be started. It must be run on one thread.
pub async fn play(scenario: &Scenario, caller: Caller) -> Result<Observed, Box<dyn Error>> {
    let time = VirtualTime::default();
    time.while_passing(play_in(scenario, caller, &time)).await
}

async fn play_in(
    scenario: &Scenario,
    caller: Caller,
    time: &VirtualTime,
) -> Result<Observed, Box<dyn Error>> {
    let recording =
        Recording::from_messages(vec![Message::user(QUESTION), Message::assistant(ANSWER)])?;
    let serve = |script| {
        ScriptedProvider::builder(recording.clone())
            .script(script)
            .clock(Arc::new(time.clone()))
            .sleep(Arc::new(time.clone()))
            .start()
    };
    let primary = serve(scenario.primary.clone()).await?;
    let fallback = serve(crate::Script::default()).await?;
    for server in [&primary, &fallback] {
        let time = time.clone();
        server.on_change(move || time.stir());
    }
    let provider = |name: &str, dialect, server: &ScriptedProvider| {
        let provider = HttpProvider::new(name.parse()?, dialect, &server.url())?;
        // The client's own clocks leave the limits to whoever calls.
        Ok::<_, Box<dyn Error>>(provider.sleep(Arc::new(time.clone())))
    };
    let host = Host::new(
        caller,
        provider("primary", Dialect::OpenAi, &primary)?,
        provider("fallback", Dialect::Anthropic, &fallback)?,
        time,
    )?;

    let mut calls = Vec::new();
    match scenario.calls {
        Calls::One => calls.push(host.call(time).await),
        Calls::Every { count, interval } => {
            for number in 0..count {
                let due = interval.saturating_mul(number);
                let now = since_start(time);
                time.sleep(due.saturating_sub(now)).await;
                calls.push(host.call(time).await);
            }
        }
    }
    let (seen_primary, seen_fallback) = (chats(&primary), chats(&fallback));
    // What is refused for itself is refused again.
    let alive_after = scenario.wants_error || {
        let afterwards = host.call(time).await.ended;
        matches!(afterwards, Ended::Answered { whole: true, .. })
    };
    Ok(Observed {
        calls,
        primary: seen_primary,
        fallback: seen_fallback,
        alive_after,
    })
}

pub(super) fn since_start(time: &VirtualTime) -> Duration {
    Duration::from_nanos(time.monotonic().nanos())
}

fn chats(server: &ScriptedProvider) -> Vec<Exchange> {
    let log = server.log().into_iter();
    log.filter(|exchange| exchange.target == crate::Target::Chat)
        .collect()
}
