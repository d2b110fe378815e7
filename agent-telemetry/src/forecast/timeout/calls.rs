//! How long calls took for what they read and wrote.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use agent_primitives::{FailureKind, ModelId, ProviderId};

use super::{RequestSize, TimeoutRisk};
use crate::ModelCall;
use crate::forecast::Missing;
use crate::forecast::number::{count, length, real};

/// Calls of a model that are remembered.
const CALLS: usize = 512;
/// Models that are remembered.
const MODELS: usize = 256;
/// Calls of a model that are needed.
const NEEDED: usize = 20;
/// As how many calls of this size they have to count.
const WEIGHT_NEEDED: f64 = 8.0;
/// How much a call weighs by the logarithm of the ratio of its size to that of the request.
const WIDTH: f64 = 0.7;
/// A request may be so many times as large as the largest one.
const LARGER: f64 = 1.5;
/// The normal distribution has 80 of 100 within so many deviations.
const DEVIATIONS: f64 = 1.2816;
/// How many times the fit is weighed anew.
const ROUNDS: usize = 6;

/// How long calls of models took: the last 512 of each of 256 models.
///
/// See [`TimeoutRisk`] for an example.
#[derive(Debug, Clone, Default)]
pub struct CallTimes {
    models: BTreeMap<(ProviderId, ModelId), VecDeque<Call>>,
    left_out: u64,
}

#[derive(Debug, Clone, Copy)]
struct Call {
    input: u64,
    output: u64,
    seconds: f64,
    /// Whether it was given up after that time, so that it would have taken longer.
    given_up: bool,
}

impl CallTimes {
    /// Of no calls.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more call. One that failed for another reason than its time says nothing.
    pub fn add(&mut self, call: &ModelCall) {
        let given_up = call.failure == Some(FailureKind::Timeout);
        let is_other = call.failure.is_some() && !given_up;
        if is_other || call.latency.is_zero() || call.is_unexplained() {
            return;
        }
        let key = (call.provider.clone(), call.model.clone());
        if self.models.len() >= MODELS && !self.models.contains_key(&key) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let calls = self.models.entry(key).or_default();
        if calls.len() >= CALLS {
            calls.pop_front();
        }
        calls.push_back(Call {
            input: call.usage.input_total(),
            output: call.usage.output(),
            seconds: call.latency.as_secs_f64().min(1e9),
            given_up,
        });
    }

    /// Calls of models beyond the bound.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The models, in the order of their names.
    pub fn models(&self) -> impl Iterator<Item = (&ProviderId, &ModelId)> {
        self.models
            .keys()
            .map(|(provider, model)| (provider, model))
    }

    /// Calls of a model that are remembered.
    pub(in crate::forecast) fn calls(&self, provider: &ProviderId, model: &ModelId) -> usize {
        let calls = self.models.get(&(provider.clone(), model.clone()));
        calls.map_or(0, VecDeque::len)
    }

    /// What this share of the calls of a model read no more than.
    pub(in crate::forecast) fn input(
        &self,
        provider: &ProviderId,
        model: &ModelId,
        share: f64,
    ) -> Option<u64> {
        let calls = self.models.get(&(provider.clone(), model.clone()))?;
        let mut inputs: Vec<u64> = calls.iter().map(|it| it.input).collect();
        inputs.sort_unstable();
        let last = inputs.len().checked_sub(1)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most the last"
        )]
        let place = (share.clamp(0.0, 1.0) * length(last)).round() as usize;
        inputs.get(place).copied()
    }

    /// How likely a request to a model takes longer than its limit.
    pub fn risk(
        &self,
        provider: &ProviderId,
        model: &ModelId,
        request: &RequestSize,
    ) -> TimeoutRisk {
        let calls = self.models.get(&(provider.clone(), model.clone()));
        let known: Vec<Call> = calls.into_iter().flatten().copied().collect();
        let mut risk = TimeoutRisk {
            provider: provider.clone(),
            model: model.clone(),
            request: *request,
            calls: known.len() as u64,
            weight: None,
            probability: None,
            interval: None,
            middle: None,
            p95: None,
            missing: None,
        };
        match Told::of(&known, request) {
            Ok(told) => {
                risk.weight = Some(told.weight);
                risk.probability = Some(told.probability);
                risk.interval = Some(told.interval());
                risk.middle = told.time(0.5);
                risk.p95 = told.time(0.95);
            }
            Err(missing) => risk.missing = Some(missing),
        }
        risk
    }
}

/// How long a call takes for what it reads and writes, on the average.
#[derive(Debug, Clone, Copy)]
struct Fit {
    base: f64,
    per_input: f64,
    per_output: f64,
}

impl Fit {
    /// By least squares of relative errors, in which calls that are far off weigh less each round. What would be
    /// less than nothing is nothing.
    fn of(calls: &[Call]) -> Self {
        let mean = calls.iter().map(|it| it.seconds).sum::<f64>() / length(calls.len().max(1));
        let mut fit = Self {
            base: mean,
            per_input: 0.0,
            per_output: 0.0,
        };
        for _ in 0..ROUNDS {
            let weighed = calls.iter().map(|call| {
                let told = fit.seconds(call.input, call.output);
                let off = (call.seconds / told).ln().abs();
                // Relative errors, each of no more than about one.
                (call, 1.0 / (told * told * off.max(0.3)))
            });
            fit = Self::solve(weighed, mean);
        }
        fit
    }

