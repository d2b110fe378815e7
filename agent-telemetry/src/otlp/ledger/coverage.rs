//! How much of a session was seen, and through what.

use std::fmt;
use std::time::Duration;

use agent_primitives::{SessionId, Usd};
use serde::{Deserialize, Serialize};

use super::super::seen::Channel;
use super::amounts::Amounts;
use super::session::{Account, PerChannel, Session};

/// One figure for each channel that tells of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ByChannel {
    /// Log records.
    pub events: u64,
    /// Spans.
    pub spans: u64,
    /// Hooks of the agent CLI.
    pub hooks: u64,
    /// Transcripts that it wrote.
    pub transcripts: u64,
}

impl ByChannel {
    fn new(counts: &PerChannel) -> Self {
        Self {
            events: counts.of(Channel::Event),
            spans: counts.of(Channel::Span),
            hooks: counts.of(Channel::Hook),
            transcripts: counts.of(Channel::Transcript),
        }
    }
}

/// Tokens in disjoint buckets, and money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct UsageTold {
    /// Uncached input.
    pub input: u64,
    /// Input that was read from the cache.
    pub cache_read: u64,
    /// Input that was written to the cache.
    pub cache_write: u64,
    /// Output with its reasoning.
    pub output: u64,
    /// Dollars, as far as they were told.
    pub cost: Usd,
}

impl UsageTold {
    fn new(amounts: &Amounts) -> Self {
        Self {
            input: amounts.input,
            cache_read: amounts.cache_read,
            cache_write: amounts.cache_write,
            output: amounts.output,
            cost: amounts.usd(),
        }
    }

    /// Tokens of all buckets.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::otlp::UsageTold::default().tokens(), 0);
    /// ```
    pub fn tokens(&self) -> u64 {
        [self.cache_read, self.cache_write, self.output]
            .into_iter()
            .fold(self.input, u64::saturating_add)
    }
}

/// What was seen of one session, and what is known to be missing. Its text is one line for a person.
///
/// The same work is told by several channels, of which each may lose some. Calls are what reports are made of;
/// metrics tell only sums, but these arrive also where calls got lost.
///
/// ```
/// use agent_telemetry::otlp::SessionCoverage;
///
/// let json = r#"{
///     "session": "s1", "calls": 9, "calls_by": {"events": 9, "spans": 8}, "duplicates": {},
///     "by_calls": {"input": 900}, "by_metrics": {"input": 1000}, "calls_by_metrics": 10
/// }"#;
/// let coverage: SessionCoverage = serde_json::from_str(json)?;
/// assert_eq!(coverage.coverage(), Some(0.9));
/// assert_eq!(
///     coverage.to_string(),
///     "s1: 90.0 % of 1000 tokens told by 9 calls (9 events, 8 spans)",
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionCoverage {
    /// The session.
    pub session: SessionId,
    /// Requests to models, each counted once.
    #[serde(default)]
    pub calls: u64,
    /// How many of them each channel told.
    #[serde(default)]
    pub calls_by: ByChannel,
    /// What a channel told again, and was counted once.
    #[serde(default)]
    pub duplicates: ByChannel,
    /// Calls that were recorded as two before an item came that showed them to be one. Later records are smaller by
    /// their tokens.
    #[serde(default)]
    pub told_apart: u64,
    /// The sum of what calls told.
    #[serde(default)]
    pub by_calls: UsageTold,
    /// The sum of what metrics told. Of two metrics that tell the same, the larger.
    #[serde(default)]
    pub by_metrics: UsageTold,
    /// Calls that metrics counted.
    #[serde(default)]
    pub calls_by_metrics: u64,
    /// What metrics told, no call explained, and is recorded as usage without a call.
    #[serde(default)]
    pub unexplained: UsageTold,
    /// Records of usage without a call.
    #[serde(default)]
    pub unexplained_records: u64,
    /// Events that did not come, by the numbers that the sender gave them.
    #[serde(default)]
    pub events_missing: u64,
    /// Events that came with a number that came before.
    #[serde(default)]
    pub events_repeated: u64,
    /// Time that no delta of a metric covers.
    #[serde(default)]
    pub uncovered: Duration,
    /// Data points that were not added up: late, of two writers who cannot be told apart, or invalid.
    #[serde(default)]
    pub points_lost: u64,
    /// Data points that showed a second writer under the same name.
    #[serde(default)]
    pub second_writers: u64,
}

