//! What Claude Code tells its hooks and its status line, as JSON on their stdin.
//!
//! A hook has no time and no tokens. It tells what begins, what ends and what is called, at the moment that it does;
//! the status line tells how full the context is.

mod error;
mod figures;
mod input;
mod open;
mod see;
#[cfg(test)]
mod tests;

pub use error::InvalidHook;
pub use figures::HookFigures;
pub(crate) use input::Input;
pub(crate) use see::Hooks;
