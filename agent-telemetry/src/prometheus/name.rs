//! Names of OpenTelemetry as names of Prometheus.

use crate::InstrumentKind;

/// Labels of which a page already has a meaning in a family of this kind.
const BOUND: &str = "le";

/// What a family is called, and the unit at the end of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FamilyName {
    /// Without `_total`.
    pub(super) base: String,
    pub(super) unit: Option<&'static str>,
}

impl FamilyName {
    /// The rules of OpenTelemetry's compatibility with Prometheus: what is not allowed becomes `_`, the unit follows
    /// as a word of its own unless the name ends with it, things that are counted in braces have none.
    pub(super) fn of(name: &str, unit: &str, kind: InstrumentKind) -> Self {
        let mut base = sanitised(name, true);
        if kind == InstrumentKind::Counter
            && let Some(bare) = base.strip_suffix("_total")
            && !bare.is_empty()
        {
            base.truncate(bare.len());
        }
        let unit = match (unit, kind) {
            ("1", InstrumentKind::Gauge) => Some("ratio"),
            _ => word(unit),
        };
        if let Some(unit) = unit
            && !(base.ends_with(unit)
                && base
                    .strip_suffix(unit)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('_')))
        {
            base.push('_');
            base.push_str(unit);
        }
        Self { base, unit }
    }
}

/// The units of OpenTelemetry's table.
fn word(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        "USD" => "usd",
        _ => return None,
    })
}

/// What a label is called. Names that begin with two underscores belong to Prometheus; runs of them become one.
pub(super) fn label(name: &str, kind: InstrumentKind) -> String {
    let name = sanitised(name, false);
    if name == BOUND && kind == InstrumentKind::Histogram {
        // As Prometheus itself calls a label that is in its way.
        return format!("exported_{name}");
    }
    name
}

/// Letters, digits, `_`, and `:` where `colons`; beginning with no digit; at least one character.
fn sanitised(name: &str, colons: bool) -> String {
    let mut clean = String::with_capacity(name.len());
    for letter in name.chars() {
        let allowed = letter.is_ascii_alphanumeric() || (colons && letter == ':');
        if allowed {
            if clean.is_empty() && letter.is_ascii_digit() {
                clean.push('_');
            }
            clean.push(letter);
        } else if !clean.ends_with('_') {
            clean.push('_');
        }
    }
    if clean.is_empty() {
        clean.push('_');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use InstrumentKind::{Counter, Gauge, Histogram};

    #[test]
    fn families_are_called_as_opentelemetry_says() {
        for (name, unit, kind, base) in [
            (
                "gen_ai.client.token.usage",
                "{token}",
                Histogram,
                "gen_ai_client_token_usage",
            ),
            (
                "gen_ai.client.operation.duration",
                "s",
                Histogram,
                "gen_ai_client_operation_duration_seconds",
            ),
            ("agent.handoffs", "{handoff}", Counter, "agent_handoffs"),
            ("agent.spent.total", "USD", Counter, "agent_spent_usd"),
            ("queue.wait.seconds", "s", Gauge, "queue_wait_seconds"),
            ("milliseconds", "s", Gauge, "milliseconds_seconds"),
            ("load", "1", Gauge, "load_ratio"),
            ("load", "1", Counter, "load"),
            ("total", "", Counter, "total"),
            ("a..b--c/d", "", Gauge, "a_b_c_d"),
            ("9 lives", "", Gauge, "_9_lives"),
            ("größe", "By", Gauge, "gr_e_bytes"),
            ("", "", Gauge, "_"),
        ] {
            assert_eq!(FamilyName::of(name, unit, kind).base, base, "{name}");
        }
    }

    #[test]
    fn no_label_takes_a_name_that_has_a_meaning() {
        assert_eq!(
            label("gen_ai.request.model", Counter),
            "gen_ai_request_model"
        );
        assert_eq!(label("__name__", Counter), "_name_");
        assert_eq!(label("le", Histogram), "exported_le");
        assert_eq!(label("le", Counter), "le");
        assert_eq!(label("a:b", Counter), "a_b");
        assert_eq!(label("\n", Counter), "_");
    }
}
