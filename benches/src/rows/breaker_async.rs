//! Circuit breakers around a future that is ready at once.

use agent_resilience::{BreakerConfig, CircuitBreaker};
use recloser::{AsyncRecloser, Recloser};

use super::breaker::{
    failsafe_consecutive, failsafe_opened, ours, ours_opened, recloser_opened, tower_closed,
    tower_open,
};
use super::executor::{Ending, Executor};
use super::operation::answer_async;
use crate::harness::{Broken, Case, Group, Kind, Plan, version_of};

const WINDOW: &str = "failure rate over 60 s, bounded probes";

pub(super) fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    for threads in [1, 2] {
        plans.push(Plan::new("breaker around a future, closed", move |name| {
            Ok(Group::new(name, closed()?).threads(threads))
        }));
        plans.push(Plan::new("breaker around a future, open", move |name| {
            Ok(Group::new(name, open()?).threads(threads))
        }));
    }
    plans
}

fn closed() -> Result<Vec<Case>, Broken> {
    let consecutive = BreakerConfig {
        failure_rate: None,
        ..BreakerConfig::default()
    };
    let default = failsafe::Config::new().build();
    let (executor, ending) = (&Executor::spinning()?, Ending::Answered);
    Ok(vec![
        executor.case(Kind::Floor, "the bare call", "", ending, || answer_async)?,
        ours_case("consecutive failures", ours(consecutive)?, ending, executor)?,
        ours_case(WINDOW, ours(BreakerConfig::default())?, ending, executor)?,
        recloser(Recloser::default(), ending, executor)?,
        failsafe(
            "failsafe, consecutive",
            failsafe_consecutive(5),
            ending,
            executor,
        )?,
        failsafe("failsafe, default policy", default, ending, executor)?,
        tower_closed()?,
    ])
}

fn open() -> Result<Vec<Case>, Broken> {
    let (executor, ending) = (&Executor::spinning()?, Ending::TurnedAway);
    Ok(vec![
        ours_case(WINDOW, ours_opened()?, ending, executor)?,
        recloser(recloser_opened()?, ending, executor)?,
        failsafe(
            "failsafe, consecutive",
            failsafe_opened()?,
            ending,
            executor,
        )?,
        tower_open()?,
    ])
}

fn ours_case(
    name: &str,
    breaker: CircuitBreaker,
    ending: Ending,
    executor: &Executor,
) -> Result<Case, Broken> {
    let version = version_of("agent-resilience");
    executor.case(Kind::Ours, name, version, ending, move || {
        let breaker = breaker.clone();
        async move |number| breaker.call(|| answer_async(number)).await
    })
}

fn recloser(breaker: Recloser, ending: Ending, executor: &Executor) -> Result<Case, Broken> {
    let breaker = AsyncRecloser::from(breaker);
    executor.case(
        Kind::Peer,
        "recloser",
        version_of("recloser"),
        ending,
        move || {
            let breaker = breaker.clone();
            async move |number| breaker.call(answer_async(number)).await
        },
    )
}

fn failsafe<B>(name: &str, breaker: B, ending: Ending, executor: &Executor) -> Result<Case, Broken>
where
    B: failsafe::futures::CircuitBreaker + Clone + Send + Sync + 'static,
{
    executor.case(
        Kind::Peer,
        name,
        version_of("failsafe"),
        ending,
        move || {
            let breaker = breaker.clone();
            async move |number| breaker.call(answer_async(number)).await
        },
    )
}
