//! Who is told what a request says.

use super::item::{Log, MetricHead, Point, Scope, Span};
use super::limits::AttributesDropped;
use super::prints::Prints;
use super::raw::{Labels, RawAttributes};

/// Is told of metrics: a resource, then a scope within it, then a metric, then its points.
/// Of resources, scopes and metrics without points nothing is told.
pub(crate) trait VisitMetrics<'a> {
    /// What makes the fingerprints of points.
    fn prints(&self) -> &Prints;
    /// What the visitor calls attributes of a point of this fingerprint, if it read such ones before. It is asked ahead
    /// of all that is told, for what was read need not be checked again.
    fn knows(&self, fingerprint: u128) -> Option<u32>;
    fn resource(&mut self, attributes: RawAttributes<'a>);
    fn scope(&mut self, scope: Scope<'a>);
    fn metric(&mut self, head: MetricHead<'a>);
    fn point(&mut self, labels: Labels<'a>, point: Point);
}

/// Is told of log records: a resource, then a scope within it, then its records.
pub(crate) trait VisitLogs<'a> {
    fn resource(&mut self, attributes: RawAttributes<'a>);
    fn scope(&mut self, scope: Scope<'a>);
    /// The record is used again for the next one: what is wanted may be taken out of it.
    fn log(&mut self, log: &mut Log<'a>);
    /// What was left out of all records, told once at the end if it is something.
    fn dropped(&mut self, _dropped: AttributesDropped) {}
}

/// Is told of spans: a resource, then a scope within it, then its spans.
pub(crate) trait VisitSpans<'a> {
    fn resource(&mut self, attributes: RawAttributes<'a>);
    fn scope(&mut self, scope: Scope<'a>);
    /// The span is used again for the next one: what is wanted may be taken out of it.
    fn span(&mut self, span: &mut Span<'a>);
    /// What was left out of all spans, told once at the end if it is something.
    fn dropped(&mut self, _dropped: AttributesDropped) {}
}
