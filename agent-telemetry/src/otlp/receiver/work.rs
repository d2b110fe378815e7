//! From the bytes of a body to what the intake says.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use super::body::Cut;
use super::budget::Hold;
use super::inflate::{Deflated, inflate};
use super::intake::Accepted;
use super::refusal::{Cause, Refusal};
use super::route::{Rules, Wanted};
use super::shared::Shared;

/// Larger bodies are worked on beside the thread that serves all connections, which they would hold up for milliseconds.
const AT_ONCE: usize = 256 * 1024;

/// A body that was read.
pub(super) struct Work {
    pub(super) wanted: Wanted,
    pub(super) body: Vec<u8>,
    /// Where in `body` the request begins.
    pub(super) start: usize,
    /// For the memory of `body`, and of what comes out of it.
    pub(super) hold: Hold,
}

impl Work {
    pub(super) async fn done(mut self, shared: &Arc<Shared>) -> Result<Accepted, Refusal> {
        shared.counters.received.add(self.packed().len());
        if self.body.len() <= AT_ONCE
            && let Some(said) = self.run(shared, AT_ONCE)
        {
            return said;
        }
        let shared = Arc::clone(shared);
        let run = move || self.run(&shared, usize::MAX);
        let said = tokio::task::spawn_blocking(run).await.ok().flatten();
        said.unwrap_or_else(|| Err(internal()))
    }

    fn packed(&self) -> &[u8] {
        self.body.get(self.start..).unwrap_or_default()
    }

    /// `None` where more than `at_once` bytes come out.
    fn run(&mut self, shared: &Shared, at_once: usize) -> Option<Result<Accepted, Refusal>> {
        if self.packed().is_empty() {
            return Some(Ok(Accepted::all()));
        }
        if !self.wanted.gzip {
            return Some(self.take(shared, self.packed()));
        }
        let limit = shared.limits.max_inflated;
        let packed = self.body.get(self.start..).unwrap_or_default();
        let inflated = match inflate(packed, limit.min(at_once), &mut self.hold) {
            Err(Deflated::TooLarge) if limit > at_once => return None,
            inflated => inflated,
        };
        Some(match inflated {
            Ok(inflated) if inflated.is_empty() => Ok(Accepted::all()),
            Ok(inflated) => self.take(shared, &inflated),
            Err(why) => Err(not_inflated(why, limit)),
        })
    }

    fn take(&self, shared: &Shared, request: &[u8]) -> Result<Accepted, Refusal> {
        shared.counters.inflated.add(request.len());
        let Wanted {
            signal, encoding, ..
        } = self.wanted;
        let take = AssertUnwindSafe(|| shared.intake.take(signal, encoding, request));
        if let Ok(said) = panic::catch_unwind(take) {
            return said.map_err(Refusal::from);
        }
        shared.counters.panics.add(1);
        Err(internal())
    }
}

fn internal() -> Refusal {
    Refusal::new(Cause::Internal, "the receiver failed at this request")
}

fn not_inflated(why: Deflated, limit: usize) -> Refusal {
    let message = match why {
        Deflated::TooLarge => {
            let message = format!("the inflated body is larger than {limit} bytes");
            return Refusal::new(Cause::TooLarge, message);
        }
        Deflated::NoRoom => return no_room(),
        Deflated::Truncated => "the gzip body ends before its end",
        Deflated::Broken => "the body is no gzip, or has more after it",
        Deflated::TooManyMembers => "the gzip body has more than 1024 members",
    };
    Refusal::new(Cause::Malformed, message)
}

fn no_room() -> Refusal {
    Refusal::full("too many bytes are under way")
}

/// What is told to a sender whose body was not read to its end.
pub(super) fn cut(cut: Cut, rules: &Rules) -> Refusal {
    match cut {
        Cut::TooLarge => rules.too_large(),
        Cut::NoRoom => no_room(),
        Cut::TooSlow => Refusal::new(Cause::TooSlow, "the body came too slowly"),
        Cut::Broken => Refusal::new(Cause::Malformed, "the body ends before its end"),
    }
}
