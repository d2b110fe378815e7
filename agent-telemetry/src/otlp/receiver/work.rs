//! From the bytes of a body to what the intake says.

use std::future::{Future as _, poll_fn};
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use super::body::Cut;
use super::budget::Hold;
use super::inflate::{Deflated, inflate};
use super::intake::Accepted;
use super::receipt::Receipt;
use super::refusal::{Cause, Refusal};
use super::route::{Rules, Wanted};
use super::shared::Shared;

/// Larger bodies are worked on beside the thread that serves all connections, which they would hold up for milliseconds.
pub(crate) const AT_ONCE: usize = 256 << 10;

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
        let mut said = None;
        if self.body.len() <= AT_ONCE {
            said = self.run(shared, AT_ONCE);
        }
        let said = if let Some(said) = said {
            // Its memory is not needed while the answer is waited for.
            drop(self);
            said
        } else {
            let shared = Arc::clone(shared);
            let run = move || self.run(&shared, usize::MAX);
            let said = tokio::task::spawn_blocking(run).await.ok().flatten();
            said.unwrap_or_else(|| Err(internal()))
        };
        let mut answer = pin!(said?.answer());
        let said = poll_fn(|cx| {
            let poll = AssertUnwindSafe(|| answer.as_mut().poll(cx).map(Some));
            panic::catch_unwind(poll).unwrap_or(Poll::Ready(None))
        });
        match said.await {
            Some(said) => said.map_err(Refusal::from),
            None => Err(panicked(shared)),
        }
    }

    fn packed(&self) -> &[u8] {
        self.body.get(self.start..).unwrap_or_default()
    }

    /// `None` where more than `at_once` bytes come out.
    fn run(&mut self, shared: &Shared, at_once: usize) -> Option<Result<Receipt, Refusal>> {
        if self.packed().is_empty() {
            return Some(Ok(Accepted::all().into()));
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
            Ok(inflated) if inflated.is_empty() => Ok(Accepted::all().into()),
            Ok(inflated) => self.take(shared, &inflated),
            Err(why) => Err(not_inflated(why, limit)),
        })
    }

    fn take(&self, shared: &Shared, request: &[u8]) -> Result<Receipt, Refusal> {
        shared.counters.inflated.add(request.len());
        let Wanted {
            signal, encoding, ..
        } = self.wanted;
        let take = AssertUnwindSafe(|| shared.intake.receive(signal, encoding, request));
        match panic::catch_unwind(take) {
            Ok(said) => said.map_err(Refusal::from),
            Err(_) => Err(panicked(shared)),
        }
    }
}

fn panicked(shared: &Shared) -> Refusal {
    shared.counters.panics.add(1);
    internal()
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
