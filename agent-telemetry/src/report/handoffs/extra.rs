//! What sessions with a handoff cost beside those without.

use std::collections::BTreeMap;

use super::super::interval::{LogRatio, Moments};
use super::ExtraCost;
use super::session::OneSession;
use super::told::{Stratum, Told};

/// Fewest sessions of either kind.
const SESSIONS: u64 = 20;
/// Degrees of freedom below which a few sessions decide.
const FREEDOM: f64 = 8.0;

/// The cost of sessions by who began them and what they are about, of which each pair has a number.
#[derive(Debug, Clone, Default)]
pub(super) struct Costs(BTreeMap<usize, Moments>);

impl Costs {
    /// A session that is told from its beginning to its end, with a price for everything; others do not
    /// count.
    pub(super) fn add(&mut self, session: &OneSession) {
        let Some(stratum) = session.stratum else {
            return;
        };
        if session.unpriced > 0 || session.outcome().is_none() {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "statistics need no 53 bits")]
        let dollars = session.spent.picos() as f64 / 1e12;
        // Each counts as a success: the ratio is then one of means.
        self.0.entry(stratum).or_default().add(dollars, true);
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        for (stratum, more) in &other.0 {
            self.0.entry(*stratum).or_default().merge(more);
        }
    }

    /// Against sessions without.
    pub(super) fn against(&self, without: &Self, told: &Told) -> Option<ExtraCost> {
        // In the order of names: the last bits of a sum depend on it.
        let mut strata: BTreeMap<&Stratum, (Moments, Moments)> = BTreeMap::new();
        for (number, with) in &self.0 {
            if let Some(without) = without.0.get(number)
                && with.cases.min(without.cases) >= 2
                && let Some(stratum) = told.stratum(*number)
            {
                strata.insert(stratum, (*with, *without));
            }
        }
        let strata: Vec<(Moments, Moments)> = strata.into_values().collect();
        let sessions_with = strata.iter().map(|(it, _)| it.cases).sum();
        let sessions_without = strata.iter().map(|(_, it)| it.cases).sum();
        let ratio = LogRatio::of(&strata)?;
        let freedom = ratio.first.freedom().min(ratio.second.freedom());
        let is_enough = SESSIONS <= sessions_with && SESSIONS <= sessions_without;
        (is_enough && freedom >= FREEDOM).then(|| ExtraCost {
            with: ratio.first.value(),
            without: ratio.second.value(),
            times: ratio.value(),
            interval: ratio.interval(),
            sessions_with,
            sessions_without,
        })
    }
}
