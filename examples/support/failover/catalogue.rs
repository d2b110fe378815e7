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
        let mut all = refusals();
        all.extend(silences());
        all.extend(broken_streams());
        all.extend(requests());
        all.extend(over_time());
        all
    }
}

const BOUNDED: Check = Check::PrimaryCalls { least: 1, most: 6 };
const SINGLE: Check = Check::PrimaryCalls { least: 1, most: 1 };
const AGAIN: Check = Check::PrimaryCalls { least: 2, most: 6 };

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn once(fault: Fault) -> [Rule; 1] {
    [Rule::new(fault)]
}

fn always(fault: Fault) -> [Rule; 1] {
    [Rule::new(fault).always()]
}

const fn limited(retry_after: Option<Duration>) -> Fault {
    Fault::RateLimited { retry_after }
}

fn refusals() -> Vec<Scenario> {
    let hinted = once(limited(Some(seconds(2))));
    vec![
        Scenario::new("S01", "429 with Retry-After", hinted)
            .check(AGAIN)
            .check(Check::FirstGap(Duration::from_millis(1_800)))
            .check(Check::PrimaryCallsWithin(Duration::from_millis(1_500), 2)),
        Scenario::new("S02", "429 without a hint, for ever", always(limited(None)))
            .check(BOUNDED)
            .check(Check::PrimaryCallsWithin(seconds(3), 4)),
        Scenario::new("S03", "500 once, then healthy", once(Fault::ServerError)).check(AGAIN),
        Scenario::new("S04", "503 for ever", always(Fault::Overloaded)).check(BOUNDED),
        Scenario::new("S05", "connection reset before headers", once(Fault::Reset)),
    ]
}

fn silences() -> Vec<Scenario> {
    let late = Fault::SlowFirstChunk { delay: seconds(20) };
    vec![
        Scenario::new("S06", "no response at all", always(Fault::Silence)).check(SINGLE),
        Scenario::new("S07", "first token after 20 s", always(late)),
    ]
}

fn broken_streams() -> Vec<Scenario> {
    let cut = Fault::Cut {
        after_chunks: TWO_THIRDS,
    };
    let stall = Fault::Stall {
        after_chunks: ONE_THIRD,
        delay: seconds(30),
    };
    let malformed = Fault::Malformed { after_chunks: 9 };
    let unfinished = Fault::Unfinished {
        after_chunks: usize::MAX,
    };
    vec![
        Scenario::new("S08", "stream cut after two thirds", always(cut)),
        Scenario::new("S09", "stream stalls for 30 s after a third", always(stall)),
        Scenario::new("S10", "malformed chunk in the stream", always(malformed)),
        Scenario::new("S11", "stream ends without [DONE]", always(unfinished))
            .check(SINGLE)
            .check(Check::HasUsage),
    ]
}

fn requests() -> Vec<Scenario> {
    let too_long = Fault::ContextTooLong { limit: 1 };
    let cut = Fault::Cut {
        after_chunks: TWO_THIRDS,
    };
    vec![
        Scenario::new("S12", "context length exceeded", always(too_long)).check(SINGLE),
        Scenario::new("S13", "content filter rejects", always(content_filter()))
            .ends_in_an_error()
            .check(SINGLE)
            .check(Check::NotRoutedAround),
        Scenario::new("S14", "cut, and the fallback refuses prefill", always(cut))
            .check(Check::NoPrefill),
    ]
}

fn over_time() -> Vec<Scenario> {
    let down = Rule::new(Fault::Overloaded).target(Target::Any);
    vec![
        Scenario::new(
            "S15",
            "primary down for 60 s, then healthy",
            [down.during(Duration::ZERO, OUTAGE)],
        )
        .every(seconds(4), 20)
        .check(Check::ServedDuringOutage { primary_most: 9 })
        .check(Check::ReturnsWithin(seconds(30))),
        Scenario::new(
            "S16",
            "fallback's name and usage",
            always(Fault::Overloaded),
        )
        .check(BOUNDED)
        .check(Check::NamesFallback)
        .check(Check::HasUsage),
    ]
}

/// What OpenAI answers to a prompt that its safety system rejects.
fn content_filter() -> Fault {
    Fault::Verbatim {
        status: 400,
        headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
        body: r#"{"error":{"message":"Your request was rejected as a result of our safety system.","type":"invalid_request_error","param":null,"code":"content_policy_violation"}}"#.to_owned(),
    }
}
