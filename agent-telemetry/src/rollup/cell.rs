//! What is summed up.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_primitives::{FailureKind, TokenUsage, Usd};

use super::Merge;
use crate::ExponentialHistogram;

/// A struct whose first fields are counts that add up, and whose others know how they merge.
macro_rules! cell {
    (
        $(#[$doc:meta])* $name:ident {
            counts { $($(#[$count_doc:meta])* $count:ident,)* }
            others { $($(#[$other_doc:meta])* $other:ident: $kind:ty,)* }
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$count_doc])* pub $count: u64,)*
            $($(#[$other_doc])* pub $other: $kind,)*
        }

        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        impl $name {
            /// The names of the counts, which are the columns of the database.
            pub(crate) const COUNTS: &'static [&'static str] = &[$(stringify!($count)),*];

            /// The counts, in the order of their names.
            pub(crate) fn counts(&self) -> [u64; Self::COUNTS.len()] {
                [$(self.$count),*]
            }

            /// The counts, to be set.
            pub(crate) fn counts_mut(&mut self) -> [&mut u64; Self::COUNTS.len()] {
                [$(&mut self.$count),*]
            }
        }

        impl Merge for $name {
            fn absorb(&mut self, other: &Self) {
                $(self.$count.absorb(&other.$count);)*
                $(self.$other.absorb(&other.$other);)*
            }
        }
    };
}

cell! {
    /// What agents did.
    ///
    /// Sessions count where they began, their ends where they ended: a session that goes on after its end
    /// may have several.
    ///
    /// ```
    /// let cell = agent_telemetry::AgentCell::default();
    /// assert_eq!((cell.ends(), cell.sessions), (0, 0));
    /// ```
    AgentCell {
        counts {
            /// Records of any kind.
            records,
            /// Sessions of which the first mark was recorded here.
            sessions,
            /// Times that a session went on in a new process or handle.
            resumptions,
            /// Ends in success.
            success,
            /// Ends by giving the task to somebody else.
            escalated,
            /// Ends in failure.
            failed,
            /// Ends without a verdict.
            aborted,
            /// Time in sessions, taken at their ends, in nanoseconds.
            elapsed_ns,
            /// Model calls, failed ones included.
            model_calls,
            /// Model calls that failed.
            failed_calls,
            /// Model calls whose cost is known.
            priced_calls,
            /// Model calls, and usage without calls, whose cost is not known and missing from the sum.
            unpriced_calls,
            /// Tool calls that did their work.
            tools_ok,
            /// Tool calls that reported an error.
            tools_failed,
            /// Tool calls that nobody saw the end of.
            tools_aborted,
            /// Violations of severity `info`.
            violations_info,
            /// Violations of severity `warning`.
            violations_warning,
            /// Violations of severity `error`.
            violations_error,
            /// Violations of severity `critical`.
            violations_critical,
            /// Violations of any severity that were mended.
            violations_fixed,
            /// Times that work changed hands.
            handoffs,
            /// Times that a provider was called again.
            retries,
            /// Files changed.
            files,
            /// Lines added.
            lines_added,
            /// Lines removed.
            lines_removed,
            /// Tasks that were timed.
            tasks,
            /// Time that tasks waited to be begun, in nanoseconds.
            queued_ns,
            /// Time that tasks took from their beginning, in nanoseconds.
            ran_ns,
        }
        others {
            /// Tokens of model calls, and of usage without calls.
            usage: TokenUsage,
            /// The sum over priced calls, and over usage without calls that has a price.
            cost: Usd,
        }
    }
}

impl AgentCell {
    /// Sessions that ended, whichever way.
    pub const fn ends(&self) -> u64 {
        self.success
            .saturating_add(self.escalated)
            .saturating_add(self.failed)
            .saturating_add(self.aborted)
    }

    /// Tool calls, whichever way they ended.
    pub const fn tool_calls(&self) -> u64 {
        self.tools_ok
            .saturating_add(self.tools_failed)
            .saturating_add(self.tools_aborted)
    }

    /// Violations of any severity.
    pub const fn violations(&self) -> u64 {
        self.violations_info
            .saturating_add(self.violations_warning)
            .saturating_add(self.violations_error)
            .saturating_add(self.violations_critical)
    }
}

cell! {
    /// Calls of models.
    ///
    /// ```
    /// let cell = agent_telemetry::ModelCell::default();
    /// assert_eq!(cell.latency(0.5), None);
    /// ```
    ModelCell {
        counts {
            /// Calls, failed ones included.
            calls,
            /// Calls that failed.
            failed,
            /// Calls whose cost is known.
            priced,
            /// Calls, and usage without calls, whose cost is not known and missing from the sum.
            unpriced,
            /// Calls to providers that it took.
            attempts,
        }
        others {
            /// Tokens.
            usage: TokenUsage,
            /// The sum over priced calls.
            cost: Usd,
            /// Failed calls by kind.
            failures: BTreeMap<FailureKind, u64>,
            /// Nanoseconds that successful calls took.
            latency_ns: ExponentialHistogram,
            /// Nanoseconds to the first token of those successful calls where it is known.
            first_token_ns: ExponentialHistogram,
        }
    }
}

impl ModelCell {
    /// The time that the share `q` of the successful calls did not exceed, 0.55 % off at most.
    pub fn latency(&self, q: f64) -> Option<Duration> {
        duration(&self.latency_ns, q)
    }

    /// The time to the first token that the share `q` of the calls where it is known did not exceed,
    /// 0.55 % off at most.
    pub fn first_token(&self, q: f64) -> Option<Duration> {
        duration(&self.first_token_ns, q)
    }
}

cell! {
    /// Calls of tools.
    ///
    /// ```
    /// let cell = agent_telemetry::ToolCell::default();
    /// assert_eq!((cell.calls(), cell.latency(0.5)), (0, None));
    /// ```
    ToolCell {
        counts {
            /// Calls that did their work.
            ok,
            /// Calls that reported an error.
            failed,
            /// Calls that nobody saw the end of.
            aborted,
        }
        others {
            /// Nanoseconds that successful calls took.
            latency_ns: ExponentialHistogram,
        }
    }
}

impl ToolCell {
    /// Calls, whichever way they ended.
    pub const fn calls(&self) -> u64 {
        self.ok
            .saturating_add(self.failed)
            .saturating_add(self.aborted)
    }

    /// The time that the share `q` of the successful calls did not exceed, 0.55 % off at most.
    pub fn latency(&self, q: f64) -> Option<Duration> {
        duration(&self.latency_ns, q)
    }
}

fn duration(nanos: &ExponentialHistogram, q: f64) -> Option<Duration> {
    let nanos = nanos.quantile(q)?;
    // A cast to an integer keeps to its limits.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and saturating"
    )]
    Some(Duration::from_nanos(nanos.round() as u64))
}

/// Measurements of one name and unit.
///
/// ```
/// let cell = agent_telemetry::MetricCell::default();
/// assert_eq!(cell.mean(), None);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct MetricCell {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The lowest and the highest; `None` without any.
    pub range: Option<(f64, f64)>,
}

impl MetricCell {
    pub(super) const fn of(value: f64) -> Self {
        Self {
            count: 1,
            sum: value,
            range: Some((value, value)),
        }
    }

    /// Arithmetic mean; `None` without measurements.
    pub fn mean(&self) -> Option<f64> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a mean is a floating-point number"
        )]
        let count = self.count as f64;
        (self.count > 0).then(|| self.sum / count)
    }
}

impl Merge for MetricCell {
    fn absorb(&mut self, other: &Self) {
        self.count.absorb(&other.count);
        self.sum = (self.sum + other.sum).clamp(f64::MIN, f64::MAX);
        self.range = match (self.range, other.range) {
            (Some(own), Some(other)) => Some((own.0.min(other.0), own.1.max(other.1))),
            (own, other) => own.or(other),
        };
    }
}
