//! Log records and spans of a request: each read by its name.

use agent_primitives::Timestamp;

use super::super::names::{Recognised, SessionFrom, Source, of_log, of_span, sequence_of};
use super::super::value::Attributes;
use super::super::wire::{
    AttributesDropped, Log, RawAttributes, Scope, Span, VisitLogs, VisitSpans,
};
use super::figures::Items;
use super::state::State;
use super::stored;

/// Takes the log records or spans of one request.
pub(super) struct Taking<'s, 'a> {
    state: &'s mut State,
    now: Timestamp,
    resource: Attributes<'a>,
    /// Whether what was dropped of it is counted.
    is_counted: bool,
    /// Whether it is known to tell sessions of its own.
    is_named: bool,
    scope: Scope<'a>,
}

impl<'s, 'a> Taking<'s, 'a> {
    pub(super) fn new(state: &'s mut State, now: Timestamp) -> Self {
        Self {
            state,
            now,
            resource: Attributes::default(),
            is_counted: false,
            is_named: false,
            scope: Scope::default(),
        }
    }

    /// Of which it may be counted already what was dropped.
    pub(super) fn resource_of(&mut self, attributes: RawAttributes<'a>, is_counted: bool) {
        let dropped = attributes.read(&self.state.limits, &mut self.resource);
        self.is_named = false;
        if !is_counted {
            self.count(dropped);
        }
        self.is_counted = true;
    }

    pub(super) const fn has_counted(&self) -> bool {
        self.is_counted
    }

    /// An item told its session itself.
    fn name(&mut self, recognised: Recognised) {
        if let Recognised::Known(_, notes) = recognised
            && notes.session == SessionFrom::Item
            && !self.is_named
        {
            self.is_named = true;
            let resource = self.state.identity.of_resource(&self.resource);
            if self.state.named.insert(resource) {
                self.state.marks.extend(stored::of_named(resource));
            }
        }
    }

    fn count(&mut self, dropped: AttributesDropped) {
        self.state.figures.attributes_dropped += dropped.too_many + dropped.too_deep + dropped.cut;
    }
}

impl<'a> VisitLogs<'a> for Taking<'_, 'a> {
    fn resource(&mut self, attributes: RawAttributes<'a>) {
        self.resource_of(attributes, false);
    }

    fn scope(&mut self, scope: Scope<'a>) {
        self.scope = scope;
    }

    fn log(&mut self, log: &mut Log<'a>) {
        let state = &mut *self.state;
        let item = state.identity.of_item(b'l', log.fingerprint, 0);
        if !state.recent.insert(item) {
            state.figures.logs.duplicates += 1;
            return;
        }
        let source = Source::new(&self.resource, &self.scope);
        let recognised = of_log(&source, log, &mut state.seen);
        count(&mut state.figures.logs, recognised);
        if let Some((session, sequence)) = sequence_of(&source, log) {
            state.ledger.sequence(&session, sequence);
        }
        state.see(self.now, Some(item));
        self.name(recognised);
    }

    fn dropped(&mut self, dropped: AttributesDropped) {
        self.count(dropped);
    }
}

impl<'a> VisitSpans<'a> for Taking<'_, 'a> {
    fn resource(&mut self, attributes: RawAttributes<'a>) {
        self.resource_of(attributes, false);
    }

    fn scope(&mut self, scope: Scope<'a>) {
        self.scope = scope;
    }

    fn span(&mut self, span: &mut Span<'a>) {
        let state = &mut *self.state;
        let item = state.identity.of_item(b'p', span.trace_id, span.span_id);
        if !state.recent.insert(item) {
            state.figures.spans.duplicates += 1;
            return;
        }
        let source = Source::new(&self.resource, &self.scope);
        let recognised = of_span(&source, span, &mut state.seen);
        count(&mut state.figures.spans, recognised);
        state.see(self.now, Some(item));
        self.name(recognised);
    }

    fn dropped(&mut self, dropped: AttributesDropped) {
        self.count(dropped);
    }
}

fn count(items: &mut Items, recognised: Recognised) {
    match recognised {
        Recognised::Known(_, notes) => {
            items.known += 1;
            items.incomplete += u64::from(notes.incomplete);
            items.without_session += u64::from(notes.session == SessionFrom::Nobody);
        }
        Recognised::Unknown => items.unknown += 1,
        Recognised::Refused(_) => items.refused += 1,
    }
}
