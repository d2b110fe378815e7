//! Transcripts of Claude Code: `~/.claude/projects/<folder>/<session>.jsonl`, and those of its agents beside them.
//!
//! Each line has a `type`; those of messages also `uuid` and `parentUuid`, which make a tree of them. Read from the
//! issues of anthropics/claude-code that show lines of it (#24304 and #48936 for the tree, #87303 for replies in
//! several lines, #40027 for compaction) and from the importer of aaif-goose/goose,
//! `crates/goose/src/session/import_formats/claude_code.rs`.

mod blocks;
mod path;
mod tree;
mod usage;

use std::io::Read;

use agent_primitives::AgentId;
use serde_json::{Map, Value, json};

use super::draft::{Draft, Entry};
use super::fields::{Fault, Fields, mended};
use super::imported::{Branch, BranchKind};
use super::lines::{Line, Lines};
use super::{ImportError, Imported, Limits, Reason, Source, names};
use crate::{AgentContext, Role, Work};
use path::Path;
use tree::{Kind, Node, Tree};
use usage::Usage;

/// Under which name a message keeps what else its line says.
const CLAUDE_CODE: &str = "claude_code";
/// Of titles and summaries so many are kept.
const SUMMARIES: usize = 64;

/// Reads a transcript of Claude Code.
///
/// The conversation is the branch of the tree that was written last, in the order of the file. What a person went
/// back from, and the sessions of agents in the same file, stand in [`branches`](Imported::branches). Lines of one
/// reply become one message. From the last compaction on is the [`context`](Imported::context).
///
/// # Errors
/// [`ImportError::Nothing`] where no line is of a transcript; [`ImportError::TooLarge`]; [`ImportError::Read`].
pub fn claude_code(reader: impl Read, limits: &Limits) -> Result<Imported, ImportError> {
    of_lines(Lines::new(reader, limits)?, limits)
}

pub(super) fn of_lines(mut lines: Lines<'_>, limits: &Limits) -> Result<Imported, ImportError> {
    let mut transcript = Transcript::new(limits);
    while let Some(line) = lines.next()? {
        transcript.line(line)?;
    }
    if !transcript.is_one {
        return Err(ImportError::Nothing {
            source_of: Source::ClaudeCode,
            lines: lines.count(),
        });
    }
    Ok(transcript.finish())
}

/// Whether a line is one of a transcript.
pub(super) fn is_line(fields: &Fields<'_>) -> bool {
    let kind = fields.kind();
    let has_id = fields.has("sessionId") || fields.has("uuid");
    (has_id && !kind.is_empty())
        || (kind == "summary" && fields.has("leafUuid"))
        || (kind == "file-history-snapshot" && fields.has("snapshot"))
}

/// A transcript while it is read.
#[derive(Debug)]
struct Transcript<'a> {
    draft: Draft<'a>,
    is_one: bool,
    about: Map<String, Value>,
    summaries: Vec<Value>,
    tree: Tree,
    usage: Usage,
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

