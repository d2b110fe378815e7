//! Lines of a page: labels and values as text.

use std::fmt::Write as _;

/// A value of a series.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Count(u64),
    Value(f64),
    /// So many parts of which 10^`places` are one: money and times without a rounding.
    Decimal {
        parts: i128,
        places: u8,
    },
}

impl Number {
    pub(super) const fn seconds(nanoseconds: u64) -> Self {
        Self::Decimal {
            parts: nanoseconds as i128,
            places: 9,
        }
    }

    pub(super) const fn usd(cost: agent_primitives::Usd) -> Self {
        Self::Decimal {
            parts: cost.picos(),
            places: 12,
        }
    }

    pub(super) fn push_to(self, line: &mut String) {
        // Writing to a string does not fail.
        let _ = match self {
            Self::Count(count) => write!(line, "{count}"),
            Self::Value(value) if value == f64::INFINITY => write!(line, "+Inf"),
            Self::Value(value) if value == f64::NEG_INFINITY => write!(line, "-Inf"),
            // The shortest text that reads back the same, with an exponent where that is long.
            Self::Value(value) => write!(line, "{value:?}"),
            Self::Decimal { parts, places } => {
                let one = 10_u128.saturating_pow(places.into());
                let sign = if parts < 0 { "-" } else { "" };
                let (whole, rest) = (parts.unsigned_abs() / one, parts.unsigned_abs() % one);
                let written = write!(line, "{sign}{whole}.{rest:0width$}", width = places.into());
                let zeros = line.len() - line.trim_end_matches('0').len();
                // One digit stays behind the point.
                let zeros = zeros.min(usize::from(places).saturating_sub(1));
                line.truncate(line.len() - zeros);
                written
            }
        };
    }
}

/// The labels of one series: `a="b",c="d"`.
#[derive(Debug, Default)]
pub(super) struct Labels(String);

impl Labels {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds a label, whose name is one already; without a value it is no label.
    pub(super) fn push(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.push_joined(name, std::iter::once(value));
        }
    }

    /// Adds a label whose value is several ones with `;` between them.
    pub(super) fn push_joined<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(name);
        self.0.push_str("=\"");
        for (at, value) in values.enumerate() {
            if at > 0 {
                self.0.push(';');
            }
            escape(value, true, &mut self.0);
        }
        self.0.push('"');
    }

    /// Takes away what was added behind the first `len` bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Adds `text` with `\`, line breaks and, where asked for, quotes escaped. All else may stand as it is, a zero byte too.
pub(super) fn escape(text: &str, quotes: bool, to: &mut String) {
    let special = |byte: u8| matches!(byte, b'\\' | b'\n') || (quotes && byte == b'"');
    if !text.bytes().any(special) {
        to.push_str(text);
        return;
    }
    for letter in text.chars() {
        match letter {
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '"' if quotes => to.push_str("\\\""),
            _ => to.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: Number) -> String {
        let mut line = String::new();
        number.push_to(&mut line);
        line
    }

    #[test]
    fn numbers_read_back_as_they_are() {
        let decimal = |parts, places| text(Number::Decimal { parts, places });
        assert_eq!(decimal(8_444_600_000_123, 12), "8.444600000123");
        assert_eq!(decimal(-1_500, 3), "-1.5");
        assert_eq!(decimal(0, 12), "0.0");
        assert_eq!(decimal(1_000, 3), "1.0");
        assert_eq!(decimal(1, 9), "0.000000001");
        assert_eq!(decimal(100_000_000_000, 9), "100.0");
        assert_eq!(text(Number::Count(u64::MAX)), "18446744073709551615");
        assert_eq!(text(Number::Value(1e300)), "1e300");
        assert_eq!(text(Number::Value(0.1)), "0.1");
        assert_eq!(text(Number::Value(f64::INFINITY)), "+Inf");
        assert_eq!(text(Number::Value(f64::NEG_INFINITY)), "-Inf");
        assert_eq!(text(Number::Value(f64::NAN)), "NaN");
    }

    #[test]
    fn label_values_are_escaped_and_empty_ones_left_out() {
        let mut labels = Labels::default();
        labels.push("a", "x\"y\\z\nü");
        labels.push("b", "");
        labels.push_joined("c", ["1", "\0", ""].into_iter());
        assert_eq!(labels.as_str(), "a=\"x\\\"y\\\\z\\nü\",c=\"1;\0;\"");
    }
}
