//! What a budget asks of whoever chooses the model.

use serde::{Deserialize, Serialize};

use super::config::SpendAction;

/// Which models calls should go to, so that the money lasts. Ordered by strictness.
///
/// ```
/// use agent_resilience::SpendAdvice;
///
/// assert_eq!(SpendAdvice::default(), SpendAdvice::Any);
/// assert!(SpendAdvice::PreferCheap < SpendAdvice::ForceCheap);
/// assert_eq!(serde_json::to_string(&SpendAdvice::ForceCheap)?, r#""force_cheap""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum SpendAdvice {
    /// Any model.
    #[default]
    Any,
    /// The price should weigh more than it does else.
    PreferCheap,
    /// The cheapest that will do.
    ForceCheap,
}

impl From<Option<SpendAction>> for SpendAdvice {
    /// Where calls are refused, the cheapest is the one with the best prospects: what costs nothing
    /// passes.
    fn from(action: Option<SpendAction>) -> Self {
        match action {
            None | Some(SpendAction::Warn) => Self::Any,
            Some(SpendAction::PreferCheap) => Self::PreferCheap,
            Some(SpendAction::ForceCheap | SpendAction::Refuse) => Self::ForceCheap,
        }
    }
}
