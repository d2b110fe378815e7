//! Fits a conversation into a token limit without parting a tool call from its result.
//!
//! [`truncate()`] picks from any list of messages; [`Checkpointer::cut`](crate::Checkpointer::cut) and
//! [`cut_with`](crate::Checkpointer::cut_with) do it to a session's context, and leave its history as it is.
//!
//! What stays whatever the limit:
//!
//! - every system message, and the first user message, which is the task;
//! - messages that a host [marked](crate::Message::pinned), with the calls and results that belong to them;
//! - calls whose results are still to come;
//! - the newest messages, as many as [`Truncate::keep_last`] says;
//! - in a session, what [`Work`](crate::Work) says was decided and is open, as one message behind the task.
//!
//! Of the rest the newest stay, without a gap. What stays is made of whole groups: a call, its results, and all
//! that stands between them are one group; any other message is one by itself. So a conversation that a
//! provider takes is still one that it takes, whatever was cut.

mod count;
mod cutting;
mod fit;
mod note;
mod settings;
mod summary;
#[cfg(feature = "bpe-openai")]
mod tokenizer;
mod truncation;
mod turns;

pub use count::{CountTokens, EstimateTokens};
pub use cutting::{Cut, CutError, Summary};
pub use fit::truncate;
pub use settings::{Truncate, WithoutSummary};
pub use summary::{Dropped, Refusal, Summarize};
#[cfg(feature = "bpe-openai")]
pub use tokenizer::Tokenizer;
pub use truncation::{LimitTooSmall, Truncation};

pub(crate) use cutting::{Plan, Source, View};
pub(crate) use fit::{Hold, Outline};
pub(crate) use note::{Kind, brief_note, is_note, summary_note, work_note};
