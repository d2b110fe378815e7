#![doc = include_str!("../README.md")]

mod backoff;
mod breaker;
mod budget;
pub mod classify;
mod clock;
mod deadline;
mod failure;
mod fallback;
mod limit;
mod policy;
mod provider;
mod recovery;
mod retry;
mod route;
mod settings;
mod sleep;

#[cfg(feature = "backoff")]
pub use backoff::BackoffSchedule;
pub use backoff::{Backoff, Delays, Growth, Jitter, Schedule};
pub use breaker::{
    BreakerConfig, BreakerOpen, BreakerSnapshot, BreakerWindow, CallError, Cause, CircuitBreaker,
    FailureWeights, InvalidPercent, OwnedPermit, Percent, Permit, SlowCalls,
};
pub use budget::TokenPrice;
pub use clock::CoarseClock;
pub use deadline::{Deadline, TimeLimit};
pub use failure::Failure;
#[cfg(feature = "tokio")]
pub use fallback::ProbeTask;
pub use fallback::{
    ChainError, Exhausted, FallbackBuilder, FallbackChain, FallbackConfig, InvalidChain, Outlook,
    ProviderStatus, Reply, Rest, UnknownProvider,
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
pub use provider::Provider;
pub use recovery::{
    Cut, Recoverable, Recovered, Recovery, RecoveryConfig, RecoveryError, RecoveryStats,
    RecoveryTally, RecoveryTry, Rung, Seam,
};
pub use retry::{
    ClearTime, ClearTimes, ClearTimesConfig, FailedAttempt, FailedTry, GiveUp, HintRule,
    KindPolicy, Learned, NextStep, Pause, Retry, RetryBudget, RetryBudgetConfig, RetryError,
    RetryPolicy, Run, Try, Withdrawal,
};
pub use route::{Capabilities, Needs, Profile};
pub use settings::{InvalidConfig, SettingFault, Settings};
pub use sleep::Sleep;
#[cfg(feature = "tokio")]
pub use sleep::TokioSleep;
