//! The sixteen scenarios: what the preferred provider does, and what a caller and the providers should see.

use std::time::Duration;

use crate::{Fault, Rule, Script, Target};

/// The longest that one attempt may take in every scenario.
pub const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);

/// How long the preferred provider is down in S15.
pub const OUTAGE: Duration = Duration::from_secs(60);

/// One way in which a provider fails, and what is asked of its clients.
///
/// The faults and checks are those of Failover Bench, method v0.1 (failoverbench/failoverbench on GitHub,
/// 2026-09), with its full timing. Two checks are stricter: a content-filter rejection must not be routed
/// around at all, and no call may take longer than [`ATTEMPT_LIMIT`] and a second.
///
/// ```
/// let scenarios = support::failover::Scenario::all();
/// assert_eq!(scenarios.len(), 16);
/// assert_eq!((scenarios[5].id, scenarios[5].title), ("S06", "no response at all"));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Scenario {
    /// Its number in the list, from S01.
    pub id: &'static str,
    /// What happens, in a few words.
    pub title: &'static str,
    /// What the preferred provider does.
    pub primary: Script,
    /// Whether the right end is an error: the request itself is refused.
    pub wants_error: bool,
    /// How many calls are made, and how far apart.
    pub calls: Calls,
    /// What else must hold.
    pub checks: Vec<Check>,
}

/// The calls of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// One.
    One,
    /// So many, one every so often.
    Every {
        /// How many.
        count: u32,
        /// From the start of one to the start of the next.
        interval: Duration,
    },
}

/// What is looked at besides the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// Calls that reach the preferred provider: at least and at most.
    PrimaryCalls {
        /// At least.
        least: usize,
        /// At most.
        most: usize,
    },
    /// Time between the first and the second of them, at least.
    FirstGap(Duration),
    /// So many of them at most in the time after the first.
    PrimaryCallsWithin(Duration, usize),
    /// Nobody else is asked.
    NotRoutedAround,
    /// The reply names the provider that gave it.
    NamesFallback,
    /// The reply says how many tokens it took.
    HasUsage,
    /// No request begins the answer for a model that refuses that.
    NoPrefill,
    /// Every call during the outage is answered, with so many calls to the preferred provider at most.
    ServedDuringOutage {
        /// At most so many.
        primary_most: usize,
    },
    /// The preferred provider answers again so soon after it recovered.
    ReturnsWithin(Duration),
}

/// The words of the answer are cut in 16 pieces after one that opens the stream: this is two thirds of them.
const TWO_THIRDS: usize = 1 + 11;
const ONE_THIRD: usize = 1 + 5;

impl Scenario {
    fn new(id: &'static str, title: &'static str, rules: impl IntoIterator<Item = Rule>) -> Self {
        Self {
            id,
            title,
            primary: Script::new(rules),
            wants_error: false,
            calls: Calls::One,
            checks: Vec::new(),
        }
    }

    fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    fn ends_in_an_error(mut self) -> Self {
        self.wants_error = true;
        self
    }

    fn every(mut self, interval: Duration, count: u32) -> Self {
        self.calls = Calls::Every { count, interval };
        self
    }

    /// All of them, in order.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let once = Rule::new;
        let always = |fault| Rule::new(fault).always();
        let seconds = Duration::from_secs;
        let bounded = Check::PrimaryCalls { least: 1, most: 6 };
        let single = Check::PrimaryCalls { least: 1, most: 1 };
        let again = Check::PrimaryCalls { least: 2, most: 6 };
        let limited = |retry_after| Fault::RateLimited { retry_after };
        vec![
            Self::new(
                "S01",
                "429 with Retry-After",
                [once(limited(Some(seconds(2))))],
            )
            .check(again)
            .check(Check::FirstGap(Duration::from_millis(1_800)))
            .check(Check::PrimaryCallsWithin(Duration::from_millis(1_500), 2)),
            Self::new(
                "S02",
                "429 without a hint, for ever",
                [always(limited(None))],
            )
            .check(bounded)
            .check(Check::PrimaryCallsWithin(seconds(3), 4)),
            Self::new("S03", "500 once, then healthy", [once(Fault::ServerError)]).check(again),
            Self::new("S04", "503 for ever", [always(Fault::Overloaded)]).check(bounded),
            Self::new(
                "S05",
                "connection reset before headers",
                [once(Fault::Reset)],
            ),
            Self::new("S06", "no response at all", [always(Fault::Silence)]).check(single),
            Self::new(
                "S07",
                "first token after 20 s",
                [always(Fault::SlowFirstChunk { delay: seconds(20) })],
            ),
            Self::new(
                "S08",
                "stream cut after two thirds",
                [always(Fault::Cut {
                    after_chunks: TWO_THIRDS,
                })],
            ),
            Self::new(
                "S09",
                "stream stalls for 30 s after a third",
                [always(Fault::Stall {
                    after_chunks: ONE_THIRD,
                    delay: seconds(30),
                })],
            ),
            Self::new(
                "S10",
                "malformed chunk in the stream",
                [always(Fault::Malformed { after_chunks: 9 })],
            ),
            Self::new(
                "S11",
                "stream ends without [DONE]",
                [always(Fault::Unfinished {
                    after_chunks: usize::MAX,
                })],
            )
            .check(single)
            .check(Check::HasUsage),
            Self::new(
                "S12",
                "context length exceeded",
                [always(Fault::ContextTooLong { limit: 1 })],
            )
            .check(single),
            Self::new("S13", "content filter rejects", [always(content_filter())])
                .ends_in_an_error()
                .check(single)
                .check(Check::NotRoutedAround),
            Self::new(
                "S14",
                "cut, and the fallback refuses prefill",
                [always(Fault::Cut {
                    after_chunks: TWO_THIRDS,
                })],
            )
            .check(Check::NoPrefill),
            Self::new(
                "S15",
                "primary down for 60 s, then healthy",
                [Rule::new(Fault::Overloaded)
                    .target(Target::Any)
                    .during(Duration::ZERO, OUTAGE)],
            )
            .every(seconds(4), 20)
            .check(Check::ServedDuringOutage { primary_most: 9 })
            .check(Check::ReturnsWithin(seconds(30))),
            Self::new(
                "S16",
                "fallback's name and usage",
                [always(Fault::Overloaded)],
            )
            .check(bounded)
            .check(Check::NamesFallback)
            .check(Check::HasUsage),
        ]
    }
}

/// What OpenAI answers to a prompt that its safety system rejects.
fn content_filter() -> Fault {
    Fault::Verbatim {
        status: 400,
        headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
        body: r#"{"error":{"message":"Your request was rejected as a result of our safety system.","type":"invalid_request_error","param":null,"code":"content_policy_violation"}}"#.to_owned(),
    }
}
