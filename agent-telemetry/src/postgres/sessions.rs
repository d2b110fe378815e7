//! What a writer knows of sessions: the table `session_tasks` and a bounded part of it in memory.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use agent_primitives::SessionId;
use postgres::Transaction;

use super::cell::{Cell, unescaped};
use super::connection::Statements;
use super::error::Fault;
use super::names::Numbers;
use super::rolled::or_nobody;
use crate::rollup::{SessionSoFar, Span, Standing};
use crate::{ProjectId, Record};

/// About how many sessions are in memory.
const CACHED: usize = 16_384;

type Key = (Option<ProjectId>, SessionId);

#[derive(Debug, Default)]
pub(super) struct Sessions {
    known: HashMap<Key, Option<SessionSoFar>>,
    /// What the batch adds, with the time of its first mark.
    learnt: BTreeMap<Key, i64>,
}

impl Sessions {
    /// Reads what is not known of the sessions of a batch, whose names have numbers.
    pub(super) fn look_up(
        &mut self,
        transaction: &mut Transaction<'_>,
        statements: &mut Statements,
        numbers: &Numbers,
        batch: &[Record],
    ) -> Result<(), Fault> {
        if self.known.len() >= CACHED {
            self.known.clear();
        }
        self.learnt.clear();
        let (mut unknown, mut sessions, mut projects) = (Vec::new(), Vec::new(), Vec::new());
        for record in batch {
            let Some(session) = &record.session else {
                continue;
            };
            let key = (record.project.clone(), session.clone());
            if self.known.contains_key(&key) {
                continue;
            }
            sessions.push(numbers.of(session.as_str())?);
            projects.push(number(numbers, key.0.as_ref())?);
            self.known.insert(key.clone(), None);
            unknown.push(key);
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let select = statements.of(
            transaction,
            "SELECT w.place, n.name
             FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS w(session, project, place)
             JOIN session_tasks t ON t.session = w.session AND t.project = w.project
             LEFT JOIN names n ON n.id = t.task_type",
        )?;
        for row in transaction.query(&select, &[&sessions, &projects])? {
            let place: i64 = row.try_get(0)?;
            let place = usize::try_from(place).unwrap_or(0).checked_sub(1);
            let key = place.and_then(|place| unknown.get(place));
            let key = key.ok_or_else(|| Fault::nonsense("an answer without a question"))?;
            let task_type: Option<String> = row.try_get(1)?;
            let so_far = SessionSoFar {
                task_type: task_type.map(unescaped).map(Cow::Owned),
            };
            self.known.insert(key.clone(), Some(so_far));
        }
        Ok(())
    }

    /// How a record of the batch stands to its session.
    pub(super) fn standing(&mut self, record: &Record) -> Standing {
        let Some(session) = &record.session else {
            return Standing::default();
        };
        let key = (record.project.clone(), session.clone());
        let known = self.known.entry(key.clone()).or_default();
        let (standing, learnt) = SessionSoFar::learn(known, record);
        if learnt {
            self.learnt
                .entry(key)
                .or_insert_with(|| Span::Minute.start(record.at));
        }
        standing
    }

    /// Writes what the batch has added.
    pub(super) fn write(
        &mut self,
        transaction: &mut Transaction<'_>,
        statements: &mut Statements,
        numbers: &Numbers,
    ) -> Result<(), Fault> {
        if self.learnt.is_empty() {
            return Ok(());
        }
        let mut columns: [Vec<i64>; 4] = Default::default();
        for (key, began) in &self.learnt {
            let known = self.known.get(key).and_then(Option::as_ref);
            let task_type = known.and_then(|it| it.task_type.as_ref());
            let row = [
                numbers.of(key.1.as_str())?,
                number(numbers, key.0.as_ref())?,
                number(numbers, task_type)?,
                *began,
            ];
            for (column, cell) in columns.iter_mut().zip(row) {
                column.push(cell);
            }
        }
        let insert = statements.of(
            transaction,
            "INSERT INTO session_tasks (session, project, task_type, began)
             SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
             ON CONFLICT (session, project) DO UPDATE SET task_type = excluded.task_type",
        )?;
        let [sessions, projects, task_types, began] = &columns;
        transaction.execute(&insert, &[sessions, projects, task_types, began])?;
        self.learnt.clear();
        Ok(())
    }

    /// After a rollback, or when another process has written.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.learnt.clear();
    }
}

fn number(numbers: &Numbers, name: Option<&impl AsRef<str>>) -> Result<i64, Fault> {
    match or_nobody(name.map(AsRef::as_ref)).numbered(numbers)? {
        Cell::Int(number) => Ok(number),
        other => Err(Fault::nonsense(format_args!("{other:?} for a number"))),
    }
}
