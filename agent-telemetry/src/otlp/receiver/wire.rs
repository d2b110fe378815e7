//! A connection that tells what it is at.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::patience::Patience;

const SCRATCH: usize = 8 * 1024;

#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    patience: Arc<Patience>,
    said_all: bool,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, patience: Arc<Patience>) -> Self {
        // An answer is one small write, so there is nothing to wait for.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            patience,
            said_all: false,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        if into.filled().len() > before {
            self.patience.received(Instant::now());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.patience.written(Instant::now());
        Poll::Ready(Ok(()))
    }

    /// Says that nothing more comes, and then throws away what the sender is still sending: a connection that ends
    /// with bytes unread takes from the sender the answer that it has not read yet.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.said_all {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.said_all = true;
        }
        if !self.patience.lingers(Instant::now()) {
            return Poll::Ready(Ok(()));
        }
        // Whoever drives the connection ends it after some time, however much comes.
        let mut scratch = [0; SCRATCH];
        loop {
            let mut into = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut into))?;
            if into.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
