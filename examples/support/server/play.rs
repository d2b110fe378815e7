//! A response body that follows a plan: chunks, a stop, a sudden end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};

use super::connection::Severed;
use super::handle::Host;
use super::ledger::{Progress, Ticket};

pub(super) type Body = UnsyncBoxBody<Bytes, Severed>;

/// One step of a body.
#[derive(Debug)]
pub(super) enum Step {
    Send(String),
    /// Waits until the server is told to go on.
    Hold,
    /// Lets a while pass.
    Delay(Duration),
    /// Closes the connection in mid-body.
    Sever,
}

struct Play {
    steps: VecDeque<Step>,
    end: Progress,
    ticket: Ticket,
    host: Arc<Host>,
}

/// A body that takes `steps` and settles `ticket` with `end` as it hands over the last one.
pub(super) fn body(steps: Vec<Step>, end: Progress, ticket: Ticket, host: Arc<Host>) -> Body {
    let play = Play {
        steps: steps.into(),
        end,
        ticket,
        host,
    };
    StreamBody::new(stream::unfold(play, next)).boxed_unsync()
}

async fn next(mut play: Play) -> Option<(Result<Frame<Bytes>, Severed>, Play)> {
    loop {
        match play.steps.pop_front()? {
            Step::Send(chunk) => {
                if play.steps.is_empty() {
                    play.ticket.settle(play.end);
                }
                return Some((Ok(Frame::data(Bytes::from(chunk))), play));
            }
            Step::Hold => {
                if play.host.hold(&play.ticket).await.is_err() {
                    return Some((Err(Severed), play));
                }
            }
            Step::Delay(delay) => {
                if play.host.delay(delay, &play.ticket).await.is_err() {
                    return Some((Err(Severed), play));
                }
            }
            Step::Sever => {
                // hyper writes out what it holds when a body has nothing ready, and drops it when
                // a body fails: so first have nothing ready.
                tokio::task::yield_now().await;
                play.ticket.settle(play.end);
                return Some((Err(Severed), play));
            }
        }
    }
}
