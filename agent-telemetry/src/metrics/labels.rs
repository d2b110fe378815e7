//! What tells the series of a family apart, as types.

use agent_primitives::{
    AgentId, BreakerState, FailureKind, HandoffReason, Initiator, ModelId, ProviderId, ToolName,
};

use crate::{Outcome, Severity, ToolOutcome};

/// The value of one label.
///
/// Ids, texts, `bool` and the words of this family of crates are label values, and so is a reference
/// to one. A host's enum becomes one by its words; say how many there are, and a family of such
/// labels finds its series by arithmetic in place of a lookup:
///
/// ```
/// use agent_telemetry::{Instrument, LabelValue, Metrics};
///
/// enum Phase { Plan, Act }
///
/// impl LabelValue for Phase {
///     type Kind = Self;
///     const VALUES: usize = 2;
///     fn as_label(&self) -> &str {
///         match self { Phase::Plan => "plan", Phase::Act => "act" }
///     }
///     fn position(&self) -> usize {
///         match self { Phase::Plan => 0, Phase::Act => 1 }
///     }
/// }
///
/// let metrics = Metrics::new();
/// let steps = metrics.counter(Instrument::<(Phase, bool)>::new("agent.steps", "{step}", ["phase", "cached"]))?;
/// steps.add((Phase::Plan, false), 1);
/// assert_eq!(steps.with((Phase::Plan, false)).value(), 1);
/// assert_eq!(steps.with((Phase::Act, false)).value(), 0);
/// # Ok::<(), agent_telemetry::MetricsError>(())
/// ```
pub trait LabelValue {
    /// The type that a family names: `Self`, or for a reference what it points to.
    type Kind: 'static;

    /// How many values there are, if that is known; 0 means that it is not.
    const VALUES: usize = 0;

    /// The value as text. Values with the same text are the same label; of a text beyond 256 bytes
    /// the beginning counts.
    fn as_label(&self) -> &str;

    /// Where the value stands among [`VALUES`](Self::VALUES), from 0; not asked where that is 0.
    /// Values with different texts stand in different places.
    fn position(&self) -> usize {
        0
    }
}

/// What a series is found by: the values of all its labels, as a tuple of up to six, or as a type of
/// the host's.
///
/// ```
/// use agent_primitives::ModelId;
/// use agent_telemetry::{Instrument, LabelSet, LabelValue, Metrics, Outcome};
///
/// struct Call { model: ModelId, outcome: Outcome }
///
/// impl LabelSet for Call {
///     type Kind = Self;
///     type Names = [&'static str; 2];
///     fn visit(&self, mut each: impl FnMut(&str)) {
///         each(self.model.as_label());
///         each(self.outcome.as_label());
///     }
/// }
///
/// let metrics = Metrics::new();
/// let calls = metrics.counter(Instrument::<Call>::new("calls", "{call}", ["model", "outcome"]))?;
/// let call = Call { model: ModelId::new("gpt-5")?, outcome: Outcome::Success };
/// calls.add(&call, 1);
/// assert_eq!(calls.with(&call).value(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait LabelSet {
    /// The type that a family names: for a tuple of references the tuple of what they point to.
    type Kind: 'static;

    /// The names of the labels, as many as there are values.
    type Names: AsRef<[&'static str]>;

    /// How many label sets there are, if that is known; 0 means that it is not.
    const VALUES: usize = 0;

    /// Where this one stands among [`VALUES`](Self::VALUES), from 0; not asked where that is 0.
    fn position(&self) -> usize {
        0
    }

    /// Calls `each` with the text of every value, in the order of the names.
    fn visit(&self, each: impl FnMut(&str));
}

impl<V: LabelValue + ?Sized> LabelValue for &V {
    type Kind = V::Kind;
    const VALUES: usize = V::VALUES;

    #[inline]
    fn as_label(&self) -> &str {
        (**self).as_label()
    }

    #[inline]
    fn position(&self) -> usize {
        (**self).position()
    }
}

impl<L: LabelSet + ?Sized> LabelSet for &L {
    type Kind = L::Kind;
    type Names = L::Names;
    const VALUES: usize = L::VALUES;

    #[inline]
    fn position(&self) -> usize {
        (**self).position()
    }

    #[inline]
    fn visit(&self, each: impl FnMut(&str)) {
        (**self).visit(each);
    }
}

/// `None` is the empty text: a label that is not there.
impl<V: LabelValue> LabelValue for Option<V> {
    type Kind = Option<V::Kind>;
    const VALUES: usize = match V::VALUES {
        0 => 0,
        values => values.saturating_add(1),
    };

