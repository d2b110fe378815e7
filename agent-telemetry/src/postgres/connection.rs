//! One connection to the server, usable from any thread, within a runtime or without one.

use std::collections::HashMap;
use std::fmt;
use std::thread;

use postgres::{Client, NoTls, Statement, Transaction};

use super::config::Target;
use super::error::Fault;

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    Read,
}

/// A client and the statements that it has prepared.
pub(super) struct Connection {
    /// `None` only while it is dropped.
    client: Option<Client>,
    statements: Statements,
}

impl Connection {
    pub(super) fn open(target: &Target, access: Access) -> Result<Self, Fault> {
        let mut client = target.config.connect(NoTls)?;
        let encoding: String = client.query_one("SHOW server_encoding", &[])?.try_get(0)?;
        if encoding != "UTF8" {
            return Err(Fault::Encoding(encoding));
        }
        // How long readers may take is the server's business. A batch that is broken off would be offered for ever.
        let (read_only, statement_timeout) = match access {
            Access::Read => ("on", ""),
            Access::Write => ("off", "SET statement_timeout = 0;"),
        };
        // A writer that stands still holds up the others for no more than a minute.
        client.batch_execute(&format!(
            "SET search_path TO {};
             SET lock_timeout = {};
             {statement_timeout}
             SET idle_in_transaction_session_timeout = '60s';
             SET default_transaction_isolation = 'read committed';
             SET default_transaction_read_only = {read_only}",
            quoted(&target.schema),
            target.lock_timeout_ms,
        ))?;
        Ok(Self {
            client: Some(client),
            statements: Statements::default(),
        })
    }

    pub(super) fn client(&mut self) -> Result<(&mut Client, &mut Statements), Fault> {
        let client = self.client.as_mut();
        let client = client.ok_or_else(|| Fault::nonsense("no connection"))?;
        Ok((client, &mut self.statements))
    }

    pub(super) fn begin(&mut self) -> Result<(Transaction<'_>, &mut Statements), Fault> {
        let client = self.client.as_mut();
        let client = client.ok_or_else(|| Fault::nonsense("no connection"))?;
        Ok((client.transaction()?, &mut self.statements))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.as_ref().is_none_or(Client::is_closed)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let client = self.client.take();
        // Nothing is left to be told to anyone when that fails.
        drop(aside(move || drop(client)));
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// Statements that are prepared once for a connection, by their text.
#[derive(Default)]
pub(super) struct Statements(HashMap<String, Statement>);

impl Statements {
    pub(super) fn of(
        &mut self,
        client: &mut impl postgres::GenericClient,
        text: &str,
    ) -> Result<Statement, Fault> {
        if let Some(statement) = self.0.get(text) {
            return Ok(statement.clone());
        }
        let statement = client.prepare(text)?;
        self.0.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// A name as it is written in SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Does something that waits for the server. The client drives a runtime of its own, which must not
/// happen within another one, and so is done by another thread there.
pub(super) fn aside<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Fault> {
    if tokio::runtime::Handle::try_current().is_err() {
        return Ok(work());
    }
    thread::scope(|scope| {
        let worker = thread::Builder::new().name("telemetry-postgres".to_owned());
        let worker = worker.spawn_scoped(scope, work).map_err(Fault::Thread)?;
        worker
            .join()
            .map_or_else(|panic| std::panic::resume_unwind(panic), Ok)
    })
}
