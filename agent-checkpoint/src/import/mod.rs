//! Reads sessions of other agents: Codex CLI, Claude Code, goose; and what [`export`](crate::export) wrote.
//!
//! ```
//! use agent_checkpoint::import::{self, Limits, Source};
//!
//! let transcript = concat!(
//!     r#"{"type":"user","uuid":"u1","parentUuid":null,"sessionId":"s1","message":{"role":"user","content":"ls"}}"#,
//!     "\n",
//!     r#"{"type":"assistant","uuid":"u2","parentUuid":"u1","sessionId":"s1","message":{"id":"m1","role":"assistant","#,
//!     r#""content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command": "ls"}}]}}"#,
//!     "\n",
//! );
//! let imported = import::any(transcript.as_bytes(), &Limits::default())?;
//! assert_eq!(imported.source, Source::ClaudeCode);
//! let call = &imported.state.conversation[1].tool_calls[0];
//! assert_eq!(call.arguments, r#"{"command": "ls"}"#); // byte for byte
//! # Ok::<(), import::ImportError>(())
//! ```

mod any;
mod body;
mod claude_code;
mod codex;
mod draft;
mod error;
mod export;
mod fields;
mod goose;
mod half;
mod imported;
mod left_out;
mod limits;
mod lines;
mod names;

pub use any::any;
pub use claude_code::claude_code;
pub use codex::codex;
pub use error::ImportError;
pub use goose::goose;
#[cfg(feature = "goose-sqlite")]
pub use goose::{GooseSession, goose_database, goose_sessions};
pub use imported::{Branch, BranchKind, Imported, Source};
pub use left_out::{LeftOut, Omission, Reason};
pub use limits::Limits;
