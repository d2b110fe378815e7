//! Lets the thread that seals go on operation by operation, so that a test says what happens between them.

use std::sync::{Condvar, Mutex};
use std::thread;

/// The name of the thread that is held.
const HELD: &str = "agent-checkpoint-seal";

#[derive(Debug, Default)]
struct State {
    is_held: bool,
    /// Operations that it may still do.
    left: usize,
    is_waiting: bool,
}

/// Says when the thread that seals may do its next operation; of two such threads, one of them.
#[derive(Debug, Default)]
pub(super) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

impl Turns {
    /// From here on the thread does as many operations as it is [given](Self::give); or else as many as it wants.
    pub(super) fn hold(&self, is_held: bool) {
        let mut state = self.state.lock().unwrap();
        state.is_held = is_held;
        state.left = 0;
        self.changed.notify_all();
    }

    pub(super) fn give(&self, operations: usize) {
        self.state.lock().unwrap().left += operations;
        self.changed.notify_all();
    }

    /// Whether the thread has done all that it may.
    pub(super) fn is_waiting(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.is_held && state.is_waiting && state.left == 0
    }

    /// Waits for a turn, before anything is locked. Not for what is done with a lock in hand, which all of it waits
    /// for: no schedule comes between those operations.
    pub(super) fn pass(&self) {
        if thread::current().name() != Some(HELD) {
            return;
        }
        let mut state = self.state.lock().unwrap();
        state.is_waiting = true;
        let mut state = self
            .changed
            .wait_while(state, |state| state.is_held && state.left == 0)
            .unwrap();
        state.is_waiting = false;
        state.left = state.left.saturating_sub(1);
    }
}
