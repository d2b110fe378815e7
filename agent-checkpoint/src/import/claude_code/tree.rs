//! Lines as a tree.

use std::collections::{HashMap, HashSet};

use super::super::fields::{Fields, text};

/// What a line is in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    Message,
    /// Where the conversation was compacted.
    Boundary,
    /// Only a link between others.
    #[default]
    Link,
}

/// A line that may be the parent of another.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) line: u64,
    pub(super) uuid: Option<String>,
    pub(super) parent: Option<String>,
    /// Whether it is of an agent of its own.
    pub(super) is_side: bool,
    pub(super) agent: Option<String>,
    /// The id of the reply that it is a part of.
    pub(super) reply: Option<String>,
    /// The messages in it.
    pub(super) entries: Vec<usize>,
    /// Of a boundary: what stays from before it, by id; or the first and the last.
    preserved: HashSet<String>,
    segment: Option<(String, String)>,
}

impl Node {
    pub(super) fn of(line: &Fields<'_>, number: u64) -> Self {
        Self {
            line: number,
            uuid: line.text("uuid"),
            // A boundary has no parent, and names what was before it as the logical one.
            parent: line
                .text("parentUuid")
                .or_else(|| line.text("logicalParentUuid")),
            is_side: line.is_set("isSidechain"),
            agent: line.text("agentId"),
            ..Self::default()
        }
    }

    /// About how many bytes it takes in memory.
    pub(super) fn weight(&self) -> usize {
        let texts = [&self.uuid, &self.parent, &self.agent];
        let texts = texts.into_iter().flatten().map(String::len);
        let ids = self
            .preserved
            .iter()
            .map(|id| id.len() + size_of::<String>());
        size_of::<Self>() + texts.chain(ids).sum::<usize>()
    }

    /// Reads what a boundary preserves.
    pub(super) fn preserve(&mut self, line: &Fields<'_>) {
        let Some(about) = line.object("compactMetadata") else {
            return;
        };
        if let Some(kept) = about.object("preservedMessages") {
            let ids = kept.list("allUuids").or_else(|| kept.list("uuids"));
            self.preserved = ids
                .unwrap_or_default()
                .into_iter()
                .filter_map(text)
                .collect();
        } else if let Some(kept) = about.object("preservedSegment") {
            self.segment = kept.text("headUuid").zip(kept.text("tailUuid"));
        }
    }
}

/// All of them, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    by_uuid: HashMap<String, usize>,
}

impl Tree {
    pub(super) fn has(&self, uuid: &str) -> bool {
        self.by_uuid.contains_key(uuid)
    }

    pub(super) fn add(&mut self, uuid: Option<String>, node: Node) {
        if let Some(uuid) = uuid {
            let at = self.nodes.len();
            self.by_uuid.entry(uuid).or_insert(at);
        }
        self.nodes.push(node);
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn node(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    pub(super) fn parent_at(&self, node: &Node) -> Option<usize> {
        self.by_uuid.get(node.parent.as_ref()?).copied()
    }

    pub(super) fn parent(&self, node: &Node) -> Option<&Node> {
        self.node(self.parent_at(node)?)
    }

    /// Which of `path` the boundary preserves.
    pub(super) fn preserved(&self, boundary: &Node, path: &[usize]) -> HashSet<usize> {
        let line_of = |uuid: &String| Some(self.node(*self.by_uuid.get(uuid)?)?.line);
        let segment = boundary.segment.as_ref();
        let segment = segment.and_then(|(head, tail)| Some(line_of(head)?..=line_of(tail)?));
        let is_in = |node: &Node| {
            let uuid = node.uuid.as_ref();
            uuid.is_some_and(|uuid| boundary.preserved.contains(uuid))
                || segment
                    .as_ref()
                    .is_some_and(|lines| lines.contains(&node.line))
        };
        let path = path.iter().copied();
        path.filter(|at| self.node(*at).is_some_and(is_in))
            .collect()
    }
}
