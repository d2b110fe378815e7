//! Gives the session's work on.

use std::sync::Arc;

use agent_primitives::{CheckpointKind, Handoff};

use super::Checkpointer;
use super::save::Head;
use crate::handoff::{Link, Package, Source, Terms};
use crate::{CountTokens, Error, EstimateTokens};

impl Checkpointer {
    /// Saves a checkpoint of kind [`CheckpointKind::Handoff`] and makes the package of it. Emits a [`Handoff`] where the
    /// session was opened for an agent and `terms` name another.
    ///
    /// The host then adds what only it knows, looks at the verdict, and writes the package to a file or begins
    /// a session with it.
    ///
    /// ```
    /// use agent_checkpoint::handoff::{Scenario, Terms};
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
    /// use agent_primitives::{AgentId, CheckpointKind, SessionId};
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?)
    ///     .agent(AgentId::new("planner")?)
    ///     .open()?;
    /// session.push(Message::user("Fix the build."))?;
    /// let terms = Terms::new(Scenario::Capability).with_to(AgentId::new("coder")?);
    /// let package = session.hand_off(&terms)?;
    /// let newest = session.latest().unwrap();
    /// assert_eq!(newest.kind, CheckpointKind::Handoff);
    /// assert_eq!(package.from.checkpoint, Some(newest.id));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn hand_off(&mut self, terms: &Terms) -> Result<Package, Error> {
        self.hand_off_counting(terms, &EstimateTokens)
    }

    /// As [`hand_off`](Self::hand_off), with tokens counted by `counter`.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn hand_off_counting(
        &mut self,
        terms: &Terms,
        counter: &dyn CountTokens,
    ) -> Result<Package, Error> {
        self.save(CheckpointKind::Handoff)?;
        let mut package = Package::of_within(self, &terms.bounds, counter);
        package = package.with_scenario(terms.scenario);
        package.to.clone_from(&terms.to);
        if let (Some(from), Some(to)) = (self.agent.clone(), terms.to.clone()) {
            let mut handoff = Handoff::automatic(from, to, package.reason);
            handoff.initiator = terms.initiator;
            self.emit(handoff);
        }
        Ok(package)
    }

    /// What a package is made of.
    pub(crate) fn handoff_source(&self) -> Source<'_> {
        let mut from = Link::new(self.session.clone(), self.clock.timestamp());
        from.agent.clone_from(&self.agent);
        if !self.current.is_changed() {
            from.checkpoint = self.head.as_ref().map(Head::id);
        }
        Source {
            from,
            work: &self.current.state.work,
            history: self.history().iter().collect(),
            context: self.context(),
            skipped: self.skipped(),
            components: self.current.hosts.values.len(),
            redaction: Arc::clone(&self.redaction),
        }
    }
}
