//! What a writer knows of sessions: the table `session_tasks` and a bounded part of it in memory.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use agent_primitives::SessionId;
use rusqlite::{Connection, OptionalExtension};

use super::super::names::Numbers;
use super::NOBODY;
use crate::rollup::{SessionSoFar, Span, Standing};
use crate::{ProjectId, Record};

/// Most sessions in memory.
const CACHED: usize = 16_384;

#[derive(Debug, Default)]
pub(in super::super) struct Sessions {
    known: HashMap<(Option<ProjectId>, SessionId), Option<SessionSoFar>>,
}

impl Sessions {
    /// How a record stands to its session; what it adds to that is written.
    pub(in super::super) fn standing(
        &mut self,
        connection: &Connection,
        names: &mut Numbers,
        record: &Record,
    ) -> rusqlite::Result<Standing> {
        let Some(session) = &record.session else {
            return Ok(Standing::default());
        };
        if self.known.len() >= CACHED {
            self.known.clear();
        }
        let key = (record.project.clone(), session.clone());
        let mut number = |name| names.of(connection, name);
        let known = match self.known.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(stored(
                connection,
                number(session.as_str())?,
                match &record.project {
                    Some(project) => number(project.as_str())?,
                    None => NOBODY,
                },
            )?),
        };
        let (standing, learnt) = SessionSoFar::learn(known, record);
        if learnt {
            let project = record.project.as_ref();
            let task_type = known.as_ref().and_then(|it| it.task_type.as_deref());
            connection
                .prepare_cached(
                    "INSERT INTO session_tasks VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET task_type = excluded.task_type",
                )?
                .execute((
                    number(session.as_str())?,
                    project.map_or(Ok(NOBODY), |project| number(project.as_str()))?,
                    task_type.map_or(Ok(NOBODY), &mut number)?,
                    Span::Minute.start(record.at),
                ))?;
        }
        Ok(standing)
    }

    /// After a rollback, or when another process has written.
    pub(in super::super) fn forget(&mut self) {
        self.known.clear();
    }
}

fn stored(
    connection: &Connection,
    session: i64,
    project: i64,
) -> rusqlite::Result<Option<SessionSoFar>> {
    connection
        .prepare_cached(
            "SELECT n.name FROM session_tasks t LEFT JOIN names n ON n.id = t.task_type
             WHERE t.session = ?1 AND t.project = ?2",
        )?
        .query_row((session, project), |row| {
            let task_type: Option<String> = row.get(0)?;
            Ok(SessionSoFar {
                task_type: task_type.map(Cow::Owned),
            })
        })
        .optional()
}
