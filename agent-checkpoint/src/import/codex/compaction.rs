//! Compactions: what the model is sent from then on.

use std::collections::{HashMap, HashSet};

use serde_json::json;
use serde_json::value::RawValue;

use super::super::Reason;
use super::super::draft::Entry;
use super::super::fields::Fields;
use super::{Rollout, Stop, items};
use crate::Role;

impl Rollout<'_> {
    /// `CompactedItem`: the history was replaced. Most of the new one stands in the rollout already; what does
    /// is referred to, and what does not becomes a message here.
    pub(super) fn compacted(
        &mut self,
        compacted: &Fields<'_>,
        line: u64,
        at: Option<&str>,
    ) -> Result<(), Stop> {
        self.open = None;
        let before = self.draft.len();
        let embedded = ["replacement_history", "replacement_history_entries"];
        let history = embedded.iter().find_map(|name| compacted.list(name));
        if let Some(history) = history {
            let found = self.found(&history, line, at)?;
            self.send_nothing(before);
            let entries = self.draft.entries_mut();
            for at in found {
                if let Some(entry) = entries.get_mut(at)
                    && !std::mem::replace(&mut entry.is_sent, true)
                {
                    self.sent.push(at);
                }
            }
            self.mark_compacted(before);
            self.draft
                .left_out
                .note(Reason::Repeated, "compacted", line);
        } else {
            // Without one Codex goes on with what was asked and the summary.
            self.send_what_was_asked(before);
            if let Some(summary) = compacted.text("message") {
                self.draft.keep(summary.len())?;
                let mut entry = Entry::new(Role::User, line);
                entry.body.text(&summary);
                entry.at(at);
                self.draft.push(entry)?;
                self.mark_compacted(before);
            }
        }
        self.open = None;
        Ok(())
    }

    /// Nothing before the entry `end` is sent any more. Entries are looked at as often as they are sent anew, so that
    /// many compactions take no longer than their length.
    fn send_nothing(&mut self, end: usize) {
        let entries = self.draft.entries_mut();
        for at in self.sent.drain(..).chain(self.settled..end) {
            if let Some(entry) = entries.get_mut(at) {
                entry.is_sent = false;
            }
        }
        (self.settled, self.asked) = (end, 0);
    }

    /// Of what is sent before the entry `end`, what was asked stays so.
    fn send_what_was_asked(&mut self, end: usize) {
        let entries = self.draft.entries_mut();
        let unsettled = self.settled..end;
        let new = self.sent.split_off(self.asked.min(self.sent.len()));
        for at in new.into_iter().chain(unsettled) {
            if let Some(entry) = entries.get_mut(at) {
                entry.is_sent &= entry.role == Role::User || entry.role == Role::System;
                if entry.is_sent {
                    self.sent.push(at);
                }
            }
        }
        (self.settled, self.asked) = (end, self.sent.len());
    }

    fn mark_compacted(&mut self, from: usize) {
        for entry in self.draft.entries_mut().iter_mut().skip(from) {
            entry.set("compacted", json!(true));
        }
    }

    /// The entries that the items of `history` are. Those that are new are taken in.
    fn found(
        &mut self,
        history: &[&RawValue],
        line: u64,
        at: Option<&str>,
    ) -> Result<HashSet<usize>, Stop> {
        let mut taken: HashMap<[u8; 32], usize> = HashMap::new();
        let mut hits: HashMap<usize, usize> = HashMap::new();
        let mut news = Vec::new();
        // Of items that are alike the later ones are meant.
        for raw in history.iter().rev() {
            let Some(outer) = Fields::of(raw) else {
                return Err(Reason::Malformed.into());
            };
            let by_id = outer.text("item_id");
            if let Some(entry) = by_id.and_then(|id| self.by_id.get(&id).copied()) {
                *hits.entry(entry).or_default() += 1;
                continue;
            }
            let item = outer.object("item").unwrap_or(outer);
            let digest = items::digest(&item)?;
            let nth = taken.entry(digest).or_default();
            *nth += 1;
            let places = self.by_digest.get(&digest);
            let place = places.and_then(|p| p.len().checked_sub(*nth).and_then(|at| p.get(at)));
            match place {
                Some(entry) => *hits.entry(*entry).or_default() += 1,
                None => news.push((item, raw.get().len())),
            }
        }
        for (item, bytes) in news.into_iter().rev() {
            self.item(&item, bytes, line, at)?;
        }
        Ok(self.whole(&hits))
    }

    /// Of the entries hit those that can be sent: a reply with all its calls and their results, or none of it.
    fn whole(&self, hits: &HashMap<usize, usize>) -> HashSet<usize> {
        let entry = |at: usize| self.draft.get(at);
        let answered: HashSet<&str> = hits
            .keys()
            .filter_map(|at| entry(*at)?.tool_call_id.as_deref())
            .collect();
        let is_whole = |at: usize| {
            entry(at).is_some_and(|entry| {
                let calls = entry.body.calls();
                calls.iter().all(|call| answered.contains(call.id.as_str()))
            })
        };
        let replies: HashSet<usize> = hits.keys().copied().filter(|at| is_whole(*at)).collect();
        let called: HashSet<&str> = replies
            .iter()
            .filter_map(|at| entry(*at))
            .flat_map(|entry| entry.body.calls().iter().map(|call| call.id.as_str()))
            .collect();
        replies
            .iter()
            .copied()
            .filter(|at| {
                let id = entry(*at).and_then(|entry| entry.tool_call_id.as_deref());
                id.is_none_or(|id| called.contains(id))
            })
            .collect()
    }
}
