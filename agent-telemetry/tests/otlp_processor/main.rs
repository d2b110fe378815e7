//! The processor, fed as agents feed it, with the records that it makes.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "functions that tests share are tests as well"
)]

mod bounds;
mod channels;
mod hooks;
mod host;
mod kill;
mod large;
mod requests;
mod restart;
mod shell;
mod split;
mod stored;
mod totals;
mod valve;
