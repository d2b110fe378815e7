//! Budgets as a person writes them.

use std::fmt;
use std::str::FromStr;

use agent_primitives::Usd;

use super::{Budget, BudgetPeriod, ROLLING_MOST};

/// A text that names no [`Budget`].
///
/// ```
/// use agent_telemetry::Budget;
///
/// assert_eq!(
///     "much/day".parse::<Budget>().unwrap_err().to_string(),
///     "\"much/day\" is no budget; write 50usd/day, 900usd/month, 20usd/5h, 150usd/7d or 3usd/session"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no budget; write 50usd/day, 900usd/month, 20usd/5h, 150usd/7d or 3usd/session"
)]
pub struct InvalidBudget {
    /// Its beginning where it is long.
    text: String,
}

impl FromStr for Budget {
    type Err = InvalidBudget;

    fn from_str(text: &str) -> Result<Self, InvalidBudget> {
        parse(text).ok_or_else(|| InvalidBudget {
            text: text.chars().take(64).collect(),
        })
    }
}

fn parse(text: &str) -> Option<Budget> {
    let (amount, period) = text.trim().split_once('/')?;
    let amount = amount.trim().to_ascii_lowercase();
    let amount = amount.strip_suffix("usd").unwrap_or(&amount).trim();
    let amount: Usd = amount.parse().ok()?;
    let period = match period.trim() {
        "session" => BudgetPeriod::Session,
        "day" => BudgetPeriod::Day,
        "month" => BudgetPeriod::Month,
        other => {
            let (number, hours) = match other.strip_suffix('h') {
                Some(number) => (number, 1),
                None => (other.strip_suffix('d')?, 24),
            };
            let hours = number.parse::<u32>().ok()?.checked_mul(hours)?;
            if !(1..=ROLLING_MOST).contains(&hours) {
                return None;
            }
            BudgetPeriod::Rolling { hours }
        }
    };
    (amount >= Usd::ZERO).then_some(Budget::new(amount, period))
}

impl fmt::Display for BudgetPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session => f.write_str("session"),
            Self::Day => f.write_str("day"),
            Self::Month => f.write_str("month"),
            Self::Rolling { hours } if hours % 24 == 0 && *hours > 0 => {
                write!(f, "{}d", hours / 24)
            }
            Self::Rolling { hours } => write!(f, "{hours}h"),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.amount, self.period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back() {
        for text in [
            "50usd/day",
            "$900/month",
            " 20.5 USD / 5h",
            "150/7d",
            "3/session",
            "0/day",
        ] {
            let budget: Budget = text.parse().unwrap();
            assert_eq!(budget.to_string().parse(), Ok(budget), "{text}");
        }
        for text in [
            "", "50", "50/", "/day", "-1/day", "50/0h", "50/32d", "50/h", "1e3/day", "5/é",
        ] {
            assert!(text.parse::<Budget>().is_err(), "{text}");
        }
    }
}
