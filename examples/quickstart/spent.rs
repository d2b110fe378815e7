//! What the session may spend, and what it has: kept in its log, so that a crash forgets no money.

use std::error::Error;

use agent_checkpoint::{Checkpointer, Snapshot};
use agent_primitives::{Clock, Observer, SessionId, Usd};
use agent_resilience::{SessionBudget, SpendBudget, SpendBudgetConfig, SpendCap, SpendSnapshot};
use serde::{Deserialize, Serialize};

/// Dollars. A session of this kind costs some cents; one that loops stops here. Half of it is told of, and
/// from four fifths on cheaper models go first.
pub(crate) const CAP: &str = "1.00";

/// The figures as the log keeps them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Spent(SpendSnapshot);

impl Snapshot for Spent {
    const KIND: &'static str = "spent";
    const VERSION: u16 = 1;
}

impl Spent {
    /// As things stand.
    pub(crate) fn of(session: &SessionBudget) -> Self {
        Self(session.budget().snapshot())
    }

    /// All of it.
    pub(crate) fn total(&self) -> Usd {
        self.0
            .sessions
            .iter()
            .map(|session| session.spent.usd)
            .sum()
    }
}

/// The budget of the session `id`, as far as `log` says that it is used up.
///
/// # Errors
/// When the log keeps something else under that name.
pub(crate) fn budget(
    id: &SessionId,
    log: &Checkpointer,
    clock: impl Clock + 'static,
    hears: impl Observer + 'static,
) -> Result<SessionBudget, Box<dyn Error>> {
    let caps = SpendBudgetConfig::default().session(SpendCap::usd(CAP.parse()?));
    let budget = SpendBudget::with_clock(&caps, clock)?.observer(hears);
    if let Some(Spent(before)) = log.component()? {
        budget.restore(&before);
    }
    Ok(budget.session(id)?)
}
