//! What goes wrong in this session, and when.

use std::time::Duration;

use support::{Fault, Recording, Rule, Script, estimate_tokens};

/// The turns at which something happens; a session with fewer turns lives through less.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    limited: usize,
    killed: usize,
    overloaded: usize,
    overflown: usize,
    context_limit: u64,
}

impl Plan {
    /// Spreads the faults over `recording`.
    pub(crate) fn for_recording(recording: &Recording) -> Self {
        let turns = recording.turns().len();
        let limited = (turns / 6).max(1);
        let killed = (turns / 3).max(limited + 1);
        let overloaded = (turns / 2).max(killed + 1);
        let overflown = overloaded + 1;
        let context_limit = recording.turn(overflown).map_or(u64::MAX, |turn| {
            // Room for the instructions, the task and half of what came after.
            let head = turn.history().get(..2).unwrap_or_default();
            let (head, all) = (estimate_tokens(head), estimate_tokens(turn.history()));
            head + all.saturating_sub(head) / 2
        });
        Self {
            limited,
            killed,
            overloaded,
            overflown,
            context_limit,
        }
    }

    /// The turn in which the host's process is killed.
    pub(crate) const fn killed(&self) -> usize {
        self.killed
    }

    /// What the provider of this name does wrong.
    pub(crate) fn script(&self, provider: &str) -> Script {
        let seconds = Duration::from_secs;
        match provider {
            "claude" => Script::new([
                Rule::new(Fault::RateLimited {
                    retry_after: Some(seconds(2)),
                })
                .turn(self.limited),
                Rule::new(Fault::Hold { after_chunks: 3 }).turn(self.killed),
                Rule::new(Fault::Overloaded).turn(self.overloaded).times(3),
            ]),
            "groq" => Script::new([Rule::new(Fault::RateLimited {
                retry_after: Some(seconds(120)),
            })
            .turn(self.overflown)]),
            // The local model has the smallest window.
            _ => Script::new([
                Rule::new(Fault::ContextTooLong {
                    limit: self.context_limit,
                })
                .turn(self.overflown),
                Rule::new(Fault::Cut { after_chunks: 2 }).turn(self.overflown),
            ]),
        }
    }
}
