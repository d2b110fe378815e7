//! The choice between candidates: a pure function.

use super::candidate::{Availability, Candidate};
use super::config::{RouteConfig, RouteStrategy};
use super::decision::{Considered, Decision, Score};
use super::needs::Needs;
use super::score::Scale;
use crate::budget::SpendAdvice;

/// Chooses one of the candidates for a request with these needs, and says why not the others.
///
/// Those that are not able to answer it or not available are skipped; of the others the one with the
/// highest score is chosen, by the draw where several have it. So whenever one is able and available,
/// one is chosen. `draw` is a random number that the caller passes in: the same arguments give the
/// same decision on every machine. One draw for each request is enough, also where it is decided anew
/// after a failure.
///
/// `advice` is what the budget asks for. [`SpendAdvice::PreferCheap`] lets the price weigh as much as
/// all else together: with [`RouteStrategy::Preference`] a candidate is passed over for a later one that
/// costs less than half of it for each place. [`SpendAdvice::ForceCheap`] chooses as
/// [`RouteStrategy::Cheapest`] does.
///
/// Allocates nothing and takes the candidates one by one, from an array or from an iterator that makes
/// them.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::{
///     Candidate, Capabilities, Needs, Profile, RouteConfig, RouteStrategy, Skip, SpendAdvice, decide,
/// };
///
/// let small = Profile::default().capabilities(Capabilities::default().context_window(8_192));
/// let large = Profile::default().capabilities(Capabilities::default().context_window(200_000));
/// let candidates = [
///     Candidate::new(&small).latency(Duration::from_millis(150)),
///     Candidate::new(&large).latency(Duration::from_millis(900)),
///     Candidate::new(&large).latency(Duration::from_millis(400)),
///     Candidate::new(&large).skip(Skip::BreakerOpen),
/// ];
/// let config = RouteConfig::new(RouteStrategy::Fastest);
/// let decision = decide(candidates, &Needs::default().input(30_000), &config, SpendAdvice::Any, 0);
/// assert_eq!(
///     decision.table(&["local", "openai", "groq", "claude"]).to_string(),
///     "local   skipped  context_window\n\
///      openai  lost      6.059  1.170 behind\n\
///      groq    chosen    7.229\n\
///      claude  skipped  breaker_open\n"
/// );
/// ```
pub fn decide<'a>(
    candidates: impl IntoIterator<Item = Candidate<'a>>,
    needs: &Needs,
    config: &RouteConfig,
    advice: SpendAdvice,
    draw: u64,
) -> Decision {
    let mut choice = Choice::new(needs, config, advice, draw);
    for (place, candidate) in (0..u32::MAX).zip(candidates) {
        choice.consider(&candidate, place);
    }
    choice.decided()
}

struct Choice<'a> {
    needs: &'a Needs,
    scale: Scale,
    decision: Decision,
    best: Option<Best>,
}

#[derive(Clone, Copy)]
struct Best {
    place: u32,
    score: Score,
    /// How many have this score so far.
    equals: u32,
}

impl<'a> Choice<'a> {
    fn new(needs: &'a Needs, config: &RouteConfig, advice: SpendAdvice, draw: u64) -> Self {
        let own = config.strategy.weights();
        let weights = match advice {
            SpendAdvice::Any => own,
            SpendAdvice::PreferCheap => own.thrifty(),
            SpendAdvice::ForceCheap => RouteStrategy::Cheapest.weights(),
        };
        Self {
            needs,
            scale: Scale::new(weights, needs, config, draw),
            decision: Decision::new(config.strategy, advice),
            best: None,
        }
    }

    fn consider(&mut self, candidate: &Candidate<'_>, place: u32) {
        // What waiting does not change is said first.
        let misfit = candidate.profile.capabilities.misfit(self.needs);
        let skip = misfit.or(match candidate.availability {
            Availability::Ready => None,
            Availability::Skipped(skip) => Some(skip),
        });
        if let Some(skip) = skip {
            self.decision.push(Considered::Skipped(skip));
            return;
        }
        let score = self.scale.score(candidate, place);
        self.decision.push(Considered::Lost(score));
        match &mut self.best {
            Some(best) if score < best.score => {}
            Some(best) if score == best.score => {
                // The nth of equals takes the place with a chance of one in n, so that all have the same.
                best.equals += 1;
                let draw = self.scale.draw_for(place);
                if draw.is_multiple_of(u64::from(best.equals)) {
                    best.place = place;
                }
            }
            best => {
                *best = Some(Best {
                    place,
                    score,
                    equals: 1,
                });
            }
        }
    }

    fn decided(mut self) -> Decision {
        if let Some(best) = self.best {
            self.decision.choose(best.place, best.score);
        }
        self.decision
    }
}
