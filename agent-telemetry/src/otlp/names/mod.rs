//! What the names of other programs mean to us: one table for each kind of item.
//!
//! An attribute whose key is not in the table is not read, and of those that are, content has no reader: a prompt, an
//! answer or a tool's argument has no way into what was seen.

mod failure;
mod field;
mod id;
mod index;
mod item;
mod log;
mod provider;
mod read;
mod series;
mod source;
mod span;
mod table;
mod unit;
mod usage;
mod who;

#[cfg(test)]
mod tests;

pub(crate) use {
    item::{Recognised, SessionFrom},
    log::{of_log, sequence_of},
    series::{Meaning, of_series},
    source::Source,
    span::of_span,
};
