//! Totals of what the sums of a database leave out: providers as the resilience events tell of them, and why work changed hands.

use std::collections::BTreeMap;
use std::fmt;

use agent_primitives::{BreakerState, HandoffReason, Initiator, ProviderId};

use super::admit::Admitted;
use super::show::put;
use crate::prometheus::exposition::Exposition;
use crate::prometheus::lines::Number;
use crate::rollup::Merge;
use crate::{Body, InstrumentKind, Record};

#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) providers: Admitted<ProviderId, Provider>,
    handoffs: BTreeMap<(HandoffReason, Initiator), u64>,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Provider {
    answered: u64,
    failed: u64,
    /// As it was last said.
    breaker: Option<BreakerState>,
}

impl Merge for Provider {
    fn absorb(&mut self, other: &Self) {
        self.answered.absorb(&other.answered);
        self.failed.absorb(&other.failed);
        self.breaker = other.breaker.or(self.breaker);
    }
}

impl Events {
    pub(super) fn add(&mut self, record: &Record, limit: usize) {
        let (provider, more) = match &record.body {
            Body::Attempt(attempt) => {
                let failed = u64::from(attempt.failure.is_some());
                let more = Provider {
                    answered: 1 - failed,
                    failed,
                    breaker: None,
                };
                (&attempt.provider, more)
            }
            Body::Breaker(change) => {
                let more = Provider {
                    breaker: Some(change.to),
                    ..Provider::default()
                };
                (&change.provider, more)
            }
            Body::Handoff(handoff) => {
                let key = (handoff.reason, handoff.initiator);
                self.handoffs.entry(key).or_default().absorb(&1);
                return;
            }
            _ => return,
        };
        self.providers.absorb_one(provider.clone(), more, limit);
    }
}

impl<W: fmt::Write> Exposition<W> {
    pub(super) fn events(&mut self, events: &Events) -> fmt::Result {
        let help = "Calls to providers, retries included, by whether they were answered.";
        if self.begin(
            "agent_provider_attempts",
            None,
            InstrumentKind::Counter,
            help,
        )? {
            for (provider, it) in events.providers.iter() {
                put(provider, &mut self.labels);
                let own = self.labels.len();
                for (result, count) in [("ok", it.answered), ("failed", it.failed)] {
                    self.labels.push("result", result);
                    self.value(Number::Count(count))?;
                    self.labels.truncate(own);
                }
            }
        }
        let help = "1 while the circuit breaker of a provider lets no call through.";
        if self.begin(
            "agent_provider_breaker_open",
            None,
            InstrumentKind::Gauge,
            help,
        )? {
            for (provider, it) in events.providers.iter() {
                // Those beyond the bound have no state in common.
                let (Some(_), Some(state)) = (provider, it.breaker) else {
                    continue;
                };
                put(provider, &mut self.labels);
                self.value(Number::Count((state == BreakerState::Open).into()))?;
            }
        }
        let help = "Times that work changed hands, by reason and by who decided.";
        if self.begin("agent_handoff_reasons", None, InstrumentKind::Counter, help)? {
            for ((reason, initiator), count) in &events.handoffs {
                self.labels.clear();
                self.labels.push("reason", reason.as_str());
                self.labels.push("initiator", initiator.as_str());
                self.value(Number::Count(*count))?;
            }
        }
        Ok(())
    }
}
