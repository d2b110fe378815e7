//! What one unit costs, exact to 30 decimals of a dollar, and the arithmetic on it.

use std::fmt;

use agent_primitives::Usd;

/// Decimals that a rate keeps below a pico-dollar.
const REST_DECIMALS: u32 = 18;
const REST: u64 = 10_u64.pow(REST_DECIMALS);
/// Decimals of a pico-dollar.
const PICO_DECIMALS: i64 = 12;

/// Dollars for one unit: whole pico-dollars and a rest below them.
///
/// Price lists hold figures such as `2.0000000000000002e-07` (24 decimals): they are kept as they are,
/// and the amount of a line is rounded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Rate {
    picos: u64,
    /// In 10⁻³⁰ dollars, below 10¹⁸.
    rest: u64,
}

/// Why a text is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotARate {
    Malformed,
    Negative,
    TooLarge,
}

impl Rate {
    /// `None` for a negative amount or one beyond 18 million dollars for a unit.
    pub(super) fn of_usd(amount: Usd) -> Option<Self> {
        let picos = u64::try_from(amount.picos()).ok()?;
        Some(Self { picos, rest: 0 })
    }

    /// A JSON number, and whether decimals beyond the thirtieth were rounded (half to even).
    pub(super) fn parse(number: &str) -> Result<(Self, bool), NotARate> {
        let decimal = Decimal::parse(number)?;
        let (units, rounded) = decimal.scaled(PICO_DECIMALS + i64::from(REST_DECIMALS))?;
        let picos = u64::try_from(units / u128::from(REST)).map_err(|_| NotARate::TooLarge)?;
        let rest = u64::try_from(units % u128::from(REST)).map_err(|_| NotARate::TooLarge)?;
        Ok((Self { picos, rest }, rounded))
    }

    pub(super) const fn is_zero(self) -> bool {
        self.picos == 0 && self.rest == 0
    }

    /// Half as much; a half of the thirtieth decimal is dropped.
    pub(super) const fn half(self) -> Self {
        let odd = self.picos % 2 * (REST / 2);
        Self {
            picos: self.picos / 2,
            rest: self.rest / 2 + odd,
        }
    }

    /// What a number of units costs, rounded once, half to even; saturates.
    pub(super) fn times(self, quantity: Quantity, factor: Factor) -> Usd {
        let units = u128::from(quantity.units);
        // picos < 2⁶⁴ and rest < 10¹⁸, so that neither product leaves 128 bits.
        let whole = u128::from(self.picos) * units;
        let rest = u128::from(self.rest) * units;
        let whole = whole.saturating_add(rest / u128::from(REST));
        let rest = rest % u128::from(REST);
        if rest == 0
            && quantity.per == 1
            && factor == Factor::ONE
            && let Ok(picos) = i128::try_from(whole)
        {
            return Usd::from_picos(picos);
        }
        let divisor = u128::from(FACTOR) * u128::from(quantity.per);
        // Below 10¹⁸ × 2⁶⁴: fits.
        let rest = rest * u128::from(factor.billionths);
        let carried = rest / u128::from(REST);
        let below = rest % u128::from(REST) != 0;
        let Some(scaled) = whole
            .checked_mul(u128::from(factor.billionths))
            .and_then(|it| it.checked_add(carried))
        else {
            return Usd::MAX;
        };
        let (quotient, remainder) = (scaled / divisor, scaled % divisor);
        let up = match (remainder * 2).cmp(&divisor) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => below || quotient % 2 == 1,
            std::cmp::Ordering::Less => false,
        };
        i128::try_from(quotient + u128::from(up)).map_or(Usd::MAX, Usd::from_picos)
    }
}

impl fmt::Display for Rate {
    /// Dollars with all decimals: `0.000003`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PICOS: u64 = 1_000_000_000_000;
        let text = format!(
            "{}.{:012}{:018}",
            self.picos / PICOS,
            self.picos % PICOS,
            self.rest
        );
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// How many units; `units / per`, so that a millisecond is a thousandth of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quantity {
    pub(super) units: u64,
    pub(super) per: u32,
}

impl Quantity {
    pub(super) const fn whole(units: u64) -> Self {
        Self { units, per: 1 }
    }
}

const FACTOR: u64 = 1_000_000_000;

/// What a price is multiplied with, in billionths: a regional surcharge, a gateway's margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Factor {
    billionths: u64,
}

impl Factor {
    pub(super) const ONE: Self = Self { billionths: FACTOR };

    /// `None` for what is not a number from 0 to 1 000 with at most nine decimals.
    pub(super) fn parse(number: &str) -> Option<Self> {
        let (units, rounded) = Decimal::parse(number).ok()?.scaled(9).ok()?;
        let billionths = u64::try_from(units).ok()?;
        (!rounded && billionths <= 1_000 * FACTOR).then_some(Self { billionths })
    }

    /// Both one after the other; decimals beyond the ninth are rounded up from a half.
    pub(super) fn and(self, other: Self) -> Self {
        let product = u128::from(self.billionths) * u128::from(other.billionths);
        let billionths = (product + u128::from(FACTOR / 2)) / u128::from(FACTOR);
        Self {
            billionths: u64::try_from(billionths).unwrap_or(u64::MAX),
        }
    }
}