    #[inline]
    fn as_label(&self) -> &str {
        self.as_ref().map_or("", V::as_label)
    }

    #[inline]
    fn position(&self) -> usize {
        self.as_ref()
            .map_or(0, |value| value.position().saturating_add(1))
    }
}

impl LabelValue for str {
    type Kind = String;
    #[inline]
    fn as_label(&self) -> &str {
        self
    }
}

impl LabelValue for String {
    type Kind = Self;
    #[inline]
    fn as_label(&self) -> &str {
        self
    }
}

impl LabelValue for bool {
    type Kind = Self;
    const VALUES: usize = 2;
    #[inline]
    fn as_label(&self) -> &str {
        if *self { "true" } else { "false" }
    }
    #[inline]
    fn position(&self) -> usize {
        usize::from(*self)
    }
}

macro_rules! open {
    ($($id:ty),+) => { $(
        impl LabelValue for $id {
            type Kind = Self;
            #[inline]
            fn as_label(&self) -> &str {
                self.as_str()
            }
        }
    )+ };
}
open!(AgentId, ProviderId, ModelId, ToolName);

/// Label values of a word each, of which all are known.
macro_rules! closed {
    ($($word:ty),+) => { $(
        impl LabelValue for $word {
            type Kind = Self;
            const VALUES: usize = <$word>::ALL.len();
            #[inline]
            fn as_label(&self) -> &str {
                self.as_str()
            }
            #[inline]
            fn position(&self) -> usize {
                *self as usize
            }
        }
    )+ };
}
pub(super) use closed;
closed!(
    BreakerState,
    FailureKind,
    HandoffReason,
    Initiator,
    Outcome,
    Severity,
    ToolOutcome
);

impl LabelSet for () {
    type Kind = Self;
    type Names = [&'static str; 0];
    const VALUES: usize = 1;
    #[inline]
    fn visit(&self, _each: impl FnMut(&str)) {}
}

macro_rules! tuple {
    ($count:literal: $($value:ident $at:tt),+) => {
        impl<$($value: LabelValue),+> LabelSet for ($($value,)+) {
            type Kind = ($($value::Kind,)+);
            type Names = [&'static str; $count];
            // Beyond what fits a number it is as good as unknown.
            const VALUES: usize = {
                let product = Some(1_usize);
                $(let product = match product {
                    Some(product) => product.checked_mul($value::VALUES),
                    None => None,
                };)+
                match product {
                    Some(product) => product,
                    None => 0,
                }
            };

            #[inline]
            fn position(&self) -> usize {
                let mut position = 0_usize;
                $(position = position.wrapping_mul($value::VALUES).wrapping_add(self.$at.position());)+
                position
            }

            #[inline]
            fn visit(&self, mut each: impl FnMut(&str)) {
                $(each(self.$at.as_label());)+
            }
        }
    };
}
tuple!(1: A 0);
tuple!(2: A 0, B 1);
tuple!(3: A 0, B 1, C 2);
tuple!(4: A 0, B 1, C 2, D 3);
tuple!(5: A 0, B 1, C 2, D 3, E 4);
tuple!(6: A 0, B 1, C 2, D 3, E 4, F 5);

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_closed_values_has_its_own_position() {
        let mut seen = std::collections::BTreeSet::new();
        for &severity in Severity::ALL {
            for &outcome in Outcome::ALL {
                for cached in [false, true] {
                    let set = (severity, &outcome, cached);
                    assert!(set.position() < <(Severity, Outcome, bool)>::VALUES);
                    assert!(seen.insert(set.position()));
                }
            }
        }
        assert_eq!(seen.len(), <(Severity, Outcome, bool)>::VALUES);
    }

    #[test]
    fn label_that_may_be_missing_has_one_more_value() {
        assert_eq!(<Option<bool>>::VALUES, 3);
        assert_eq!(
            [None, Some(false), Some(true)].map(|value| value.position()),
            [0, 1, 2]
        );
        assert_eq!(None::<bool>.as_label(), "");
        assert_eq!(<Option<ModelId>>::VALUES, 0);
    }

    #[test]
    fn one_open_value_makes_the_set_open() {
        assert_eq!(<(Outcome, ModelId)>::VALUES, 0);
        assert_eq!(<()>::VALUES, 1);
        assert_eq!(<(&str, &str)>::VALUES, 0);
    }
}
