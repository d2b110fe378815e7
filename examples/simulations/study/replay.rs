//! The same seed, time and outcomes: the same decisions, byte for byte.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use agent_primitives::{Event, Stamp};
use agent_resilience::{Cost, FallbackChain, Policy, Provider, Retry, RetryBudget};
use futures_util::future::join_all;

use super::finding::{Extent, Finding, Unit, figure};
use super::time::{SimulatedTime, pause, simulate};
use super::upstream::{Ask, Model, Upstream, Weather};
use super::wire::Maker;

/// A log of decisions, kept as its length and its hash (FNV-1a).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) decisions: u64,
    pub(crate) hash: u64,
    line: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            decisions: 0,
            hash: 0xcbf2_9ce4_8422_2325,
            line: String::new(),
        }
    }
}

impl Log {
    fn add(&mut self, stamp: Stamp<'_>, event: &Event) {
        self.line.clear();
        // Writing into a string cannot fail.
        let _ = write!(self.line, "{} {event:?}", stamp.at.unix_nanos());
        for byte in self.line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.decisions += 1;
    }
}

/// Two runs with one seed and one with another, of at least so many decisions each.
pub(crate) fn findings(decisions: u64, seed: u64) -> io::Result<Vec<Finding>> {
    let (extent, first) = run(decisions, seed)?;
    let (_, second) = run(decisions, seed)?;
    let (_, third) = run(decisions, seed ^ 0x5eed)?;
    let line = |what: String, measured: bool| {
        Finding::new(what, extent, figure(u64::from(measured)), Unit::Count)
    };
    let (one, log) = (first == second, first.decisions);
    Ok(vec![
        Finding::new("decisions in the log", extent, figure(log), Unit::Count)
            .at_least(figure(decisions)),
        line(
            format!("the same seed, the same log ({:016x})", first.hash),
            one,
        )
        .at_least(1.0),
        line(
            format!("another seed, the same log ({:016x})", third.hash),
            third.hash == first.hash,
        )
        .at_most(0.0),
    ])
}

/// Three providers that fail now and then behind a chain, and one behind a policy; eight workers each.
fn run(decisions: u64, seed: u64) -> io::Result<(Extent, Log)> {
    simulate(async move {
        let time = SimulatedTime::begin();
        let log = Arc::new(Mutex::new(Log::default()));
        let observer = || {
            let log = Arc::clone(&log);
            move |stamp: Stamp<'_>, event: &Event| {
                log.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .add(stamp, event);
            }
        };
        let make = |name, maker, permille, salt| {
            let model = Model::of(maker).weather(Weather::Fails { permille });
            Upstream::new(name, model, time, seed ^ salt)
        };
        let chain = FallbackChain::builder()
            .provider(make("claude", Maker::Anthropic, 300, 1))
            .provider(make("gpt", Maker::OpenAi, 200, 2))
            .provider(make("mistral", Maker::Mistral, 100, 3))
            .clock(time)
            .seed(seed)
            .observer(observer())
            .build()
            .unwrap_or_else(|error| unreachable!("{error}"));
        let _probes = chain.spawn_probes();
        let lone = make("groq", Maker::Groq, 300, 4);
        let policy = Policy::default()
            .retry(Retry::default().seed(seed))
            .retry_budget(RetryBudget::default())
            .clock(time)
            .observer(Provider::id(&lone).clone(), observer());
        let workers = (0..16_u64).map(|number| {
            let (chain, lone, policy, log) = (
                chain.clone(),
                lone.clone(),
                policy.clone(),
                Arc::clone(&log),
            );
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(seed ^ (number << 8));
                let mut requests = 0_u64;
                while log.lock().unwrap_or_else(PoisonError::into_inner).decisions < decisions {
                    let ask = Ask::any(&mut random);
                    if number % 2 == 0 {
                        let _ = chain.call(&ask).await;
                    } else {
                        let _ = policy.run(Cost::REQUEST, |_| lone.ask(ask)).await;
                    }
                    requests += 1;
                    pause(random.u64(10..1_000)).await;
                }
                requests
            })
        });
        let requests = join_all(workers).await.into_iter().flatten().sum();
        let extent = Extent {
            simulated: time.passed(),
            requests,
        };
        let log = log.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (extent, log)
    })
}
