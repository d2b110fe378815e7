//! Rollouts of Codex CLI: `~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl`, and `.jsonl.zst` once archived.
//!
//! Each line is a `RolloutLine` with `timestamp`, `type` and `payload`; the types are those of `RolloutItem` in
//! openai/codex, `codex-rs/protocol/src/protocol.rs`, and the items those of `ResponseItem` in
//! `codex-rs/protocol/src/models.rs`. Rollouts of 2025 have the items without the wrapping.

mod compaction;
mod items;
mod usage;

use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;

use agent_primitives::AgentId;
use serde_json::{Map, Value, json};

use super::draft::{Draft, Entry};
use super::fields::{Fault, Fields, mended};
use super::imported::{Branch, BranchKind};
use super::lines::{Line, Lines};
use super::{ImportError, Imported, Limits, Reason, Source, names};
use crate::{AgentContext, Role, Work};
use usage::Usage;

/// So many sessions that this one was forked from are named.
const ANCESTORS: usize = 64;

/// Reads a rollout of Codex CLI, as it is or compressed with zstd.
///
/// Messages, reasoning, calls and their results become the conversation. A compaction sets the
/// [`context`](Imported::context); what it embeds again is counted as repeated. Turns that were rolled back stand in
/// [`branches`](Imported::branches).
///
/// # Errors
/// [`ImportError::Nothing`] where no line is of a rollout; [`ImportError::TooLarge`]; [`ImportError::Read`].
pub fn codex(reader: impl Read, limits: &Limits) -> Result<Imported, ImportError> {
    of_lines(Lines::new(reader, limits)?, limits)
}

pub(super) fn of_lines(mut lines: Lines<'_>, limits: &Limits) -> Result<Imported, ImportError> {
    let mut rollout = Rollout::new(limits);
    while let Some(line) = lines.next()? {
        rollout.line(line)?;
    }
    if !rollout.is_one {
        return Err(ImportError::Nothing {
            source_of: Source::Codex,
            lines: lines.count(),
        });
    }
    Ok(rollout.finish())
}

/// Whether a line is one of a rollout.
pub(super) fn is_line(fields: &Fields<'_>) -> bool {
    let kind = fields.kind();
    let is_wrapped = fields.has("payload")
        && matches!(
            kind.as_str(),
            "session_meta" | "response_item" | "compacted" | "turn_context" | "event_msg"
        );
    is_wrapped || is_bare(fields)
}

/// Whether a line is one of 2025: an item, or the head of the session.
fn is_bare(fields: &Fields<'_>) -> bool {
    let is_item = items::is_known(&fields.kind()) && !fields.has("uuid");
    let is_head = fields.has("id") && fields.has("timestamp") && fields.has("instructions");
    !fields.has("payload") && (is_item || is_head || fields.has("record_type"))
}

/// A rollout while it is read.
#[derive(Debug)]
struct Rollout<'a> {
    draft: Draft<'a>,
    is_one: bool,
    about: Map<String, Value>,
    id: Option<String>,
    model: Option<String>,
    usage: Usage,
    /// The assistant's message that further items of its reply join.
    open: Option<usize>,
    /// Entries by the digest of each item that is in them, for histories that are embedded again.
    by_digest: HashMap<[u8; 32], Vec<usize>>,
    /// Entries by the vendor's id of the item.
    by_id: HashMap<String, usize>,
    /// Entries that were rolled back.
    rolled_back: Vec<Range<usize>>,
    /// Entries behind those that are prompts, as far as was looked.
    prompts: Vec<usize>,
    looked_through: usize,
    /// Entries before `settled` that are sent since the last compaction; the first `asked` are of a person.
    sent: Vec<usize>,
    asked: usize,
    settled: usize,
}

