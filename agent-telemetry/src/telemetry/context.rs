//! Whose records they are, said once for each handle instead of once for each record.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, ToolName};

use crate::{ProjectId, Record};

/// Stands for a [`Context`] in a record on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContextId(u32);

/// In whose name a handle records, and what it calls.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) project: Option<ProjectId>,
    pub(crate) session: SessionId,
    pub(crate) agent: AgentId,
    pub(crate) target: Target,
}

#[derive(Debug, Clone)]
pub(crate) enum Target {
    Session,
    Model(ProviderId, ModelId),
    Tool(ToolName),
}

impl Context {
    /// Says in the record whose it is.
    pub(super) fn sign(&self, record: &mut Record) {
        record.project.clone_from(&self.project);
        record.session = Some(self.session.clone());
        record.agent = Some(self.agent.clone());
    }
}

/// The contexts of all handles that live, and of those gone of which records may still be on their way.
#[derive(Debug, Default)]
pub(super) struct Contexts(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    table: Vec<Option<Arc<Context>>>,
    free: Vec<u32>,
    retired: Vec<u32>,
}

impl Contexts {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Four billion handles at a time have a context; memory ends earlier.
    pub(super) fn add(&self, context: Context) -> ContextId {
        let context = Some(Arc::new(context));
        let mut slots = self.slots();
        if let Some(id) = slots.free.pop()
            && let Some(slot) = slots.table.get_mut(id as usize)
        {
            *slot = context;
            return ContextId(id);
        }
        let id = u32::try_from(slots.table.len()).unwrap_or(u32::MAX);
        slots.table.push(context);
        ContextId(id)
    }

    /// No record will be made in this name any more; those that were made are still resolved.
    pub(super) fn retire(&self, id: ContextId) {
        self.slots().retired.push(id.0);
    }

    /// Those whose last record was made before this call.
    pub(super) fn take_retired(&self, into: &mut Vec<u32>) {
        into.append(&mut self.slots().retired);
    }

    /// After the last records of these are stored.
    pub(super) fn remove(&self, ids: &mut Vec<u32>) {
        let mut slots = self.slots();
        for id in ids.drain(..) {
            if let Some(slot) = slots.table.get_mut(id as usize) {
                *slot = None;
                slots.free.push(id);
            }
        }
    }

    pub(super) fn of(&self, id: ContextId) -> Option<Arc<Context>> {
        self.slots().table.get(id.0 as usize)?.clone()
    }
}
