//! What kind of work recent sessions are, for the records that do not say it.

use std::collections::HashMap;
use std::mem;

use agent_primitives::SessionId;

use crate::rollup::{SessionSoFar, Standing};
use crate::{ProjectId, Record};

/// Sessions of a generation. There are two, so that no less than these and no more than twice as many are known.
const GENERATION: usize = 8_192;

type Key = (Option<ProjectId>, SessionId);

/// Sessions that records came of lately.
#[derive(Debug, Default)]
pub(super) struct RecentSessions {
    newer: HashMap<Key, Option<SessionSoFar>>,
    older: HashMap<Key, Option<SessionSoFar>>,
}

impl RecentSessions {
    pub(super) fn standing(&mut self, record: &Record) -> Standing {
        let Some(session) = &record.session else {
            return Standing::default();
        };
        let key = (record.project.clone(), session.clone());
        if self.newer.len() >= GENERATION && !self.newer.contains_key(&key) {
            self.older = mem::take(&mut self.newer);
        }
        let older = &mut self.older;
        let known = self.newer.entry(key);
        let known = known.or_insert_with_key(|key| older.remove(key).flatten());
        SessionSoFar::learn(known, record).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Body, SessionStart, Task};
    use agent_primitives::{AgentId, Timestamp};

    fn begin(session: usize) -> Record {
        let id = SessionId::new(format!("s{session}")).unwrap();
        let start = SessionStart::new(id.clone(), AgentId::new("a").unwrap());
        let task: Task = start.task_type("fix").task;
        let mut record = Record::new(Timestamp::UNIX_EPOCH, Body::SessionStart(task));
        record.session = Some(id);
        record
    }

    #[test]
    fn so_many_sessions_are_known_and_never_more_than_twice_as_many() {
        let mut sessions = RecentSessions::default();
        for session in 0..GENERATION {
            assert!(sessions.standing(&begin(session)).begins);
        }
        // All are known, and the first stays so for as long as it is heard of.
        assert!((0..GENERATION).all(|session| !sessions.standing(&begin(session)).begins));
        for session in GENERATION..10 * GENERATION {
            assert!(sessions.standing(&begin(session)).begins);
            if session % 1_000 == 0 {
                let standing = sessions.standing(&begin(0));
                assert!(!standing.begins);
                assert_eq!(standing.task_type.as_deref(), Some("fix"));
            }
            assert!(sessions.newer.len() + sessions.older.len() <= 2 * GENERATION);
        }
        assert!(sessions.standing(&begin(1)).begins);
    }
}
