//! The money of an attempt: what it may cost is held before, and what it did cost is spent after.

use agent_primitives::{FailureKind, TokenUsage};

use crate::budget::{SessionBudget, SpendRefused, SpendReservation, TokenPrice, may_have_cost};
use crate::limit::Cost;

/// Whose budget pays, and what tokens cost there.
#[derive(Debug, Clone)]
pub(super) struct Money {
    pub(super) budget: SessionBudget,
    pub(super) price: TokenPrice,
}

/// What one attempt holds; dropped before the call begins it gives all back, later it spends the estimate.
#[derive(Debug)]
pub(super) struct Held<'a> {
    reservation: SpendReservation<'a>,
    price: &'a TokenPrice,
}

impl Money {
    pub(super) fn hold(&self, cost: Cost) -> Result<Held<'_>, SpendRefused> {
        let estimate = self
            .price
            .spend_estimate(cost.input_tokens, cost.output_tokens);
        Ok(Held {
            reservation: self.budget.reserve(estimate)?,
            price: &self.price,
        })
    }
}

impl Held<'_> {
    /// The call begins.
    pub(super) const fn sent(&mut self) {
        self.reservation.mark_sent();
    }

    /// Where nobody says what the call used, the estimate is spent.
    pub(super) fn succeeded(self, usage: Option<TokenUsage>) {
        match usage {
            Some(usage) => self.reservation.settle(self.price.spend(&usage)),
            None => self.reservation.keep(),
        }
    }

    /// A call that was turned away at the door costs nothing; one that may have been answered costs what was
    /// held.
    pub(super) fn failed(self, kind: FailureKind) {
        if may_have_cost(kind) {
            self.reservation.keep();
        } else {
            self.reservation.cancel();
        }
    }
}
