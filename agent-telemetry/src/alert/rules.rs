//! A list of rules that can be followed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::check;
use super::{BudgetPeriod, Calls, Condition, Dimension, InvalidRules, Queue, Rule, WindowPair};
use crate::Severity;

/// Rules that were checked. As JSON `{"rules": […]}`, checked as it is read.
///
/// ```
/// use agent_telemetry::alert::Rules;
///
/// let read = serde_json::from_str::<Rules>(r#"{"rules": [
///     {"name": "slow", "when": {"kind": "latency", "of": "model_calls", "above": "10s", "quantile": 95}}
/// ]}"#);
/// assert!(read.unwrap_err().to_string().starts_with(
///     "rule \"slow\": quantile is 95; write a share above 0 and below 1"
/// ));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire")]
pub struct Rules {
    rules: Vec<Rule>,
}

/// What arrives before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    rules: Vec<Rule>,
}

impl TryFrom<Wire> for Rules {
    type Error = InvalidRules;
    fn try_from(wire: Wire) -> Result<Self, InvalidRules> {
        Self::new(wire.rules)
    }
}

impl Rules {
    /// These rules.
    ///
    /// # Errors
    /// [`InvalidRules`] for the first that cannot be followed, or has the name of another.
    pub fn new(rules: Vec<Rule>) -> Result<Self, InvalidRules> {
        check(&rules)?;
        Ok(Self { rules })
    }

    /// Limits to begin with: more than 10 % of an agent's model calls fail, the 95th percentile of a model is above 10 s, an
    /// agent uses more than 10 000 tokens a minute, more than 100 records wait, 80 % of the day's budget or of a context window are
    /// used, a provider is down, and errors are spent faster than 1 % of a provider's model calls allows.
    ///
    /// ```
    /// use agent_telemetry::alert::Rules;
    ///
    /// let rules = Rules::recommended();
    /// assert_eq!(rules.as_slice().len(), 10);
    /// assert_eq!(Rules::new(rules.as_slice().to_vec()), Ok(rules));
    /// ```
    pub fn recommended() -> Self {
        let rules = [usage(), service()].concat();
        Self { rules }
    }

    /// The rules in their order.
    pub fn as_slice(&self) -> &[Rule] {
        &self.rules
    }
}

const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// What agents do.
fn usage() -> Vec<Rule> {
    let errors = Condition::ErrorRate {
        of: Calls::ModelCalls,
        above: 0.1,
        clear: Some(0.05),
        window: FIVE_MINUTES,
        at_least: 20,
    };
    let slow = Condition::Latency {
        of: Calls::ModelCalls,
        quantile: 0.95,
        above: Duration::from_secs(10),
        clear: Some(Duration::from_secs(8)),
        window: FIVE_MINUTES,
        at_least: 20,
    };
    let tokens = Condition::TokensPerMinute {
        above: 10_000,
        clear: Some(8_000),
        window: FIVE_MINUTES,
    };
    let budget = Condition::Budget {
        period: BudgetPeriod::Day,
        share: 0.8,
        amount: None,
    };
    let context = Condition::ContextShare {
        share: 0.8,
        clear: Some(0.7),
    };
    vec![
        Rule::new("agent-errors", errors).by([Dimension::Agent]),
        Rule::new("model-slow", slow).by([Dimension::Provider, Dimension::Model]),
        Rule::new("agent-tokens", tokens).by([Dimension::Agent]),
        Rule::new("day-budget", budget),
        Rule::new("context-window", context),
    ]
}

/// What agents depend on.
fn service() -> Vec<Rule> {
    let queue = Condition::QueueDepth {
        of: Queue::Recorder,
        above: 100.0,
        clear: None,
        window: FIVE_MINUTES,
    };
    let down = Condition::ProviderDown {
        after: Duration::from_secs(60),
        at_least: 3,
    };
    let burn = |name, pair, severity| {
        let when = Condition::BurnRate {
            of: Calls::ModelCalls,
            objective: 0.99,
            windows: vec![pair],
            at_least: 20,
        };
        Rule::new(name, when)
            .by([Dimension::Provider])
            .severity(severity)
    };
    vec![
        Rule::new("recorder-queue", queue).hold(Duration::from_secs(120)),
        Rule::new("provider-down", down).severity(Severity::Critical),
        burn("error-budget-fast", WindowPair::FAST, Severity::Critical),
        burn(
            "error-budget-medium",
            WindowPair::MEDIUM,
            Severity::Critical,
        ),
        burn("error-budget-slow", WindowPair::SLOW, Severity::Warning),
    ]
}
