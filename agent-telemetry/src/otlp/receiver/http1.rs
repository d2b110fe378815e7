//! Requests over HTTP/1.1.

use std::convert::Infallible;
use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_TYPE, EXPECT, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::body::Cut;
use super::connection::{self, drive};
use super::intake::{Accepted, Encoding};
use super::patience::Patience;
use super::refusal::Refusal;
use super::route::{self, Plan, Wanted};
use super::shared::{Place, Shared};
use super::wire::Wire;
use super::work::{self, Work};
use super::{body, health, media, reply};

/// Of one connection, before heads are too large and while answers wait to be read.
const BUFFER: usize = 64 * 1024;
const HEAD: usize = 16 * 1024;

type Answer = Response<Full<Bytes>>;

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>, place: Place) {
    let patience = Arc::new(Patience::http1(Instant::now()));
    let wire = Wire::new(stream, Arc::clone(&patience));
    let (ours, theirs) = (Arc::clone(&shared), Arc::clone(&patience));
    let service = service_fn(move |request| {
        let (shared, patience) = (Arc::clone(&ours), Arc::clone(&theirs));
        async move {
            patience.began(Instant::now());
            let answer = answer(&shared, &patience, request).await;
            patience.answered(Instant::now());
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .half_close(true)
        .max_buf_size(BUFFER)
        .max_header_size(HEAD)
        .serve_connection(TokioIo::new(wire), service);
    let stop = http1::Connection::graceful_shutdown;
    let ended = drive(connection, stop, &patience, &shared).await;
    connection::count(ended, &shared);
    drop(place);
}

async fn answer(shared: &Arc<Shared>, patience: &Patience, request: Request<Incoming>) -> Answer {
    let (head, mut body) = request.into_parts();
    let signal = route::signal(head.uri.path());
    let encoding = media::encoding(&head.headers).unwrap_or(Encoding::Json);
    let length = body.size_hint().exact();
    // Who waits to be told to go on has sent no body, and is told not to.
    let mut sends = !head.headers.contains_key(EXPECT);
    let mut answer = match route::plan(&head, length, &shared.rules) {
        Ok(Plan::Health { figures }) => {
            let stats = figures.then(|| shared.stats());
            filled(StatusCode::OK, Encoding::Json, health::page(stats.as_ref()))
        }
        Ok(Plan::Take(wanted)) => match take(shared, wanted, &mut body, &mut sends).await {
            Ok(accepted) => {
                let said = reply::accepted(wanted.signal, encoding, &accepted);
                filled(StatusCode::OK, encoding, said)
            }
            Err(refusal) => refused(encoding, &refusal),
        },
        Err(refusal) => refused(encoding, &refusal),
    };
    let read = body.is_end_stream() || (sends && body::drain(&mut body).await);
    if !read {
        leave(&mut answer, patience);
    }
    shared.counters.answered(signal, answer.status().as_u16());
    answer
}

/// Reads the body, from where on the sender `sends` until it stalls or breaks, and hands it on.
async fn take(
    shared: &Arc<Shared>,
    wanted: Wanted,
    body: &mut Incoming,
    sends: &mut bool,
) -> Result<Accepted, Refusal> {
    let (_request, mut hold) = shared.request()?;
    *sends = true;
    let limits = &shared.limits;
    let gathered = body::gather(body, limits.max_body, limits, &mut hold).await;
    let body = gathered.map_err(|cut| {
        *sends = !matches!(cut, Cut::TooSlow | Cut::Broken);
        work::cut(cut, &shared.rules)
    })?;
    let work = Work {
        wanted,
        body,
        start: 0,
        hold,
    };
    work.done(shared).await
}

fn filled(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static(encoding.content_type());
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

fn refused(encoding: Encoding, refusal: &Refusal) -> Answer {
    let body = reply::refused(encoding, refusal);
    let mut answer = filled(refusal.cause.status(), encoding, body);
    let headers = answer.headers_mut();
    if let Some((name, value)) = refusal.cause.header() {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(delay) = refusal.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(reply::seconds(delay)));
    }
    answer
}

/// The connection ends after this answer, since what the sender is still sending is not read.
fn leave(answer: &mut Answer, patience: &Patience) {
    patience.leave_unread();
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(CONNECTION, close);
}