impl SessionCoverage {
    pub(super) fn new(account: &Account, session: &Session) -> Option<Self> {
        let figures = &session.figures;
        let mut calls = Amounts::default();
        let (mut metrics, mut unexplained) = (calls, calls);
        let mut calls_by_metrics = 0_u64;
        for model in session.models.values() {
            let (by_calls, by_metrics) = model.sums.told();
            calls = calls.plus(by_calls);
            metrics = metrics.plus(by_metrics);
            unexplained = unexplained.plus(model.sums.unexplained());
            calls_by_metrics = calls_by_metrics.saturating_add(model.sums.calls_by_metrics());
        }
        Some(Self {
            session: account.session()?.clone(),
            calls: figures.calls,
            calls_by: ByChannel::new(&figures.told),
            duplicates: ByChannel::new(&figures.repeated),
            told_apart: figures.twice,
            by_calls: UsageTold::new(&calls),
            by_metrics: UsageTold::new(&metrics),
            calls_by_metrics,
            unexplained: UsageTold::new(&unexplained),
            unexplained_records: figures.unexplained,
            events_missing: figures.sequences.missing(),
            events_repeated: figures.sequences.repeated,
            uncovered: Duration::from_nanos(figures.uncovered_ns),
            points_lost: figures.lost_points,
            second_writers: figures.writers,
        })
    }

    /// The share of all known tokens that calls told, from 0 to 1. `None` where no token is known.
    ///
    /// Tokens known are those of calls or those of metrics, whatever is more. Without metrics it is 1, which says
    /// nothing: see [`by_metrics`](Self::by_metrics).
    ///
    /// ```
    /// # use agent_telemetry::otlp::SessionCoverage;
    /// let nothing: SessionCoverage = serde_json::from_str(r#"{"session": "s1"}"#)?;
    /// assert_eq!(nothing.coverage(), None);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn coverage(&self) -> Option<f64> {
        let told = self.by_calls.tokens();
        let target = self.target();
        (target > 0).then(|| told as f64 / target as f64)
    }

    fn target(&self) -> u64 {
        self.by_calls.tokens().max(self.by_metrics.tokens())
    }
}

impl fmt::Display for SessionCoverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.session)?;
        match self.coverage() {
            Some(share) => {
                // Not 100 % while a token is missing.
                let percent = (share * 1_000.0).floor() / 10.0;
                write!(f, "{percent:.1} % of {} tokens told by", self.target())?;
            }
            None => f.write_str("no tokens told by")?,
        }
        write!(f, " {} calls", self.calls)?;
        let by = &self.calls_by;
        let mut separator = " (";
        for (count, name) in [
            (by.events, "events"),
            (by.spans, "spans"),
            (by.hooks, "hooks"),
            (by.transcripts, "transcript"),
        ] {
            if count > 0 {
                write!(f, "{separator}{count} {name}")?;
                separator = ", ";
            }
        }
        if separator == ", " {
            f.write_str(")")?;
        }
        let repeated = &self.duplicates;
        let repeated = [repeated.spans, repeated.hooks, repeated.transcripts]
            .into_iter()
            .fold(repeated.events, u64::saturating_add);
        for (count, what) in [
            (self.unexplained.tokens(), "tokens without a call"),
            (repeated, "told again"),
            (self.told_apart, "recorded twice"),
            (self.events_missing, "events missing"),
            (self.uncovered.as_secs(), "s not covered by metrics"),
            (self.points_lost, "data points lost"),
            (self.second_writers, "data points of a second writer"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}
