//! The registry of a host on the page.

use std::fmt;

use super::buckets::Bounds;
use super::exposition::{Exposition, OTHER, OVERFLOW};
use super::lines::Number;
use super::name::{self, FamilyName};
use crate::{FamilySnapshot, InstrumentKind, Metrics, MetricsSnapshot, SeriesSnapshot, Value};

impl<W: fmt::Write> Exposition<W> {
    /// Writes all families of a registry, one after the other: what it takes is a snapshot of the largest one.
    ///
    /// Two registries on one page have names of their own each; a family whose name is on the page already
    /// is left out and counted.
    ///
    /// # Errors
    /// Where the text cannot be written.
    pub fn metrics(&mut self, metrics: &Metrics) -> fmt::Result {
        metrics.try_each_family(|family| self.family(&family))
    }

    /// Writes all families of a snapshot, as one from another process.
    ///
    /// # Errors
    /// Where the text cannot be written.
    pub fn snapshot(&mut self, snapshot: &MetricsSnapshot) -> fmt::Result {
        snapshot
            .families
            .iter()
            .try_for_each(|family| self.family(family))
    }

    fn family(&mut self, family: &FamilySnapshot) -> fmt::Result {
        let kind = family.kind;
        let called = FamilyName::of(&family.name, &family.unit, kind);
        let about: &str = if family.description.is_empty() {
            &family.name
        } else {
            &family.description
        };
        if !self.begin(&called.base, called.unit, kind, about)? {
            return Ok(());
        }
        let names = LabelNames::of(family);
        let bounds = (kind == InstrumentKind::Histogram)
            .then(|| Bounds::of_unit(&family.unit, self.config().buckets_per_doubling));
        for series in &family.series {
            names.put(series, self);
            match (&series.value, kind, &bounds) {
                (Value::Counter(total), InstrumentKind::Counter, _) => {
                    self.value(Number::Count(*total))?;
                }
                (Value::Gauge(value), InstrumentKind::Gauge, _) => {
                    self.value(Number::Value(*value))?;
                }
                (Value::Histogram(values), _, Some(bounds)) => {
                    self.distribution(bounds, values, Number::Value(values.sum()))?;
                }
                // A snapshot that was not made by a registry.
                _ => self.leave_out_series(),
            }
        }
        if family.overflowed > 0 {
            self.overflowed.push((called.base, family.overflowed));
        }
        Ok(())
    }
}

/// Names of labels as Prometheus has them, each with the places of the values that it has.
#[derive(Debug)]
struct LabelNames(Vec<(String, Vec<usize>)>);

impl LabelNames {
    fn of(family: &FamilySnapshot) -> Self {
        let mut names: Vec<(String, Vec<usize>)> = Vec::new();
        for (place, name) in family.labels.iter().enumerate() {
            let name = name::label(name, family.kind);
            // Two names may become one; OpenTelemetry then puts their values side by side.
            match names.iter_mut().find(|(known, _)| *known == name) {
                Some((_, places)) => places.push(place),
                None => names.push((name, vec![place])),
            }
        }
        Self(names)
    }

    fn put<W>(&self, series: &SeriesSnapshot, to: &mut Exposition<W>) {
        to.labels.clear();
        for (name, places) in &self.0 {
            if series.overflow {
                if name != OVERFLOW {
                    to.labels.push(name, OTHER);
                }
                continue;
            }
            let value = |place: &usize| series.labels.get(*place).map_or("", |it| &**it);
            match places.as_slice() {
                [place] => to.labels.push(name, value(place)),
                places if places.iter().all(|place| value(place).is_empty()) => {}
                places => to.labels.push_joined(name, places.iter().map(value)),
            }
        }
        if series.overflow {
            to.labels.push(OVERFLOW, "true");
        }
    }
}
