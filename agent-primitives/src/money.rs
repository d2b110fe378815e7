//! Exact money.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const DECIMALS: usize = 12;

/// US dollars as a whole number of pico-dollars (10⁻¹²): one cached token of a cheap model costs
/// less than a millionth of a dollar, and sums of floats drift.
///
/// Arithmetic saturates at ±1.7 × 10²⁶ dollars; the `checked_` forms report it instead. Serialises
/// as a decimal string (`"0.000003"`), which no JSON reader rounds.
///
/// ```
/// use agent_primitives::Usd;
///
/// let per_token: Usd = "0.000003".parse()?;
/// let cost = per_token * 1_500 + "1.25".parse::<Usd>()?;
/// assert_eq!(cost.to_string(), "$1.2545");
/// assert_eq!(format!("{cost:.2}"), "$1.25");
/// assert_eq!(cost.picos(), 1_254_500_000_000);
/// # Ok::<(), agent_primitives::InvalidUsd>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(i128);

/// A text that is not an exact dollar amount.
///
/// ```
/// use agent_primitives::Usd;
///
/// assert_eq!(
///     "1e-6".parse::<Usd>().unwrap_err().to_string(),
///     "\"1e-6\" is not a dollar amount; write digits with at most 12 decimals, such as 0.000003"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a dollar amount; write digits with at most 12 decimals, such as 0.000003")]
pub struct InvalidUsd {
    text: String,
}

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(i128::MAX);

    /// From pico-dollars (10⁻¹² dollars).
    pub const fn from_picos(picos: i128) -> Self {
        Self(picos)
    }

    /// From micro-dollars (10⁻⁶ dollars), the unit that some agent tools report.
    pub const fn from_micros(micros: i64) -> Self {
        // i64::MAX × 10⁶ fits an i128 with room to spare.
        Self(micros as i128 * 1_000_000)
    }

    /// Pico-dollars (10⁻¹² dollars).
    pub const fn picos(self) -> i128 {
        self.0
    }

    /// Whether nothing is owed or due.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` when it does not fit.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, or `None` when it does not fit.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// `times` as much, or `None` when it does not fit.
    pub const fn checked_mul(self, times: u64) -> Option<Self> {
        match self.0.checked_mul(times as i128) {
            Some(product) => Some(Self(product)),
            None => None,
        }
    }

    /// An equal share of this amount, rounded half to even; `None` for no parts.
    ///
    /// ```
    /// use agent_primitives::Usd;
    ///
    /// assert_eq!(Usd::from_picos(5).div_round(2), Some(Usd::from_picos(2)));
    /// assert_eq!(Usd::from_picos(7).div_round(2), Some(Usd::from_picos(4)));
    /// assert_eq!(Usd::from_picos(7).div_round(0), None);
    /// ```
    pub const fn div_round(self, parts: u64) -> Option<Self> {
        if parts == 0 {
            return None;
        }
        Some(Self(div_half_even(self.0, parts as i128)))
    }
}

/// `divisor` is positive.
const fn div_half_even(value: i128, divisor: i128) -> i128 {
    let quotient = value.div_euclid(divisor);
    let rest = value.rem_euclid(divisor);
    // Compared without doubling, which could overflow.
    let to_next = divisor - rest;
    if rest > to_next || (rest == to_next && quotient % 2 != 0) {
        quotient + 1
    } else {
        quotient
    }
}

impl std::ops::Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::ops::Sub for Usd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::ops::Mul<u64> for Usd {
    type Output = Self;
    fn mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(i128::from(times)))
    }
}

impl std::ops::Neg for Usd {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, std::ops::Add::add)
    }
}

impl FromStr for Usd {
    type Err = InvalidUsd;

    /// Digits with an optional sign, an optional `$` after it, and at most 12 decimals.
    fn from_str(text: &str) -> Result<Self, InvalidUsd> {
        parse(text).map(Self).ok_or_else(|| InvalidUsd {
            text: text.chars().take(64).collect(),
        })
    }
}

fn parse(text: &str) -> Option<i128> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text.strip_prefix('$').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty())
        || !digits(whole)
        || !digits(fraction)
        || fraction.len() > DECIMALS
    {
        return None;
    }
    // Built towards the sign, because the lowest value has no positive counterpart.
    let mut picos: i128 = 0;
    let padding = std::iter::repeat_n(b'0', DECIMALS - fraction.len());
    for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
        let digit = i128::from(digit - b'0');
        picos = picos.checked_mul(10)?;
        picos = if negative {
            picos.checked_sub(digit)?
        } else {
            picos.checked_add(digit)?
        };
    }
    Some(picos)
}

/// Digits of an amount counted in units of 10^-`decimals` dollars, at least `shortest` decimals and no
/// trailing zeros beyond them.
fn decimal(units: i128, decimals: usize, shortest: usize) -> String {
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let significant = fraction.trim_end_matches('0').len().max(shortest);
    match fraction.get(..significant) {
        Some(kept) if !kept.is_empty() => format!("{whole}.{kept}"),
        _ => whole.to_owned(),
    }
}

impl fmt::Display for Usd {
    /// All significant decimals and at least two: `$0.000003`, `$1.20`. A precision rounds half to
    /// even (`{:.4}`); width and alignment apply.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, decimals, shortest) = match f.precision() {
            Some(decimals) if decimals < DECIMALS => {
                let drop = u32::try_from(DECIMALS - decimals).unwrap_or(0);
                (div_half_even(self.0, 10_i128.pow(drop)), decimals, decimals)
            }
            Some(_) => (self.0, DECIMALS, DECIMALS),
            None => (self.0, DECIMALS, 2),
        };
        let sign = if units < 0 { "-" } else { "" };
        let text = format!("{sign}${}", decimal(units, decimals, shortest));
        // `pad` would cut at the precision.
        match (f.width(), f.align()) {
            (Some(width), Some(fmt::Alignment::Left)) => write!(f, "{text:<width$}"),
            (Some(width), Some(fmt::Alignment::Center)) => write!(f, "{text:^width$}"),
            (Some(width), _) => write!(f, "{text:>width$}"),
            (None, _) => f.write_str(&text),
        }
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sign = if self.0 < 0 { "-" } else { "" };
        serializer.collect_str(&format_args!("{sign}{}", decimal(self.0, DECIMALS, 0)))
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
