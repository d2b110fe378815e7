//! One call that may fail now and then, in six situations, against a real server on loopback.
//!
//! ```text
//! cargo run --example retry
//! ```
//!
//! Each situation says what the provider does, what is told before each pause, and how it ends. The
//! program fails when the provider was called more or less often than it should have been.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::error::Error;
use std::time::{Duration, Instant};

use agent_primitives::FailureKind;
use agent_resilience::classify::Classify;
use agent_resilience::{
    Backoff, Failure, KindPolicy, Provider, Retry, RetryBudget, RetryError, RetryPolicy,
};
use support::{
    ChatReply, ChatRequest, Dialect, Fault, HttpProvider, Recording, Rule, Script, ScriptedProvider,
};

type Done = Result<(), Box<dyn Error>>;

/// A provider that does as the script says, and a request for it.
struct Stage {
    server: ScriptedProvider,
    provider: HttpProvider,
    request: ChatRequest,
}

impl Stage {
    async fn set(rules: Vec<Rule>) -> Result<Self, Box<dyn Error>> {
        let recording = Recording::sample();
        let turn = recording.turn(1).ok_or("the sample has a turn")?;
        let request = ChatRequest::new("llama-3.3-70b-versatile", turn.before().to_vec());
        let server = ScriptedProvider::builder(recording.clone())
            .script(Script::new(rules))
            .start()
            .await?;
        let provider = HttpProvider::new("groq".parse()?, Dialect::Groq, &server.url())?;
        Ok(Self {
            server,
            provider,
            request,
        })
    }

    /// One run, told line by line.
    async fn play(&self, retry: &Retry) -> Result<ChatReply, RetryError<Failure>> {
        let start = Instant::now();
        let outcome = retry
            .run(|_| self.provider.call(&self.request))
            .notify(|pause| println!("  {pause}"))
            .await;
        let took = start.elapsed().as_secs_f64();
        match &outcome {
            Ok(reply) => println!(
                "  answered after {took:.2} s: {} tokens",
                reply.usage.total()
            ),
            Err(error) => println!("  {error} ({took:.2} s)"),
        }
        outcome
    }

    /// The provider was called so often.
    fn called(&self, times: u64) -> Done {
        match self.server.tally().chats {
            calls if calls == times => Ok(()),
            calls => Err(format!("{calls} calls in place of {times}").into()),
        }
    }
}

fn failed<T>(
    outcome: Result<T, RetryError<Failure>>,
) -> Result<RetryError<Failure>, Box<dyn Error>> {
    outcome
        .err()
        .ok_or_else(|| "an answer where there should be none".into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    // Plain data: it could come from a configuration file.
    let policy = RetryPolicy {
        backoff: Backoff::exponential(Duration::from_millis(50), Duration::from_secs(2)),
        longest_hint: Duration::from_secs(60),
        ..RetryPolicy::default()
    };
    let retry = Retry::default().with_policy(policy.clone()).seed(7);

    println!("1. The provider asks for a second of patience.");
    let limited = |seconds| Fault::RateLimited {
        retry_after: Some(Duration::from_secs(seconds)),
    };
    let stage = Stage::set(vec![Rule::new(limited(1))]).await?;
    let start = Instant::now();
    stage.play(&retry).await?;
    if start.elapsed() < Duration::from_secs(1) {
        return Err("the hint was undercut".into());
    }
    stage.called(2)?;

    println!("2. It fails inside, twice.");
    let stage = Stage::set(vec![Rule::new(Fault::ServerError).times(2)]).await?;
    stage.play(&retry).await?;
    stage.called(3)?;

    println!("3. The credit is used up. The status is that of a rate limit.");
    let stage = Stage::set(vec![Rule::new(Fault::InsufficientQuota).always()]).await?;
    let error = failed(stage.play(&retry).await)?;
    println!("  the verdict: {}", error.verdict().kind);
    stage.called(1)?;

    println!("4. It asks for 30 s, and the caller has 5.");
    let stage = Stage::set(vec![Rule::new(limited(30)).always()]).await?;
    let error = failed(
        stage
            .play(&retry.clone().total(Duration::from_secs(5)))
            .await,
    )?;
    println!(
        "  somebody else may be in time: {}",
        error.reason.is_for_want_of_time()
    );
    stage.called(1)?;

    println!("5. It says nothing; after 200 ms it is asked again, but only once.");
    let stage = Stage::set(vec![Rule::new(Fault::Silence).always()]).await?;
    let mut impatient = policy.clone();
    impatient.attempt_timeout = Some(Duration::from_millis(200));
    let twice = KindPolicy {
        max_attempts: 2.try_into().ok(),
        ..KindPolicy::default()
    };
    impatient.per_kind.insert(FailureKind::Timeout, twice);
    failed(stage.play(&retry.clone().with_policy(impatient)).await)?;
    stage.called(2)?;

    println!("6. It is down while 100 requests come in, each with three attempts.");
    let stage = Stage::set(vec![Rule::new(Fault::Overloaded).always()]).await?;
    let budget = RetryBudget::default();
    let retry = retry
        .backoff(Backoff::constant(Duration::from_millis(1)))
        .budget(budget.clone());
    for _ in 0..100 {
        failed(retry.run(|_| stage.provider.call(&stage.request)).await)?;
    }
    let calls = stage.server.tally().chats;
    println!(
        "  {calls} calls, {} retries refused by the budget",
        budget.refused()
    );
    if !(110..=135).contains(&calls) {
        return Err(format!("{calls} calls for a demand of 100").into());
    }
    Ok(())
}
