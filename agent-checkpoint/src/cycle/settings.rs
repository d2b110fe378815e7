//! When a session goes on in a fresh one.

use serde::{Deserialize, Serialize};

use crate::LimitTooSmall;

/// When a session goes on in a fresh one, and with how much.
///
/// ```
/// use agent_checkpoint::cycle::Cycle;
///
/// let cycle: Cycle = serde_json::from_str(r#"{"window": 200000}"#)?;
/// assert_eq!(cycle, Cycle::of_window(200_000));
/// assert!(cycle.is_due(140_000) && !cycle.is_due(139_999));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Cycle {
    /// Tokens of the model's context window.
    pub window: u64,
    /// The share of it at which a cycle is due; 0.7 unless set.
    #[serde(default = "due")]
    pub share: f64,
    /// The share of it that a fresh session begins with at most; 0.35 unless set. Instructions, task, pinned
    /// messages and open calls may need more.
    #[serde(default = "fresh")]
    pub fresh: f64,
    /// Most tokens of the text that tells the model what was before; 4 000 unless set, and never more than a
    /// third of what a session begins with.
    #[serde(default = "brief")]
    pub brief_tokens: u64,
}

const fn due() -> f64 {
    0.7
}

const fn fresh() -> f64 {
    0.35
}

const fn brief() -> u64 {
    4_000
}

impl Cycle {
    /// At 70 % of a window of this many tokens.
    pub const fn of_window(tokens: u64) -> Self {
        Self {
            window: tokens,
            share: due(),
            fresh: fresh(),
            brief_tokens: brief(),
        }
    }

    /// Sets the share at which a cycle is due.
    #[must_use]
    pub const fn at(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// Sets the share that a fresh session begins with at most.
    #[must_use]
    pub const fn fresh(mut self, share: f64) -> Self {
        self.fresh = share;
        self
    }

    /// Sets the most tokens of the text that tells what was before.
    #[must_use]
    pub const fn brief_tokens(mut self, tokens: u64) -> Self {
        self.brief_tokens = tokens;
        self
    }

    /// Whether a context of this many tokens is to go on in a fresh session.
    pub fn is_due(&self, tokens: u64) -> bool {
        tokens >= self.of(self.share)
    }

    /// What a fresh session begins with would make the next cycle due.
    pub(crate) fn too_small(&self, tokens: u64) -> LimitTooSmall {
        LimitTooSmall {
            limit: self.of(self.share),
            needed: tokens,
        }
    }

    pub(crate) fn fresh_tokens(&self) -> u64 {
        self.of(self.fresh)
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a window, which is checked, and windows are far below 2^52 tokens"
    )]
    fn of(&self, share: f64) -> u64 {
        (self.window as f64 * share).ceil() as u64
    }

    /// Why it cannot be meant.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let is_share = |share: f64| share > 0.0 && share <= 1.0;
        if !is_share(self.share) || !is_share(self.fresh) {
            return Err("shares are greater than 0 and at most 1");
        }
        if self.fresh >= self.share {
            return Err(
                "a fresh session begins with less than what makes a cycle due; lower `fresh`",
            );
        }
        if self.window == 0 {
            return Err("the window has no tokens; set how many the model takes");
        }
        Ok(())
    }
}
