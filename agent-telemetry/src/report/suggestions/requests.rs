//! Requests that take almost as long as they may.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_primitives::{FailureKind, ModelId, ProviderId, Usd};

use super::super::interval::Share;
use super::super::seen::Seen;
use super::gain::Told;
use super::{Finding, LookedAt, SuggestConfig, Suggestion, SuggestionKind};
use crate::stats::layout::{count, plural, time};
use crate::{Evidence, ModelCall, Record};

/// Models that are told apart.
const MODELS: usize = 256;
/// Sizes: below 1 024 tokens, then each up to twice as many, the last without end.
const SIZES: usize = 12;
const SMALLEST: u64 = 1_024;

#[derive(Debug, Default)]
pub(super) struct Requests {
    models: BTreeMap<(ProviderId, ModelId), OfModel>,
    pub(super) left_out: u64,
}

#[derive(Debug, Default)]
struct OfModel {
    sizes: [OfSize; SIZES],
    /// Given up without a word about their size.
    unsized_ones: OfSize,
}

#[derive(Debug, Clone, Default)]
struct OfSize {
    calls: u64,
    near: u64,
    lost: u64,
    /// Of those that were given up.
    time: Duration,
    cost: Usd,
    evidence: Evidence,
}

/// The place of a size.
fn size(tokens: u64) -> usize {
    let doubled = (tokens / SMALLEST).checked_ilog2().map_or(0, |it| it + 1);
    usize::try_from(doubled).unwrap_or(SIZES).min(SIZES - 1)
}

/// The fewest tokens of a size.
fn from(size: usize) -> u64 {
    match size {
        0 => 0,
        more => SMALLEST << (more - 1),
    }
}

impl OfSize {
    fn absorb(mut self, other: &Self) -> Self {
        self.calls += other.calls;
        self.near += other.near;
        self.lost += other.lost;
        self.time = self.time.saturating_add(other.time);
        self.cost += other.cost;
        self.evidence.absorb(&other.evidence);
        self
    }

    const fn share(&self) -> Share {
        Share::new(self.near, self.calls)
    }
}

impl Requests {
    pub(super) fn add(
        &mut self,
        record: &Record,
        call: &ModelCall,
        config: &SuggestConfig,
        seen: &mut Seen,
    ) {
        let given_up = call.failure == Some(FailureKind::Timeout);
        // Others that failed say nothing about how long an answer takes, nor do those whose time nobody set.
        let is_answer = call.failure.is_none() && !call.latency.is_zero();
        if !(given_up || is_answer) {
            return;
        }
        let key = (call.provider.clone(), call.model.clone());
        if self.models.len() >= MODELS && !self.models.contains_key(&key) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let place = size(call.usage.input_total());
        let thing = ("near", &key, place);
        let is_near = given_up || call.latency >= config.near();
        let mut evidence = Evidence::default();
        if is_near {
            seen.add(thing, record, &mut evidence);
        }
        let of = self.models.entry(key).or_default();
        let it = if given_up && call.usage.input_total() == 0 {
            &mut of.unsized_ones
        } else {
            match of.sizes.get_mut(place) {
                Some(it) => it,
                None => return,
            }
        };
        it.calls += 1;
        it.near += u64::from(is_near);
        // One that was answered was not lost to a limit that is but assumed.
        let took_all = config.timeout.is_some_and(|limit| call.latency >= limit);
        it.lost += u64::from(given_up || took_all);
        it.evidence.absorb(&evidence);
        if given_up {
            it.time = it.time.saturating_add(call.latency);
            it.cost += call.cost.unwrap_or_default();
        }
    }

