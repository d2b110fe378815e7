//! Columns, numbers and sections of the text report.

use std::fmt;
use std::time::Duration;

use agent_primitives::{ModelId, ProviderId, Usd};

use super::width::{columns, cut, printable};

/// Most columns of a line.
pub(crate) const WIDTH: usize = 100;
/// Most rows of a table; the data has them all.
const ROWS: usize = 12;
const INDENT: &str = "  ";
const GAP: &str = "  ";

/// A table whose first column is text and gives way, and whose others are short.
#[derive(Debug)]
pub(crate) struct Table {
    header: Vec<String>,
    /// The number of columns behind the first that are text as well.
    words: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<const N: usize>(words: usize, header: [&str; N]) -> Self {
        Self::headed(words, header.map(str::to_owned).into())
    }

    /// With a number of columns that is not known before.
    pub(crate) fn headed(words: usize, header: Vec<String>) -> Self {
        Self {
            header,
            words,
            rows: Vec::new(),
        }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| printable(&cell)).into());
    }

    /// As many cells as the header has.
    pub(crate) fn push(&mut self, cells: &[String]) {
        self.rows
            .push(cells.iter().map(|cell| printable(cell)).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The names of the columns, and for each whether it holds text.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&str, bool)> {
        let named = self.header.iter().enumerate();
        named.map(|(at, name)| (name.as_str(), at <= self.words))
    }

    /// All of them, also those that a text leaves out.
    pub(crate) fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.rows.get(..ROWS).unwrap_or(&self.rows);
        let mut widths: Vec<usize> = self.header.iter().map(|cell| columns(cell)).collect();
        for row in shown {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = columns(cell).max(*width);
            }
        }
        let others: usize = widths.iter().skip(1).map(|width| width + GAP.len()).sum();
        if let Some(first) = widths.first_mut() {
            *first = (*first).min(WIDTH.saturating_sub(INDENT.len() + others));
        }
        self.line(f, &self.header, &widths)?;
        for row in shown {
            self.line(f, row, &widths)?;
        }
        match self.rows.len() - shown.len() {
            0 => Ok(()),
            more => writeln!(f, "{INDENT}… and {more} more"),
        }
    }

    fn line(&self, f: &mut fmt::Formatter<'_>, cells: &[String], widths: &[usize]) -> fmt::Result {
        let mut line = String::new();
        for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
            line.push_str(if at == 0 { INDENT } else { GAP });
            let cell = cut(cell, *width);
            let space = " ".repeat(width.saturating_sub(columns(&cell)));
            let (before, behind) = if at <= self.words {
                ("", space.as_str())
            } else {
                (space.as_str(), "")
            };
            line.extend([before, &cell, behind]);
        }
        writeln!(f, "{}", line.trim_end())
    }
}

/// `Title ─────…` over the whole width.
pub(crate) fn section(f: &mut fmt::Formatter<'_>, title: &str) -> fmt::Result {
    let rule = "─".repeat(WIDTH.saturating_sub(columns(title) + 1));
    writeln!(f, "\n{title} {rule}")
}

/// A name of fourteen columns and what there is to say.
pub(crate) fn fact(f: &mut fmt::Formatter<'_>, name: &str, what: &str) -> fmt::Result {
    wrapped(f, &format!("{name:<14}"), what)
}

/// A text behind `before`, in as many lines as it takes; those that follow begin where the first does.
pub(crate) fn wrapped(f: &mut fmt::Formatter<'_>, before: &str, text: &str) -> fmt::Result {
    let margin = columns(before).min(WIDTH / 2);
    let room = WIDTH - INDENT.len() - margin;
    write!(f, "{INDENT}{before}")?;
    if columns(text) <= room {
        return writeln!(f, "{text}");
    }
    let mut used = 0;
    for word in text.split_whitespace() {
        let word = cut(word, room);
        let wanted = columns(&word);
        if used > 0 && used + 1 + wanted > room {
            write!(f, "\n{INDENT}{:margin$}", "")?;
            used = 0;
        }
        let gap = if used > 0 { " " } else { "" };
        write!(f, "{gap}{word}")?;
        used += gap.len() + wanted;
    }
    writeln!(f)
}

/// Whole below ten thousand, three digits and a unit above.
pub(crate) fn count(number: u64) -> String {
    scaled(
        number,
        10_000,
        1_000,
        &["", " k", " M", " G", " T", " P", " E"],
    )
}

/// Binary units, as the kernel counts.
pub(crate) fn bytes(number: u64) -> String {
    let units = [" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"];
    scaled(number, 1_024, 1_024, &units)
}

fn scaled(number: u64, whole_below: u64, step: u64, units: &[&str]) -> String {
    if number < whole_below {
        return format!("{number}{}", units.first().unwrap_or(&""));
    }
    // In hundredths, so that no float is needed.
    let mut hundredths = u128::from(number) * 100;
    let mut unit = 0;
    while hundredths >= 100 * u128::from(step) && unit + 1 < units.len() {
        hundredths /= u128::from(step);
        unit += 1;
    }
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    let unit = units.get(unit).unwrap_or(&"");
    match whole {
        0..10 => format!("{whole}.{rest:02}{unit}"),
        10..100 => format!("{whole}.{}{unit}", rest / 10),
        _ => format!("{whole}{unit}"),
    }
}

