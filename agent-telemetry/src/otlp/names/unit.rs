//! Units of the UCUM, as OpenTelemetry writes them, as units of ours.

use crate::Unit;

/// A unit of ours, and how many of it one of the foreign unit is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measure {
    pub(super) unit: Unit,
    pub(super) scale: f64,
}

pub(super) const fn one(unit: Unit) -> Measure {
    Measure { unit, scale: 1.0 }
}

pub(super) const MILLISECONDS: Measure = Measure {
    unit: Unit::Seconds,
    scale: 1e-3,
};

/// What a unit means; where a sender gives none, what the end of the name means. Anything else is a count.
pub(super) fn of(unit: &str, name: &str) -> Measure {
    let unit = unit.trim();
    let scaled = |unit, scale| Measure { unit, scale };
    match unit {
        "s" | "seconds" | "{second}" => one(Unit::Seconds),
        "ms" | "milliseconds" => MILLISECONDS,
        "us" | "µs" | "microseconds" => scaled(Unit::Seconds, 1e-6),
        "ns" | "nanoseconds" => scaled(Unit::Seconds, 1e-9),
        "min" => scaled(Unit::Seconds, 60.0),
        "h" => scaled(Unit::Seconds, 3_600.0),
        "d" => scaled(Unit::Seconds, 86_400.0),
        "By" | "bytes" | "byte" => one(Unit::Bytes),
        "kBy" => scaled(Unit::Bytes, 1e3),
        "KiBy" => scaled(Unit::Bytes, 1_024.0),
        "MBy" => scaled(Unit::Bytes, 1e6),
        "MiBy" => scaled(Unit::Bytes, 1_048_576.0),
        "GBy" => scaled(Unit::Bytes, 1e9),
        "GiBy" => scaled(Unit::Bytes, 1_073_741_824.0),
        "bit" => scaled(Unit::Bytes, 0.125),
        "1" | "ratio" => one(Unit::Ratio),
        "%" | "percent" => scaled(Unit::Ratio, 0.01),
        "{token}" | "token" | "tokens" | "{tokens}" => one(Unit::Tokens),
        "score" | "{score}" => one(Unit::Score),
        "" if name.ends_with("_ms") => MILLISECONDS,
        "" if name.ends_with("_seconds") => one(Unit::Seconds),
        "" if name.ends_with("_bytes") => one(Unit::Bytes),
        "" if name.ends_with("_tokens") => one(Unit::Tokens),
        _ => one(Unit::Count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_is_read_from_its_code_else_from_the_end_of_the_name() {
        for (unit, name, expected, scale) in [
            ("s", "x", Unit::Seconds, 1.0),
            ("ms", "x", Unit::Seconds, 1e-3),
            ("ns", "x", Unit::Seconds, 1e-9),
            ("h", "x", Unit::Seconds, 3_600.0),
            ("By", "x", Unit::Bytes, 1.0),
            ("MiBy", "x", Unit::Bytes, 1_048_576.0),
            ("%", "x", Unit::Ratio, 0.01),
            ("1", "x", Unit::Ratio, 1.0),
            ("{token}", "x", Unit::Tokens, 1.0),
            ("tokens", "x", Unit::Tokens, 1.0),
            ("{request}", "x", Unit::Count, 1.0),
            ("", "x", Unit::Count, 1.0),
            ("", "goose.session_duration_ms", Unit::Seconds, 1e-3),
            ("", "goose.session_tokens", Unit::Tokens, 1.0),
            ("USD", "x", Unit::Count, 1.0),
        ] {
            assert_eq!(
                of(unit, name),
                Measure {
                    unit: expected,
                    scale
                },
                "{unit} {name}"
            );
        }
    }
}
