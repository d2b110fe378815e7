#![doc = include_str!("../README.md")]

#[cfg(feature = "reqwest")]
mod adapters;
mod backoff;
mod breaker;
mod budget;
pub mod classify;
mod clock;
/// For those who know another library: its names and ours.
pub mod coming_from {
    #![doc = include_str!("../docs/coming_from.md")]
}
mod deadline;
mod duration;
mod failed_reply;
mod failure;
mod fallback;
mod limit;
mod policy;
/// What is known of each vendor's limits, timeouts and hints, and where it is said.
pub mod presets {
    #![doc = include_str!("../docs/presets.md")]
}
mod provider;
mod recovery;
/// Which change answers which failure, and how far each goes.
pub mod recovering {
    #![doc = include_str!("../docs/recovering.md")]
}
mod retry;
mod route;
mod settings;
mod sleep;
mod stream;
#[cfg(feature = "tower")]
mod tower;

#[cfg(feature = "async-openai")]
pub use adapters::OpenAiService;
#[cfg(feature = "backoff")]
pub use backoff::BackoffSchedule;
pub use backoff::{Backoff, Delays, Growth, Jitter, Schedule};
pub use breaker::{
    BreakerConfig, BreakerOpen, BreakerSnapshot, BreakerWindow, CallError, Cause, CircuitBreaker,
    FailureWeights, InvalidPercent, OwnedPermit, Percent, Permit, SlowCalls,
};
pub use budget::{
    CapStatus, InvalidSpend, OwnedSpendReservation, SessionBudget, SessionSpend, SessionsFull,
    Spend, SpendAction, SpendAdvice, SpendBudget, SpendBudgetConfig, SpendCap, SpendRefused,
    SpendReservation, SpendSnapshot, SpendStatus, SpendThreshold, TokenPrice,
};
pub use clock::CoarseClock;
pub use deadline::{Deadline, TimeLimit};
pub use failed_reply::FailedReply;
pub use failure::Failure;
#[cfg(feature = "tokio")]
pub use fallback::ProbeTask;
pub use fallback::{
    CallOptions, ChainError, ChainSnapshot, ChainStatus, CheckConfig, CheckLevel, DecisionRecord,
    Exhausted, FallbackBuilder, FallbackChain, FallbackConfig, HedgeConfig, InvalidChain,
    LinkConfig, OutOfTime, Outlook, OverBudget, ProviderStatus, Rejection, Reply, ReplyCheck, Rest,
    Return, UnknownProvider,
};
#[cfg(feature = "governor")]
pub use limit::GovernorGate;
pub use limit::{
    AcquireError, AdaptiveConfig, ConcurrencyConfig, ConcurrencyFull, ConcurrencyLimit,
    ConcurrencyPermit, CooldownGate, Cost, GateConfig, GateRefusal, InvalidLimit, KeyedLimit,
    KeyedLimitFull, Limited, LimitedBy, OwnedConcurrencyPermit, OwnedReservation, RateLimit,
    RateLimitConfig, RateWindow, Refused, RequestGate, Reservation, TooLarge, WindowKind,
    WindowStatus,
};
pub use policy::{Policy, PolicyError, PolicyRun, Refusal};
pub use provider::{Metering, Provider};
pub use recovery::{
    Cut, Recoverable, Recovered, Recovery, RecoveryConfig, RecoveryError, RecoveryStats,
    RecoveryTally, RecoveryTry, Rung, Seam,
};
pub use retry::{
    ClearTime, ClearTimes, ClearTimesConfig, FailedAttempt, FailedTry, GiveUp, HintRule,
    KindPolicy, Learned, NextStep, Pause, Retry, RetryBudget, RetryBudgetConfig, RetryError,
    RetryPolicy, Run, Try, Withdrawal,
};
pub use route::{
    Availability, Belief, Candidate, Capabilities, Considered, Decision, DecisionTable, Estimate,
    Feedback, InvalidPermille, InvalidRoute, LearnedConfig, LearnedStats, Needs, Permille, Profile,
    RouteConfig, RouteStrategy, RouteWeights, Score, Skip, decide,
};
pub use settings::{InvalidConfig, PolicyConfig, SettingFault, Settings};
pub use sleep::Sleep;
#[cfg(feature = "tokio")]
pub use sleep::TokioSleep;
pub use stream::{
    ChainStream, Delivered, EventReader, EventStream, EventTooLarge, GuardedStream,
    InvalidStreamLimits, Part, Partial, StreamClock, StreamError, StreamItem, StreamLimits,
    StreamOptions,
};
#[cfg(feature = "tower")]
pub use tower::{PolicyFuture, PolicyLayer, PolicyService};
