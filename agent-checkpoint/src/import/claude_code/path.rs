//! Which lines of a tree are the conversation, and which stand beside it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::draft::Draft;
use super::super::imported::BranchKind;
use super::tree::{Kind, Node, Tree};

/// The conversation through the tree, by node.
#[derive(Debug, Default)]
pub(super) struct Path {
    /// In the order of the file.
    pub(super) main: Vec<usize>,
    abandoned: Vec<Vec<usize>>,
    sidechains: Vec<Vec<usize>>,
    /// The last compaction of the conversation.
    pub(super) boundary: Option<usize>,
    /// How often a parent is not in the file, so that the line before had to do.
    pub(super) joints: u64,
}

impl Path {
    pub(super) fn of(tree: &Tree, draft: &Draft<'_>) -> Self {
        let is_message = |node: &&Node| node.kind == Kind::Message;
        // In the file of an agent of its own every line is of a sidechain.
        let is_agent = tree
            .nodes()
            .iter()
            .filter(is_message)
            .all(|node| node.is_side);
        let is_side = |node: &Node| node.is_side && !is_agent;
        let mut path = Self::default();
        let mut on_path = path.back_from_the_end(tree, is_side);
        widen(tree, draft, &mut on_path, is_side);
        let is_on = |at: usize| on_path.get(at) == Some(&true);

        let mut sides: BTreeMap<(Option<&str>, usize), Vec<usize>> = BTreeMap::new();
        let mut groups: HashMap<usize, usize> = HashMap::new();
        let mut abandoned: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, node) in tree.nodes().iter().enumerate() {
            let is_kept = node.kind == Kind::Message;
            if is_on(at) {
                if is_kept {
                    path.main.push(at);
                } else if node.kind == Kind::Boundary {
                    path.boundary = Some(at);
                }
                continue;
            }
            // A branch goes on where its parent is of it; every other line begins one.
            let parent = tree.parent_at(node).filter(|parent| !is_on(*parent));
            let group = parent.and_then(|parent| groups.get(&parent).copied());
            let group = group.unwrap_or(at);
            groups.insert(at, group);
            if !is_kept {
                continue;
            }
            if is_side(node) {
                let key = match node.agent.as_deref() {
                    Some(agent) => (Some(agent), 0),
                    None => (None, group),
                };
                sides.entry(key).or_default().push(at);
            } else {
                abandoned.entry(group).or_default().push(at);
            }
        }
        path.abandoned = abandoned.into_values().collect();
        path.sidechains = sides.into_values().collect();
        path.sidechains.sort();
        path
    }

    /// Branches and sidechains, in the order in which they begin.
    pub(super) fn sides(&self) -> impl Iterator<Item = (BranchKind, &[usize])> {
        let abandoned = self.abandoned.iter();
        let abandoned = abandoned.map(|nodes| (BranchKind::Abandoned, nodes.as_slice()));
        let sidechains = self.sidechains.iter();
        abandoned.chain(sidechains.map(|nodes| (BranchKind::Sidechain, nodes.as_slice())))
    }

    /// From the last message to its parent, and on to the first, which names none. Where a parent is named and missing
    /// the message before it in the file has to do: a transcript whose links are broken is one conversation all the same
    /// (anthropics/claude-code#24304).
    fn back_from_the_end(&mut self, tree: &Tree, is_side: impl Fn(&Node) -> bool) -> Vec<bool> {
        let mut on_path = vec![false; tree.nodes().len()];
        // Goes backwards only, so that no file takes longer than its length.
        let mut end = tree.nodes().len();
        let mut before = |at: usize, on_path: &[bool]| {
            end = end.min(at);
            while let Some(earlier) = end.checked_sub(1) {
                end = earlier;
                let is_fit = |node: &Node| node.kind == Kind::Message && !is_side(node);
                let is_free = on_path.get(earlier) == Some(&false);
                if is_free && tree.node(earlier).is_some_and(is_fit) {
                    return Some(earlier);
                }
            }
            None
        };
        let mut at = before(tree.nodes().len(), &on_path);
        while let Some(now) = at {
            if let Some(on) = on_path.get_mut(now) {
                *on = true;
            }
            let parent = tree.node(now).and_then(|node| tree.parent_at(node));
            let parent = parent.filter(|parent| on_path.get(*parent) == Some(&false));
            let is_first = |node: &Node| node.parent.is_none() && node.kind == Kind::Message;
            at = parent.or_else(|| {
                if tree.node(now).is_some_and(is_first) {
                    return None;
                }
                let earlier = before(now, &on_path);
                self.joints += u64::from(earlier.is_some());
                earlier
            });
        }
        on_path
    }
}

/// Adds to the path what belongs to it but is no ancestor of its end: of calls at once, each result is the child of
/// its call's line, and only one of them has children.
fn widen(tree: &Tree, draft: &Draft<'_>, on_path: &mut [bool], is_side: impl Fn(&Node) -> bool) {
    let mut replies: HashSet<&str> = HashSet::new();
    let mut calls: HashSet<&str> = HashSet::new();
    let mut answered: HashSet<&str> = HashSet::new();
    let of_node = |node: &Node| -> Vec<_> {
        let entries = node.entries.iter();
        entries.filter_map(|entry| draft.get(*entry)).collect()
    };
    for (node, _) in tree.nodes().iter().zip(&*on_path).filter(|(_, on)| **on) {
        replies.extend(node.reply.as_deref());
        for entry in of_node(node) {
            calls.extend(entry.body.calls().iter().map(|call| call.id.as_str()));
            answered.extend(entry.tool_call_id.as_deref());
        }
    }
    for (node, on) in tree.nodes().iter().zip(on_path) {
        if *on || node.kind != Kind::Message || is_side(node) {
            continue;
        }
        let entries = of_node(node);
        let is_of_reply = node.reply.as_deref().is_some_and(|id| replies.contains(id));
        let is_result = !entries.is_empty()
            && entries.iter().all(|entry| {
                let id = entry.tool_call_id.as_deref();
                id.is_some_and(|id| calls.contains(id) && !answered.contains(id))
            });
        if is_of_reply || is_result {
            *on = true;
            for entry in entries {
                calls.extend(entry.body.calls().iter().map(|call| call.id.as_str()));
                answered.extend(entry.tool_call_id.as_deref());
            }
        }
    }
}
