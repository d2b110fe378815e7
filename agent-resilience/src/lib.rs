#![doc = include_str!("../README.md")]

mod backoff;
mod breaker;
pub mod classify;
mod failure;
mod fallback;
mod limit;
mod provider;
mod retry;
mod sleep;

pub use backoff::{Backoff, Delays, Jitter};
pub use breaker::{BreakerConfig, BreakerOpen, CallError, CircuitBreaker, FailureRate, Permit};
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
pub use provider::Provider;
pub use retry::{GiveUp, NextStep, Retry, RetryError, RetryPolicy};
pub use sleep::Sleep;
#[cfg(feature = "tokio")]
pub use sleep::TokioSleep;