impl<'a> Rollout<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            draft: Draft::new(limits),
            is_one: false,
            about: Map::new(),
            id: None,
            model: None,
            usage: Usage::default(),
            open: None,
            by_digest: HashMap::new(),
            by_id: HashMap::new(),
            rolled_back: Vec::new(),
            prompts: Vec::new(),
            looked_through: 0,
            sent: Vec::new(),
            asked: 0,
            settled: 0,
        }
    }

    fn line(&mut self, line: Line) -> Result<(), ImportError> {
        let number = line.number;
        if line.is_too_long {
            self.draft.left_out.note(Reason::TooLong, "", number);
            return Ok(());
        }
        let (bytes, is_mended) = mended(line.bytes);
        let fault = match Fields::of_line(&bytes) {
            Ok(fields) => match self.record(&fields, &bytes, number) {
                Ok(()) if is_mended => Reason::HalfCharacter,
                Ok(()) => return Ok(()),
                Err(Stop::Fault(fault)) => fault,
                Err(Stop::Error(error)) => return Err(error),
            },
            Err(_) if !line.is_ended => Reason::CutOff,
            Err(fault) => fault,
        };
        self.draft.left_out.note(fault, "", number);
        Ok(())
    }

    fn record(&mut self, line: &Fields<'_>, bytes: &[u8], number: u64) -> Result<(), Stop> {
        self.is_one |= is_line(line);
        let at = line.text("timestamp");
        if let Some(at) = &at {
            self.about.entry("from").or_insert_with(|| json!(at));
            self.about.insert("to".to_owned(), json!(at));
        }
        let Some(payload) = line.raw("payload") else {
            if items::is_known(&line.kind()) {
                return self.item(line, bytes.len(), number, None);
            }
            if is_bare(line) && !line.has("record_type") {
                return self.head(line, number);
            }
            let (kind, reason) = if line.has("record_type") {
                ("state".to_owned(), Reason::Bookkeeping)
            } else {
                (line.kind(), Reason::Unknown)
            };
            self.draft.left_out.note(reason, &kind, number);
            return Ok(());
        };
        let payload = Fields::of(payload).ok_or(Reason::Malformed)?;
        match line.kind().as_str() {
            "session_meta" => self.head(&payload, number),
            "response_item" => self.item(&payload, bytes.len(), number, at.as_deref()),
            "compacted" => self.compacted(&payload, number, at.as_deref()),
            "turn_context" => self.turn(&payload, number),
            "event_msg" => {
                self.event(&payload, number);
                Ok(())
            }
            // Figures of the workspace, and marks of later versions that no model is sent.
            kind
            @ ("world_state" | "token_usage_record" | "inter_agent_communication_metadata") => {
                self.draft.left_out.note(Reason::Bookkeeping, kind, number);
                Ok(())
            }
            kind => {
                self.draft.left_out.note(Reason::Unknown, kind, number);
                Ok(())
            }
        }
    }

    /// The head of the session; of a fork, that of the session it was forked from stands behind its own.
    fn head(&mut self, meta: &Fields<'_>, number: u64) -> Result<(), Stop> {
        if self.id.is_some() {
            let ancestors = self.about.entry("ancestors");
            let ancestors = ancestors.or_insert_with(|| json!([])).as_array_mut();
            let ancestors = ancestors.filter(|list| list.len() < ANCESTORS);
            if let (Some(ancestors), Some(id)) = (ancestors, meta.text("id")) {
                ancestors.push(json!(id));
            }
            let what = "session_meta";
            self.draft.left_out.note(Reason::Bookkeeping, what, number);
            return Ok(());
        }
        self.id = meta.text("id");
        let told = ["base_instructions", "instructions"];
        let instructions = told.iter().find_map(|name| {
            let inner = meta.object(name).and_then(|fields| fields.text("text"));
            inner.or_else(|| meta.text(name))
        });
        let taken = ["id", "base_instructions", "instructions", "dynamic_tools"];
        for (name, value) in meta.rest(&taken)? {
            let name = match name.as_str() {
                "timestamp" => "started",
                "cli_version" => "version",
                "source" => "started_by",
                name => name,
            };
            self.about.insert(name.to_owned(), value);
        }
        if meta.raw("dynamic_tools").is_some() {
            let what = "dynamic_tools";
            self.draft.left_out.note(Reason::Bookkeeping, what, number);
        }
        if let Some(text) = instructions {
            self.draft.keep(text.len())?;
            let mut entry = Entry::new(Role::System, number);
            entry.body.text(&text);
            self.draft.push(entry)?;
        }
        Ok(())
    }

    fn turn(&mut self, context: &Fields<'_>, number: u64) -> Result<(), Stop> {
        self.open = None;
        if let Some(model) = context.text("model") {
            self.model = Some(model);
        }
        for name in ["cwd", "effort", "approval_policy", "sandbox_policy"] {
            if let Some(raw) = context.raw(name) {
                self.about
                    .insert(name.to_owned(), super::fields::value(raw)?);
            }
        }
        let what = "turn_context";
        self.draft.left_out.note(Reason::Bookkeeping, what, number);
        Ok(())
    }

    /// What happened, for those who watch. Of the conversation it repeats what the items say.
    fn event(&mut self, event: &Fields<'_>, number: u64) {
        let kind = event.kind();
        match kind.as_str() {
            "token_count" => {
                let total = event.object("info");
                let total = total.and_then(|info| info.object("total_token_usage"));
                if let Some(total) = total {
                    self.usage.total(&total, self.model.as_deref());
                }
            }
            "thread_name_updated" => {
                let name = event.text("thread_name").or_else(|| event.text("name"));
                if let Some(name) = name {
                    self.about.insert("title".to_owned(), json!(name));
                }
            }
            "thread_rolled_back" => self.roll_back(event.number("num_turns").unwrap_or(0)),
            _ => {}
        }
        let reason = match kind.as_str() {
            "user_message"
            | "agent_message"
            | "agent_reasoning"
            | "agent_reasoning_raw_content" => Reason::Repeated,
            _ => Reason::Bookkeeping,
        };
        self.draft.left_out.note(reason, &kind, number);
    }

    /// The last `turns` turns were taken back.
    fn roll_back(&mut self, turns: u64) {
        self.open = None;
        let new = self.looked_through..self.draft.len();
        self.looked_through = new.end;
        let is_prompt = |at: &usize| self.draft.get(*at).is_some_and(items::is_prompt);
        self.prompts.extend(new.clone().filter(is_prompt));
        let turns = usize::try_from(turns).unwrap_or(usize::MAX);
        let first = self.prompts.len().checked_sub(turns).filter(|_| turns > 0);
        if let Some(from) = first.and_then(|first| self.prompts.get(first).copied()) {
            self.rolled_back.push(from..new.end);
            self.prompts.clear();
        }
    }

    fn finish(mut self) -> Imported {
        let mut work = Work::default();
        let agent = AgentContext {
            model: self.model.take(),
            usage: self.usage.all(),
            ..AgentContext::default()
        };
        if let Ok(id) = AgentId::new(Source::Codex.name()) {
            work.agents.insert(id, agent);
        }
        work.usage = self.usage.all();
        work.usage_by_model = self.usage.by_model();
        // They follow each other.
        let is_back = |at: &usize| {
            let behind = self.rolled_back.partition_point(|range| range.end <= *at);
            let range = self.rolled_back.get(behind);
            range.is_some_and(|range| range.contains(at))
        };
        let order: Vec<usize> = (0..self.draft.len()).filter(|at| !is_back(at)).collect();
        let assembled = self.draft.assemble(order);
        let mut branches = Vec::new();
        for range in self.rolled_back {
            let from = assembled.entries.partition_point(|at| *at < range.start);
            branches.push(Branch {
                kind: BranchKind::Abandoned,
                id: None,
                from: Some(from),
                messages: self.draft.assemble(range).messages,
            });
        }
        let mut about = std::mem::take(&mut self.about);
        about.insert("source".to_owned(), json!(Source::Codex.name()));
        if let Some(id) = &self.id {
            about.insert("session".to_owned(), json!(id));
        }
        let about = Value::Object(about);
        work.extra.insert(names::IMPORTED.to_owned(), about);
        let mut imported = Imported::new(Source::Codex, assembled, work, self.draft.left_out);
        imported.id = self.id;
        imported.branches = branches;
        imported
    }
}

/// Why a line is not taken further.
#[derive(Debug)]
enum Stop {
    /// The line alone.
    Fault(Fault),
    /// The whole file.
    Error(ImportError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<ImportError> for Stop {
    fn from(error: ImportError) -> Self {
        Self::Error(error)
    }
}