impl<'a> Transcript<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            draft: Draft::new(limits),
            is_one: false,
            about: Map::new(),
            summaries: Vec::new(),
            tree: Tree::default(),
            usage: Usage::default(),
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
            Ok(fields) => match self.record(&fields, bytes.len(), number) {
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

    fn record(&mut self, line: &Fields<'_>, bytes: usize, number: u64) -> Result<(), Stop> {
        self.is_one |= is_line(line);
        let kind = line.kind();
        let is_message = matches!(kind.as_str(), "user" | "assistant") && line.has("message");
        let uuid = line.text("uuid");
        if is_message || kind == "system" || kind == "attachment" {
            if uuid.as_deref().is_some_and(|uuid| self.tree.has(uuid)) {
                self.draft.left_out.note(Reason::Repeated, &kind, number);
                return Ok(());
            }
            self.tell(line);
        }
        let mut node = Node::of(line, number);
        match kind.as_str() {
            _ if is_message => {
                node.entries = if kind == "user" {
                    self.user(line, number)?
                } else {
                    self.assistant(line, number)?
                };
                node.kind = Kind::Message;
                node.reply = line
                    .object("message")
                    .and_then(|message| message.text("id"));
                self.draft.keep(bytes)?;
            }
            "system" if line.text("subtype").as_deref() == Some("compact_boundary") => {
                node.kind = Kind::Boundary;
                node.preserve(line);
            }
            "attachment" => {
                node.entries = self.attachment(line, number)?;
                if !node.entries.is_empty() {
                    node.kind = Kind::Message;
                    self.draft.keep(bytes)?;
                }
            }
            _ => self.beside(&kind, line, number),
        }
        // Every line that has an id may be the parent of another.
        if uuid.is_some() || !node.entries.is_empty() {
            if node.entries.is_empty() {
                self.draft.keep(node.weight())?;
            }
            self.tree.add(uuid, node);
        }
        Ok(())
    }

    /// What a line tells of the whole session.
    fn tell(&mut self, line: &Fields<'_>) {
        if let Some(at) = line.text("timestamp") {
            self.about.entry("from").or_insert_with(|| json!(at));
            self.about.insert("to".to_owned(), json!(at));
        }
        for (name, told) in [
            ("sessionId", "session"),
            ("cwd", "cwd"),
            ("version", "version"),
            ("gitBranch", "git_branch"),
        ] {
            if let Some(text) = line.text(name).filter(|text| !text.is_empty()) {
                self.about.insert(told.to_owned(), json!(text));
            }
        }
    }

    /// A line that is no message.
    fn beside(&mut self, kind: &str, line: &Fields<'_>, number: u64) {
        let title = match kind {
            "ai-title" => line.text("aiTitle"),
            "custom-title" => line.text("customTitle"),
            _ => None,
        };
        if let Some(title) = title {
            self.about.insert("title".to_owned(), json!(title));
            return;
        }
        let is_kept = kind == "summary" && self.summaries.len() < SUMMARIES;
        if let Some(summary) = line.text("summary").filter(|_| is_kept) {
            self.summaries.push(json!(summary));
            return;
        }
        let subtype = line.text("subtype");
        let what = subtype.map_or_else(|| kind.to_owned(), |subtype| format!("{kind}/{subtype}"));
        let is_known = matches!(
            kind,
            "summary"
                | "system"
                | "progress"
                | "attachment"
                | "file-history-snapshot"
                | "file-history-delta"
                | "queue-operation"
                | "permission-mode"
                | "last-prompt"
                | "ai-title"
                | "custom-title"
                | "agent-name"
                | "agent-setting"
                | "mode"
                | "tag"
                | "pr-link"
        );
        let reason = if is_known {
            Reason::Bookkeeping
        } else {
            Reason::Unknown
        };
        self.draft.left_out.note(reason, &what, number);
    }

    /// A prompt that waited while the model worked; what else is attached, the program tells the model anew.
    fn attachment(&mut self, line: &Fields<'_>, number: u64) -> Result<Vec<usize>, Stop> {
        let attached = line.object("attachment").unwrap_or_default();
        let kind = attached.kind();
        if kind == "queued_command" && attached.raw("prompt").is_some() {
            let mut entry = Entry::new(Role::User, number);
            blocks::content_of(attached.raw("prompt"), &mut entry.body)?;
            entry.at(line.text("timestamp").as_deref());
            return Ok(vec![self.draft.push(entry)?]);
        }
        let what = format!("attachment/{kind}");
        self.draft.left_out.note(Reason::Bookkeeping, &what, number);
        Ok(Vec::new())
    }

    fn finish(mut self) -> Imported {
        let path = Path::of(&self.tree, &self.draft);
        self.set_context(&path);
        let order = self.joined(&path.main);
        let assembled = self.draft.assemble(order);
        let lines: Vec<u64> = assembled
            .entries
            .iter()
            .filter_map(|at| self.draft.get(*at).map(|entry| entry.line))
            .collect();
        let mut branches = Vec::new();
        for (kind, nodes) in path.sides() {
            let order = self.joined(nodes);
            let messages = self.draft.assemble(order).messages;
            let Some(first) = nodes.first().and_then(|at| self.tree.node(*at)) else {
                continue;
            };
            if messages.is_empty() {
                continue;
            }
            let parent = self.tree.parent(first);
            let behind = match kind {
                BranchKind::Abandoned => parent.map_or(first.line, |node| node.line + 1),
                BranchKind::Sidechain => first.line,
            };
            branches.push(Branch {
                kind,
                id: first.agent.clone(),
                from: Some(lines.partition_point(|line| *line < behind)),
                messages,
            });
        }
        let mut imported = Imported::new(
            Source::ClaudeCode,
            assembled,
            self.work(path.joints),
            self.draft.left_out,
        );
        let id = imported.about().and_then(|about| about.get("session"));
        imported.id = id.and_then(Value::as_str).map(str::to_owned);
        imported.branches = branches;
        imported
    }

    /// The entries of these nodes in order, those of one reply made one.
    fn joined(&mut self, nodes: &[usize]) -> Vec<usize> {
        let mut replies = std::collections::HashMap::new();
        let mut order = Vec::new();
        for at in nodes {
            let Some(node) = self.tree.node(*at) else {
                continue;
            };
            let (Some(reply), [entry]) = (&node.reply, node.entries.as_slice()) else {
                order.extend(&node.entries);
                continue;
            };
            let Some(first) = replies.get(reply) else {
                replies.insert(reply, *entry);
                order.push(*entry);
                continue;
            };
            let body = self
                .draft
                .get_mut(*entry)
                .map(|entry| std::mem::take(&mut entry.body));
            let uuid = node.uuid.clone();
            if let (Some(body), Some(entry)) = (body, self.draft.get_mut(*first)) {
                let is_new = entry.body.join(body);
                if let Some(Value::Object(told)) = entry.extra.get_mut(CLAUDE_CODE) {
                    let further = told.entry("further").or_insert_with(|| json!([]));
                    if let (Some(further), Some(uuid)) = (further.as_array_mut(), uuid) {
                        further.push(json!(uuid));
                    }
                }
                if !is_new {
                    let what = "assistant";
                    self.draft.left_out.note(Reason::Repeated, what, node.line);
                }
            }
        }
        order
    }

    /// From the last compaction on, and what it preserved.
    fn set_context(&mut self, path: &Path) {
        let Some(boundary) = path.boundary.and_then(|at| self.tree.node(at)) else {
            return;
        };
        let is_preserved = self.tree.preserved(boundary, &path.main);
        for at in &path.main {
            let Some(node) = self.tree.node(*at) else {
                continue;
            };
            if node.line < boundary.line && !is_preserved.contains(at) {
                for entry in &node.entries {
                    if let Some(entry) = self.draft.get_mut(*entry) {
                        entry.is_sent = false;
                    }
                }
            }
        }
    }

    fn work(&mut self, joints: u64) -> Work {
        let mut work = Work::default();
        let (usage, by_model, model) = std::mem::take(&mut self.usage).into_parts();
        let agent = AgentContext {
            model,
            usage,
            ..AgentContext::default()
        };
        if let Ok(id) = AgentId::new(Source::ClaudeCode.name()) {
            work.agents.insert(id, agent);
        }
        work.usage = usage;
        work.usage_by_model = by_model;
        let mut about = std::mem::take(&mut self.about);
        about.insert("source".to_owned(), json!(Source::ClaudeCode.name()));
        if !self.summaries.is_empty() {
            let summaries = std::mem::take(&mut self.summaries);
            about.insert("summaries".to_owned(), Value::Array(summaries));
        }
        if joints > 0 {
            about.insert("broken_links".to_owned(), json!(joints));
        }
        let about = Value::Object(about);
        work.extra.insert(names::IMPORTED.to_owned(), about);
        work
    }
}
