//! Begins a session with a package.

use super::inherited::NAME;
use super::{Inherited, Package};
use crate::checkpointer::Builder;
use crate::{Checkpointer, CountTokens, Error, EstimateTokens, Message};
use agent_primitives::CheckpointKind;

/// Tokens of the text that a session begins with, unless told otherwise.
pub(super) const BRIEF_TOKENS: u64 = 4_000;

impl Package {
    /// The messages that a session begins with: the standing instructions, the [`brief`](Self::brief) as a
    /// message of the user, the newest messages as they were.
    ///
    /// ```
    /// use agent_checkpoint::handoff::{Link, Package};
    /// use agent_checkpoint::{Message, Role};
    /// use agent_primitives::{SessionId, Timestamp};
    ///
    /// let mut package = Package::new(Link::new(SessionId::new("s1")?, Timestamp::UNIX_EPOCH))
    ///     .with_objective("Fix the build.");
    /// package.instructions.push(Message::system("Be brief."));
    /// let opening = package.opening();
    /// assert_eq!(opening[0].role, Role::System);
    /// assert!(opening[1].content.contains("Fix the build."));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn opening(&self) -> Vec<Message> {
        self.opening_within(BRIEF_TOKENS, &EstimateTokens)
    }

    /// As [`opening`](Self::opening), with a brief of at most `tokens` tokens as `counter` counts them. Without one where
    /// not even its first line fits, since no provider takes an empty message.
    pub fn opening_within(&self, tokens: u64, counter: &dyn CountTokens) -> Vec<Message> {
        let mut opening = self.instructions.clone();
        let brief = self.brief_within(tokens, counter);
        opening.extend(
            Some(brief)
                .filter(|brief| !brief.is_empty())
                .map(Message::user),
        );
        opening.extend(self.recent.iter().cloned());
        opening
    }

    /// Opens a session that was not there and begins it with this package: its state is the package's
    /// [`work`](Self::work) and [`Inherited`], its messages the [`opening`](Self::opening). Saves it as a
    /// checkpoint of kind [`CheckpointKind::Handoff`].
    ///
    /// Look at the verdict first: this takes what is there.
    ///
    /// ```
    /// use agent_checkpoint::handoff::{Inherited, Package, Scenario, Terms};
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
    /// use agent_primitives::{AgentId, SessionId};
    ///
    /// let mut giver = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
    /// giver.push(Message::user("Fix the build."))?;
    /// giver.update(|work| work.next_steps.push("read the log".into()));
    /// let package = giver.hand_off(&Terms::new(Scenario::ContextFull))?;
    ///
    /// let taker = Checkpointer::builder(MemoryStore::new(), SessionId::new("s2")?);
    /// let taker = package.begin(taker)?;
    /// assert_eq!(taker.state().work.next_steps, ["read the log"]);
    /// assert!(taker.history()[0].content.contains("Fix the build."));
    /// let given = Inherited::of(&taker.state().work).unwrap();
    /// assert_eq!(given.earlier[0].session, *giver.session());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_taken`] for a session that has messages or checkpoints; all that
    /// [`open`](Builder::open), [`push`](Checkpointer::push) and [`save`](Checkpointer::save) give. Nothing was saved then,
    /// unless a save is still under way.
    pub fn begin(&self, builder: Builder) -> Result<Checkpointer, Error> {
        self.begin_with(builder, &self.opening())
    }

    /// As [`begin`](Self::begin), with other first messages: a brief of another length, or other instructions.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn begin_with(&self, builder: Builder, opening: &[Message]) -> Result<Checkpointer, Error> {
        self.begin_in(builder.open()?, opening)
    }

    /// As [`begin_with`](Self::begin_with), with the host's own components of the session before.
    pub(crate) fn begin_after(
        &self,
        earlier: &Checkpointer,
        builder: Builder,
        opening: &[Message],
    ) -> Result<Checkpointer, Error> {
        let mut session = builder.open()?;
        session.adopt_components(earlier);
        self.begin_in(session, opening)
    }

    fn begin_in(
        &self,
        mut session: Checkpointer,
        opening: &[Message],
    ) -> Result<Checkpointer, Error> {
        let is_begun = session.latest().is_some() || !session.report().degraded.is_empty();
        if is_begun || !session.history().is_empty() || session.skipped() > 0 {
            let what = format!("session {}", session.session());
            return Err(Error::taken(what, "another conversation"));
        }
        let inherited = Inherited::of_package(self, opening.len());
        let inherited = serde_json::to_value(inherited);
        let inherited = inherited.map_err(|e| Error::encode("what a package holds", e))?;
        session.update(|work| {
            work.clone_from(&self.work);
            work.extra.remove(crate::cycle::NAME);
            work.extra.insert(NAME.to_owned(), inherited);
        });
        for message in opening {
            session.push(message.clone())?;
        }
        session.save(CheckpointKind::Handoff)?;
        Ok(session)
    }
}
