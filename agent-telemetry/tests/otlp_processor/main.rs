//! The processor, fed as agents feed it, with the records that it makes.

mod bounds;
mod channels;
mod host;
mod kill;
mod requests;
mod restart;
mod totals;
