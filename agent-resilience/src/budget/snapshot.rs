//! What was spent, to be kept over a restart.

use agent_primitives::{SessionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::amount::Spend;

/// What a budget had spent, for [`SpendBudget::restore`](crate::SpendBudget::restore) after a restart.
///
/// Only what is capped is counted, and so only that is in here.
///
/// ```
/// use agent_primitives::{ManualClock, SessionId, Timestamp};
/// use agent_resilience::{Spend, SpendBudget, SpendBudgetConfig, SpendCap, SpendSnapshot};
///
/// let config = SpendBudgetConfig::default().day(SpendCap::usd("10".parse()?));
/// let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_000));
/// let budget = SpendBudget::with_clock(&config, clock.clone())?;
/// let session = budget.session(&SessionId::new("s1")?)?;
/// session.reserve(Spend::usd("4".parse()?))?.settle(Spend::usd("3".parse()?));
/// let kept = serde_json::to_string(&budget.snapshot())?;
///
/// let later = SpendBudget::with_clock(&config, clock)?;
/// later.restore(&serde_json::from_str::<SpendSnapshot>(&kept)?);
/// assert_eq!(later.spent_today(), Spend::usd("3".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpendSnapshot {
    /// When it was taken. The day's figure counts only on the same day.
    pub at: Timestamp,
    /// Spent on that day.
    pub day: Spend,
    /// Held then by calls under way. After a crash nobody knows what they cost, so that it counts as
    /// spent; take a snapshot when no call is under way to have it nothing.
    pub day_reserved: Spend,
    /// The sessions, in the order in which they were last used.
    pub sessions: Vec<SessionSpend>,
}

/// What one session had spent.
///
/// ```
/// let json = r#"{"session": "s1", "spent": {"usd": "0.25", "tokens": 900}}"#;
/// let session: agent_resilience::SessionSpend = serde_json::from_str(json)?;
/// assert_eq!(session.spent.tokens, 900);
/// assert_eq!(session.reserved, agent_resilience::Spend::ZERO);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionSpend {
    /// The session.
    pub session: SessionId,
    /// Spent.
    pub spent: Spend,
    /// Held by calls under way.
    #[serde(default)]
    pub reserved: Spend,
    /// When it last reserved anything.
    #[serde(default)]
    pub used_at: Timestamp,
}
