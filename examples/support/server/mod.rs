//! A scripted provider: real HTTP on loopback, recorded answers, faults by plan.

mod align;
mod anthropic;
mod asked;
mod connection;
mod fault;
mod handle;
mod headers;
mod ledger;
mod ollama;
mod openai;
mod pairing;
mod plan;
mod play;
mod refusal;
mod reply;
mod script;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use agent_primitives::{Clock, SystemClock};
use agent_resilience::{Sleep, TokioSleep};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::Recording;
use handle::Host;
use ledger::Ledger;

pub use fault::Fault;
pub use ledger::{Exchange, Progress, Tally};
pub use script::{Rule, Script, Target};

/// An HTTP server on 127.0.0.1 that plays the providers of a recorded session.
///
/// Each path speaks one vendor's format ([`Dialect::chat_path`](crate::Dialect::chat_path)),
/// plain and streamed, with that vendor's rate-limit headers and errors. The answer is the
/// recorded one that follows the conversation in the request; nothing is remembered between
/// requests but the numbers that the [`Script`] asks for, so equal requests get equal answers and
/// clients may come and go.
///
/// Refused like the vendors do: bodies over the limit, JSON of the wrong shape, tool calls without
/// results. Keys are not looked at.
///
/// Dropping it stops it: no new connections, silent and held answers end at once, others are
/// finished. It must be started inside a tokio runtime.
///
/// Tool arguments go out byte for byte, but for white space around them, and but for line breaks
/// between their tokens in an Ollama stream, where a line is a chunk.
///
/// ```
/// use support::{Dialect, Fault, Progress, Recording, Rule, Script, ScriptedProvider};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let script = Script::new([Rule::new(Fault::Overloaded).turn(2)]);
/// let server = ScriptedProvider::builder(Recording::sample()).script(script).start().await?;
/// assert!(server.url().starts_with("http://127.0.0.1:"));
/// assert_eq!(server.tally().chats, 0);
/// # Ok::<(), std::io::Error>(()) })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ScriptedProvider {
    address: SocketAddr,
    host: Arc<Host>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

/// Settings of a [`ScriptedProvider`] that is yet to start.
pub struct ScriptedProviderBuilder {
    recording: Recording,
    script: Script,
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    body_max: usize,
    connections_max: usize,
}

impl std::fmt::Debug for ScriptedProviderBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedProviderBuilder")
            .field("script", &self.script)
            .field("body_max", &self.body_max)
            .field("connections_max", &self.connections_max)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ScriptedProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedProvider")
            .field("address", &self.address)
            .field("tally", &self.tally())
            .finish_non_exhaustive()
    }
}

impl ScriptedProviderBuilder {
    /// The faults; none unless set.
    #[must_use]
    pub fn script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// Where the times in scripts and headers come from; the system unless set.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How the delays of a script pass; on the runtime's timer unless set.
    #[must_use]
    pub fn sleep(mut self, sleep: Arc<dyn Sleep>) -> Self {
        self.sleep = sleep;
        self
    }

    /// The largest request body in bytes; 32 MiB unless set. A larger one gets 413.
    #[must_use]
    pub const fn body_max(mut self, bytes: usize) -> Self {
        self.body_max = bytes;
        self
    }

    /// Connections served at the same time; 64 unless set, at least 1. Others wait.
    #[must_use]
    pub const fn connections_max(mut self, connections: usize) -> Self {
        self.connections_max = if connections == 0 { 1 } else { connections };
        self
    }

    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn start(self) -> io::Result<ScriptedProvider> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let stop = watch::Sender::new(false);
        let host = Arc::new(Host {
            recording: self.recording,
            ledger: Arc::new(Ledger::new(self.script)),
            start: self.clock.monotonic(),
            clock: self.clock,
            sleep: self.sleep,
            body_max: self.body_max,
            release: Notify::new(),
            stop: stop.subscribe(),
        });
        let serving = tokio::spawn(accept(listener, Arc::clone(&host), self.connections_max));
        Ok(ScriptedProvider {
            address,
            host,
            stop,
            serving,
        })
    }
}

impl ScriptedProvider {
    /// A server that answers from `recording`; start it with
    /// [`start`](ScriptedProviderBuilder::start).
    pub fn builder(recording: Recording) -> ScriptedProviderBuilder {
        ScriptedProviderBuilder {
            recording,
            script: Script::default(),
            clock: Arc::new(SystemClock),
            sleep: Arc::new(TokioSleep),
            body_max: 32 * 1024 * 1024,
            connections_max: 64,
        }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as the base of URLs, without a slash at the end; the same for every vendor.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has seen so far, in numbers.
    pub fn tally(&self) -> Tally {
        self.host.ledger.tally()
    }

    /// What it has seen so far, in order; the last 10 000 requests.
    pub fn log(&self) -> Vec<Exchange> {
        self.host.ledger.log()
    }

    /// Lets every held answer go on ([`Fault::Hold`]).
    pub fn release(&self) {
        self.host.release.notify_waiters();
    }

    /// Calls `tell` whenever the log changes, until the server is dropped.
    pub fn on_change(&self, tell: impl Fn() + Send + 'static) {
        let mut changes = self.host.ledger.changes();
        let mut stop = self.host.stop.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    sent = changes.changed() => if sent.is_err() { break },
                    _ = stop.wait_for(|stop| *stop) => break,
                }
                tell();
            }
        });
    }

    /// Waits until the log has an exchange that is `wanted`, and returns the first.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn until(&self, wanted: impl Fn(&Exchange) -> bool) -> Exchange {
        let mut changes = self.host.ledger.changes();
        loop {
            // Seen before looking: a change in between wakes the wait.
            changes.borrow_and_update();
            if let Some(found) = self.host.ledger.find(&wanted) {
                return found;
            }
            if changes.changed().await.is_err() {
                // The sender lives in `self`.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Stops it and waits until the last answer is finished.
    ///
    /// # Cancel safety
    /// Dropping the future stops the server without waiting.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // An error would mean that the task panicked; then it is over as well.
        let _ = (&mut self.serving).await;
    }
}

impl Drop for ScriptedProvider {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

async fn accept(listener: TcpListener, host: Arc<Host>, connections_max: usize) {
    let free = Arc::new(Semaphore::new(connections_max));
    let mut stop = host.stop.clone();
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let permit = Arc::clone(&free).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            Some(_) = connections.join_next() => continue,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        // A connection that was gone before it was accepted is no reason to stop.
        if let (Ok(permit), Ok((stream, _))) = (permit, accepted) {
            let (host, stop) = (Arc::clone(&host), host.stop.clone());
            connections.spawn(async move {
                connection::serve(stream, host, stop).await;
                drop(permit);
            });
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}
