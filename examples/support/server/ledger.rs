//! What the server has seen: numbers, counts and a log that tests can wait on.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::fault::Fault;
use super::script::{Arrival, RunningScript, Script, Target};
use crate::Dialect;

// Far above what a test or an example sends; older exchanges are forgotten and counted.
const LOG_MAX: usize = 10_000;

/// How far the answer to a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The request has been read, the answer is on its way.
    Received,
    /// The answer has stopped, as the script wants it.
    Held,
    /// The whole answer was handed to the connection.
    Answered,
    /// An error was answered.
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// The answer was spoiled, as the script wants it.
    Broken,
    /// The client went away before the answer was complete.
    Abandoned,
}

/// One request and what became of it.
///
/// ```
/// use agent_resilience::Provider;
/// use support::{Dialect, Fault, HttpProvider, Progress, Recording, Rule, Script};
/// use support::{ScriptedProvider, Target};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let script = Script::new([Rule::new(Fault::Overloaded).target(Target::Probe)]);
/// let server = ScriptedProvider::builder(Recording::sample()).script(script).start().await?;
/// let claude = HttpProvider::new("claude".parse()?, Dialect::Anthropic, &server.url())?;
/// assert!(claude.probe().await.is_some_and(|outcome| outcome.is_err()));
/// let log = server.log();
/// assert_eq!(log[0].fault, Some(Fault::Overloaded));
/// assert_eq!(log[0].progress, Progress::Refused { status: 529 });
/// assert_eq!(server.tally().refused, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// The number among the conversations, or among the probes; the first is 1.
    pub request: u64,
    /// Which kind of request.
    pub target: Target,
    /// The format spoken; `None` for a path that no vendor has.
    pub dialect: Option<Dialect>,
    /// The turn of the recording that was asked for; `None` when the request is in no recording.
    pub turn: Option<usize>,
    /// The attempt at this turn; the first is 1.
    pub attempt: u32,
    /// Estimated size of the conversation.
    pub tokens: u64,
    /// Whether a streamed answer was asked for.
    pub streamed: bool,
    /// The fault that it met.
    pub fault: Option<Fault>,
    /// What became of it.
    pub progress: Progress,
    /// When it came, counted from the start of the server.
    pub at: Duration,
}

/// How many requests came to which end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Conversations.
    pub chats: u64,
    /// Lists of models.
    pub probes: u64,
    /// Answered in full.
    pub answered: u64,
    /// Answered with an error.
    pub refused: u64,
    /// Spoiled as the script wants it.
    pub broken: u64,
    /// Left by the client.
    pub abandoned: u64,
    /// Exchanges that are no longer in the log.
    pub forgotten: u64,
}

/// The part of a request that the ledger notes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming {
    pub(super) target: Target,
    pub(super) dialect: Option<Dialect>,
    pub(super) turn: Option<usize>,
    pub(super) tokens: u64,
    pub(super) streamed: bool,
    pub(super) at: Duration,
    /// Whether the script is asked: requests that cannot be answered at all meet no fault.
    pub(super) scripted: bool,
}

#[derive(Debug)]
pub(super) struct Ledger {
    book: Mutex<Book>,
    /// Counts the changes of the book.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Book {
    script: RunningScript,
    attempts: HashMap<usize, u32>,
    log: VecDeque<Exchange>,
    tally: Tally,
}

impl Ledger {
    pub(super) fn new(script: Script) -> Self {
        Self {
            book: Mutex::new(Book {
                script: RunningScript::new(script),
                attempts: HashMap::new(),
                log: VecDeque::new(),
                tally: Tally::default(),
            }),
            changes: watch::Sender::new(0),
        }
    }

