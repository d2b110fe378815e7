//! The thread that sends what waits on disk.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::delivery::Delivery;
use super::queue::Queue;
use super::request::Request;

/// How long the thread goes on sending once the sink is dropped, as long as the server takes what it is sent.
const CLOSING: Duration = Duration::from_secs(5);

/// A queue on disk, and the thread that empties it.
#[derive(Debug)]
pub(super) struct Drain {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    /// Until when the thread may go on, once it is to end.
    end: Option<Instant>,
}

impl Drain {
    pub(super) fn start(queue: Queue, delivery: Delivery) -> io::Result<Self> {
        let state = Mutex::new(State { queue, end: None });
        let shared = Arc::new(Shared {
            state,
            wake: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("agent-otlp".to_owned())
            .spawn(move || theirs.run(delivery))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Puts all on disk, in order, and takes out what is there.
    pub(super) fn push(&self, requests: &mut VecDeque<Request>) -> io::Result<()> {
        let mut state = self.shared.lock();
        while let Some(request) = requests.front() {
            state.queue.push(request)?;
            requests.pop_front();
            self.shared.wake.notify_all();
        }
        Ok(())
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.shared.lock().end = Instant::now().checked_add(CLOSING);
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut delivery: Delivery) {
        while let Some((number, request)) = self.next() {
            match delivery.attempt(&request) {
                None => self.lock().queue.settle(number),
                Some(delay) => {
                    if !self.pause(delay) {
                        return;
                    }
                }
            }
        }
    }

    /// Waits for a request; `None` when the thread is to end.
    fn next(&self) -> Option<(u64, Request)> {
        let mut state = self.lock();
        loop {
            if state.end.is_some_and(|end| Instant::now() >= end) {
                return None;
            }
            if let Some(first) = state.queue.first() {
                return Some(first);
            }
            if state.end.is_some() {
                return None;
            }
            let waited = self.wake.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for so long; `false` when the thread is to end. What waits stays on disk then.
    fn pause(&self, delay: Duration) -> bool {
        let until = Instant::now().checked_add(delay);
        let mut state = self.lock();
        while state.end.is_none() {
            let left = until.map(|it| it.saturating_duration_since(Instant::now()));
            let Some(left) = left.filter(|it| !it.is_zero()) else {
                return true;
            };
            let waited = self.wake.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }
}
