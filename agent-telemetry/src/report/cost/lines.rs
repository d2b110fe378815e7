//! Sums into lines.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use agent_primitives::{ModelId, ProviderId, TokenUsage, Usd};

use super::{DaySpend, ModelSpend, SpendLine};
use crate::rollup::Merge;
use crate::{AgentCell, AgentKey, ModelCell, Period, Rollups};

/// What any part of the work cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    pub(super) cost: Usd,
    pub(super) calls: u64,
    pub(super) unpriced: u64,
    pub(super) ended: u64,
    pub(super) success: u64,
    pub(super) usage: TokenUsage,
}

impl Spent {
    fn add(&mut self, cell: &AgentCell) {
        self.cost.absorb(&cell.cost);
        self.calls.absorb(&cell.model_calls);
        self.unpriced.absorb(&cell.unpriced_calls);
        self.ended.absorb(&cell.ends());
        self.success.absorb(&cell.success);
        self.usage.absorb(&cell.usage);
    }
}

pub(super) fn total(sums: &Rollups) -> Spent {
    let mut total = Spent::default();
    for cell in sums.agents.values() {
        total.add(cell);
    }
    total
}

/// The dearest first; where the rest is equal, in the order of names. What neither called a model nor
/// ended a session is left out.
pub(super) fn by<K: Ord + Clone>(
    sums: &Rollups,
    whole: Usd,
    of: impl Fn(&AgentKey) -> K,
) -> Vec<SpendLine<K>> {
    let mut parts: BTreeMap<K, Spent> = BTreeMap::new();
    for (key, cell) in &sums.agents {
        parts.entry(of(key)).or_default().add(cell);
    }
    let parts = parts.into_iter().filter(|(_, it)| it.calls + it.ended > 0);
    let mut lines: Vec<SpendLine<K>> = parts
        .map(|(of, spent)| SpendLine {
            of,
            cost: spent.cost,
            cost_share: share(spent.cost, whole),
            calls: spent.calls,
            unpriced_calls: spent.unpriced,
            ended: spent.ended,
            success: spent.success,
            cost_per_success: spent.cost.div_round(spent.success),
        })
        .collect();
    lines.sort_by_key(|line| (Reverse(line.cost), Reverse(line.calls)));
    lines
}

pub(super) fn models(sums: &Rollups, whole: Usd) -> Vec<ModelSpend> {
    let mut models: BTreeMap<(&ProviderId, &ModelId), Vec<&ModelCell>> = BTreeMap::new();
    for (key, cell) in &sums.models {
        let of = (&key.provider, &key.model);
        models.entry(of).or_default().push(cell);
    }
    let mut lines: Vec<ModelSpend> = models
        .into_iter()
        .map(|((provider, model), cells)| {
            let mut line = ModelSpend {
                provider: provider.clone(),
                model: model.clone(),
                cost: Usd::ZERO,
                cost_share: None,
                calls: 0,
                unpriced_calls: 0,
                usage: TokenUsage::ZERO,
            };
            for cell in cells {
                line.cost.absorb(&cell.cost);
                line.calls.absorb(&cell.calls);
                line.unpriced_calls.absorb(&cell.unpriced);
                line.usage.absorb(&cell.usage);
            }
            line.cost_share = share(line.cost, whole)
                .filter(|_| !line.cost.is_zero() || line.unpriced_calls == 0);
            line
        })
        .collect();
    lines.sort_by_key(|line| (Reverse(line.cost), Reverse(line.calls)));
    lines
}

pub(super) fn day<'a>(
    day: Period,
    sums: &Rollups,
    models: impl Iterator<Item = &'a ModelSpend>,
) -> DaySpend {
    let spent = total(sums);
    let cost = |line: &ModelSpend| {
        let of_model = sums
            .models
            .iter()
            .filter(|(key, _)| key.provider == line.provider && key.model == line.model);
        of_model.map(|(_, cell)| cell.cost).sum()
    };
    DaySpend {
        from: day.from(),
        cost: spent.cost,
        calls: spent.calls,
        unpriced_calls: spent.unpriced,
        ended: spent.ended,
        success: spent.success,
        models: models.map(cost).collect(),
    }
}

fn share(part: Usd, whole: Usd) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
    let [part, whole] = [part, whole].map(|cost| cost.picos() as f64);
    (whole > 0.0).then(|| part / whole)
}
