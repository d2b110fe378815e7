//! Events and spans as what was seen, one reader for each kind.

mod call;
mod handoff;
mod outcome;
mod session;
mod single;
mod tool;

pub(super) use call::{
    claude_call, codex_answer, codex_request, dollars, gemini_call, genai_call, genai_event,
};
pub(super) use handoff::handoff;
pub(super) use outcome::{evaluation, refused_answer, rejected, stopped_by_hook};
pub(super) use session::{agent_ended, agent_run, began, compaction, gemini_compaction};
pub(super) use single::{fallback, routing, turn, waited};
pub(super) use tool::{gemini_tool, tool};
