#![doc = include_str!("../README.md")]

mod backoff;
mod breaker;
pub mod classify;
mod clock;
mod failure;
mod fallback;
mod provider;
mod retry;
mod sleep;

pub use backoff::{Backoff, Delays, Jitter};
pub use breaker::{
    BreakerConfig, BreakerOpen, BreakerSnapshot, BreakerWindow, CallError, Cause, CircuitBreaker,
    FailureWeights, InvalidPercent, OwnedPermit, Percent, Permit, SlowCalls,
};
pub use clock::CoarseClock;
pub use failure::Failure;
#[cfg(feature = "tokio")]
pub use fallback::ProbeTask;
pub use fallback::{
    ChainError, Exhausted, FallbackBuilder, FallbackChain, FallbackConfig, InvalidChain, Outlook,
    ProviderStatus, Reply, Rest, UnknownProvider,
};
pub use provider::Provider;
pub use retry::{GiveUp, NextStep, Retry, RetryError, RetryPolicy};
pub use sleep::Sleep;
#[cfg(feature = "tokio")]
pub use sleep::TokioSleep;