    /// Nothing panics while it holds the lock, so the book is whole even if it is poisoned.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tally(&self) -> Tally {
        self.book().tally
    }

    pub(super) fn log(&self) -> Vec<Exchange> {
        self.book().log.iter().cloned().collect()
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn find(&self, wanted: impl Fn(&Exchange) -> bool) -> Option<Exchange> {
        self.book().log.iter().find(|found| wanted(found)).cloned()
    }

    /// Notes a request, and what fault it meets.
    pub(super) fn receive(self: &Arc<Self>, incoming: Incoming) -> (Ticket, Option<Fault>) {
        let mut book = self.book();
        let count = match incoming.target {
            Target::Probe => &mut book.tally.probes,
            _ => &mut book.tally.chats,
        };
        *count += 1;
        let request = *count;
        let attempt = match incoming.turn {
            Some(turn) => {
                let attempts = book.attempts.entry(turn).or_insert(0);
                *attempts = attempts.saturating_add(1);
                *attempts
            }
            None => 1,
        };
        let arrival = Arrival {
            target: incoming.target,
            request,
            turn: incoming.turn,
            attempt,
            tokens: incoming.tokens,
            since_start: incoming.at,
        };
        let fault = if incoming.scripted {
            book.script.decide(&arrival)
        } else {
            None
        };
        if book.log.len() == LOG_MAX {
            book.log.pop_front();
            book.tally.forgotten += 1;
        }
        let serial = book.tally.forgotten + book.log.len() as u64;
        book.log.push_back(Exchange {
            request,
            target: incoming.target,
            dialect: incoming.dialect,
            turn: incoming.turn,
            attempt,
            tokens: incoming.tokens,
            streamed: incoming.streamed,
            fault: fault.clone(),
            progress: Progress::Received,
            at: incoming.at,
        });
        drop(book);
        self.announce();
        let ticket = Ticket {
            ledger: Arc::clone(self),
            serial,
            request,
            settled: false,
        };
        (ticket, fault)
    }

    fn note(&self, serial: u64, progress: Progress) {
        let mut book = self.book();
        match progress {
            Progress::Received | Progress::Held => {}
            Progress::Answered => book.tally.answered += 1,
            Progress::Refused { .. } => book.tally.refused += 1,
            Progress::Broken => book.tally.broken += 1,
            Progress::Abandoned => book.tally.abandoned += 1,
        }
        let index = serial
            .checked_sub(book.tally.forgotten)
            .and_then(|index| usize::try_from(index).ok());
        if let Some(exchange) = index.and_then(|index| book.log.get_mut(index)) {
            exchange.progress = progress;
        }
        drop(book);
        self.announce();
    }

    /// After the lock is released: a waiting test reads the book.
    fn announce(&self) {
        self.changes
            .send_modify(|changes| *changes = changes.wrapping_add(1));
    }
}

/// The right to say what became of one request; dropping it says that the client went away.
#[derive(Debug)]
pub(super) struct Ticket {
    ledger: Arc<Ledger>,
    serial: u64,
    pub(super) request: u64,
    settled: bool,
}

impl Ticket {
    pub(super) fn held(&self) {
        self.ledger.note(self.serial, Progress::Held);
    }

    pub(super) fn resumed(&self) {
        self.ledger.note(self.serial, Progress::Received);
    }

    /// The end of the request; a second one is not noted.
    pub(super) fn settle(&mut self, progress: Progress) {
        if !self.settled {
            self.settled = true;
            self.ledger.note(self.serial, progress);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.settle(Progress::Abandoned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(turn: usize) -> Incoming {
        Incoming {
            target: Target::Chat,
            dialect: Some(Dialect::OpenAi),
            turn: Some(turn),
            tokens: 1,
            streamed: false,
            at: Duration::ZERO,
            scripted: true,
        }
    }

    #[test]
    fn attempts_are_counted_for_each_turn() {
        let ledger = Arc::new(Ledger::new(Script::default()));
        for turn in [1, 2, 1] {
            ledger.receive(incoming(turn)).0.settle(Progress::Answered);
        }
        let seen: Vec<_> = ledger
            .log()
            .iter()
            .map(|exchange| (exchange.request, exchange.turn, exchange.attempt))
            .collect();
        assert_eq!(seen, [(1, Some(1), 1), (2, Some(2), 1), (3, Some(1), 2)]);
    }

    #[test]
    fn a_dropped_ticket_is_an_abandoned_request() {
        let ledger = Arc::new(Ledger::new(Script::default()));
        drop(ledger.receive(incoming(1)));
        assert_eq!(ledger.tally().abandoned, 1);
        assert_eq!(ledger.log()[0].progress, Progress::Abandoned);
    }

    #[test]
    fn a_full_log_forgets_the_oldest_and_counts_it() {
        let ledger = Arc::new(Ledger::new(Script::default()));
        let (mut first, _) = ledger.receive(incoming(1));
        for _ in 0..LOG_MAX {
            ledger.receive(incoming(2)).0.settle(Progress::Answered);
        }
        first.settle(Progress::Broken);
        let tally = ledger.tally();
        assert_eq!((tally.forgotten, tally.broken), (1, 1));
        let log = ledger.log();
        assert_eq!((log.len(), log[0].request), (LOG_MAX, 2));
        assert!(log.iter().all(|one| one.progress == Progress::Answered));
    }
}
