//! Large requests, told in pieces between which others have their turn.
//!
//! A request is checked before the first piece is told, so it is taken as a whole or not at all, like smaller ones.
//! Whatever ends between two pieces is as it would be between two requests: what was told is known again when the
//! sender, who has no answer yet, sends all of it again.

use std::vec::Drain;

use agent_primitives::Timestamp;

use super::super::receiver::{Accepted, Encoding, Signal};
use super::super::wire::{
    AttributesDropped, Labels, Log, Malformed, MetricHead, Point, Prints, RawAttributes,
    ReadLimits, Room, Scope, Span, VisitLogs, VisitMetrics, VisitSpans, read_logs, read_metrics,
    read_spans,
};
use super::ingest::encoding;
use super::items::Taking;
use super::metrics::Metrics;
use super::state::State;

/// Points, or log records or spans, of one piece: it takes about half a millisecond.
const POINTS: usize = 1_024;
const ITEMS: usize = 64;

/// Takes pieces: is given what tells one to the state.
type Take<'t> = &'t mut dyn FnMut(&mut dyn FnMut(&mut State));

/// Something that a request says.
enum Said<'a, I> {
    /// And whether what was dropped of it is counted.
    Resource(RawAttributes<'a>, bool),
    Scope(Scope<'a>),
    Metric(MetricHead<'a>),
    Item(I),
    Dropped(AttributesDropped),
}

/// Reads a request, at `now`.
pub(super) fn read(
    (signal, written, body): (Signal, Encoding, &[u8]),
    (limits, prints): (&ReadLimits, &Prints),
    now: Timestamp,
    take: Take<'_>,
) -> Result<Accepted, Malformed> {
    let written = encoding(written);
    let mut room = Room::default();
    match signal {
        Signal::Metrics => {
            let tell = |state: &mut State, said: Drain<'_, _>| metrics(state, now, said);
            let mut pieces = Pieces::new(POINTS, take, &tell, prints);
            read_metrics(written, body, limits, &mut room, &mut pieces)?;
            Ok(pieces.finish())
        }
        Signal::Logs => {
            let tell = |state: &mut State, said: Drain<'_, _>| logs(state, now, said);
            let mut pieces = Pieces::new(ITEMS, take, &tell, prints);
            read_logs(written, body, limits, &mut room, &mut pieces)?;
            Ok(pieces.finish())
        }
        Signal::Traces => {
            let tell = |state: &mut State, said: Drain<'_, _>| spans(state, now, said);
            let mut pieces = Pieces::new(ITEMS, take, &tell, prints);
            read_spans(written, body, limits, &mut room, &mut pieces)?;
            Ok(pieces.finish())
        }
    }
}

/// Also says whether it is counted what was dropped of the last resource: the next piece reads it again.
type Tell<'t, 'a, I> = &'t dyn Fn(&mut State, Drain<'_, Said<'a, I>>) -> (Accepted, bool);

/// Gathers pieces.
struct Pieces<'t, 'a, I> {
    at_most: usize,
    take: Take<'t>,
    tell: Tell<'t, 'a, I>,
    prints: &'t Prints,
    said: Vec<Said<'a, I>>,
    items: usize,
    /// Under which the next item stands.
    resource: Option<(RawAttributes<'a>, bool)>,
    scope: Option<Scope<'a>>,
    metric: Option<MetricHead<'a>>,
    accepted: Accepted,
}

impl<'t, 'a, I> Pieces<'t, 'a, I> {
    fn new(at_most: usize, take: Take<'t>, tell: Tell<'t, 'a, I>, prints: &'t Prints) -> Self {
        Self {
            at_most,
            take,
            tell,
            prints,
            said: Vec::new(),
            items: 0,
            resource: None,
            scope: None,
            metric: None,
            accepted: Accepted::all(),
        }
    }

    fn open(&mut self, resource: RawAttributes<'a>) {
        self.resource = Some((resource, false));
        self.said.push(Said::Resource(resource, false));
    }

    fn open_scope(&mut self, scope: Scope<'a>) {
        self.scope = Some(scope.clone());
        self.said.push(Said::Scope(scope));
    }

    fn item(&mut self, item: I) {
        if self.items >= self.at_most {
            self.cut();
            let heads = [
                self.resource
                    .map(|(resource, counted)| Said::Resource(resource, counted)),
                self.scope.clone().map(Said::Scope),
                self.metric.clone().map(Said::Metric),
            ];
            self.said.extend(heads.into_iter().flatten());
        }
        self.items += 1;
        self.said.push(Said::Item(item));
    }

    fn cut(&mut self) {
        let (mut accepted, mut is_counted) = (Accepted::all(), false);
        (self.take)(&mut |state| {
            (accepted, is_counted) = (self.tell)(state, self.said.drain(..));
        });
        self.items = 0;
        if let Some((_, counted)) = &mut self.resource {
            *counted = is_counted;
        }
        self.accepted.rejected += accepted.rejected;
        let message = self.accepted.message.take();
        self.accepted.message = message.or(accepted.message);
    }

    fn finish(mut self) -> Accepted {
        self.cut();
        self.accepted
    }
}

impl<'a> VisitMetrics<'a> for Pieces<'_, 'a, (Labels<'a>, Point)> {
    fn prints(&self) -> &Prints {
        self.prints
    }

    /// What is known may be forgotten before it is told.
    fn knows(&self, _fingerprint: u128) -> Option<u32> {
        None
    }

    fn resource(&mut self, attributes: RawAttributes<'a>) {
        self.open(attributes);
    }

    fn scope(&mut self, scope: Scope<'a>) {
        self.open_scope(scope);
    }

    fn metric(&mut self, head: MetricHead<'a>) {
        self.metric = Some(head.clone());
        self.said.push(Said::Metric(head));
    }

    fn point(&mut self, labels: Labels<'a>, point: Point) {
        self.item((labels, point));
    }
}

impl<'a> VisitLogs<'a> for Pieces<'_, 'a, Log<'a>> {
    fn resource(&mut self, attributes: RawAttributes<'a>) {
        self.open(attributes);
    }

    fn scope(&mut self, scope: Scope<'a>) {
        self.open_scope(scope);
    }

    fn log(&mut self, log: &mut Log<'a>) {
        self.item(std::mem::take(log));
    }

    fn dropped(&mut self, dropped: AttributesDropped) {
        self.said.push(Said::Dropped(dropped));
    }
}

impl<'a> VisitSpans<'a> for Pieces<'_, 'a, Span<'a>> {
    fn resource(&mut self, attributes: RawAttributes<'a>) {
        self.open(attributes);
    }

    fn scope(&mut self, scope: Scope<'a>) {
        self.open_scope(scope);
    }

    fn span(&mut self, span: &mut Span<'a>) {
        self.item(std::mem::take(span));
    }

    fn dropped(&mut self, dropped: AttributesDropped) {
        self.said.push(Said::Dropped(dropped));
    }
}

fn metrics<'a>(
    state: &mut State,
    now: Timestamp,
    said: Drain<'_, Said<'a, (Labels<'a>, Point)>>,
) -> (Accepted, bool) {
    state.expect(now);
    let mut visitor = Metrics::new(state, now);
    for said in said {
        match said {
            Said::Resource(attributes, counted) => visitor.resource_of(attributes, counted),
            Said::Scope(scope) => visitor.scope(scope),
            Said::Metric(head) => visitor.metric(head),
            Said::Item((labels, point)) => visitor.point(labels, point),
            Said::Dropped(_) => {}
        }
    }
    let is_counted = visitor.has_counted();
    (visitor.accepted(), is_counted)
}

fn logs<'a>(
    state: &mut State,
    now: Timestamp,
    said: Drain<'_, Said<'a, Log<'a>>>,
) -> (Accepted, bool) {
    let mut visitor = Taking::new(state, now);
    for said in said {
        match said {
            Said::Resource(attributes, counted) => visitor.resource_of(attributes, counted),
            Said::Scope(scope) => VisitLogs::scope(&mut visitor, scope),
            Said::Item(mut log) => visitor.log(&mut log),
            Said::Dropped(dropped) => VisitLogs::dropped(&mut visitor, dropped),
            Said::Metric(_) => {}
        }
    }
    (Accepted::all(), visitor.has_counted())
}

fn spans<'a>(
    state: &mut State,
    now: Timestamp,
    said: Drain<'_, Said<'a, Span<'a>>>,
) -> (Accepted, bool) {
    let mut visitor = Taking::new(state, now);
    for said in said {
        match said {
            Said::Resource(attributes, counted) => visitor.resource_of(attributes, counted),
            Said::Scope(scope) => VisitSpans::scope(&mut visitor, scope),
            Said::Item(mut span) => visitor.span(&mut span),
            Said::Dropped(dropped) => VisitSpans::dropped(&mut visitor, dropped),
            Said::Metric(_) => {}
        }
    }
    (Accepted::all(), visitor.has_counted())
}
