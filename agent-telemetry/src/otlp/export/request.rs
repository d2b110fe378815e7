//! Requests out of items, under the limits.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::protobuf::{Message, field_len};
use super::style::OtlpSignal;

/// One request, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) signal: OtlpSignal,
    /// Spans, points or log records in it.
    pub(super) items: u64,
    pub(super) is_gzip: bool,
    pub(super) body: Vec<u8>,
}

/// How much one request holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) items: usize,
    /// Before compression.
    pub(super) bytes: usize,
}

/// Who says it: the bodies of a resource and of a scope.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) resource: Message,
    pub(super) scope: Message,
}

/// Requests being filled with items of one signal.
#[derive(Debug)]
pub(super) struct Filler<'a> {
    signal: OtlpSignal,
    frame: &'a Frame,
    limits: Limits,
    is_gzip: bool,
    /// The items of the request in the making, each as a field of the scope's list.
    open: Message,
    count: usize,
    done: Vec<Request>,
    /// Items that no request may hold.
    pub(super) too_large: u64,
}

impl<'a> Filler<'a> {
    pub(super) const fn new(
        signal: OtlpSignal,
        frame: &'a Frame,
        limits: Limits,
        is_gzip: bool,
    ) -> Self {
        Self {
            signal,
            frame,
            limits,
            is_gzip,
            open: Message::new(),
            count: 0,
            done: Vec::new(),
            too_large: 0,
        }
    }

    /// Adds a span, a log record, or a metric with so many points.
    pub(super) fn add(&mut self, item: &Message, count: usize) {
        let room = self.limits.bytes.saturating_sub(self.overhead());
        let size = field_len(item.len());
        if size > room {
            self.too_large = self.too_large.saturating_add(count as u64);
            return;
        }
        let is_full = self.count.saturating_add(count) > self.limits.items
            || self.open.len().saturating_add(size) > room;
        if is_full {
            self.close();
        }
        self.open.slice(2, item.bytes());
        self.count = self.count.saturating_add(count);
    }

    /// Resource, scope, and three lengths around them.
    fn overhead(&self) -> usize {
        const LENGTHS: usize = 18;
        let (resource, scope) = (&self.frame.resource, &self.frame.scope);
        field_len(resource.len()) + field_len(scope.len()) + LENGTHS
    }

    fn close(&mut self) {
        if self.count == 0 {
            return;
        }
        let items = std::mem::take(&mut self.open);
        let mut body = Message::new();
        body.message(1, |resource| {
            resource.slice(1, self.frame.resource.bytes());
            resource.message(2, |scope| {
                scope.slice(1, self.frame.scope.bytes());
                scope.append(items.bytes());
            });
        });
        let body = body.into_bytes();
        self.done.push(Request {
            signal: self.signal,
            items: std::mem::take(&mut self.count) as u64,
            is_gzip: self.is_gzip,
            body: if self.is_gzip { gzip(&body) } else { body },
        });
    }

    pub(super) const fn signal(&self) -> OtlpSignal {
        self.signal
    }

    pub(super) fn finish(mut self) -> Vec<Request> {
        self.close();
        self.done
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    // Writing into memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}
