//! The newest checkpoint that reads back, and how long it is looked for.

use super::current::Current;
use crate::Error;
use crate::log::replay::{Entry, Replay};

/// Checkpoints are tried, newest first, until as many bytes were inflated for them as the log has many times over, and so much more:
/// forged ones could name the same long value again and again.
const EFFORT: u64 = 64;
const EFFORT_MIN: u64 = 4 << 30;

/// The newest commit that is whole and reads back, and its state.
pub(crate) fn newest(replay: &mut Replay) -> Result<(Option<Entry>, Current), Error> {
    let effort = EFFORT_MIN.saturating_add(replay.logical.saturating_mul(EFFORT));
    newest_within(replay, effort)
}

/// As [`newest`], where at most `effort` bytes may be inflated for it.
pub(super) fn newest_within(
    replay: &mut Replay,
    effort: u64,
) -> Result<(Option<Entry>, Current), Error> {
    let mut left = effort;
    let mut end = replay.commits.len();
    while let Some((at, entry)) = replay.whole_before(end) {
        let entry = entry.clone();
        let components = entry.body.components.values();
        let cost = components
            .map(|reference| replay.values.cost(reference.seq))
            .fold(0, u64::saturating_add);
        // The first one is what the log inflates to in any case.
        let is_first = left == effort;
        left = left
            .checked_sub(cost)
            .or(is_first.then_some(0))
            .ok_or_else(|| {
                let what = "what the checkpoints hold that do not read back";
                Error::beyond_limit(what, effort.saturating_add(cost), effort)
            })?;
        match Current::load(replay, &entry) {
            Ok(current) => return Ok((Some(entry), current)),
            Err(error) if error.is_decode() || error.is_damaged() => {
                tracing::warn!(checkpoint = %entry.id(), %error, "checkpoint does not read back");
                end = replay.degrade(at);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((None, Current::default()))
}
