//! The thread of the server: accepting, and stopping.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::budget::Budget;
#[cfg(feature = "otlp-grpc")]
use super::grpc;
use super::http1;
use super::intake::Encoding;
use super::patience::Patience;
use super::refusal::Refusal;
use super::reply;
use super::shared::Shared;
use super::wire::Wire;

/// Threads beside that of the server, for large bodies.
const WORKERS: usize = 2;
/// Connections beyond the limit that are told so before they end; those beyond that just end.
const TURNED_AWAY: usize = 64;
const AWAY_TIME: Duration = Duration::from_secs(1);
/// A wait after the system has failed to hand over a connection, which it may do without end.
const BREATH: Duration = Duration::from_millis(50);
/// What is listened on.
pub(super) struct Listening {
    pub(super) http: std::net::TcpListener,
    #[cfg(feature = "otlp-grpc")]
    pub(super) grpc: Option<std::net::TcpListener>,
}

/// How the server ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopped {
    /// Connections that were cut off.
    pub(super) cut_off: usize,
    /// Whether the intake stored everything.
    pub(super) flushed: bool,
}

/// How long to take for stopping.
pub(super) type StopWithin = Duration;

pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(WORKERS)
        .thread_name("agent-otlp-work")
        .build()
}

/// Serves until it is told to stop, or whoever could tell is gone.
pub(super) fn run(
    runtime: Runtime,
    listening: Listening,
    shared: &Arc<Shared>,
    stop: oneshot::Receiver<StopWithin>,
    stopped: &mpsc::Sender<Stopped>,
) {
    let (deadline, cut_off) = runtime.block_on(async {
        let accepting = accept_all(listening, shared);
        let within = stop.await.unwrap_or_default();
        let now = Instant::now();
        for task in accepting {
            task.abort();
            let _ = task.await;
        }
        shared.stopping.send_replace(true);
        // A quarter of the time is the intake's.
        let (last, deadline) = (now.checked_add(within / 4 * 3), now.checked_add(within));
        let mut open = shared.open.subscribe();
        let all_ended = open.wait_for(|open| *open == 0);
        let _ = match last {
            Some(last) => timeout_at(last, all_ended).await.is_ok(),
            None => all_ended.await.is_ok(),
        };
        (deadline, *shared.open.borrow())
    });
    let left = || match deadline {
        Some(deadline) => deadline.saturating_duration_since(Instant::now()),
        None => Duration::MAX,
    };
    runtime.shutdown_timeout(left() / 2);
    let flushed = shared.intake.flush(left());
    // Nobody may be waiting any more.
    let _ = stopped.send(Stopped { cut_off, flushed });
}

fn accept_all(listening: Listening, shared: &Arc<Shared>) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    // A socket that is bound fails at this where there is no runtime, and there is one.
    if let Ok(listener) = TcpListener::from_std(listening.http) {
        let away = Budget::new(TURNED_AWAY);
        let serve = move |stream, shared: &Arc<Shared>| match shared.place() {
            Some(place) => {
                tokio::spawn(http1::serve(stream, Arc::clone(shared), place));
            }
            None => turn_away(stream, &away),
        };
        tasks.push(tokio::spawn(accept(listener, Arc::clone(shared), serve)));
    }
    #[cfg(feature = "otlp-grpc")]
    if let Some(Ok(listener)) = listening.grpc.map(TcpListener::from_std) {
        let serve = |stream, shared: &Arc<Shared>| {
            if let Some(place) = shared.place() {
                tokio::spawn(grpc::serve(stream, Arc::clone(shared), place));
            }
        };
        tasks.push(tokio::spawn(accept(listener, Arc::clone(shared), serve)));
    }
    tasks
}

/// Hands over one connection after the other.
async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    serve: impl Fn(TcpStream, &Arc<Shared>),
) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            serve(stream, &shared);
        } else {
            shared.counters.accept_errors.add(1);
            sleep(BREATH).await;
        }
    }
}

/// What is told to a connection too many, whatever it asks.
fn full() -> Vec<u8> {
    let refusal = Refusal::full("too many connections are open");
    let body = reply::refused(Encoding::Json, &refusal);
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         retry-after: 1\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// Tells a sender that there is no place for it, where not too many are being told so.
fn turn_away(stream: TcpStream, away: &Arc<Budget>) {
    let Some(hold) = away.hold(1) else { return };
    tokio::spawn(async move {
        let said = async {
            stream.writable().await?;
            stream.try_write(&full())?;
            // A new connection waits for a head, so it lingers.
            let patience = Arc::new(Patience::http1(Instant::now()));
            let mut wire = std::pin::pin!(Wire::new(stream, patience));
            std::future::poll_fn(|cx| wire.as_mut().poll_shutdown(cx)).await
        };
        let _ = timeout(AWAY_TIME, said).await;
        drop(hold);
    });
}
