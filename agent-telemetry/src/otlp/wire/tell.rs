//! Tells the log records or spans of a request that was checked, in either encoding.

use super::found::{Entry, Found, Room};
use super::item::{Log, Scope, Span};
use super::limits::{AttributesDropped, Budget, ReadLimits};
use super::malformed::Fault;
use super::raw::RawAttributes;
use super::said::Said;
use super::visit::{VisitLogs, VisitSpans};

/// Reads an item in the place of another.
pub(super) trait Items<'a, T> {
    fn resource(&mut self, attributes: RawAttributes<'a>);
    fn scope(&mut self, scope: Scope<'a>);
    fn item(&mut self, item: T, budget: &mut Budget) -> Result<(), Fault>;
    fn dropped(&mut self, dropped: AttributesDropped);
}

/// Tells all that was found, and gives the room back.
pub(super) fn tell<'a, T>(
    mut found: Found<'a, T>,
    limits: &ReadLimits,
    room: &mut Room,
    items: &mut impl Items<'a, T>,
) -> Result<(), Fault> {
    let mut budget = Budget::new(limits);
    for entry in found.entries.drain(..) {
        match entry {
            Entry::Resource(attributes) => items.resource(attributes),
            Entry::Scope(scope) => items.scope(scope),
            Entry::Item(item) => {
                budget.renew(limits);
                items.item(item, &mut budget)?;
            }
            Entry::Open | Entry::Metric(_) | Entry::Number(..) => {}
        }
    }
    if !budget.dropped.is_none() {
        items.dropped(budget.dropped);
    }
    room.take_back(found);
    Ok(())
}

/// How a record is read in an encoding.
type ReadLog<'a, T> = fn(T, &mut Log<'a>, &mut Budget, &mut Said) -> Result<(), Fault>;

pub(super) struct Logs<'v, 'a, V, T> {
    visitor: &'v mut V,
    read: ReadLog<'a, T>,
    log: Log<'a>,
    said: Said,
}

impl<'v, 'a, V: VisitLogs<'a>, T> Logs<'v, 'a, V, T> {
    pub(super) fn new(visitor: &'v mut V, read: ReadLog<'a, T>) -> Self {
        Self {
            visitor,
            read,
            log: Log::default(),
            said: Said::default(),
        }
    }
}

impl<'a, V: VisitLogs<'a>, T> Items<'a, T> for Logs<'_, 'a, V, T> {
    fn resource(&mut self, attributes: RawAttributes<'a>) {
        self.said.resource(&attributes);
        self.visitor.resource(attributes);
    }

    fn scope(&mut self, scope: Scope<'a>) {
        self.visitor.scope(scope);
    }

    fn item(&mut self, item: T, budget: &mut Budget) -> Result<(), Fault> {
        (self.read)(item, &mut self.log, budget, &mut self.said)?;
        self.visitor.log(&mut self.log);
        Ok(())
    }

    fn dropped(&mut self, dropped: AttributesDropped) {
        self.visitor.dropped(dropped);
    }
}

/// How a span is read in an encoding.
type ReadSpan<'a, T> = fn(T, &mut Span<'a>, &mut Budget) -> Result<(), Fault>;

pub(super) struct Spans<'v, 'a, V, T> {
    visitor: &'v mut V,
    read: ReadSpan<'a, T>,
    span: Span<'a>,
}

impl<'v, 'a, V: VisitSpans<'a>, T> Spans<'v, 'a, V, T> {
    pub(super) fn new(visitor: &'v mut V, read: ReadSpan<'a, T>) -> Self {
        Self {
            visitor,
            read,
            span: Span::default(),
        }
    }
}

impl<'a, V: VisitSpans<'a>, T> Items<'a, T> for Spans<'_, 'a, V, T> {
    fn resource(&mut self, attributes: RawAttributes<'a>) {
        self.visitor.resource(attributes);
    }

    fn scope(&mut self, scope: Scope<'a>) {
        self.visitor.scope(scope);
    }

    fn item(&mut self, item: T, budget: &mut Budget) -> Result<(), Fault> {
        (self.read)(item, &mut self.span, budget)?;
        self.visitor.span(&mut self.span);
        Ok(())
    }

    fn dropped(&mut self, dropped: AttributesDropped) {
        self.visitor.dropped(dropped);
    }
}
