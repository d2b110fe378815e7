//! What a recovery may do, and what it is given for it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::schema::{ComponentCheck, check_component};
use crate::{CountTokens, EstimateTokens, McpServer, SessionState, Snapshot, Store};

/// What a recovery may do without asking.
///
/// ```
/// use agent_checkpoint::recover::{Held, Recovery};
///
/// let read: Recovery = serde_json::from_str(r#"{"held": "branch", "context_limit": 100000}"#)?;
/// assert_eq!(read, Recovery::default().held(Held::Branch).context_limit(100_000));
/// assert!(serde_json::from_str::<Recovery>(r#"{"holds": "branch"}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Recovery {
    /// Whether what was saved after damage is put together again, with marks where something is lost; `true`
    /// unless set. Otherwise the session goes on from the newest checkpoint that is whole.
    pub salvage: bool,
    /// What to do where somebody else has the session; [`Held::Refuse`] unless set.
    pub held: Held,
    /// What to do about calls that wait for a tool that is gone or is another; [`BrokenCalls::Block`] unless
    /// set.
    pub broken_calls: BrokenCalls,
    /// Most tokens that the context may have; any number where absent, which is the default.
    pub context_limit: Option<u64>,
    /// How many earlier checkpoints are tried, newest first, where the host's check refuses the state; 8 unless
    /// set.
    pub steps_back: u32,
    /// How often the messages are looked at again after they were changed; 3 unless set.
    pub rounds: u32,
}

impl Default for Recovery {
    fn default() -> Self {
        Self {
            salvage: true,
            held: Held::default(),
            broken_calls: BrokenCalls::default(),
            context_limit: None,
            steps_back: 8,
            rounds: 3,
        }
    }
}

impl Recovery {
    /// Leaves out what was saved after damage.
    #[must_use]
    pub fn without_salvage(mut self) -> Self {
        self.salvage = false;
        self
    }

    /// Sets what to do where somebody else has the session.
    #[must_use]
    pub fn held(mut self, held: Held) -> Self {
        self.held = held;
        self
    }

    /// Sets what to do about calls whose tool is gone or is another.
    #[must_use]
    pub fn broken_calls(mut self, broken_calls: BrokenCalls) -> Self {
        self.broken_calls = broken_calls;
        self
    }

    /// Sets the most tokens that the context may have.
    #[must_use]
    pub fn context_limit(mut self, tokens: u64) -> Self {
        self.context_limit = Some(tokens);
        self
    }

    /// Sets how many earlier checkpoints are tried.
    #[must_use]
    pub fn steps_back(mut self, steps: u32) -> Self {
        self.steps_back = steps;
        self
    }
}

/// What to do where somebody else has the session.
///
/// ```
/// use agent_checkpoint::recover::Held;
///
/// assert_eq!(serde_json::to_string(&Held::TakeOverExpired)?, "\"take_over_expired\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Held {
    /// Write nothing, and tell who has it.
    #[default]
    Refuse,
    /// Go on as a session of its own, from the newest checkpoint; both stay. Its id is that of the session
    /// with `-branch-` and the checkpoint's number behind it.
    Branch,
    /// Take it over once the lease of its writer has run out; refuse until then.
    TakeOverExpired,
    /// Take it over, whatever its writer is doing.
    TakeOver,
}

/// What to do about calls that wait for a tool that is gone or is another.
///
/// ```
/// use agent_checkpoint::recover::BrokenCalls;
///
/// assert_eq!(BrokenCalls::default(), BrokenCalls::Block);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BrokenCalls {
    /// Leave them, and tell the host.
    #[default]
    Block,
    /// Answer them with [`INTERRUPTED`](crate::history::INTERRUPTED).
    Answer,
}

/// What only the host can give to a recovery; nothing of it is needed.
///
/// ```
/// use agent_checkpoint::recover::{Hooks, Recovery};
/// use agent_checkpoint::{Checkpointer, McpServer, MemoryStore, SessionState};
/// use agent_primitives::SessionId;
///
/// let accept = |state: &SessionState| match state.conversation.len() {
///     0 => Ok(()),
///     _ => Err("it was to be empty".to_owned()),
/// };
/// let hooks = Hooks::new().accept(&accept).servers([McpServer::stdio("files", "serve-files")]);
/// let builder = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?);
/// assert!(builder.recover_with(&Recovery::default(), &hooks)?.report.is_clean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[non_exhaustive]
pub struct Hooks<'a> {
    pub(super) siblings: Vec<Arc<dyn Store>>,
    pub(super) servers: Option<Vec<McpServer>>,
    pub(super) accept: Option<&'a Accept<'a>>,
    pub(super) counter: &'a dyn CountTokens,
    pub(super) components: Vec<ComponentCheck>,
}

/// Says why a state is not to be gone on with.
pub(super) type Accept<'a> = dyn Fn(&SessionState) -> Result<(), String> + 'a;

/// Other stores that are asked; of more the first.
pub(super) const SIBLINGS_MAX: usize = 8;

impl Default for Hooks<'_> {
    fn default() -> Self {
        Self {
            siblings: Vec::new(),
            servers: None,
            accept: None,
            counter: &EstimateTokens,
            components: Vec::new(),
        }
    }
}

impl fmt::Debug for Hooks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("siblings", &self.siblings)
            .field("servers", &self.servers)
            .field("components", &self.components.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Hooks<'a> {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another store that holds the same log, byte for byte: the mirror of a
    /// [`Mirrored`](crate::Mirrored) store, or a copy of the folder. Bytes of it are believed only where the log's
    /// checksums and hashes say that they belong there. The first eight are asked.
    #[must_use]
    pub fn sibling(mut self, store: impl Store + 'static) -> Self {
        if self.siblings.len() < SIBLINGS_MAX {
            self.siblings.push(Arc::new(store));
        }
        self
    }

    /// The tool servers as they are now. Not set, a session with tool servers is told to be reconnected.
    #[must_use]
    pub fn servers(mut self, servers: impl IntoIterator<Item = McpServer>) -> Self {
        self.servers = Some(servers.into_iter().collect());
        self
    }

    /// Says whether a state is one to go on with, and why not; every state is unless set.
    #[must_use]
    pub fn accept(mut self, accept: &'a Accept<'a>) -> Self {
        self.accept = Some(accept);
        self
    }

    /// Counts the tokens of a message; [`EstimateTokens`] unless set.
    #[must_use]
    pub fn counter(mut self, counter: &'a dyn CountTokens) -> Self {
        self.counter = counter;
        self
    }

    /// A component that the host reads: it is brought up to the type's version, or told why it cannot be.
    #[must_use]
    pub fn component<T: Snapshot>(mut self) -> Self {
        self.components.push(check_component::<T>);
        self
    }
}