/// `plural(1, "call")` is "1 call".
pub(crate) fn plural(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// `part` of `whole` in percent with one decimal; a dash where there is no whole.
pub(crate) fn share(part: u64, whole: u64) -> String {
    match (u128::from(part) * 1_000 + u128::from(whole) / 2).checked_div(u128::from(whole)) {
        Some(permille) => format!("{}.{} %", permille / 10, permille % 10),
        None => "-".to_owned(),
    }
}

/// How many decimals a column of amounts needs: four, or six where one of them is below a cent.
#[derive(Clone, Copy)]
pub(crate) struct Decimals(usize);

impl Decimals {
    pub(crate) fn of(amounts: impl IntoIterator<Item = Usd>) -> Self {
        const CENT: u128 = 10_000_000_000;
        let mut picos = amounts.into_iter().map(|it| it.picos().unsigned_abs());
        Self(if picos.any(|it| (1..CENT).contains(&it)) {
            6
        } else {
            4
        })
    }

    /// All decimals where these would show nothing, none above a million dollars, and an exponent above a
    /// trillion, which nobody has spent.
    pub(crate) fn show(self, amount: Usd) -> String {
        const MICRO: u128 = 1_000_000;
        const PICOS: u128 = 1_000_000_000_000;
        match amount.picos().unsigned_abs() {
            1..MICRO => amount.to_string(),
            size @ 1_000_000_000_000_000_000_000_000.. => {
                let sign = if amount.picos() < 0 { "-" } else { "" };
                format!("{sign}${:.2e}", size / PICOS)
            }
            1_000_000_000_000_000_000.. => format!("{amount:.0}"),
            _ => format!("{amount:.*}", self.0),
        }
    }
}

/// An amount by itself.
pub(crate) fn money(amount: Usd) -> String {
    Decimals::of([amount]).show(amount)
}

/// Nothing but unpriced calls is not a cost of nothing.
pub(crate) fn known(cost: Usd, unpriced_calls: u64, decimals: Decimals) -> String {
    if cost.is_zero() && unpriced_calls > 0 {
        dash()
    } else {
        decimals.show(cost)
    }
}

/// A model at its provider.
pub(crate) fn offer(provider: &ProviderId, model: &ModelId) -> String {
    let model = printable(model.as_str());
    format!("{} · {model}", cut(provider.as_str(), 20))
}

/// What stands where there is nothing.
pub(crate) fn dash() -> String {
    "-".to_owned()
}

/// Three digits or more, in the unit that suits.
pub(crate) fn time(duration: Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0 if !duration.is_zero() => format!("{} ns", duration.as_nanos()),
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{}.{} ms", micros / 1_000, micros / 100 % 10),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..100_000_000 => {
            format!("{}.{:02} s", micros / 1_000_000, micros / 10_000 % 100)
        }
        _ => {
            let seconds = duration.as_secs();
            match seconds / 3_600 {
                0 => format!("{} min {:02} s", seconds / 60, seconds % 60),
                hours @ 100.. => format!("{} h", count(hours)),
                hours => format!("{hours} h {:02} min", seconds / 60 % 60),
            }
        }
    }
}

/// At most three decimals, and an exponent where the number is very large or small.
pub(crate) fn number(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e9).contains(&value.abs()) {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_exact_while_small() {
        assert_eq!(
            [0, 9_999, 10_000, 123_456].map(count),
            ["0", "9999", "10.0 k", "123 k"]
        );
        assert_eq!(count(u64::MAX), "18.4 E");
        assert_eq!(
            [0, 1_023, 1_536, 10_240].map(bytes),
            ["0 B", "1023 B", "1.50 KiB", "10.0 KiB"]
        );
        assert_eq!(bytes(u64::MAX), "15.9 EiB");
        assert_eq!(
            [(0, 0), (1, 3), (2, 3)].map(|(a, b)| share(a, b)),
            ["-", "33.3 %", "66.7 %"]
        );
    }

    #[test]
    fn times_change_their_unit_without_a_gap() {
        let shown = [
            999,
            1_000,
            9_999,
            10_000,
            999_999,
            1_000_000,
            99_999_999,
            100_000_000,
        ]
        .map(|micros| time(Duration::from_micros(micros)));
        assert_eq!(
            shown,
            [
                "999 µs",
                "1.0 ms",
                "9.9 ms",
                "10 ms",
                "999 ms",
                "1.00 s",
                "99.99 s",
                "1 min 40 s"
            ]
        );
        assert_eq!(
            [0, 1, 999].map(|nanos| time(Duration::from_nanos(nanos))),
            ["0 µs", "1 ns", "999 ns"]
        );
        assert_eq!(time(Duration::from_secs(7_384)), "2 h 03 min");
        assert_eq!(time(Duration::from_secs(3_600 * 8_766)), "8766 h");
    }

    #[test]
    fn amounts_of_a_column_have_the_same_decimals() {
        let [large, small] = ["12.5", "0.002"].map(|text| text.parse().unwrap());
        let shown = [large, small].map(|amount| Decimals::of([large, small]).show(amount));
        assert_eq!(shown, ["$12.500000", "$0.002000"]);
    }

    #[test]
    fn amounts_beyond_all_measure_are_short() {
        let shown = [
            Usd::MAX,
            Usd::from_picos(i128::MIN),
            Usd::from_micros(i64::MAX),
        ]
        .map(money);
        assert_eq!(shown, ["$1.70e26", "-$1.70e26", "$9.22e12"]);
    }

    #[test]
    fn money_that_is_not_nothing_never_shows_as_nothing() {
        let shown = [
            0,
            1,
            1_000_000,
            9_999_999_999,
            10_000_000_000,
            12_345_678_900_000,
        ]
        .map(|picos| money(Usd::from_picos(picos)));
        assert_eq!(
            shown,
            [
                "$0.0000",
                "$0.000000000001",
                "$0.000001",
                "$0.010000",
                "$0.0100",
                "$12.3457"
            ]
        );
    }
}
