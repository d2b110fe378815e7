//! Everything that a reader tells, line by line, attributes decoded.

use std::fmt::Write as _;

use super::super::super::value::Attributes;
use super::super::{
    AttributesDropped, Encoding, Labels, Log, Malformed, MetricHead, Point, Prints, RawAttributes,
    ReadLimits, Room, Scope, Span, VisitLogs, VisitMetrics, VisitSpans, read_logs, read_metrics,
    read_spans,
};

/// Which of the three requests it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Metrics,
    Logs,
    Spans,
}

pub(super) const SIGNALS: [Signal; 3] = [Signal::Metrics, Signal::Logs, Signal::Spans];

/// What was told, and what was left out.
#[derive(Debug)]
pub(super) struct Told {
    prints: Prints,
    pub(super) lines: String,
    pub(super) fingerprints: Vec<u128>,
    pub(super) dropped: AttributesDropped,
    limits: ReadLimits,
    /// Whether everything is read and nothing written down.
    quiet: bool,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            prints: Prints::new(7),
            lines: String::new(),
            fingerprints: Vec::new(),
            dropped: AttributesDropped::default(),
            limits: ReadLimits::default(),
            quiet: false,
        }
    }
}

impl Told {
    pub(super) fn line(&mut self, what: &str, it: &impl std::fmt::Debug) {
        if self.quiet {
            return;
        }
        writeln!(self.lines, "{what} {it:?}").expect("a text takes all");
    }

    fn attributes(&mut self, raw: RawAttributes<'_>) {
        let mut attributes = Attributes::default();
        let dropped = raw.read(&self.limits, &mut attributes);
        self.add(dropped);
        self.fingerprints.push(raw.fingerprint(&self.prints));
        self.line("attributes", &attributes);
    }

    fn add(&mut self, dropped: AttributesDropped) {
        self.dropped.too_many += dropped.too_many;
        self.dropped.too_deep += dropped.too_deep;
        self.dropped.cut += dropped.cut;
    }
}

impl<'a> VisitMetrics<'a> for Told {
    fn prints(&self) -> &Prints {
        &self.prints
    }
    fn knows(&self, _: u128) -> Option<u32> {
        None
    }
    fn resource(&mut self, attributes: RawAttributes<'a>) {
        self.attributes(attributes);
    }
    fn scope(&mut self, scope: Scope<'a>) {
        self.line("", &scope);
    }
    fn metric(&mut self, head: MetricHead<'a>) {
        self.line("", &head);
    }
    fn point(&mut self, labels: Labels<'a>, point: Point) {
        self.attributes(labels.raw);
        assert_eq!(labels.fingerprint, labels.raw.fingerprint(&self.prints));
        self.line("", &point);
    }
}

impl<'a> VisitLogs<'a> for Told {
    fn resource(&mut self, attributes: RawAttributes<'a>) {
        self.attributes(attributes);
    }
    fn scope(&mut self, scope: Scope<'a>) {
        self.line("", &scope);
    }
    fn log(&mut self, log: &mut Log<'a>) {
        self.fingerprints.push(std::mem::take(&mut log.fingerprint));
        self.line("", log);
    }
    fn dropped(&mut self, dropped: AttributesDropped) {
        self.add(dropped);
    }
}

impl<'a> VisitSpans<'a> for Told {
    fn resource(&mut self, attributes: RawAttributes<'a>) {
        self.attributes(attributes);
    }
    fn scope(&mut self, scope: Scope<'a>) {
        self.line("", &scope);
    }
    fn span(&mut self, span: &mut Span<'a>) {
        self.line("", span);
    }
    fn dropped(&mut self, dropped: AttributesDropped) {
        self.add(dropped);
    }
}

/// Reads a body within these limits. A refused one tells nothing.
pub(super) fn read_within(
    signal: Signal,
    encoding: Encoding,
    body: &[u8],
    limits: ReadLimits,
) -> Result<Told, Malformed> {
    let told = Told {
        limits,
        ..Told::default()
    };
    read_into(told, signal, encoding, body)
}

pub(super) fn read(signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Told, Malformed> {
    read_within(signal, encoding, body, ReadLimits::default())
}

/// Whether it is read, without a word of what it says.
pub(super) fn is_read(signal: Signal, encoding: Encoding, body: &[u8]) -> bool {
    let told = Told {
        quiet: true,
        ..Told::default()
    };
    read_into(told, signal, encoding, body).is_ok()
}

fn read_into(
    mut told: Told,
    signal: Signal,
    encoding: Encoding,
    body: &[u8],
) -> Result<Told, Malformed> {
    let (limits, mut room) = (told.limits, Room::default());
    let read = match signal {
        Signal::Metrics => read_metrics(encoding, body, &limits, &mut room, &mut told),
        Signal::Logs => read_logs(encoding, body, &limits, &mut room, &mut told),
        Signal::Spans => read_spans(encoding, body, &limits, &mut room, &mut told),
    };
    if let Err(malformed) = read {
        let heard = told.lines.len() + told.fingerprints.len();
        assert_eq!(heard, 0, "told of a request that was refused: {malformed}");
        return Err(malformed);
    }
    Ok(told)
}
