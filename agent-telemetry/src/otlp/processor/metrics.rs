//! Metrics of a request: each point to its series.

use std::time::Duration;

use agent_primitives::Timestamp;

use super::super::delta::Taken;
use super::super::ledger::Covered;
use super::super::names::{Source, of_series};
use super::super::receiver::Accepted;
use super::super::value::Attributes;
use super::super::wire::{
    Labels, MetricHead, Point, PointData, Prints, RawAttributes, Scope, Shape, VisitMetrics,
};
use super::series::{Place, Written};
use super::state::State;

/// How old a stored baseline may be while points of its series come that add nothing.
const RENEWED: Duration = Duration::from_secs(6 * 3_600);

/// Takes the points of one request.
pub(super) struct Metrics<'s, 'a> {
    state: &'s mut State,
    now: Timestamp,
    resource: Option<RawAttributes<'a>>,
    /// Whether what was dropped of it is counted.
    is_counted: bool,
    /// Its attributes and its identity, once a series of it was not known.
    read: Option<(Attributes<'a>, u128)>,
    resource_written: u128,
    scope: Scope<'a>,
    head: MetricHead<'a>,
    head_written: u128,
    attributes: Attributes<'a>,
    rejected: u64,
    message: Option<String>,
}

impl<'s, 'a> Metrics<'s, 'a> {
    pub(super) fn new(state: &'s mut State, now: Timestamp) -> Self {
        Self {
            state,
            now,
            resource: None,
            is_counted: false,
            read: None,
            resource_written: 0,
            scope: Scope::default(),
            head: MetricHead {
                name: "".into(),
                unit: "".into(),
                shape: Shape::Unknown,
            },
            head_written: 0,
            attributes: Attributes::default(),
            rejected: 0,
            message: None,
        }
    }

    /// How many points were refused, and why the first one was.
    pub(super) fn accepted(self) -> Accepted {
        match self.message {
            Some(message) => Accepted::partly(self.rejected, message),
            None => Accepted::all(),
        }
    }

    fn reject(&mut self, why: impl FnOnce(&MetricHead<'_>) -> String) {
        self.rejected += 1;
        if self.message.is_none() {
            self.message = Some(why(&self.head));
        }
    }

    /// Of which it may be counted already what was dropped.
    pub(super) fn resource_of(&mut self, attributes: RawAttributes<'a>, is_counted: bool) {
        self.resource_written = attributes.fingerprint(self.state.table.prints());
        self.resource = Some(attributes);
        self.is_counted = is_counted;
        self.read = None;
    }

    pub(super) const fn has_counted(&self) -> bool {
        self.is_counted
    }

    /// A series that is not known as it is written.
    #[cold]
    fn resolve(&mut self, attributes: RawAttributes<'a>, written: Written) -> Option<Place> {
        let state = &mut *self.state;
        let (resource, identity) = self.read.get_or_insert_with(|| {
            let mut read = Attributes::default();
            if let Some(resource) = &self.resource {
                let dropped = resource.read(&state.limits, &mut read);
                if !std::mem::replace(&mut self.is_counted, true) {
                    state.figures.attributes_dropped +=
                        dropped.too_many + dropped.too_deep + dropped.cut;
                }
            }
            let identity = state.identity.of_resource(&read);
            (read, identity)
        });
        let dropped = attributes.read(&state.limits, &mut self.attributes);
        state.figures.attributes_dropped += dropped.too_many + dropped.too_deep + dropped.cut;
        let key = state
            .identity
            .of_series(*identity, &self.scope, &self.head, &self.attributes);
        if let Some(place) = state.table.known(key, written) {
            return Some(place);
        }
        let source = Source::new(resource, &self.scope);
        let meaning = of_series(&source, &self.head, &self.attributes);
        state
            .table
            .insert((key, *identity), self.head.shape, meaning, written)
    }
}

impl<'a> VisitMetrics<'a> for Metrics<'_, 'a> {
    fn prints(&self) -> &Prints {
        self.state.table.prints()
    }

    fn knows(&self, fingerprint: u128) -> Option<u32> {
        self.state.table.labelled(fingerprint).map(|it| it.0)
    }

    fn resource(&mut self, attributes: RawAttributes<'a>) {
        self.resource_of(attributes, false);
    }

    fn scope(&mut self, scope: Scope<'a>) {
        self.scope = scope;
    }

    fn metric(&mut self, head: MetricHead<'a>) {
        let nothing = Attributes::default();
        let identity = &mut self.state.identity;
        let key = identity.of_series(self.resource_written, &self.scope, &head, &nothing);
        self.head_written = key.0;
        self.head = head;
    }

    fn point(&mut self, labels: Labels<'a>, point: Point) {
        let written = Written {
            labels: labels.fingerprint,
            head: self.head_written,
        };
        let known = self.state.table.written(labels.known.map(Place), written);
        let Some(place) = known.or_else(|| self.resolve(labels.raw, written)) else {
            self.state.figures.points.too_many_series += 1;
            self.reject(|head| format!("no room for another series of {:?}", head.name));
            return;
        };
        let state = &mut *self.state;
        let Some(series) = state.table.get(place) else {
            return;
        };
        let taken = state.deltas.add_at(
            &mut series.baseline,
            series.key,
            series.shape,
            &point,
            &mut state.added,
        );
        state.figures.points.unknown_names += u64::from(!series.is_known);
        series.pending.points = series.pending.points.saturating_add(1);
        let gap = state.added.gap_ns.saturating_sub(state.added.filled_ns);
        series.pending.gap_ns = series.pending.gap_ns.saturating_add(gap);
        let is_news = match taken {
            Taken::Added => {
                match &point.data {
                    PointData::Number(value) if series.is_level() => {
                        series.pending.show(*value, point.time);
                    }
                    _ => series.pending.add(&state.added),
                }
                true
            }
            Taken::Gauge(value) => series.pending.show(value, point.time),
            Taken::Baseline => true,
            // Of a series that lives its baseline is not to grow old in the store.
            Taken::Nothing => self.now.since(series.marked) >= RENEWED,
            _ => false,
        };
        // Of one that was known once and is not any more, what it said before is not known.
        let was_known = taken == Taken::Baseline && !state.added.new_epoch;
        let is_lost = was_known || matches!(taken, Taken::Forgotten | Taken::Rejected(_));
        let (lost, writers) = (u64::from(is_lost), u64::from(state.added.second_writer));
        if lost + writers > 0
            && let Some(session) = state.session_of(place).cloned()
        {
            let covered = Covered {
                points_lost: lost,
                second_writers: writers,
                ..Covered::default()
            };
            state.ledger.covered(&session, covered);
        }
        if is_news {
            state.table.touch(place);
        }
        if let Taken::Rejected(cause) = taken {
            self.reject(|head| format!("{:?}: {cause}", head.name));
        }
    }
}
