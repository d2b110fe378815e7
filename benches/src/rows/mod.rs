//! Every row of the table, ours and those of the peers.

mod breaker;
mod classify;
mod operation;
mod restore;
mod retry;
mod save;
mod setting;

pub use setting::Setting;

use crate::harness::Plan;

/// All groups in the order of the table, none of them set up.
pub fn plans(setting: &Setting) -> Vec<Plan> {
    [
        breaker::plans(),
        retry::plans(),
        classify::plans(),
        save::plans(setting),
        restore::plans(setting),
    ]
    .into_iter()
    .flatten()
    .collect()
}
