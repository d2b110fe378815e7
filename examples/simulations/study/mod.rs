//! The simulations, as both the program and the test run them.

pub(crate) mod amplification;
pub(crate) mod finding;
pub(crate) mod flapping;
pub(crate) mod herd;
pub(crate) mod limits;
mod quota;
pub(crate) mod replay;
pub(crate) mod switch;
mod time;
mod upstream;
mod wire;
