//! Every row of the table, ours and those of the peers.

mod breaker;
mod classify;
mod operation;
mod retry;

use crate::harness::Plan;

/// All groups in the order of the table, none of them set up.
pub fn plans() -> Vec<Plan> {
    [breaker::plans(), retry::plans(), classify::plans()]
        .into_iter()
        .flatten()
        .collect()
}
