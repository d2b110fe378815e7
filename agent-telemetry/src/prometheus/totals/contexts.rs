//! How full the context windows of agents were.

use std::fmt;

use agent_primitives::{AgentId, ContextPressure};

use super::admit::Admitted;
use super::show::{Named, put};
use crate::prometheus::exposition::Exposition;
use crate::prometheus::lines::{Labels, Number};
use crate::rollup::Merge;
use crate::{Body, InstrumentKind, Record};

/// Upper bounds in hundredths, and as the page has them: close together where a window is nearly full.
const BOUNDS: [(u8, &str); 10] = [
    (10, "0.1"),
    (25, "0.25"),
    (50, "0.5"),
    (60, "0.6"),
    (70, "0.7"),
    (80, "0.8"),
    (85, "0.85"),
    (90, "0.9"),
    (95, "0.95"),
    (100, "1.0"),
];

/// By agent; events that name none are together.
pub(super) type Contexts = Admitted<Option<AgentId>, Fills>;

/// How often a window was so full.
#[derive(Debug, Default)]
pub(super) struct Fills {
    /// Up to each bound and beyond the one before.
    counts: [u64; BOUNDS.len()],
    all: u64,
    sum: f64,
}

impl Fills {
    fn one(pressure: ContextPressure) -> Self {
        let (used, window) = match pressure {
            // As `percent` has it.
            ContextPressure { window: 0, .. } => (1, 1),
            ContextPressure { used, window, .. } => (u128::from(used), u128::from(window)),
        };
        let mut one = Self {
            all: 1,
            #[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
            sum: used as f64 / window as f64,
            ..Self::default()
        };
        let below = |bound: u8| 100 * used <= u128::from(bound) * window;
        let bounds = one.counts.iter_mut().zip(BOUNDS);
        if let Some((count, _)) = bounds.into_iter().find(|(_, (bound, _))| below(*bound)) {
            *count = 1;
        }
        one
    }

    /// Each bound, and how often a window was as full as that or less.
    fn cumulative(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.counts.iter().scan(0_u64, |below, count| {
            *below = below.saturating_add(*count);
            Some(*below)
        });
        BOUNDS.iter().map(|(_, text)| *text).zip(counts)
    }
}

impl Merge for Fills {
    fn absorb(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            count.absorb(more);
        }
        self.all.absorb(&other.all);
        self.sum += other.sum;
    }
}

impl Named for Option<AgentId> {
    const LABELS: &'static [&'static str] = &["agent"];

    fn put(&self, labels: &mut Labels) {
        labels.push("agent", self.as_ref().map_or("", AgentId::as_str));
    }
}

pub(super) fn add(contexts: &mut Contexts, record: &Record, limit: usize) {
    if let Body::ContextPressure(pressure) = &record.body {
        contexts.absorb_one(record.agent.clone(), Fills::one(*pressure), limit);
    }
}

impl<W: fmt::Write> Exposition<W> {
    pub(super) fn contexts(&mut self, contexts: &Contexts) -> fmt::Result {
        let help = "How full context windows were, each time that it was told.";
        let (name, unit) = ("agent_context_used_ratio", Some("ratio"));
        if !self.begin(name, unit, InstrumentKind::Histogram, help)? {
            return Ok(());
        }
        for (agent, fills) in contexts.iter() {
            put(agent, &mut self.labels);
            let sum = Number::Value(fills.sum);
            self.buckets(BOUNDS.len(), fills.cumulative(), fills.all, sum)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(pressures: &[(u64, u64)]) -> Vec<u64> {
        let mut all = Fills::default();
        for (used, window) in pressures {
            all.absorb(&Fills::one(ContextPressure::new(*used, *window)));
        }
        let counts = all.cumulative().map(|(_, count)| count);
        counts.chain([all.all]).collect()
    }

    #[test]
    fn window_on_a_bound_counts_below_it_and_one_token_more_above() {
        assert_eq!(
            below(&[(180_000, 200_000), (180_001, 200_000)]),
            [0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 2]
        );
        assert_eq!(below(&[(0, 1)]), [1; 11]);
    }

    #[test]
    fn window_that_overflows_is_beyond_all_bounds_and_one_of_no_size_is_full() {
        let most = u64::MAX;
        assert_eq!(
            below(&[(7, 5), (most, 1)]),
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]
        );
        assert_eq!(below(&[(5, 0), (0, 0)]), [0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2]);
        assert_eq!(below(&[(most, most)]), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    }
}
