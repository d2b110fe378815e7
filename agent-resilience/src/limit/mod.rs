//! How much may be asked of a provider: per minute, per day, and at the same time.

mod acquire;
mod concurrency;
mod config;
mod cost;
mod error;
mod gate;
#[cfg(feature = "governor")]
mod governor;
mod keyed;
mod observe;
mod pace;
mod queue;
mod rate;
mod request_gate;
mod reservation;
mod window;
mod windows;

pub use concurrency::{
    AdaptiveConfig, ConcurrencyConfig, ConcurrencyLimit, ConcurrencyPermit, OwnedConcurrencyPermit,
};
pub use config::{InvalidLimit, RateLimitConfig, RateWindow, WindowKind};
pub use cost::Cost;
pub(crate) use error::noun;
pub use error::{AcquireError, ConcurrencyFull, Limited, LimitedBy, Refused, TooLarge};
pub use gate::{CooldownGate, GateConfig};
#[cfg(feature = "governor")]
pub use governor::GovernorGate;
pub use keyed::{KeyedLimit, KeyedLimitFull};
pub use rate::{RateLimit, WindowStatus};
pub use request_gate::{GateRefusal, RequestGate};
pub use reservation::{OwnedReservation, Reservation};
