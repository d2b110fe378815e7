//! What could be done better, each with the figures and the sessions that it rests on.

mod cache;
mod cheaper;
mod config;
mod errors;
mod finding;
mod fold;
mod gain;
mod remedies;
mod requests;
mod turns;

use std::borrow::Borrow;
use std::time::Duration;

use agent_primitives::Usd;
use serde::{Deserialize, Serialize};

pub use config::SuggestConfig;
pub use finding::{Finding, SuggestionKind};

use super::folded::Folded;
use super::{Evidence, LeftOut, SCHEMA, SequencesLeftOut};
use crate::words::words;
use crate::{Period, Record};
use fold::Fold;

/// The report `suggestions`: what could be done better, what that would save, how sure it is, and the sessions
/// that it rests on. What comes first saves most.
///
/// - **A cheaper model** is suggested for a kind of work where the lower bound of the difference of success
///   rates is above a margin, and a success costs less beyond what chance explains; never where
///   [`CompareReport`](crate::CompareReport) says that there is not enough data. Over all models and kinds of work
///   together (Holm 1979), less than 5 of 100 reports suggest one that is worse by the margin or saves nothing.
/// - **Requests at risk of a timeout** are those of a model, from a size on, of which many take almost as long as
///   they may.
/// - **Turns that lead nowhere** are tools that fail again right after they failed, and two tools by turns with a
///   failure in each round: see [`ToolSequencesReport`](crate::ToolSequencesReport).
/// - **A failure that recurs** comes with what answers it.
/// - **Input that could be read from a cache** is suggested for a model that reads nothing from one, where the
///   input of a call begins with about as much as the call before had. Records hold no prompts: whether it is the same
///   is not known. What it saves is by the shipped prices.
///
/// A gain is for 30 days, at the rate of the time between the first and the last record that is told; of less than a
/// day, as if it were one. Where it is at most so much, it is what was spent, and what the change
/// brings is between nothing and that.
///
/// ```
/// use agent_telemetry::{Period, Record, SuggestConfig, SuggestionsReport};
///
/// let config = SuggestConfig::default();
/// let report = SuggestionsReport::of(Period::ALL, &config, Vec::<Record>::new());
/// assert!(report.suggestions.is_empty());
/// assert!(report.to_string().contains("Nothing to suggest"));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SuggestionsReport {
    /// Version of this structure: 1. Fields may be added within a version, never changed.
    pub schema: u32,
    /// Which time it is about.
    pub period: Period,
    /// From when on something was worth a suggestion.
    pub config: SuggestConfig,
    /// From the first to the last record that is told.
    pub told: Duration,
    /// Those that save most first; at most 64.
    pub suggestions: Vec<Suggestion>,
    /// What was looked at, and what it takes for more.
    pub looked: Vec<LookedAt>,
    /// What is not told.
    pub left_out: SuggestionsLeftOut,
}

/// One suggestion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Suggestion {
    /// What is suggested.
    pub kind: SuggestionKind,
    /// What to do and why, made from the figures.
    pub text: String,
    /// What it saves.
    pub gain: Gain,
    /// How sure that is.
    pub confidence: String,
    /// The figures.
    pub finding: Finding,
    /// The sessions.
    pub evidence: Evidence,
}

words! {
    /// What the bounds of a gain are.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::GainBounds::AtMost.as_str(), "at_most");
    /// ```
    GainBounds {
        /// An interval in which the truth lies in 95 of 100 cases.
        Interval = "interval",
        /// Nothing, and all that was spent.
        AtMost = "at_most",
    }
}

/// What a suggestion saves in 30 days.
///
/// ```
/// use agent_primitives::Usd;
///
/// let gain: agent_telemetry::Gain = serde_json::from_str(
///     r#"{"cost":"12.5","cost_low":"9","cost_high":"16","time":null,"turns":null,"bounds":"interval"}"#,
/// )?;
/// assert_eq!(gain.cost, Some(Usd::from_micros(12_500_000)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gain {
    /// Money; `None` where no cost is known.
    pub cost: Option<Usd>,
    /// The least of it.
    pub cost_low: Option<Usd>,
    /// The most of it.
    pub cost_high: Option<Usd>,
    /// Time; `None` where it saves none, or none is known.
    pub time: Option<Duration>,
    /// Turns of agents, or calls; `None` where it saves none.
    pub turns: Option<u64>,
    /// What the bounds are, and that of time and turns.
    pub bounds: GainBounds,
}

/// What was looked at for suggestions of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LookedAt {
    /// Which kind.
    pub kind: SuggestionKind,
    /// How many candidates there were: pairs of models in a kind of work, models, tools, pairs of tools, kinds of
    /// failures.
    pub candidates: u64,
    /// How many of them there was enough data about.
    pub enough: u64,
    /// What it takes for a suggestion.
    pub takes: String,
    /// Which candidate comes nearest to one without being one, and what it lacks; `None` where there is none, or
    /// nothing more is known.
    #[serde(default)]
    pub nearest: Option<String>,
}

/// What a report with suggestions does not tell of.
///
/// ```
/// assert_eq!(agent_telemetry::SuggestionsLeftOut::default().models, 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SuggestionsLeftOut {
    /// Sessions that are not among those that models are compared by.
    pub compared: LeftOut,
    /// Of the sequences of tool calls.
    pub sequences: SequencesLeftOut,
    /// Calls of models beyond the first 256.
    pub models: u64,
    /// Calls of agents in sessions beyond the first 262 144: what the call before had is not known.
    pub followed: u64,
    /// Records whose session is not counted among what a suggestion rests on, beyond a million.
    pub evidence: u64,
    /// Suggestions beyond 64.
    pub suggestions: u64,
}

impl SuggestionsReport {
    /// The report on the records of `period`, in the order of recording: model and tool calls, attempts,
    /// retries, and the marks of sessions.
    pub fn of(
        period: Period,
        config: &SuggestConfig,
        records: impl IntoIterator<Item = impl Borrow<Record>>,
    ) -> Self {
        Fold::new(period, config).of(records)
    }

    /// As [`of`](Self::of), of records that are read from somewhere: ends with the first error.
    ///
    /// # Errors
    /// The first error of the reading.
    pub fn try_of<E>(
        period: Period,
        config: &SuggestConfig,
        records: impl IntoIterator<Item = Result<Record, E>>,
    ) -> Result<Self, E> {
        Fold::new(period, config).try_of(records)
    }

    /// One self-contained page that needs no script, no network and no style of its own.
    ///
    /// ```
    /// use agent_telemetry::{Period, Record, SuggestConfig, SuggestionsReport};
    ///
    /// let config = SuggestConfig::default();
    /// let report = SuggestionsReport::of(Period::ALL, &config, Vec::<Record>::new());
    /// assert!(report.to_html().starts_with("<!DOCTYPE html>"));
    /// ```
    pub fn to_html(&self) -> String {
        self.sheet().html()
    }
}
