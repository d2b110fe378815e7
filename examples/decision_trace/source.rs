//! Where records come from, and which sessions there are.

use std::collections::{HashMap, HashSet};
use std::error::Error;

use agent_primitives::SessionId;
use agent_telemetry::{Body, JsonlStore, Record, SqliteStore};

use crate::options::Source;

/// Sessions from which others begin, one below the other, that are followed.
const DEPTH: usize = 16;
/// Records of a run that are held.
const RECORDS: usize = 1_000_000;
/// Names that are listed where one is wrong.
const NAMES: usize = 8;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// The sessions of the records, in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    order: Vec<SessionId>,
    parents: HashMap<SessionId, Option<SessionId>>,
}

impl Sessions {
    pub(crate) fn add(&mut self, record: &Record) {
        let Some(session) = &record.session else {
            return;
        };
        if !self.parents.contains_key(session) {
            self.order.push(session.clone());
            self.parents.insert(session.clone(), None);
        }
        if let Body::SessionStart(task) | Body::SessionResume(task) = &record.body
            && let Some(parent) = &task.parent
            && parent.session != *session
        {
            self.parents
                .insert(session.clone(), Some(parent.session.clone()));
        }
    }

    /// The latest that was not begun from another one.
    pub(crate) fn latest(&self) -> Option<SessionId> {
        let is_own = |it: &&SessionId| matches!(self.parents.get(*it), Some(None));
        self.order.iter().rfind(is_own).cloned()
    }

    pub(crate) fn knows(&self, session: &SessionId) -> bool {
        self.parents.contains_key(session)
    }

    /// The session, and those that were begun from it.
    pub(crate) fn family(&self, of: &SessionId) -> HashSet<SessionId> {
        let mut family = HashSet::from([of.clone()]);
        for _ in 0..DEPTH {
            let children = self.parents.iter().filter(|(_, parent)| {
                let parent = parent.as_ref();
                parent.is_some_and(|parent| family.contains(parent))
            });
            let children: Vec<_> = children.map(|(child, _)| child.clone()).collect();
            family.extend(children);
        }
        family
    }

    /// How many sessions stand above this one.
    pub(crate) fn depth(&self, of: &SessionId) -> usize {
        let (mut depth, mut session) = (0, of);
        while let Some(Some(parent)) = self.parents.get(session)
            && depth < DEPTH
        {
            (depth, session) = (depth + 1, parent);
        }
        depth
    }

    /// The names of the latest.
    pub(crate) fn some(&self) -> String {
        let names = self.order.iter().rev().take(NAMES);
        let mut names: Vec<&str> = names.map(SessionId::as_str).collect();
        if self.order.len() > NAMES {
            names.push("…");
        }
        if names.is_empty() {
            return "none".to_owned();
        }
        names.join(", ")
    }
}

pub(crate) fn sessions(source: &Source) -> Fallible<Sessions> {
    let mut sessions = Sessions::default();
    each(source, |record| {
        sessions.add(&record);
        true
    })?;
    Ok(sessions)
}

/// The records of these sessions, in the order of recording.
pub(crate) fn records(source: &Source, family: &HashSet<SessionId>) -> Fallible<Vec<Record>> {
    let mut records = Vec::new();
    each(source, |record| {
        if record
            .session
            .as_ref()
            .is_some_and(|it| family.contains(it))
        {
            records.push(record);
        }
        records.len() < RECORDS
    })?;
    Ok(records)
}

/// Hands out all records, while they are wanted.
fn each(source: &Source, mut take: impl FnMut(Record) -> bool) -> Fallible<()> {
    match source {
        Source::Database(path) => {
            for record in SqliteStore::open_read_only(path)?.records() {
                if !take(record?) {
                    break;
                }
            }
        }
        Source::Lines(path) => {
            for record in JsonlStore::open(path)?.records() {
                if !take(record?) {
                    break;
                }
            }
        }
    }
    Ok(())
}
