//! What keeps people and secrets out of the store.

mod key;
mod mask;
mod redaction;
mod siphash;

pub use key::UserKey;
pub use redaction::Redaction;
pub(crate) use redaction::Redactor;
pub(crate) use siphash::siphash_2_4_128;
