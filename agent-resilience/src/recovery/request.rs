//! What a host's request can have done to it.

use agent_primitives::ModelId;
use async_trait::async_trait;

use crate::failure::Failure;
use crate::route::Needs;

/// A request that can be changed so that it can be answered. A host implements what its requests can
/// do; what it leaves out is skipped.
///
/// Every change gives a new request and leaves the old one as it is, so that a change that turns out to be
/// of no use is dropped, and so is one that was cut short. Requests whose parts are shared (`Arc`) make
/// this cheap.
///
/// ```
/// use agent_resilience::{Needs, Recoverable};
///
/// struct Chat { history: Vec<String>, max_tokens: u64 }
///
/// impl Recoverable for Chat {
///     type Reply = String;
///     fn needs(&self) -> Needs {
///         let letters: usize = self.history.iter().map(String::len).sum();
///         Needs::default().input(letters as u64 / 4).output(self.max_tokens)
///     }
///     fn with_max_output(&self, tokens: u64) -> Option<Self> {
///         Some(Self { history: self.history.clone(), max_tokens: tokens })
///     }
/// }
/// let chat = Chat { history: vec!["Tell me a story".to_owned()], max_tokens: 4_096 };
/// assert_eq!(chat.with_max_output(512).map(|chat| chat.max_tokens), Some(512));
/// assert_eq!(chat.needs().input_tokens, 3);
/// ```
#[async_trait]
pub trait Recoverable: Send + Sync + Sized {
    /// What comes back.
    type Reply: Send + Sync;

    /// What it needs, of which [`input_tokens`](Needs::input_tokens) and
    /// [`output_tokens`](Needs::output_tokens) are looked at. A rough count of the input will do, such as
    /// a quarter of its bytes: it is measured by the provider's own numbers when these are known. The
    /// output is the request's own bound (`max_tokens`), 0 where it has none.
    fn needs(&self) -> Needs;

    /// Who is to answer. Context limits are remembered under this name; without one they are forgotten
    /// when the run ends.
    fn model(&self) -> Option<&ModelId> {
        None
    }

    /// The same request with another bound for its output.
    fn with_max_output(&self, _tokens: u64) -> Option<Self> {
        None
    }

    /// The same request with a shorter history, of at most `input_tokens` in the count of
    /// [`needs`](Self::needs). It may ask a model for a summary. What came out too long is not used.
    ///
    /// # Errors
    /// Why the history could not be made shorter; the next strategy is tried.
    ///
    /// # Cancel safety
    /// The future may be dropped at any time.
    async fn compacted(&self, _input_tokens: u64) -> Result<Option<Self>, Failure> {
        Ok(None)
    }

    /// The same request for a model, or a provider, whose window holds `needs`: here the input is in the
    /// provider's own count where that is known. A host with a [`FallbackChain`](crate::FallbackChain)
    /// hands them to it.
    fn for_bigger_window(&self, _needs: &Needs) -> Option<Self> {
        None
    }

    /// The request in parts of at most `input_tokens` each, whose answers can be joined; nothing where it
    /// has no parts.
    fn split(&self, _input_tokens: u64) -> Vec<Self> {
        Vec::new()
    }

    /// The same request for a model that costs less.
    fn for_cheaper_model(&self) -> Option<Self> {
        None
    }

    /// Whether `reply` was cut at the output limit, and whether its rest may be asked for. Such a reply
    /// is never given out as a success.
    fn cut(&self, _reply: &Self::Reply) -> Option<Cut> {
        None
    }

    /// A request for the rest of `so_far`, which was cut.
    fn for_rest(&self, _so_far: &Self::Reply) -> Option<Self> {
        None
    }

    /// One reply out of several.
    ///
    /// # Errors
    /// The replies as they were, when they cannot be joined.
    fn join(
        &self,
        replies: Vec<Self::Reply>,
        _seam: Seam,
    ) -> Result<Self::Reply, Vec<Self::Reply>> {
        Err(replies)
    }
}

/// Where an answer was cut at the output limit.
///
/// ```
/// use agent_resilience::Cut;
///
/// assert_ne!(Cut::InText, Cut::InWhole);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cut {
    /// In plain text, with nothing else in the answer: the rest may be asked for.
    InText,
    /// In, or behind, something that is only whole or not at all: a tool call, reasoning, structured
    /// output. It is never continued; only a whole answer will do.
    InWhole,
}

/// What lies between replies that are to be joined.
///
/// ```
/// use agent_resilience::Seam;
///
/// assert_ne!(Seam::Parts, Seam::Rest);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Seam {
    /// They answer the parts of one request, in order.
    Parts,
    /// The second goes on where the first was cut.
    Rest,
}
