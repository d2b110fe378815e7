//! Settings as plain data: read, checked, and put together.

mod check;
mod error;
mod read;

pub use error::{InvalidConfig, SettingFault};
pub(crate) use error::{contradiction, not_zero};
pub use read::Settings;