/// A JSON number in parts.
struct Decimal<'a> {
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    fn parse(number: &'a str) -> Result<Self, NotARate> {
        let (mantissa, exponent) = match number.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
                (
                    mantissa,
                    exponent.parse::<i16>().map_err(|_| NotARate::Malformed)?,
                )
            }
            None => (number, 0),
        };
        let (mantissa, negative) = match mantissa.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (mantissa, false),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || number.len() > 128 {
            return Err(NotARate::Malformed);
        }
        let nothing = whole.bytes().chain(fraction.bytes()).all(|b| b == b'0');
        if negative && !nothing {
            return Err(NotARate::Negative);
        }
        Ok(Self {
            whole,
            fraction,
            exponent: i64::from(exponent),
        })
    }

    /// In units of 10^-`decimals`, and whether digits were rounded off (half to even).
    fn scaled(&self, decimals: i64) -> Result<(u128, bool), NotARate> {
        // A text of at most 128 bytes.
        let whole = i64::try_from(self.whole.len()).map_err(|_| NotARate::Malformed)?;
        let mut left = whole + self.exponent + decimals;
        let mut units: u128 = 0;
        let (mut first_dropped, mut others_dropped) = (0, false);
        for digit in self.whole.bytes().chain(self.fraction.bytes()) {
            let digit = digit - b'0';
            match left {
                1.. => {
                    units = units
                        .checked_mul(10)
                        .and_then(|it| it.checked_add(u128::from(digit)))
                        .ok_or(NotARate::TooLarge)?;
                }
                0 => first_dropped = digit,
                _ => others_dropped |= digit != 0,
            }
            left -= 1;
        }
        while left > 0 && units != 0 {
            units = units.checked_mul(10).ok_or(NotARate::TooLarge)?;
            left -= 1;
        }
        let up = match first_dropped.cmp(&5) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => others_dropped || units % 2 == 1,
            std::cmp::Ordering::Less => false,
        };
        let rounded = first_dropped != 0 || others_dropped;
        Ok((units + u128::from(up), rounded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        Rate::parse(text).unwrap().0
    }

    fn picos(text: &str, units: u64) -> i128 {
        rate(text)
            .times(Quantity::whole(units), Factor::ONE)
            .picos()
    }

    #[test]
    fn json_numbers_are_read_digit_by_digit() {
        for (text, exact) in [
            ("1.25e-07", "0.000000125"),
            ("0.1", "0.1"),
            ("0", "0"),
            ("-0.0", "0"),
            ("3E+2", "300"),
            ("2.0000000000000002e-07", "0.00000020000000000000002"),
            ("1e-30", "0.000000000000000000000000000001"),
        ] {
            assert_eq!(rate(text).to_string(), exact, "{text}");
            assert!(!Rate::parse(text).unwrap().1, "{text}");
        }
        assert_eq!(picos("1.25e-07", 1), 125_000);
    }

    #[test]
    fn what_lies_beyond_the_thirtieth_decimal_is_rounded_half_to_even_and_said() {
        for (text, exact) in [
            ("2.5e-30", "0.000000000000000000000000000002"),
            ("3.5e-30", "0.000000000000000000000000000004"),
            ("2.51e-30", "0.000000000000000000000000000003"),
            ("4e-31", "0"),
        ] {
            let (rate, rounded) = Rate::parse(text).unwrap();
            assert_eq!(
                (rate.to_string().as_str(), rounded),
                (exact, true),
                "{text}"
            );
        }
    }

    #[test]
    fn texts_that_are_no_rates_say_why() {
        for text in [
            "", ".", "1e", "1e99999", "0x1", "1_0", "NaN", "inf", "1.e-", "--1",
        ] {
            assert_eq!(Rate::parse(text), Err(NotARate::Malformed), "{text:?}");
        }
        assert_eq!(Rate::parse("-1e-9"), Err(NotARate::Negative));
        assert_eq!(Rate::parse("18446745"), Err(NotARate::TooLarge));
        assert_eq!(Rate::parse("1e300"), Err(NotARate::TooLarge));
        assert_eq!(picos("18446744", 1), 18_446_744_000_000_000_000);
    }

    #[test]
    fn line_is_rounded_once() {
        // 0.4 picos each: two and a half of them make one, not none.
        assert_eq!(picos("4e-13", 1), 0);
        assert_eq!(picos("4e-13", 3), 1);
        assert_eq!(picos("5e-13", 1), 0, "half to even");
        assert_eq!(picos("5e-13", 3), 2, "half to even");
        assert_eq!(
            picos("2.0000000000000002e-07", 1_000_000_000_000),
            200_000_000_000_000_020
        );
    }

    #[test]
    fn thousandths_and_factors_are_exact() {
        let millis = |units| Quantity { units, per: 1_000 };
        let factor = |text| Factor::parse(text).unwrap();
        let a_second = rate("0.0003");
        assert_eq!(
            a_second.times(millis(1_500), Factor::ONE).picos(),
            450_000_000
        );
        assert_eq!(
            a_second.times(Quantity::whole(10), factor("1.1")).picos(),
            3_300_000_000
        );
        assert_eq!(factor("2").and(factor("1.1")), factor("2.2"));
        assert_eq!(Factor::parse("1.0000000001"), None);
        assert_eq!(Factor::parse("1001"), None);
    }

    #[test]
    fn amounts_beyond_all_money_saturate() {
        let much =
            rate("18446744").times(Quantity::whole(u64::MAX), Factor::parse("1000").unwrap());
        assert_eq!(much, Usd::MAX);
    }

    #[test]
    fn half_is_exact() {
        assert_eq!(rate("3e-12").half().to_string(), "0.0000000000015");
        assert_eq!(rate("1.5e-06").half(), rate("7.5e-07"));
    }
}
