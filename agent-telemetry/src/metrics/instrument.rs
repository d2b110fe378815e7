//! What is measured: name, unit, labels, and how many series it may have.

use std::borrow::Cow;
use std::fmt;

use super::labels::LabelSet;

/// Longest name of an instrument or a label, as OpenTelemetry has it.
const NAME_BYTES: usize = 255;
/// Longest unit, as OpenTelemetry has it.
const UNIT_BYTES: usize = 63;

/// The description of a family: its name and unit, what its labels are called, and its bound.
///
/// ```
/// use agent_primitives::ModelId;
/// use agent_telemetry::{Instrument, Metrics, Outcome};
///
/// const CALLS: Instrument<(ModelId, Outcome)> =
///     Instrument::new("agent.calls", "{call}", ["gen_ai.request.model", "outcome"])
///         .description("Calls of a model.")
///         .series_limit(500);
///
/// let calls = Metrics::new().counter(CALLS)?;
/// calls.add((&ModelId::new("gpt-5")?, Outcome::Success), 1);
/// assert_eq!(calls.total(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Instrument<L: LabelSet> {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) description: &'static str,
    pub(super) labels: L::Names,
    pub(super) series_limit: Option<usize>,
}

impl<L: LabelSet> Instrument<L> {
    /// An instrument. The name is as OpenTelemetry has it: a letter, then letters, digits and
    /// `. _ - /`; the unit is in the Unified Code for Units of Measure (`s`, `By`, `1`), or a thing that
    /// is counted in braces (`{token}`). Labels have other names each.
    pub const fn new(name: &'static str, unit: &'static str, labels: L::Names) -> Self {
        Self {
            name,
            unit,
            description: "",
            labels,
            series_limit: None,
        }
    }

    /// Says in a sentence what is measured; empty unless set.
    #[must_use]
    pub const fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// The most series there are beside the one that takes the overflow; that of
    /// [`MetricsConfig`](crate::MetricsConfig) unless set, and never above 100 000.
    #[must_use]
    pub const fn series_limit(mut self, series: usize) -> Self {
        self.series_limit = Some(series);
        self
    }

    pub(super) fn check(&self) -> Result<(), MetricsError> {
        name(self.name)?;
        if self.unit.len() > UNIT_BYTES || !self.unit.is_ascii() {
            return Err(MetricsError::Unit {
                name: self.name,
                unit: self.unit,
            });
        }
        let labels = self.labels.as_ref();
        for (at, label) in labels.iter().enumerate() {
            name(label)?;
            if labels.iter().take(at).any(|earlier| earlier == label) {
                return Err(MetricsError::Label {
                    name: self.name,
                    label,
                });
            }
        }
        Ok(())
    }
}

impl<L: LabelSet> fmt::Debug for Instrument<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrument")
            .field("name", &self.name)
            .field("unit", &self.unit)
            .field("labels", &self.labels.as_ref())
            .finish_non_exhaustive()
    }
}

fn name(name: &'static str) -> Result<(), MetricsError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let begins = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic());
    if begins && name.len() <= NAME_BYTES && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err(MetricsError::Name(name.into()))
    }
}

/// Why there is no such family.
///
/// ```
/// use agent_telemetry::{Instrument, Metrics};
///
/// let metrics = Metrics::new();
/// let error = metrics.counter(Instrument::<()>::new("2nd.try", "{try}", [])).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "\"2nd.try\" is not a name of an instrument or label; begin with a letter and go on with at most \
///      254 letters, digits and . _ - /"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// A name of an instrument or a label that OpenTelemetry does not allow.
    #[error(
        "{0:?} is not a name of an instrument or label; begin with a letter and go on with at most \
         254 letters, digits and . _ - /"
    )]
    Name(Cow<'static, str>),
    /// A unit that is too long or not ASCII.
    #[error("unit {unit:?} of {name:?} is too long or not ASCII; use at most 63 ASCII characters")]
    Unit {
        /// The instrument.
        name: &'static str,
        /// Its unit.
        unit: &'static str,
    },
    /// A label that occurs twice.
    #[error("label {label:?} of {name:?} occurs twice; give each label a name of its own")]
    Label {
        /// The instrument.
        name: &'static str,
        /// Its label.
        label: &'static str,
    },
    /// The name belongs to a family of another kind, unit or set of labels.
    #[error(
        "{0:?} exists with another kind, unit or type of labels; use the same instrument or \
         another name"
    )]
    Conflict(&'static str),
    /// There are as many families as there may be.
    #[error("{name:?} would be family {limit} + 1; raise `families` or use fewer names")]
    Families {
        /// The instrument.
        name: &'static str,
        /// As many as there may be.
        limit: usize,
    },
}

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_opentelemetry() {
        for good in ["a", "gen_ai.client.token.usage", "A/b-c", "x9"] {
            assert_eq!(name(good), Ok(()));
        }
        let long: &'static str = "x".repeat(256).leak();
        for bad in ["", "9x", ".x", "a b", "ä", "a\n", long] {
            assert_eq!(name(bad), Err(MetricsError::Name(bad.into())));
        }
    }

    #[test]
    fn label_that_occurs_twice_and_foreign_unit_are_refused() {
        let twice = Instrument::<(bool, bool)>::new("a", "", ["x", "x"]);
        assert!(matches!(
            twice.check(),
            Err(MetricsError::Label { label: "x", .. })
        ));
        let unit = Instrument::<()>::new("a", "µs", []);
        assert!(matches!(
            unit.check(),
            Err(MetricsError::Unit { unit: "µs", .. })
        ));
    }
}
