//! Requests over gRPC, which is HTTP/2 without TLS, on a port of its own.

mod answer;
mod frame;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::body;
use super::connection::{self, drive};
use super::intake::{Encoding, Signal};
use super::patience::Patience;
use super::refusal::{Cause, Refusal};
use super::reply;
use super::route::{Rules, Wanted};
use super::shared::{Place, Shared};
use super::site;
use super::work::{self, Work};
use answer::Said;
use frame::{PREFIX, Unframed};

/// Requests at a time on one connection.
const STREAMS: u32 = 64;
/// What a sender may send ahead of our reading, which no hold counts: of one request, and of a connection.
const STREAM_WINDOW: u32 = 128 * 1024;
const WINDOW: u32 = 256 * 1024;
const HEAD: u32 = 16 * 1024;
const WRITTEN: usize = 64 * 1024;
/// Requests that a sender may take back before they were begun: more is an attack, and ends the connection.
const TAKEN_BACK: usize = 20;
/// Requests that we may have to end for errors of the sender.
const WRONG: usize = 64;
/// How often a silent sender is asked whether it is there, and for how long an answer is waited for.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(10);
const PACKED: HeaderName = HeaderName::from_static("grpc-encoding");

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>, place: Place) {
    // An answer is one small write, so there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let patience = Arc::new(Patience::http2(Instant::now()));
    let (ours, theirs) = (Arc::clone(&shared), Arc::clone(&patience));
    let service = service_fn(move |request| {
        let (shared, patience) = (Arc::clone(&ours), Arc::clone(&theirs));
        async move {
            let _under_way = UnderWay::new(patience);
            Ok::<_, Infallible>(answer(&shared, request).await)
        }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(HEAD)
        .max_send_buf_size(WRITTEN)
        .max_pending_accept_reset_streams(TAKEN_BACK)
        .max_local_error_reset_streams(WRONG)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG)
        .serve_connection(TokioIo::new(stream), service);
    let stop = http2::Connection::graceful_shutdown;
    let ended = drive(connection, stop, &patience, &shared).await;
    connection::count(ended, &shared);
    drop(place);
}

/// A request that patience counts, also one that is taken back.
struct UnderWay(Arc<Patience>);

impl UnderWay {
    fn new(patience: Arc<Patience>) -> Self {
        patience.began(Instant::now());
        Self(patience)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.answered(Instant::now());
    }
}

async fn answer(shared: &Arc<Shared>, request: Request<Incoming>) -> Response<Said> {
    let (head, mut body) = request.into_parts();
    let signal = signal(head.uri.path());
    if head.method != Method::POST || !is_grpc(&head.headers) {
        shared.counters.answered(signal, 415);
        return answer::no_grpc();
    }
    let said = match plan(signal, &head.headers, &shared.rules) {
        Ok(wanted) => take(shared, wanted, &mut body).await,
        Err(refusal) => Err(refusal),
    };
    let (status, answer) = match said {
        Ok(message) => (200, answer::accepted(&message)),
        Err(refusal) => (refusal.cause.status().as_u16(), answer::refused(&refusal)),
    };
    shared.counters.answered(signal, status);
    answer
}

/// Which signal a method is for.
fn signal(path: &str) -> Option<Signal> {
    match path.strip_prefix("/opentelemetry.proto.collector.")? {
        "metrics.v1.MetricsService/Export" => Some(Signal::Metrics),
        "logs.v1.LogsService/Export" => Some(Signal::Logs),
        "trace.v1.TraceService/Export" => Some(Signal::Traces),
        _ => None,
    }
}

/// Whether it is gRPC with protobuf.
fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let kind = kind.and_then(|it| it.split(';').next()).unwrap_or_default();
    ["application/grpc", "application/grpc+proto"]
        .iter()
        .any(|it| kind.trim().eq_ignore_ascii_case(it))
}

/// What to take, told from the head alone; whether it is packed is told by the message.
fn plan(signal: Option<Signal>, headers: &HeaderMap, rules: &Rules) -> Result<Wanted, Refusal> {
    site::check_origin(headers)?;
    let signal = signal.ok_or_else(|| {
        let message = "there is no such method; what is taken goes to `Export` of the services for metrics, logs and traces";
        Refusal::new(Cause::NotImplemented, message)
    })?;
    if !rules.lets_in(headers) {
        return Err(Rules::no_token());
    }
    let gzip = match headers.get(PACKED).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => false,
        Some(b"gzip") => true,
        Some(_) => {
            let message = "the encoding is gzip or identity";
            return Err(Refusal::new(Cause::NotImplemented, message));
        }
    };
    let encoding = Encoding::Protobuf;
    Ok(Wanted {
        signal,
        encoding,
        gzip,
    })
}

/// Reads the message and hands it on; the message of the answer.
async fn take(
    shared: &Arc<Shared>,
    mut wanted: Wanted,
    body: &mut Incoming,
) -> Result<Vec<u8>, Refusal> {
    let (_request, mut hold) = shared.request()?;
    let max = shared.limits.max_body.saturating_add(PREFIX);
    let body = body::gather(body, max, &shared.limits, &mut hold)
        .await
        .map_err(|cut| work::cut(cut, &shared.rules))?;
    wanted.gzip = match (frame::unframe(&body), wanted.gzip) {
        (Ok(false), _) => false,
        (Ok(true), true) => true,
        (Ok(true), false) => {
            return Err(malformed("the message is packed, and it is not said how"));
        }
        (Err(Unframed::BadFlag), _) => {
            return Err(malformed("the message has a flag that is not known"));
        }
        (Err(Unframed::Broken), _) => {
            return Err(malformed("the request is not one whole message"));
        }
    };
    let work = Work {
        wanted,
        body,
        start: PREFIX,
        hold,
    };
    let accepted = work.done(shared).await?;
    Ok(reply::accepted(wanted.signal, wanted.encoding, &accepted))
}

fn malformed(message: &'static str) -> Refusal {
    Refusal::new(Cause::Malformed, message)
}