    fn solve<'c>(calls: impl Iterator<Item = (&'c Call, f64)>, mean: f64) -> Self {
        // Normal equations of three unknowns, a little drawn to nothing so that there is a solution.
        let (mut of, mut to) = ([[0.0; 3]; 3], [0.0; 3]);
        for (call, weight) in calls {
            let [input, output] = [call.input, call.output].map(|it| real(it) / 1_000.0);
            let row = [1.0, input, output];
            for ((line, target), one) in of.iter_mut().zip(&mut to).zip(row) {
                for (cell, other) in line.iter_mut().zip(row) {
                    *cell += weight * one * other;
                }
                *target += weight * one * call.seconds;
            }
        }
        // One after the other, each with the others as they are: what is less than nothing stays nothing.
        let mut unknown = [mean, 0.0, 0.0];
        for _ in 0..200 {
            for place in 0..3 {
                let (Some(line), Some(target)) = (of.get(place), to.get(place)) else {
                    continue;
                };
                let own = line.get(place).copied().unwrap_or(0.0);
                let others: f64 = line.iter().zip(unknown).map(|(cell, it)| cell * it).sum();
                if let Some(it) = unknown.get_mut(place)
                    && own > 0.0
                {
                    let next = (*it + (target - others) / own).max(0.0);
                    *it = if next.is_finite() { next } else { 0.0 };
                }
            }
        }
        let [base, per_input, per_output] = unknown;
        Self {
            base,
            per_input: per_input / 1_000.0,
            per_output: per_output / 1_000.0,
        }
    }

    fn seconds(self, input: u64, output: u64) -> f64 {
        let told = self.base + self.per_input * real(input) + self.per_output * real(output);
        told.max(1e-6)
    }
}

#[derive(Debug)]
struct Told {
    probability: f64,
    weight: f64,
    /// Seconds in order, with what each weighs.
    times: Vec<(f64, f64)>,
}

impl Told {
    fn of(known: &[Call], request: &RequestSize) -> Result<Self, Missing> {
        let needed = Missing::Calls {
            have: known.len() as u64,
            needed: NEEDED as u64,
        };
        if known.len() < NEEDED {
            return Err(needed);
        }
        let finished: Vec<Call> = known.iter().copied().filter(|it| !it.given_up).collect();
        if finished.len() < NEEDED / 2 {
            return Err(needed);
        }
        let seen = known.iter().map(|it| it.input).max().unwrap_or(0);
        if real(request.input) > LARGER * real(seen) {
            return Err(Missing::Larger { seen });
        }
        let fit = Fit::of(&finished);
        // How far off each is, and how much it says about a request of this size.
        let near = |call: &Call| {
            let far = (real(call.input).ln_1p() - real(request.input).ln_1p()) / WIDTH;
            (-far * far / 2.0).exp().max(0.02)
        };
        let weights: Vec<f64> = known.iter().map(near).collect();
        let (sum, squares) = weights.iter().fold((0.0, 0.0), |(sum, squares), it| {
            (sum + it, it.mul_add(*it, squares))
        });
        let weight = sum * sum / squares;
        if weight < WEIGHT_NEEDED {
            return Err(Missing::Calls {
                have: count(weight.floor()),
                needed: count(WEIGHT_NEEDED),
            });
        }
        let most = request.max_output.unwrap_or(u64::MAX);
        let limit = request.limit.as_secs_f64();
        // Each call again, as if it had read what this request reads.
        let mut times: Vec<(f64, f64)> = Vec::with_capacity(known.len());
        for (call, weight) in known.iter().zip(&weights) {
            let off = call.seconds / fit.seconds(call.input, call.output);
            let told = off * fit.seconds(request.input, call.output.min(most));
            // One that was given up would have taken longer: nobody knows by how much.
            times.push((if call.given_up { f64::INFINITY } else { told }, *weight));
        }
        times.sort_by(|one, other| one.0.total_cmp(&other.0));
        let over: f64 = times.iter().filter(|it| it.0 > limit).map(|it| it.1).sum();
        Ok(Self {
            probability: (over / sum).clamp(0.0, 1.0),
            weight,
            times,
        })
    }

    /// Wilson's, of as many calls as they count for.
    fn interval(&self) -> (f64, f64) {
        let (n, p, z) = (self.weight, self.probability, DEVIATIONS);
        let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        ((middle - half).clamp(0.0, p), (middle + half).clamp(p, 1.0))
    }

    fn time(&self, share: f64) -> Option<Duration> {
        let whole: f64 = self.times.iter().map(|it| it.1).sum();
        let mut sum = 0.0;
        let found = self.times.iter().find(|(_, weight)| {
            sum += weight;
            sum >= share * whole
        });
        Duration::try_from_secs_f64(found?.0).ok()
    }
}
