//! Readers against what others read, and against what nobody should send.

mod differential;
mod hostile;
mod known;
mod quirks;
mod random;
mod shapes;
mod theirs;
mod told;
mod wire_order;
