//! A preferred provider that comes and goes, and one that comes back for good.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_primitives::{Event, ProviderId, Stamp, Timestamp};
use agent_resilience::{BreakerConfig, FallbackChain, FallbackConfig, Rest, Return};
use futures_util::future::join_all;

use super::finding::{Extent, Finding, Unit, figure, percent};
use super::time::{SimulatedTime, pause, simulate};
use super::upstream::{Ask, Model, Upstream, Weather};
use super::wire::Maker;

/// Milliseconds between two requests: 5 a second.
const EVERY: u64 = 200;

/// When the chain turned back to the preferred provider, and what became of the requests.
#[derive(Debug)]
struct Story {
    extent: Extent,
    answered: u64,
    /// Turns to the preferred provider, since the beginning.
    returns: Vec<Duration>,
    /// Rests of the other, which always works.
    ejected: u64,
}

/// What the observer hears, with the time.
type Heard = Arc<Mutex<Vec<(Timestamp, Event)>>>;

pub(crate) fn findings(troubled: Duration, seed: u64) -> io::Result<Vec<Finding>> {
    let every = Duration::from_secs(4);
    let until = troubled;
    let flaps = Weather::Flaps { every, until };
    let config = FallbackConfig::default();
    let moment = Duration::from_millis(1);
    let restless = FallbackConfig {
        rest: Rest {
            first: moment,
            longest: moment,
            ..Rest::default()
        },
        returning: Return {
            hysteresis: moment,
            ..Return::default()
        },
        breaker: BreakerConfig {
            open_for: moment,
            ..BreakerConfig::default()
        },
        ..config.clone()
    };
    let ramp = Duration::from_secs(20);
    let gentle = FallbackConfig {
        returning: Return {
            ramp,
            ..Return::default()
        },
        ..config.clone()
    };
    let unsteady = story(flaps, restless, until, seed)?;
    let steady = story(flaps, config.clone(), until, seed)?;
    let ramped = story(flaps, gentle.clone(), until, seed)?;
    let down = story(Weather::DownUntil(until), config.clone(), until, seed)?;
    let down_ramped = story(Weather::DownUntil(until), gentle, until, seed)?;

    let line = |what: &str, story: &Story, measured: f64, unit| {
        Finding::new(what, story.extent, measured, unit)
    };
    let returns = |what: &str, story: &Story| {
        let most = most_within(&story.returns, config.returning.hysteresis);
        line(what, story, figure(most), Unit::Count)
    };
    let back = |what: &str, story: &Story, bound: Duration| {
        let last = story.returns.last().copied().unwrap_or(Duration::MAX);
        let took = last.saturating_sub(until).as_secs_f64();
        line(what, story, took, Unit::Seconds).at_most(bound.as_secs_f64())
    };
    let answered = percent(steady.answered, steady.extent.requests);
    let probe = config.probe_every;
    Ok(vec![
        returns("flaps every 4 s: returns in any 30 s, no rest", &unsteady),
        returns("flaps every 4 s: returns in any 30 s, all at once", &steady).at_most(1.0),
        returns(
            "flaps every 4 s: returns in any 30 s, ramp of 20 s",
            &ramped,
        )
        .at_most(1.0),
        line(
            "flaps every 4 s: requests answered",
            &steady,
            answered,
            Unit::Percent,
        )
        .at_least(100.0),
        line(
            "flaps every 4 s: rests of the one that works",
            &steady,
            figure(steady.ejected),
            Unit::Count,
        )
        .at_most(0.0),
        back(
            "works again after flapping: until the return",
            &steady,
            probe,
        ),
        back(
            "works again after an outage: until the return",
            &down,
            probe,
        ),
        back(
            "works again after an outage: return, ramp of 20 s",
            &down_ramped,
            probe + ramp,
        ),
    ])
}

fn story(
    weather: Weather,
    config: FallbackConfig,
    until: Duration,
    seed: u64,
) -> io::Result<Story> {
    simulate(async move {
        let time = SimulatedTime::begin();
        let model = |maker, weather| Model::of(maker).weather(weather).takes(200..900);
        let first = Upstream::new("claude", model(Maker::Anthropic, weather), time, seed);
        let second = Upstream::new("gpt", model(Maker::OpenAi, Weather::Fine), time, seed ^ 1);
        let heard = Heard::default();
        let sink = Arc::clone(&heard);
        let chain = FallbackChain::builder()
            .provider(first)
            .provider(second)
            .config(config)
            .clock(time)
            .seed(seed)
            .observer(move |stamp: Stamp<'_>, event: &Event| {
                let mut heard = sink.lock().unwrap_or_else(PoisonError::into_inner);
                heard.push((stamp.at, event.clone()));
            })
            .build()
            .unwrap_or_else(|error| unreachable!("{error}"));
        let begin = time.wall();
        let _probes = chain.spawn_probes();
        let mut tasks = Vec::new();
        // Long enough afterwards to see that it stays.
        while time.passed() < until + Duration::from_secs(150) {
            let chain = chain.clone();
            tasks.push(tokio::spawn(async move {
                chain.call(&Ask::SMALL).await.is_ok()
            }));
            pause(EVERY).await;
        }
        let requests = tasks.len() as u64;
        let answered = join_all(tasks).await;
        let answered = answered
            .iter()
            .filter(|done| matches!(done, Ok(true)))
            .count() as u64;
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        Story {
            extent: Extent {
                simulated: time.passed(),
                requests,
            },
            answered,
            returns: returns(&heard, begin),
            ejected: heard
                .iter()
                .filter(|(_, event)| rests(event, "gpt"))
                .count() as u64,
        }
    })
}

fn returns(heard: &[(Timestamp, Event)], begin: Timestamp) -> Vec<Duration> {
    let since = |at: Timestamp| {
        Duration::from_nanos(u64::try_from(at.unix_nanos() - begin.unix_nanos()).unwrap_or(0))
    };
    heard
        .iter()
        .filter(
            |(_, event)| matches!(event, Event::Handoff(handoff) if handoff.to.name() == "claude"),
        )
        .map(|(at, _)| since(*at))
        .collect()
}

fn rests(event: &Event, name: &str) -> bool {
    matches!(event, Event::Cooldown(cooldown) if names(&cooldown.provider, name))
}

fn names(id: &ProviderId, name: &str) -> bool {
    id.as_str() == name
}

/// The most of `moments` within any span of this length.
fn most_within(moments: &[Duration], span: Duration) -> u64 {
    let within = |from: Duration| {
        moments
            .iter()
            .filter(move |at| (from..from + span).contains(*at))
    };
    moments
        .iter()
        .map(|from| within(*from).count() as u64)
        .max()
        .unwrap_or(0)
}
