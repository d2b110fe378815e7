//! Settings as plain data: read, checked, and put together.

mod check;
mod error;
mod neighbours;
mod policy;
mod presets;
mod read;

pub use error::{InvalidConfig, SettingFault};
pub(crate) use error::{contradiction, not_zero};
pub use policy::PolicyConfig;
pub use read::Settings;
