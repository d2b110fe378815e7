//! Reading a body, no more of it than is wanted and no longer than is worth it.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Bytes, Incoming};
use tokio::time::{Instant, timeout_at};

use super::budget::Hold;
use super::limits::Limits;

/// What is read of a body that nobody wants, so that the connection can go on.
const DRAINED: u64 = 64 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    TooLarge,
    TooSlow,
    /// The hold does not suffice.
    NoRoom,
    /// The connection ended, or what came is no body.
    Broken,
}

/// The whole body, of at most `max` bytes.
pub(super) async fn gather(
    body: &mut Incoming,
    max: usize,
    limits: &Limits,
    hold: &mut Hold,
) -> Result<Vec<u8>, Cut> {
    let start = Instant::now();
    // With a length that was told, the buffer will not be larger.
    let told = body.size_hint().exact().map(usize::try_from);
    let most = told.and_then(Result::ok).unwrap_or(max).min(max);
    let mut gathered = Vec::new();
    loop {
        let patience = limits.body_patience(gathered.len());
        let Some(bytes) = next(body, start.checked_add(patience)).await? else {
            return Ok(gathered);
        };
        if bytes.len() > max - gathered.len() {
            return Err(Cut::TooLarge);
        }
        if !hold.make_room(&mut gathered, bytes.len(), most) {
            return Err(Cut::NoRoom);
        }
        gathered.extend_from_slice(&bytes);
    }
}

/// Reads a body that nobody wants, where that is soon done; whether it was.
pub(super) async fn drain(body: &mut Incoming) -> bool {
    if body.size_hint().lower() > DRAINED {
        return false;
    }
    let (mut left, until) = (DRAINED, Instant::now().checked_add(DRAIN_TIME));
    loop {
        match next(body, until).await {
            Ok(None) => return true,
            Ok(Some(bytes)) if (bytes.len() as u64) <= left => left -= bytes.len() as u64,
            _ => return false,
        }
    }
}

/// The bytes that come next; `None` at the end.
async fn next(body: &mut Incoming, until: Option<Instant>) -> Result<Option<Bytes>, Cut> {
    loop {
        let frame = match until {
            Some(until) => timeout_at(until, body.frame())
                .await
                .map_err(|_| Cut::TooSlow)?,
            None => body.frame().await,
        };
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(Cut::Broken),
            // Trailers tell nothing here.
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}
