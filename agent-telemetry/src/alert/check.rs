//! What is wrong with a list of rules.

use std::collections::BTreeSet;
use std::time::Duration;

use agent_primitives::Usd;

use super::{Bound, BudgetPeriod, Condition, Dimension, Rule, WindowPair, span};

/// Most rules at once.
const RULES: usize = 1_000;
/// Most pairs of windows of a rule.
const PAIRS: usize = 8;
/// Longest name, in bytes.
const NAME_BYTES: usize = 128;
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

/// A rule that cannot be followed. It says which rule and which of its fields.
///
/// ```
/// use agent_telemetry::alert::{BudgetPeriod, Condition, Rule, Rules};
///
/// let monthly = Condition::Budget { period: BudgetPeriod::Month, share: 0.8, amount: None };
/// let error = Rules::new(vec![Rule::new("money", monthly)]).unwrap_err();
/// assert_eq!((error.rule(), error.field()), ("money", "amount"));
/// assert_eq!(
///     error.to_string(),
///     "rule \"money\": amount is missing; no event tells of a month's budget"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("rule {rule:?}: {field} {fault}")]
pub struct InvalidRules {
    rule: String,
    field: &'static str,
    fault: Fault,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
enum Fault {
    #[error("is one rule too many; at most {RULES} are followed")]
    TooMany,
    #[error("is taken; give each rule a name of its own")]
    Twice,
    #[error("has {0} bytes; write 1 to {NAME_BYTES} without control characters")]
    Name(usize),
    #[error("is {0}; write a share above 0 and below 1")]
    Share(f64),
    #[error("is {0}; write a number above 0")]
    Positive(f64),
    #[error("is {0}; write a finite number")]
    Finite(f64),
    #[error("is beyond the limit that fires; write one on its other side, or none")]
    ClearBeyond,
    #[error(
        "is below zero, which nothing falls under, so it would not end; write zero or more, or none"
    )]
    ClearNegative,
    #[error("is zero, which nothing falls under, so it would not end; write more, or none")]
    ClearZero,
    #[error("is {}; write {} to {}", span::text(*.0), span::text(SHORTEST), span::text(LONGEST))]
    Window(Duration),
    #[error("is {}; write at most {}", span::text(*.0), span::text(LONGEST))]
    Long(Duration),
    #[error("is zero; write how long")]
    Zero,
    #[error("is nothing; write more dollars than none")]
    Nothing,
    #[error("has {0} pairs; write 1 to {PAIRS}")]
    Pairs(usize),
    #[error("has a wrong pair {number}: {field} {fault}")]
    Pair {
        /// From 1.
        number: usize,
        field: &'static str,
        fault: Box<Fault>,
    },
    #[error("is not shorter than the long window")]
    PairOrder,
    #[error("is missing; no event tells of a month's budget")]
    NoEvent,
    #[error("names {0} twice")]
    DimensionTwice(Dimension),
}

impl InvalidRules {
    /// The name of the rule.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The field, by its name in JSON.
    pub const fn field(&self) -> &'static str {
        self.field
    }
}

