//! Every row of the table, ours and those of the peers.

mod alerts;
mod breaker;
mod breaker_async;
mod budget;
mod chain;
mod classify;
mod encryption;
mod executor;
mod fork;
mod in_memory;
mod layers;
mod list;
mod metrics;
mod operation;
mod otlp;
mod page;
mod price;
mod rate_limit;
mod record;
mod redaction;
mod report;
mod restore;
mod retry;
mod route;
mod save;
mod setting;
mod state;
mod store;
mod stream;
mod together;
mod whole;

pub use setting::Setting;

use std::path::Path;

use crate::harness::{Plan, Skipped};
use crate::session::{self, FOLDER};

/// All groups in the order of the table, none of them set up.
pub fn plans(setting: &Setting) -> Vec<Plan> {
    [
        breaker::plans(),
        breaker_async::plans(),
        retry::plans(),
        route::plans(),
        rate_limit::plans(),
        budget::plans(),
        together::plans(),
        chain::plans(),
        stream::plans(),
        classify::plans(),
        save::plans(setting),
        restore::plans(setting),
        state::plans(setting),
        list::plans(setting),
        fork::plans(setting),
        in_memory::plans(setting),
        encryption::plans(setting),
        record::plans(),
        redaction::plans(),
        store::plans(setting),
        report::plans(setting),
        price::plans(),
        metrics::plans(),
        page::plans(),
        alerts::plans(),
        otlp::plans(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Rows that are missing here because what they need is not there.
pub fn skipped() -> Vec<Skipped> {
    session::recorded(Path::new(FOLDER))
        .err()
        .into_iter()
        .collect()
}
