//! Batches of records to requests.

use std::collections::VecDeque;

use agent_primitives::Timestamp;

use super::events::event;
use super::measures::measure;
use super::meter::Meter;
use super::request::{Filler, Frame, Limits, Request};
use super::sessions::Sessions;
use super::spans::{Occurrences, nanos, span};
use super::stats::OtlpStats;
use super::style::{OtlpSignal, Style};
use crate::{Body, Record};

/// What turns records into requests, and what it remembers of earlier ones.
#[derive(Debug)]
pub(super) struct Encoder {
    style: Style,
    frame: Frame,
    limits: Limits,
    /// By signal: whether it goes out, and whether compressed.
    wanted: [Option<bool>; 3],
    sessions: Sessions,
    meter: Meter,
}

impl Encoder {
    pub(super) fn new(
        style: Style,
        frame: Frame,
        limits: Limits,
        wanted: [Option<bool>; 3],
        now: Timestamp,
    ) -> Self {
        Self {
            style,
            frame,
            limits,
            wanted,
            sessions: Sessions::default(),
            meter: Meter::new(style.temporality, nanos(now)),
        }
    }

    /// The requests of a batch: traces, then metrics, then logs. To be called once for each batch.
    pub(super) fn encode(
        &mut self,
        batch: &[Record],
        now: Timestamp,
        stats: &OtlpStats,
    ) -> VecDeque<Request> {
        let [traces, metrics, logs] = self.wanted;
        let filler = |signal, is_gzip: Option<bool>| {
            Filler::new(signal, &self.frame, self.limits, is_gzip == Some(true))
        };
        let mut spans = filler(OtlpSignal::Traces, traces);
        let mut points = filler(OtlpSignal::Metrics, metrics);
        let mut events = filler(OtlpSignal::Logs, logs);
        let mut seen = Occurrences::default();
        for record in batch {
            if let Body::SessionStart(task) | Body::SessionResume(task) = &record.body {
                let resumed = matches!(record.body, Body::SessionResume(_));
                self.sessions.begin(record, task, resumed);
            }
            if logs.is_some()
                && let Some(event) = event(record, self.style, &self.sessions)
            {
                events.add(&event, 1);
            }
            // Last, since the end of a session closes it.
            if let Some(span) = span(record, self.style, &mut self.sessions, &mut seen)
                && traces.is_some()
            {
                spans.add(&span, 1);
            }
            if metrics.is_some() {
                measure(&mut self.meter, record, self.style.names);
            }
        }
        // A point has rarely more than a kilobyte, so that so many fit into half a request.
        let chunk = self.limits.items.min(self.limits.bytes / 2_048);
        for (metric, count) in self.meter.collect(nanos(now), chunk) {
            points.add(&metric, count);
        }
        let mut requests = VecDeque::new();
        for filler in [spans, points, events] {
            stats.too_large(&filler);
            requests.extend(filler.finish());
        }
        requests
    }
}
