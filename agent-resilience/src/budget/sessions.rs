//! The sessions that are remembered, and which one is forgotten for another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_primitives::{SessionId, Timestamp};

use super::account::{Account, Plans};
use super::session::Session;
use super::snapshot::SessionSpend;

/// One of so many sessions is forgotten with the one that has to go: of up to 511 it alone, of 65 536 256.
const PART_FORGOTTEN: usize = 256;

/// Somebody holds a handle of every session that is remembered. Drop handles of sessions that are over,
/// or let more be remembered.
///
/// ```
/// use agent_primitives::SessionId;
/// use agent_resilience::{SpendBudget, SpendBudgetConfig};
///
/// let config = SpendBudgetConfig { sessions: 1, ..SpendBudgetConfig::default() };
/// let budget = SpendBudget::new(&config)?;
/// let held = budget.session(&SessionId::new("s1")?)?;
/// assert_eq!(
///     budget.session(&SessionId::new("s2")?).unwrap_err().to_string(),
///     "all 1 sessions are in use: drop handles of those that are over or remember more"
/// );
/// drop(held);
/// assert!(budget.session(&SessionId::new("s2")?).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("all {capacity} sessions are in use: drop handles of those that are over or remember more")]
pub struct SessionsFull {
    /// How many may be remembered.
    pub capacity: usize,
}

pub(super) struct Sessions {
    plans: Plans,
    capacity: usize,
    /// Locked to look a session up, never while one reserves.
    known: Mutex<HashMap<SessionId, Arc<Session>>>,
    forgotten: AtomicU64,
}

impl Sessions {
    pub(super) fn new(plans: Plans, capacity: usize) -> Self {
        Self {
            plans,
            capacity,
            known: Mutex::default(),
            forgotten: AtomicU64::new(0),
        }
    }

    pub(super) fn session(
        &self,
        id: &SessionId,
        now: impl FnOnce() -> Timestamp,
    ) -> Result<Arc<Session>, SessionsFull> {
        let mut known = self.known();
        if let Some(session) = known.get(id) {
            return Ok(Arc::clone(session));
        }
        if known.len() >= self.capacity && !self.forget_some(&mut known) {
            return Err(SessionsFull {
                capacity: self.capacity,
            });
        }
        let account = Account::endless(&self.plans);
        let session = Arc::new(Session::new(id.clone(), account, now()));
        known.insert(id.clone(), Arc::clone(&session));
        Ok(session)
    }

    /// Forgets those that were idle the longest: of many that are remembered a few at once, so that not
    /// every new session looks at all of them.
    fn forget_some(&self, known: &mut HashMap<SessionId, Arc<Session>>) -> bool {
        // With the map locked, nobody can get a handle of a session that only the map holds.
        let idle = known.values().filter(|it| Arc::strong_count(it) == 1);
        let mut idle: Vec<(Timestamp, &SessionId)> = idle
            .map(|session| (session.used_at(), &session.id))
            .collect();
        let count = (self.capacity / PART_FORGOTTEN).clamp(1, idle.len().max(1));
        if count < idle.len() {
            idle.select_nth_unstable(count);
        }
        let oldest: Vec<SessionId> = (idle.iter().take(count))
            .map(|(_, id)| (*id).clone())
            .collect();
        for id in &oldest {
            known.remove(id);
        }
        let forgotten = u64::try_from(oldest.len()).unwrap_or(u64::MAX);
        self.forgotten.fetch_add(forgotten, Ordering::Relaxed);
        forgotten > 0
    }

    fn has_room_for(&self, id: &SessionId) -> bool {
        let known = self.known();
        known.len() < self.capacity || known.contains_key(id)
    }

    /// Oldest first.
    pub(super) fn snapshot(&self) -> Vec<SessionSpend> {
        let mut sessions: Vec<SessionSpend> = self
            .known()
            .values()
            .map(|session| {
                let [spent, reserved] = session.account.used();
                SessionSpend {
                    session: session.id.clone(),
                    spent: spent.spend(),
                    reserved: reserved.spend(),
                    used_at: session.used_at(),
                }
            })
            .collect();
        sessions.sort_by(|one, other| {
            (one.used_at, &one.session).cmp(&(other.used_at, &other.session))
        });
        sessions
    }

    pub(super) fn restore(&self, sessions: &[SessionSpend]) {
        let mut latest: Vec<&SessionSpend> = sessions.iter().collect();
        latest.sort_by_key(|it| std::cmp::Reverse(it.used_at));
        for it in latest {
            // One that the map holds alone would push out a later one.
            match self
                .has_room_for(&it.session)
                .then(|| self.session(&it.session, || it.used_at))
            {
                Some(Ok(session)) => session.account.seed((it.spent + it.reserved).into()),
                _ => {
                    self.forgotten.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.known().len()
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Session>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