    pub(super) fn suggest(
        self,
        config: &SuggestConfig,
        told: Told,
        found: &mut Vec<Suggestion>,
    ) -> LookedAt {
        let candidates = self.models.len() as u64;
        let mut enough = 0;
        let mut nearest: Option<(f64, String)> = None;
        for ((provider, model), of) in self.models {
            let sizes = &of.sizes;
            let is_enough = |it: &OfSize| it.calls >= config.requests;
            enough += u64::from(sizes.iter().any(is_enough));
            let at_risk = |it: &OfSize| {
                let interval = it.share().interval();
                is_enough(it) && interval.is_some_and(|it| it.low > config.near_share)
            };
            if let Some(first) = sizes.iter().position(at_risk) {
                found.extend(suggestion(provider, model, &of, first, config, told));
                continue;
            }
            for (place, it) in sizes.iter().enumerate().filter(|(_, it)| it.near > 0) {
                let share = it.share().value().unwrap_or_default();
                if nearest.as_ref().is_none_or(|(most, _)| share > *most) {
                    let what = format!(
                        "{} of {} with {} tokens of input or more to {provider} · {model}",
                        count(it.near),
                        plural(it.calls, "request"),
                        count(from(place)),
                    );
                    nearest = Some((share, what));
                }
            }
        }
        LookedAt {
            kind: SuggestionKind::TimeoutRisk,
            candidates,
            enough,
            takes: format!(
                "{} of one model and about one size, more than {:.0} % of which take {} or longer{}",
                plural(config.requests, "request"),
                config.near_share * 100.0,
                time(config.near()),
                if config.timeout.is_none() {
                    format!(", where a limit of {} is assumed", time(config.limit()))
                } else {
                    String::new()
                }
            ),
            nearest: nearest.map(|it| it.1),
        }
    }
}

fn suggestion(
    provider: ProviderId,
    model: ModelId,
    of_model: &OfModel,
    first: usize,
    config: &SuggestConfig,
    told: Told,
) -> Option<Suggestion> {
    let (smaller, larger) = of_model.sizes.split_at_checked(first)?;
    let sum = |sizes: &[OfSize]| sizes.iter().fold(OfSize::default(), OfSize::absorb);
    let (below, it) = (sum(smaller), sum(larger));
    let interval = it.share().interval()?;
    let size_matters = below.calls >= config.requests
        && (below.share().interval()).is_some_and(|below| below.high < interval.low);
    let (near, limit) = (time(config.near()), time(config.limit()));
    let limit_assumed = config.timeout.is_none();
    let of = format!("{provider} · {model}");
    let share = it.share().value()?;
    let advice = if size_matters {
        format!(
            "keep requests to {of} below {} tokens of input, or give larger ones more time",
            count(from(first))
        )
    } else {
        format!("give {of} more time, or take its answers as a stream with a limit for silence")
    };
    let (of_limit, lost) = if limit_assumed {
        (
            format!("where {limit} are assumed to be the limit"),
            "were given up",
        )
    } else {
        (format!("of the {limit} that they have"), "took all of it")
    };
    let text = format!(
        "Of {} {}, {} took {near} or longer {of_limit} ({:.1} %), and {} {lost}: {advice}.",
        plural(it.calls, "request"),
        if first > 0 {
            format!("with {} tokens of input or more", count(from(first)))
        } else {
            "of any size".to_owned()
        },
        count(it.near),
        share * 100.0,
        count(it.lost),
    );
    let mut confidence = format!(
        "{:.1} to {:.1} % of such requests (95 %).",
        interval.low * 100.0,
        interval.high * 100.0
    );
    if let Some(share) = below.share().value() {
        let less = format!(
            " Of {} that are smaller, {:.1} %.",
            count(below.calls),
            share * 100.0
        );
        confidence.push_str(&less);
    }
    if limit_assumed {
        confidence.push_str(" How long the host waits is not known: set `timeout`.");
    }
    let unknown = &of_model.unsized_ones;
    if unknown.calls > 0 {
        let more = format!(
            " {} of unknown size {} given up as well.",
            count(unknown.calls),
            if unknown.calls == 1 { "was" } else { "were" }
        );
        confidence.push_str(&more);
    }
    let finding = Finding::TimeoutRisk {
        provider,
        model,
        limit: config.limit(),
        limit_assumed,
        near: config.near(),
        from_tokens: from(first),
        calls: it.calls,
        near_calls: it.near,
        lost_calls: it.lost,
        share,
        interval,
        smaller_calls: below.calls,
        smaller_share: below.share().value(),
        unsized_calls: unknown.calls,
        size_matters,
    };
    let it = it.absorb(unknown);
    Some(Suggestion {
        kind: finding.kind(),
        text,
        gain: told.at_most(it.cost, it.time, it.lost),
        confidence,
        finding,
        evidence: it.evidence,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_each_other_without_a_gap() {
        let found = [0, 1_023, 1_024, 2_047, 2_048, 1 << 20, u64::MAX].map(size);
        assert_eq!(found, [0, 0, 1, 1, 2, 11, 11]);
        for place in 1..SIZES {
            assert_eq!(
                (size(from(place)), size(from(place) - 1)),
                (place, place - 1)
            );
        }
    }
}
