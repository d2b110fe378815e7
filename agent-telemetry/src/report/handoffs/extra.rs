//! What sessions with a handoff cost beside those without.

use std::borrow::Cow;
use std::collections::BTreeMap;

use agent_primitives::AgentId;

use super::super::interval::{LogRatio, Moments};
use super::ExtraCost;
use super::session::OneSession;

/// Fewest sessions of either kind.
const SESSIONS: u64 = 20;
/// Degrees of freedom below which a few sessions decide.
const FREEDOM: f64 = 8.0;
/// Agents and kinds of work together that are told apart.
const STRATA: usize = 256;

/// The cost of sessions by who began them and what they are about.
#[derive(Debug, Default)]
pub(super) struct Costs(BTreeMap<Stratum, Moments>);

type Stratum = (Option<AgentId>, Option<Cow<'static, str>>);

impl Costs {
    /// A session that is told from its beginning to its end, with a price for everything; others do not
    /// count.
    pub(super) fn add(&mut self, session: &OneSession) {
        if !session.began || session.unpriced > 0 || session.outcome().is_none() {
            return;
        }
        let stratum = (session.agent.clone(), session.task_type.clone());
        if self.0.len() >= STRATA && !self.0.contains_key(&stratum) {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "statistics need no 53 bits")]
        let dollars = session.spent.picos() as f64 / 1e12;
        // Each counts as a success: the ratio is then one of means.
        self.0.entry(stratum).or_default().add(dollars, true);
    }

    /// Against sessions without.
    pub(super) fn against(&self, without: &Self) -> Option<ExtraCost> {
        let mut strata = Vec::new();
        for (stratum, with) in &self.0 {
            if let Some(without) = without.0.get(stratum)
                && with.cases.min(without.cases) >= 2
            {
                strata.push((*with, *without));
            }
        }
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
