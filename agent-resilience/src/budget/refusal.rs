//! Why a call may not be made.

use std::fmt;

use agent_primitives::{FailureKind, Scope, SpendAmount, SpendScope, Timestamp};

use super::amount::Unit;
use super::meter::Reading;
use crate::classify::{Verdict, When};

/// A call that a cap has no room for. Nothing was reserved anywhere.
///
/// ```
/// use agent_primitives::{ManualClock, SessionId, SpendAmount, SpendScope, Timestamp};
/// use agent_resilience::{Spend, SpendBudget, SpendBudgetConfig, SpendCap};
///
/// let config = SpendBudgetConfig::default().day(SpendCap::usd("1".parse()?));
/// let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(86_000));
/// let budget = SpendBudget::with_clock(&config, clock)?;
/// let session = budget.session(&SessionId::new("s1")?)?;
///
/// let held = session.reserve(Spend::usd("0.70".parse()?)).unwrap();
/// let refused = session.reserve(Spend::usd("0.40".parse()?)).unwrap_err();
/// assert_eq!(refused.scope(), SpendScope::Day);
/// assert_eq!(refused.left(), SpendAmount::Usd("0.30".parse()?));
/// assert_eq!(refused.resets_at(), Some(Timestamp::from_unix_seconds(86_400)));
/// assert!(refused.may_fit_when_calls_end(), "0.70 is only reserved");
/// assert_eq!(
///     refused.to_string(),
///     "the call may cost $0.40 and the day's cap of $1.00 has $0.30 left, while calls under way \
///      hold $0.70: ask for less, wait for those calls, or until 1970-01-02T00:00:00.000Z, or raise the cap"
/// );
/// # drop(held);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpendRefused {
    scope: SpendScope,
    unit: Unit,
    asked: u64,
    cap: u64,
    reading: Reading,
    /// Calls are refused once so much is used: the cap, or a threshold before it.
    refuses_at: u64,
    resets_at: Option<Timestamp>,
}

impl SpendRefused {
    pub(super) const fn new(
        scope: SpendScope,
        unit: Unit,
        asked: u64,
        cap: u64,
        reading: Reading,
        resets_at: Option<Timestamp>,
    ) -> Self {
        Self {
            scope,
            unit,
            asked,
            cap,
            reading,
            refuses_at: cap,
            resets_at,
        }
    }

    /// A threshold refuses before the cap does.
    pub(super) const fn refusing_at(mut self, used: u64) -> Self {
        self.refuses_at = used;
        self
    }

    /// Of one request, which every request has for itself.
    pub(super) const fn of_request(unit: Unit, asked: u64, cap: u64) -> Self {
        let reading = Reading {
            spent: 0,
            reserved: 0,
            left: cap,
        };
        Self::new(SpendScope::Request, unit, asked, cap, reading, None)
    }

    /// Whose cap refused.
    pub const fn scope(&self) -> SpendScope {
        self.scope
    }

    /// What the call may cost.
    pub fn asked(&self) -> SpendAmount {
        self.unit.amount(self.asked)
    }

    /// The cap.
    pub fn cap(&self) -> SpendAmount {
        self.unit.amount(self.cap)
    }

    /// What was spent of it.
    pub fn spent(&self) -> SpendAmount {
        self.unit.amount(self.reading.spent)
    }

    /// What calls under way hold of it.
    pub fn reserved(&self) -> SpendAmount {
        self.unit.amount(self.reading.reserved)
    }

    /// What was neither spent nor reserved. A threshold that refuses may keep it from being spent.
    pub fn left(&self) -> SpendAmount {
        self.unit.amount(self.reading.left)
    }

    /// When the cap begins anew; `None` for caps that do not.
    pub const fn resets_at(&self) -> Option<Timestamp> {
        self.resets_at
    }

    /// Whether there would be room if all calls under way gave back what they hold. Else only the end
    /// of the day, a smaller request or a higher cap helps; where what was spent has reached a threshold
    /// that refuses, a smaller request does not help either.
    pub const fn may_fit_when_calls_end(&self) -> bool {
        self.reading.reserved > 0
            && self.reading.spent < self.refuses_at
            && self.asked <= self.reading.left.saturating_add(self.reading.reserved)
    }
}

impl SpendRefused {
    /// The caller's own cap: no provider is at fault, and a cheaper model may fit.
    pub(crate) fn verdict(&self) -> Verdict {
        let verdict = Verdict::new(FailureKind::QuotaExhausted).scope(Scope::Request);
        match self.resets_at {
            Some(at) => verdict.retry_after(When::At(at)),
            None => verdict,
        }
    }
}

impl fmt::Display for SpendRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (asked, cap, left) = (self.asked(), self.cap(), self.left());
        if self.scope == SpendScope::Request {
            return write!(
                f,
                "the call may cost {asked} and one request's cap is {cap}: ask for less or raise the cap"
            );
        }
        write!(
            f,
            "the call may cost {asked} and the {}'s cap of {cap} has {left} left",
            self.scope
        )?;
        if self.asked <= self.reading.left {
            f.write_str(", which a threshold holds back")?;
        }
        if self.reading.reserved > 0 {
            write!(f, ", while calls under way hold {}", self.reserved())?;
        }
        f.write_str(": ask for less, ")?;
        if self.may_fit_when_calls_end() {
            f.write_str("wait for those calls, ")?;
        }
        if let Some(at) = self.resets_at {
            let or = if self.may_fit_when_calls_end() {
                "or"
            } else {
                "wait"
            };
            write!(f, "{or} until {at}, ")?;
        }
        f.write_str("or raise the cap")
    }
}

impl std::error::Error for SpendRefused {}
