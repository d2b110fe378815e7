//! One TCP connection that can be reset from inside.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::handle::{self, Host};

/// A connection was ended on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the connection was ended on purpose")]
pub(super) struct Severed;

/// A wish to end a connection with a reset instead of an orderly end.
#[derive(Debug, Clone, Default)]
pub(super) struct ResetOnClose(Arc<AtomicBool>);

impl ResetOnClose {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A stream that keeps that wish.
struct Socket {
    stream: TcpStream,
    reset: ResetOnClose,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.0.load(Ordering::Acquire) {
            // With a linger time of zero the kernel answers the close with RST. Should setting it
            // fail, the client still sees the connection end without an answer.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Serves requests until the client leaves, a fault ends the connection, or the server stops:
/// then the answer that is under way is finished first.
pub(super) async fn serve(stream: TcpStream, host: Arc<Host>, mut stop: watch::Receiver<bool>) {
    let reset = ResetOnClose::default();
    // Small events must not wait for each other.
    let _ = stream.set_nodelay(true);
    let socket = Socket {
        stream,
        reset: reset.clone(),
    };
    let service = service_fn(|request| handle::respond(Arc::clone(&host), reset.clone(), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // An error here is a client that went away or a fault of the script; the ledger has it.
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
