//! From a broken session to work going on: what is broken is found, answered by what fits it, and looked at again.
//!
//! [`Builder::recover`](crate::Builder::recover) opens a session in the place of
//! [`open`](crate::Builder::open) and mends it; [`Checkpointer::recover_from`](crate::Checkpointer::recover_from)
//! answers an error of a session that is at work; [`Checkpointer::restore_if`](crate::Checkpointer::restore_if)
//! takes a restore back that the host does not accept. Each gives a [`RecoveryReport`]: what was found, what was
//! lost by the numbers of the records, what was done. Where only the host can decide, nothing is guessed: the finding
//! [needs the host](Outcome::NeedsHost), and says what for. [`guide::recovery`](crate::guide::recovery) has
//! the table of failures.
//!
//! ```
//! use agent_checkpoint::recover::{Failure, Recovery};
//! use agent_checkpoint::{Checkpointer, MemoryStore, Message, ToolCall, history};
//! use agent_primitives::{CheckpointKind, SessionId};
//!
//! let (store, id) = (MemoryStore::new(), SessionId::new("s1")?);
//! let mut session = Checkpointer::builder(store.clone(), id.clone()).open()?;
//! session.push(Message::assistant("").with_tool_call(ToolCall::new("c1", "build", "{}")))?;
//! session.push(Message::user("Go on."))?;
//! session.save(CheckpointKind::Auto)?;
//! drop(session);
//!
//! let recovered = Checkpointer::builder(store, id).recover(&Recovery::default())?;
//! println!("{}", recovered.report);
//! assert!(recovered.report.may_go_on());
//! assert_eq!(recovered.report.findings[0].failure, Failure::BrokenHistory);
//! assert!(history::check(&recovered.session.context()).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod finding;
mod log;
mod messages;
mod opening;
mod overlay;
mod policy;
mod running;
mod schema;
mod servers;
mod state;

pub use error::RecoveryError;
pub use finding::{Failure, Finding, Outcome, RecoveryReport, Strategy};
pub use opening::Recovered;
pub use policy::{BrokenCalls, Held, Hooks, Recovery};
