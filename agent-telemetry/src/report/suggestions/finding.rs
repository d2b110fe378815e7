//! What suggestions rest on: the figures of each kind.

use std::time::Duration;

use agent_primitives::{FailureKind, ModelId, ProviderId, ToolName, Usd};
use serde::{Deserialize, Serialize};

use super::super::{Contender, Interval, WastedTurns};
use crate::words::words;

words! {
    /// What is suggested.
    ///
    /// ```
    /// use agent_telemetry::SuggestionKind;
    ///
    /// assert_eq!(SuggestionKind::CheaperModel.as_str(), "cheaper_model");
    /// ```
    SuggestionKind {
        /// Another model for a kind of work.
        CheaperModel = "cheaper_model",
        /// Smaller requests, or a longer limit.
        TimeoutRisk = "timeout_risk",
        /// To stop after a failure of a tool.
        RepeatedFailure = "repeated_failure",
        /// To end a round of two tools in which one fails.
        BackAndForth = "back_and_forth",
        /// What answers a failure that recurs.
        RecurringError = "recurring_error",
        /// To let a model read from its cache.
        UncachedInput = "uncached_input",
    }
}

/// The figures that a suggestion is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// A model that does a kind of work as well, for less.
    CheaperModel {
        /// Which kind; `None` for sessions that name none.
        task_type: Option<String>,
        /// The model that is asked first now.
        from: Contender,
        /// The cheaper one.
        to: Contender,
        /// Sessions of the former.
        from_sessions: u64,
        /// Sessions of the latter.
        to_sessions: u64,
        /// Success rates, from 0 to 1.
        from_rate: f64,
        /// See `from_rate`.
        to_rate: f64,
        /// The rate of the cheaper one less that of the other, 95 %.
        difference: Interval,
        /// US dollars for each success.
        from_cost: f64,
        /// See `from_cost`.
        to_cost: f64,
        /// The latter cost divided by the former, 95 %.
        ratio: Interval,
        /// The probability of figures like these where one of both does not hold, with regard to how many
        /// comparisons the report makes, after Holm.
        adjusted: f64,
    },
    /// Requests of a model that take almost as long as they may.
    TimeoutRisk {
        /// Who answers.
        provider: ProviderId,
        /// With which model.
        model: ModelId,
        /// After how long a request is given up.
        limit: Duration,
        /// Whether that is assumed, since nobody said it.
        limit_assumed: bool,
        /// From how long on a request counts as at risk.
        near: Duration,
        /// From how many tokens of input on; 0 for all requests.
        from_tokens: u64,
        /// Requests of that size.
        calls: u64,
        /// Those that took so long, or were given up.
        near_calls: u64,
        /// Those that were given up, or took the whole of a limit that is not assumed.
        lost_calls: u64,
        /// The share of those at risk, from 0 to 1.
        share: f64,
        /// Of that share, 95 %.
        interval: Interval,
        /// Smaller requests.
        smaller_calls: u64,
        /// The share of those at risk among them; `None` where there is none.
        smaller_share: Option<f64>,
        /// Requests that were given up and of which no size is recorded; in no other figure, but in what a
        /// change saves.
        unsized_calls: u64,
        /// Whether it helps to stay below that size: the share is lower there beyond what chance explains.
        size_matters: bool,
    },
    /// A tool that fails right after it failed.
    RepeatedFailure {
        /// Which tool.
        tool: ToolName,
        /// How often it failed at least twice running.
        runs: u64,
        /// Most failures running.
        longest: u64,
        /// All but the first of each run.
        wasted: WastedTurns,
    },
    /// Two tools by turns, with a failure in each round.
    BackAndForth {
        /// One tool.
        first: ToolName,
        /// The other one.
        second: ToolName,
        /// How often.
        stretches: u64,
        /// Rounds in all.
        rounds: u64,
        /// All but the first round of each.
        wasted: WastedTurns,
    },
    /// A failure that recurs, and what answers it.
    RecurringError {
        /// Which.
        failure: FailureKind,
        /// Attempts at providers that ended so.
        attempts: u64,
        /// Model calls that ended so, after all their attempts.
        calls: u64,
        /// The share of all attempts, or of all model calls where no attempts are recorded.
        share: f64,
        /// Of that share, 95 %.
        interval: Interval,
        /// Failed calls of sessions, each counted once, as [`ErrorsReport`](crate::ErrorsReport) counts them.
        failures: u64,
        /// Of those, the ones after which the next call of the session succeeded: what is done already helps
        /// with these.
        overcome: u64,
        /// What the failed ones took, and the pauses after them.
        time: Duration,
        /// What the failed model calls cost, exact.
        cost: Usd,
        /// What answers it.
        remedy: String,
        /// Where that is described, in the crate `resilience` of this family.
        page: String,
    },
    /// A model that is sent the same again and again, and reads nothing from its cache.
    UncachedInput {
        /// Who answers.
        provider: ProviderId,
        /// With which model.
        model: ModelId,
        /// Its calls.
        calls: u64,
        /// Tokens of their input.
        input: u64,
        /// Of those, as many as the call before had as well, at most.
        repeated: u64,
    },
}

impl Finding {
    /// Which kind.
    pub const fn kind(&self) -> SuggestionKind {
        match self {
            Self::CheaperModel { .. } => SuggestionKind::CheaperModel,
            Self::TimeoutRisk { .. } => SuggestionKind::TimeoutRisk,
            Self::RepeatedFailure { .. } => SuggestionKind::RepeatedFailure,
            Self::BackAndForth { .. } => SuggestionKind::BackAndForth,
            Self::RecurringError { .. } => SuggestionKind::RecurringError,
            Self::UncachedInput { .. } => SuggestionKind::UncachedInput,
        }
    }
}
