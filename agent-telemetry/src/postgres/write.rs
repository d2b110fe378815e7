//! The sink that stores batches in a Postgres database.

use std::fmt;
use std::sync::Arc;

use agent_primitives::{Clock, SystemClock};

use super::batch::{Account, Database, Refusal};
use super::config::Target;
use super::connection::aside;
use super::error::Fault;
use super::{PostgresConfig, PostgresError};
use crate::store::{Pruned, Retention};
use crate::{Mark, Record, Sink, SinkError, UserKey};

/// Stores records in a Postgres database, one transaction a batch.
///
/// What is stored has been committed: it survives what the server is set to survive
/// (`synchronous_commit`). Any number of processes may write to one schema, each with its own sink; they
/// take turns, a batch each. The tables are made by the first one that connects.
///
/// When the server goes away, the batch is refused with [`PostgresError::is_unreachable`] and offered
/// again by the recorder, and the sink connects anew. A batch whose commit was not answered is not stored
/// twice: the database counts what each sink has stored.
///
/// A machine that vanishes without a word is noticed after about a minute. A server that is there and
/// stands still is waited for: recording goes on meanwhile, up to the bound of the queue.
///
/// May be used within an async runtime; calls wait for the server and so block the thread.
///
/// ```no_run
/// use agent_primitives::{AgentId, SessionId};
/// use agent_telemetry::{Outcome, PostgresSink, PostgresStore, SessionStart, Telemetry};
///
/// let server = "host=/run/postgresql dbname=work";
/// let telemetry = Telemetry::builder(PostgresSink::connect(server)?).start()?;
/// let start = SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?);
/// telemetry.session(start).end(Outcome::Success);
/// drop(telemetry);
///
/// let stats = PostgresStore::connect(server)?.stats()?;
/// assert_eq!(stats.outcomes.success, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PostgresSink {
    /// `None` until the server can be reached again.
    database: Option<Database>,
    target: Target,
    account: Account,
    retention: Retention,
    clock: Arc<dyn Clock>,
    removed_marks: u64,
}

/// How often a batch is tried that the server has undone for the sake of another transaction.
const TRIES: u32 = 5;

impl PostgresSink {
    /// Connects, creates what the schema lacks, and brings an older one up to date.
    ///
    /// # Errors
    /// [`PostgresError`] when the configuration cannot be understood or asks for TLS, the server cannot
    /// be reached or does not admit the user, or the schema belongs to something else or was made by
    /// a newer version. Nothing is changed then.
    pub fn connect(config: impl Into<PostgresConfig>) -> Result<Self, PostgresError> {
        let mut sink = Self {
            database: None,
            target: Target::of(&config.into())?,
            account: Account {
                writer: writer(),
                stored: 0,
                in_doubt: Vec::new(),
            },
            retention: Retention::default(),
            clock: Arc::new(SystemClock),
            removed_marks: 0,
        };
        sink.ask(|_| Ok(()))?;
        Ok(sink)
    }

    /// Sets how long what is kept; [`Retention::default`] unless set.
    ///
    /// ```no_run
    /// use agent_telemetry::{PostgresSink, Retention};
    ///
    /// let sink = PostgresSink::connect("host=localhost dbname=work")?.retention(Retention::FOREVER);
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    #[must_use]
    pub const fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Sets what says which times lie in the future; the system's clock unless set.
    ///
    /// ```no_run
    /// use agent_primitives::SystemClock;
    /// use agent_telemetry::PostgresSink;
    ///
    /// let sink = PostgresSink::connect("host=localhost dbname=work")?.clock(SystemClock);
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Removes now what the retention allows, all of it, in many short transactions. The writer does
    /// the same by itself, a step after each batch, once a day.
    ///
    /// ```no_run
    /// use agent_telemetry::PostgresSink;
    ///
    /// let pruned = PostgresSink::connect("host=localhost dbname=work")?.prune()?;
    /// assert!(pruned.done);
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    ///
    /// # Errors
    /// [`PostgresError`] when a step could not be done; those before it stay done.
    pub fn prune(&mut self) -> Result<Pruned, PostgresError> {
        let (now, retention) = (self.clock.timestamp(), self.retention);
        let pruned = self.ask(|database| database.prune(&retention, now))?;
        self.removed_marks = self.removed_marks.saturating_add(pruned.marks);
        Ok(pruned)
    }

    /// How many marks were removed since the sink was made: those of which nothing had come for longer than
    /// [`Retention::marks`], and the oldest beyond 262 144.
    ///
    /// ```no_run
    /// use agent_telemetry::PostgresSink;
    ///
    /// assert_eq!(PostgresSink::connect("host=localhost dbname=work")?.removed_marks(), 0);
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    pub const fn removed_marks(&self) -> u64 {
        self.removed_marks
    }

    /// Does something with the database, which is connected to where it is not. After an error the
    /// connection is given up, whatever state it was in.
    fn ask<T: Send>(
        &mut self,
        work: impl FnOnce(&mut Database) -> Result<T, Fault> + Send,
    ) -> Result<T, PostgresError> {
        let (database, target) = (&mut self.database, &self.target);
        let answer = aside(|| {
            if database.as_ref().is_some_and(Database::is_closed) {
                *database = None;
            }
            let open = match database {
                Some(open) => open,
                None => database.insert(Database::open(target)?),
            };
            let answer = work(open);
            if answer.is_err() {
                *database = None;
            }
            answer
        });
        answer
            .and_then(|answer| answer)
            .map_err(|fault| PostgresError::fault(&self.target.address, fault))
    }

    fn store(&mut self, batch: &[Record]) -> Result<(), PostgresError> {
        let now = self.clock.timestamp();
        let mut account = std::mem::replace(
            &mut self.account,
            Account {
                writer: String::new(),
                stored: 0,
                in_doubt: Vec::new(),
            },
        );
        let stored = self.ask(|database| {
            let mut tries = 1;
            loop {
                let Err(Refusal { fault, in_doubt }) = database.store(batch, &mut account, now)
                else {
                    return Ok(());
                };
                if in_doubt {
                    account.in_doubt = batch.to_vec();
                }
                if tries >= TRIES || !fault.is_conflict() {
                    return Err(fault);
                }
                tries += 1;
                database.forget();
            }
        });
        self.account = account;
        stored
    }

    /// The batch is stored already: that removing fails is said, and is no error of the write.
    fn prune_a_step(&mut self) {
        let (now, retention) = (self.clock.timestamp(), self.retention);
        match self.ask(|database| database.prune_a_step(&retention, now)) {
            Ok(marks) => self.removed_marks = self.removed_marks.saturating_add(marks),
            Err(error) => tracing::warn!(
                target: "agent_telemetry",
                error = &error as &dyn std::error::Error,
                "old records could not be removed; it is tried again after the next batch"
            ),
        }
    }
}

/// 128 random bits.
fn writer() -> String {
    let bits = u128::from_be_bytes(UserKey::random().to_bytes());
    format!("{bits:032x}")
}

impl fmt::Debug for PostgresSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSink")
            .field("target", &self.target)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}

impl Sink for PostgresSink {
    /// The key is a row of the database; whoever may read the table has the key.
    fn user_key(&mut self) -> Result<UserKey, SinkError> {
        self.ask(Database::user_key).map_err(SinkError::new)
    }

    /// They are the rows of a table of their own.
    fn marks(&mut self) -> Result<Vec<Mark>, SinkError> {
        self.ask(Database::marks).map_err(SinkError::new)
    }

    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.store(batch).map_err(SinkError::new)?;
        self.prune_a_step();
        Ok(())
    }
}