type Found = (&'static str, Fault);

/// The first fault, if any.
pub(super) fn check(rules: &[Rule]) -> Result<(), InvalidRules> {
    let mut names = BTreeSet::new();
    for (number, rule) in rules.iter().enumerate() {
        let found = if number >= RULES {
            Err(("name", Fault::TooMany))
        } else if names.insert(rule.name.as_str()) {
            one(rule)
        } else {
            Err(("name", Fault::Twice))
        };
        found.map_err(|(field, fault)| InvalidRules {
            rule: rule.name.clone(),
            field,
            fault,
        })?;
    }
    Ok(())
}

fn one(rule: &Rule) -> Result<(), Found> {
    let bytes = rule.name.len();
    if !(1..=NAME_BYTES).contains(&bytes) || rule.name.chars().any(char::is_control) {
        return Err(("name", Fault::Name(bytes)));
    }
    let mut dimensions = BTreeSet::new();
    if let Some(twice) = rule.by.iter().find(|it| !dimensions.insert(**it)) {
        return Err(("by", Fault::DimensionTwice(*twice)));
    }
    for (field, span) in [("for", rule.hold), ("cooldown", rule.cooldown)] {
        if span > LONGEST {
            return Err((field, Fault::Long(span)));
        }
    }
    condition(&rule.when)
}

fn condition(when: &Condition) -> Result<(), Found> {
    match when {
        Condition::ErrorRate {
            above,
            clear,
            window: over,
            ..
        } => {
            fraction("above", *above)?;
            clears_down(*above, *clear)?;
            window("window", *over)
        }
        Condition::Latency {
            quantile,
            above,
            clear,
            window: over,
            ..
        } => {
            fraction("quantile", *quantile)?;
            clears(above.as_secs_f64(), clear.map(|it| it.as_secs_f64()))?;
            window("window", *over)
        }
        Condition::TokensPerMinute {
            above,
            clear,
            window: over,
        } => {
            within(above, clear.as_ref())?;
            window("window", *over)
        }
        Condition::CostPerHour {
            above,
            clear,
            window: over,
        } => {
            is_some("above", *above)?;
            if clear.is_some_and(|clear| clear < Usd::ZERO) {
                return Err(("clear", Fault::ClearNegative));
            }
            within(above, clear.as_ref())?;
            window("window", *over)
        }
        Condition::QueueDepth {
            above,
            clear,
            window: over,
            ..
        } => {
            positive("above", *above)?;
            clears_down(*above, *clear)?;
            window("window", *over)
        }
        Condition::Budget {
            period,
            share,
            amount,
        } => {
            positive("share", *share)?;
            match amount {
                None if *period == BudgetPeriod::Month => Err(("amount", Fault::NoEvent)),
                Some(amount) => is_some("amount", *amount),
                None => Ok(()),
            }
        }
        Condition::ContextShare { share, clear } => {
            positive("share", *share)?;
            clears_down(*share, *clear)?;
            match clear {
                Some(0.0) => Err(("clear", Fault::ClearZero)),
                _ => Ok(()),
            }
        }
        Condition::ProviderDown { after, .. } => at_most("after", *after),
        Condition::BurnRate {
            objective, windows, ..
        } => {
            fraction("objective", *objective)?;
            pairs(windows)
        }
        Condition::Silence { after } => {
            if after.is_zero() {
                return Err(("after", Fault::Zero));
            }
            at_most("after", *after)
        }
        Condition::Metric {
            bound,
            clear,
            stale,
            ..
        } => {
            let (Bound::Above(limit) | Bound::Below(limit)) = *bound;
            finite("bound", limit)?;
            match bound {
                Bound::Above(limit) => clears(*limit, *clear)?,
                Bound::Below(limit) => clears(-*limit, clear.map(|it| -it))?,
            }
            stale.map_or(Ok(()), |stale| at_most("stale", stale))
        }
    }
}

fn pairs(windows: &[WindowPair]) -> Result<(), Found> {
    if !(1..=PAIRS).contains(&windows.len()) {
        return Err(("windows", Fault::Pairs(windows.len())));
    }
    for (number, one) in (1..).zip(windows) {
        pair(one).map_err(|(field, fault)| {
            let fault = Box::new(fault);
            let fault = Fault::Pair {
                number,
                field,
                fault,
            };
            ("windows", fault)
        })?;
    }
    Ok(())
}

fn pair(pair: &WindowPair) -> Result<(), Found> {
    positive("factor", pair.factor)?;
    window("long", pair.long)?;
    window("short", pair.short)?;
    if pair.short >= pair.long {
        return Err(("short", Fault::PairOrder));
    }
    Ok(())
}

fn fraction(field: &'static str, value: f64) -> Result<(), Found> {
    // Not a number is no share either.
    if value > 0.0 && value < 1.0 {
        return Ok(());
    }
    Err((field, Fault::Share(value)))
}

fn positive(field: &'static str, value: f64) -> Result<(), Found> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err((field, Fault::Positive(value)))
}

fn finite(field: &'static str, value: f64) -> Result<(), Found> {
    if value.is_finite() {
        return Ok(());
    }
    Err((field, Fault::Finite(value)))
}

fn is_some(field: &'static str, amount: Usd) -> Result<(), Found> {
    if amount > Usd::ZERO {
        return Ok(());
    }
    Err((field, Fault::Nothing))
}

fn within<T: PartialOrd>(limit: &T, clear: Option<&T>) -> Result<(), Found> {
    if clear.is_some_and(|clear| clear > limit) {
        return Err(("clear", Fault::ClearBeyond));
    }
    Ok(())
}

fn clears(limit: f64, clear: Option<f64>) -> Result<(), Found> {
    match clear {
        Some(clear) if !clear.is_finite() => Err(("clear", Fault::Finite(clear))),
        Some(clear) if clear > limit => Err(("clear", Fault::ClearBeyond)),
        _ => Ok(()),
    }
}

/// The same for what is never below zero.
fn clears_down(limit: f64, clear: Option<f64>) -> Result<(), Found> {
    if clear.is_some_and(|clear| clear < 0.0) {
        return Err(("clear", Fault::ClearNegative));
    }
    clears(limit, clear)
}

fn window(field: &'static str, span: Duration) -> Result<(), Found> {
    if (SHORTEST..=LONGEST).contains(&span) {
        return Ok(());
    }
    Err((field, Fault::Window(span)))
}

fn at_most(field: &'static str, span: Duration) -> Result<(), Found> {
    if span <= LONGEST {
        return Ok(());
    }
    Err((field, Fault::Long(span)))
}
