//! Models that are sent the same again and again, and read nothing from a cache.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, TokenUsage, Usd};

use super::super::seen::Seen;
use super::gain::Told;
use super::{Finding, LookedAt, SuggestConfig, Suggestion, SuggestionKind};
use crate::stats::layout::{count, plural, share};
use crate::{Evidence, ModelCall, Prices, ProjectId, Record};

/// Models that are told apart, and agents in sessions whose last call is known.
const MODELS: usize = 256;
const FOLLOWED: usize = 1 << 18;
/// Shorter beginnings are not kept by any provider's cache.
const SHORTEST: u64 = 1_024;

type Model = (ProviderId, ModelId);
type Worker = (Option<ProjectId>, SessionId, Option<AgentId>);

#[derive(Debug)]
pub(super) struct Inputs {
    prices: Prices,
    models: BTreeMap<Model, OfModel>,
    /// By the model that was asked last, and its input.
    last: HashMap<Worker, (Model, u64)>,
    pub(super) left_out: u64,
    pub(super) not_followed: u64,
}

#[derive(Debug, Default)]
struct OfModel {
    calls: u64,
    input: u64,
    repeated: u64,
    cached: bool,
    saved: Usd,
    unpriced: bool,
    evidence: Evidence,
}

impl Default for Inputs {
    fn default() -> Self {
        Self {
            prices: Prices::shipped(),
            models: BTreeMap::new(),
            last: HashMap::new(),
            left_out: 0,
            not_followed: 0,
        }
    }
}

impl Inputs {
    pub(super) fn add(&mut self, record: &Record, call: &ModelCall, seen: &mut Seen) {
        let (Some(session), usage) = (&record.session, &call.usage) else {
            return;
        };
        // A failed call has told nothing.
        if usage.input_total() == 0 {
            return;
        }
        let model = (call.provider.clone(), call.model.clone());
        if self.models.len() >= MODELS && !self.models.contains_key(&model) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let worker = (
            record.project.clone(),
            session.clone(),
            record.agent.clone(),
        );
        let is_known = self.last.contains_key(&worker);
        let before = if is_known || self.last.len() < FOLLOWED {
            self.last
                .insert(worker, (model.clone(), usage.input_total()))
        } else {
            self.not_followed = self.not_followed.saturating_add(1);
            None
        };
        let input = usage.input_total();
        // A shorter one is another conversation, or one that was compacted.
        let repeated = before
            .filter(|(of, tokens)| *of == model && (SHORTEST..=input).contains(tokens))
            .map_or(0, |(_, tokens)| tokens);
        let saved = self.saved(record, call, repeated);
        let of = self.models.entry(model.clone()).or_default();
        of.calls += 1;
        of.input = of.input.saturating_add(input);
        of.repeated = of.repeated.saturating_add(repeated);
        of.cached |= usage.cache_read() > 0 || usage.cache_write() > 0;
        of.unpriced |= saved.is_none();
        of.saved += saved.unwrap_or_default();
        if repeated > 0 {
            seen.add(("input", model), record, &mut of.evidence);
        }
    }

    /// What the call costs less what it would with its beginning read from the cache, and its end written
    /// to it.
    fn saved(&self, record: &Record, call: &ModelCall, repeated: u64) -> Option<Usd> {
        let cost = |usage: &TokenUsage| {
            let (provider, model) = (&call.provider, &call.model);
            self.prices.cost(provider, model, usage, record.at)
        };
        let usage = &call.usage;
        let new = usage.input().saturating_sub(repeated);
        let cached = TokenUsage::new(0, usage.output())
            .with_cache_read(repeated)
            .with_cache_write_5m(new);
        Some(cost(usage)? - cost(&cached)?)
    }

    pub(super) fn suggest(
        self,
        config: &SuggestConfig,
        told: Told,
        found: &mut Vec<Suggestion>,
    ) -> LookedAt {
        let mut looked = LookedAt {
            kind: SuggestionKind::UncachedInput,
            candidates: self.models.len() as u64,
            enough: 0,
            takes: format!(
                "{} of a model that reads nothing from its cache, with {:.0} % of their input in the call before",
                plural(config.uncached_calls, "call"),
                config.repeated_share * 100.0
            ),
            nearest: None,
        };
        for ((provider, model), of) in self.models {
            if of.calls < config.uncached_calls {
                continue;
            }
            looked.enough += 1;
            #[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
            let repeated = of.repeated as f64 / of.input.max(1) as f64;
            let is_worth = of.unpriced || of.saved > Usd::ZERO;
            if of.cached || repeated < config.repeated_share || !is_worth {
                continue;
            }
            let text = format!(
                "{provider} · {model} read nothing from a cache in {}, though {} of their input was in the call before: put what stays at the beginning of the prompt, and mark it for the cache where the provider wants that.",
                plural(of.calls, "call"),
                share(of.repeated, of.input),
            );
            let saved = if of.unpriced { Usd::ZERO } else { of.saved };
            let finding = Finding::UncachedInput {
                provider,
                model,
                calls: of.calls,
                input: of.input,
                repeated: of.repeated,
            };
            let prices = if of.unpriced {
                "What that saves is not known: the shipped prices do not have it."
            } else {
                "What that saves is by the shipped prices, writing to the cache included."
            };
            found.push(Suggestion {
                kind: finding.kind(),
                text,
                gain: told.at_most(saved, Duration::ZERO, 0),
                confidence: format!(
                    "{} of {} tokens, at most: prompts are not recorded, only how long they are. {prices}",
                    count(of.repeated),
                    count(of.input)
                ),
                finding,
                evidence: of.evidence,
            });
        }
        looked
    }
}
