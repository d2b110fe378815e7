//! What keeps people and secrets out of the store.

mod key;
mod siphash;

pub use key::UserKey;
