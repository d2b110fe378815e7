//! What a budget shows.

use std::fmt;
use std::sync::atomic::Ordering;

use agent_primitives::{SpendAmount, SpendScope, Timestamp};
use serde::Serialize;

use super::Core;
use super::account::Account;
use super::advice::SpendAdvice;
use super::amount::Spend;
use super::ledger::Accounts;

/// One cap and what became of it. While no call is between two steps, `spent`, `reserved` and `left`
/// are the cap, unless more was spent.
///
/// ```
/// use agent_primitives::{SpendAmount, SpendScope};
/// use agent_resilience::{SpendBudget, SpendBudgetConfig, SpendCap};
///
/// let config = SpendBudgetConfig::default().day(SpendCap::tokens(1_000));
/// let day = SpendBudget::new(&config)?.status().caps[0];
/// assert_eq!((day.scope, day.left), (SpendScope::Day, SpendAmount::Tokens(1_000)));
/// assert!(day.resets_at.is_some());
/// # Ok::<(), agent_resilience::InvalidSpend>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CapStatus {
    /// Whose cap.
    pub scope: SpendScope,
    /// How much it allows.
    pub cap: SpendAmount,
    /// How much was spent in the period; above the cap where calls cost more than they reserved.
    pub spent: SpendAmount,
    /// How much calls under way hold.
    pub reserved: SpendAmount,
    /// How much may still be reserved.
    pub left: SpendAmount,
    /// When all of it comes back; `None` for caps that never do, and for a day before its first call.
    pub resets_at: Option<Timestamp>,
}

/// Every cap of a budget, and what was counted since the start. `Display` draws a table.
///
/// ```
/// use agent_primitives::{SessionId, SpendAmount};
/// use agent_resilience::{Spend, SpendBudget, SpendBudgetConfig, SpendCap};
///
/// let config = SpendBudgetConfig::default().session(SpendCap::tokens(1_000));
/// let session = SpendBudget::new(&config)?.session(&SessionId::new("s1")?)?;
/// let held = session.reserve(Spend::tokens(200))?;
/// session.reserve(Spend::tokens(100))?.settle(Spend::tokens(120));
///
/// let status = session.status();
/// let cap = &status.caps[0];
/// assert_eq!(
///     [cap.spent, cap.reserved, cap.left],
///     [120, 200, 680].map(SpendAmount::Tokens)
/// );
/// assert_eq!((status.overruns, status.overrun), (1, Spend::tokens(20)));
/// # drop(held);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SpendStatus {
    /// The caps: of the session, where asked for one, and of the day.
    pub caps: Vec<CapStatus>,
    /// What the thresholds ask for by these caps.
    pub advice: SpendAdvice,
    /// Calls refused since the start, of all sessions.
    pub refused: u64,
    /// Calls that cost more than they reserved, of all sessions.
    pub overruns: u64,
    /// How much more.
    pub overrun: Spend,
    /// Sessions that are remembered.
    pub sessions: usize,
    /// Sessions that were forgotten for others.
    pub sessions_forgotten: u64,
}

impl SpendStatus {
    pub(super) fn of(core: &Core, accounts: Accounts<'_>) -> Self {
        let Accounts { session, day } = accounts;
        let overrun = core.overrun.total();
        Self {
            caps: [session, day]
                .into_iter()
                .flatten()
                .flat_map(Account::statuses)
                .collect(),
            advice: accounts.action().into(),
            refused: core.refused.load(Ordering::Relaxed),
            overruns: overrun.0,
            overrun: overrun.1,
            sessions: core.sessions.len(),
            sessions_forgotten: core.sessions.forgotten(),
        }
    }
}

impl Account {
    fn statuses(&self) -> impl Iterator<Item = CapStatus> {
        let resets_at = self.ends();
        let scope = self.scope();
        self.meters().map(move |(unit, meter)| {
            let reading = meter.reading();
            CapStatus {
                scope,
                cap: unit.amount(meter.plan().cap),
                spent: unit.amount(reading.spent),
                reserved: unit.amount(reading.reserved),
                left: unit.amount(reading.left),
                resets_at,
            }
        })
    }
}

/// An amount in a column of a table.
struct Cell(SpendAmount);

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SpendAmount::Usd(usd) => write!(f, "{usd:>12.4}"),
            SpendAmount::Tokens(tokens) => write!(f, "{tokens:>12}"),
        }
    }
}

impl fmt::Display for SpendStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<8} {:<6} {:>12} {:>12} {:>12} {:>12}  resets",
            "cap", "of", "cap", "spent", "reserved", "left"
        )?;
        for cap in &self.caps {
            let unit = match cap.cap {
                SpendAmount::Usd(_) => "money",
                SpendAmount::Tokens(_) => "tokens",
            };
            write!(
                f,
                "{:<8} {unit:<6} {} {} {} {}  ",
                cap.scope,
                Cell(cap.cap),
                Cell(cap.spent),
                Cell(cap.reserved),
                Cell(cap.left)
            )?;
            match cap.resets_at {
                Some(at) => writeln!(f, "{at}")?,
                None => writeln!(f, "never")?,
            }
        }
        write!(
            f,
            "{} refused, {} overran by {:.4} and {} tokens; {} sessions, {} forgotten",
            self.refused,
            self.overruns,
            self.overrun.usd,
            self.overrun.tokens,
            self.sessions,
            self.sessions_forgotten
        )
    }
}
