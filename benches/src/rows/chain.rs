//! One request through several providers: all of them healthy, and the preferred one given up.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agent_primitives::{FailureKind, ProviderId};
use agent_resilience::classify::Verdict;
use agent_resilience::{Failure, FallbackChain, FallbackConfig, Provider, Return};
use tower::{Layer, Service, ServiceExt};
use tower_resilience::circuitbreaker::CircuitBreakerLayer;
use tower_resilience::fallback::FallbackLayer;

use super::executor::{Ending, Executor};
use super::operation::{Refused, answer};
use crate::harness::{Broken, Case, Group, Kind, Plan, version_of};

const NAMES: [&str; 3] = ["claude", "groq", "ollama"];

pub(super) fn plans() -> Vec<Plan> {
    vec![
        Plan::new("chain, all healthy", |name| {
            Ok(Group::new(name, cases(false)?))
        }),
        Plan::new("chain, primary open", |name| {
            Ok(Group::new(name, cases(true)?))
        }),
    ]
}

fn cases(primary_is_down: bool) -> Result<Vec<Case>, Broken> {
    let executor = &Executor::spinning()?;
    let ours = |name: &str, config: FallbackConfig| {
        let chain = chain(primary_is_down, config)?;
        let version = version_of("agent-resilience");
        executor.case(Kind::Ours, name, version, Ending::Answered, move || {
            let chain = chain.clone();
            async move |number: u32| chain.call(&number).await
        })
    };
    Ok(vec![
        bare(executor)?,
        ours("fallback chain", FallbackConfig::default())?,
        ours(
            "fallback chain, decisions not kept",
            FallbackConfig {
                decisions: 0,
                ..FallbackConfig::default()
            },
        )?,
        by_hand(executor, primary_is_down)?,
        tower_resilience(executor, primary_is_down)?,
    ])
}

/// Answers, unless it is down.
struct Fixed {
    id: ProviderId,
    is_down: bool,
}

impl Fixed {
    fn all(primary_is_down: bool) -> Result<Vec<Self>, Broken> {
        let named = NAMES.iter().enumerate().map(|(place, name)| {
            let id = ProviderId::new(*name).map_err(Broken::when("name a provider"))?;
            let is_down = primary_is_down && place == 0;
            Ok(Self { id, is_down })
        });
        named.collect()
    }
}

#[async_trait::async_trait]
impl Provider<u32> for Fixed {
    type Reply = u32;

    fn id(&self) -> &ProviderId {
        &self.id
    }

    async fn call(&self, number: &u32) -> Result<u32, Failure> {
        if self.is_down {
            return Err(Verdict::new(FailureKind::QuotaExhausted).into());
        }
        answer(*number).map_err(|_| Verdict::new(FailureKind::Overloaded).into())
    }
}

fn chain(primary_is_down: bool, config: FallbackConfig) -> Result<FallbackChain<u32, u32>, Broken> {
    let mut builder = FallbackChain::builder().config(FallbackConfig {
        returning: Return::default(),
        ..config
    });
    for provider in Fixed::all(primary_is_down)? {
        builder = builder.provider(provider);
    }
    builder.build().map_err(Broken::when("build a chain"))
}

/// The call itself, in the box that every provider's call has.
fn bare(executor: &Executor) -> Result<Case, Broken> {
    let provider: Arc<[Fixed]> = Fixed::all(false)?.into();
    let name = "the provider's call alone";
    executor.case(Kind::Floor, name, "", Ending::Answered, move || {
        let provider = Arc::clone(&provider);
        async move |number: u32| match provider.first() {
            Some(provider) => provider.call(&number).await.map_err(drop),
            None => Err(()),
        }
    })
}

/// What hosts write: the first that is not marked as down, and a mark where it fails for good.
fn by_hand(executor: &Executor, primary_is_down: bool) -> Result<Case, Broken> {
    struct Link {
        provider: Box<dyn Provider<u32, Reply = u32>>,
        is_down: AtomicBool,
    }
    let links = Fixed::all(primary_is_down)?
        .into_iter()
        .map(|provider| Link {
            provider: Box::new(provider),
            is_down: AtomicBool::new(false),
        });
    let links: Arc<[Link]> = links.collect();
    let name = "loop with a mark, by hand";
    executor.case(Kind::Peer, name, "", Ending::Answered, move || {
        let links = Arc::clone(&links);
        async move |number: u32| {
            for link in links.iter() {
                if link.is_down.load(Ordering::Acquire) {
                    continue;
                }
                match link.provider.call(&number).await {
                    Ok(reply) => return Ok(reply),
                    Err(_) => link.is_down.store(true, Ordering::Release),
                }
            }
            Err(())
        }
    })
}

/// A breaker for each, and a fallback around the first.
fn tower_resilience(executor: &Executor, primary_is_down: bool) -> Result<Case, Broken> {
    type Answering = Pin<Box<dyn Future<Output = Result<u32, Refused>> + Send>>;
    fn provider(is_down: bool) -> impl Fn(u32) -> Answering + Clone + Send + Sync + 'static {
        move |number| {
            Box::pin(async move {
                if is_down {
                    Err(Refused)
                } else {
                    answer(number)
                }
            })
        }
    }
    let breaker = || {
        CircuitBreakerLayer::builder()
            .minimum_number_of_calls(2)
            .build()
            .map_err(Broken::when("configure tower-resilience"))
    };
    let first = breaker()?.layer_fn(tower::service_fn(provider(primary_is_down)));
    let second = breaker()?.layer_fn(tower::service_fn(provider(false)));
    let layer = FallbackLayer::tower_service(second);
    let service = layer.layer(first);
    let version = [
        "tower-resilience-fallback",
        "tower-resilience-circuitbreaker",
    ]
    .map(version_of);
    let name = "fallback and breakers of tower-resilience";
    executor.case(
        Kind::Peer,
        name,
        version.join("+"),
        Ending::Answered,
        move || {
            let mut service = service.clone();
            async move |number| service.ready().await?.call(number).await
        },
    )
}
